"""The factor on squared gradient norms from one layer to the one below, of forecasts and of measurements."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from actbench.theory.gaussian import Array

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Factor:
    """A geometric-mean factor per layer with its interval; None where it does not exist."""

    value: float | None
    low: float | None
    high: float | None


def inner_layers(depth: int) -> tuple[int, int]:
    """Return the first and last of the layers away from the ends, over which a factor per layer is taken.

    A tenth of the layers, at least one, is left out at each end of networks of at least four layers.
    """
    margin = max(1, depth // 10) if depth >= 4 else 0
    return 1 + margin, depth - margin


def forecast_factor(norms2: list[float]) -> float | None:
    """Return (B_first / B_last)^(1 / (last - first)) over the inner layers.

    norms2: squared backward norms B of layers 1 … depth. None with one layer, or where a norm is 0 or infinite.
    """
    first, last = inner_layers(len(norms2))
    low, high = norms2[first - 1], norms2[last - 1]
    if last <= first or not (0 < low < math.inf and 0 < high < math.inf):
        return None
    return math.exp((math.log(low) - math.log(high)) / (last - first))


def measured_factor(norms2_SL: Array) -> Factor:
    """Return the geometric mean over the inner layers of the ratios B_l / B_{l+1}, each averaged over the seeds.

    Averaging a ratio over seeds before its logarithm is taken leaves no bias of the order of 1/width, which the mean of
    logarithms has. Interval: Student's t over the seeds' own geometric means, on the logarithmic scale; none with one
    seed.

    norms2_SL: squared backward norms, S seeds by L layers. Source: Hanin & Nica 2020, Products of many large random
    matrices, theorem 1 (the mean is that of infinite width, the mean logarithm is lower).
    """
    seeds, depth = norms2_SL.shape
    first, last = inner_layers(depth)
    inner_SL = norms2_SL[:, first - 1 : last]
    if last <= first or not (np.isfinite(inner_SL).all() and (inner_SL > 0).all()):
        return Factor(None, None, None)
    ratios_SL = inner_SL[:, :-1] / inner_SL[:, 1:]
    centre = float(np.log(ratios_SL.mean(0)).mean())
    if seeds == 1:
        return Factor(math.exp(centre), None, None)
    own_S = np.log(ratios_SL).mean(1)
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, seeds - 1) * own_S.std(ddof=1) / math.sqrt(seeds))
    return Factor(math.exp(centre), math.exp(centre - reach), math.exp(centre + reach))
