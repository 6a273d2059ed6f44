"""What an update of a network takes with each activation, timed side by side and apart from all training."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import quantile_test

from actbench.analysis.claims_schema import COST
from actbench.analysis.intervals import CONFIDENCE

NO_ROUNDS = pd.DataFrame(columns=[column.name for column in COST])


def update_times(rounds: pd.DataFrame) -> pd.DataFrame:
    """Take the median over rounds of the time of an update: whatever disturbs a round only lengthens it.

    The interval lies between two rounds, the r-th shortest and the r-th longest with the largest r for which
    P(Binomial(n, 1/2) < r) ≤ 2.5 %. It assumes no distribution and exists from six rounds on.

    Args:
        rounds: from `statistic_file.read_rounds`: activation, step_us (µs for one network) and device.

    Returns:
        One row an activation, its index: step_us, step_low, step_high (µs), n_rounds, device.

    Source: Conover (1999), Practical Nonparametric Statistics, 3rd ed., section 3.2; scipy.stats.quantile_test.
    """
    times = rounds.astype({"step_us": "float64"}).groupby("activation")
    ends = {name: _ends(own["step_us"].to_numpy()) for name, own in times}
    found = times.agg(step_us=("step_us", "median"), n_rounds=("step_us", "size"), device=("device", "first"))
    low_high = np.array([ends[name] for name in found.index]).reshape(-1, 2)
    return found.assign(step_low=low_high[:, 0], step_high=low_high[:, 1])


def _ends(times: Any) -> tuple[float, float]:
    interval: Any = quantile_test(times, q=float(np.median(times)), p=0.5).confidence_interval(CONFIDENCE)
    return float(interval.low), float(interval.high)
