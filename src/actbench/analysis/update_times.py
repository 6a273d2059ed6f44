"""What an update of a network takes with each activation, timed side by side and apart from all training."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import quantile_test

from actbench.analysis.claims_schema import COST
from actbench.analysis.intervals import CONFIDENCE
from actbench.plan.checksums import refuse_damaged
from actbench.plan.errors import ConfigError

COLUMNS = [column.name for column in COST]
REMEDY = "run `actbench cost` with this config"
NO_ROUNDS = pd.DataFrame(columns=COLUMNS)


def read_rounds(path: Path) -> pd.DataFrame:
    """Read stats/cost.csv, the rounds of timing; no rows where it was not made.

    Raises:
        ConfigError: the file is damaged or lacks columns of claims_schema.COST.
    """
    if not path.exists():
        return NO_ROUNDS
    refuse_damaged(path, remedy=REMEDY)
    rounds = pd.read_csv(path, keep_default_na=False, na_values=[""])
    if missing := [name for name in COLUMNS if name not in rounds]:
        raise ConfigError(str(path), f"lacks {', '.join(missing)}; {REMEDY}")
    return rounds


def update_times(rounds: pd.DataFrame) -> pd.DataFrame:
    """Take the median over rounds of the time of an update: whatever disturbs a round only lengthens it.

    The interval lies between two rounds, the r-th shortest and the r-th longest with the largest r for which
    P(Binomial(n, 1/2) < r) ≤ 2.5 %. It assumes no distribution and exists from six rounds on.

    Args:
        rounds: from `read_rounds`: activation, step_us (µs for one network) and device.

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
