"""Depth scales computed once more: where the variance settles over the layers, and what happens to gradients there."""

from functools import cache
from itertools import pairwise
from math import exp, inf, log
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from actbench.audit.normal_means import SLOPES, mean, moments, pair_mean, slope
from actbench.audit.printed_functions import formula
from actbench.audit.printed_rows import Numbers, Row, compare
from actbench.audit.raw_rows import Raw
from actbench.audit.resampled import Ends

VARIANCES = np.geomspace(1e-9, 1e9, 145)  # among which fixed points are looked for, beside 0
CERTAIN, CRITICAL = 1e-10, 1e-8  # below: a growth that may be rounding; a slope or factor that is 1
NEAREST = 0.999  # correlations above it are beyond the points of `pair_mean`


class Settled(NamedTuple):
    """Where layers settle from a variance of 1, and whether there; without any, the last variance that is fixed."""

    q: float
    stable: bool


def audit_scales(raw: Raw, printed: pd.DataFrame) -> tuple[int, list[str]]:
    """Compare χ and the depth scales of every weight variance printed, of activations that this path knows."""
    own = printed[np.array([str(name).partition("(")[0] in SLOPES for name in printed["activation"]], dtype=bool)]
    rows = (_row(str(name), float(w)) for name, w in own[["activation", "weight_var"]].itertuples(index=False))
    return compare("depth_scales", ("activation", "weight_var"), rows, own, {})


def _row(activation: str, weight_var: float) -> Row:
    found = settled(activation, weight_var)
    chi = weight_var * moments(activation, found.q)[2]
    numbers: Numbers = {"chi": chi, "xi_gradient": scale(chi), "xi_c": np.nan}
    if found.stable and (chi <= 1 or found.q == 0):
        numbers["xi_c"] = scale(chi)
    elif found.stable:
        least, most = parting(activation, weight_var, found.q)
        numbers["xi_c"] = scale(least) if least == most else Ends({"": (scale(least), inf)})
    return (activation, weight_var), numbers


def scale(factor: float) -> float:
    """Return 1 / |ln factor|, the layers over which a quantity changes by e; missing at 1."""
    return 1 / abs(log(factor)) if abs(factor - 1) > CRITICAL else np.nan


@cache
def _powers(activation: str) -> "np.ndarray[Any, Any]":
    return np.array([moments(activation, float(q))[1] / q for q in VARIANCES])


def settled(activation: str, weight_var: float) -> Settled:
    """Follow the growth of the variance from 1: upwards to the next variance at which it ends, or downwards."""
    growth = weight_var * _powers(activation) - 1
    sure = [place for place in range(len(growth)) if abs(growth[place]) >= CERTAIN]
    if not sure:
        return Settled(1.0, True)  # every variance is fixed
    crossings = [(a, b) for a, b in pairwise(sure) if growth[a] * growth[b] < 0]
    points = [Settled(_root(activation, weight_var, a, b), bool(growth[a] > 0)) for a, b in crossings]
    if moments(activation, 0.0)[1] == 0:
        points.insert(0, Settled(0.0, bool(growth[sure[0]] < 0)))
    upwards = growth[int(np.searchsorted(VARIANCES, 1.0))] > 0
    reached = [point for point in points if point.stable and (point.q >= 1 if upwards else point.q <= 1)]
    if reached:
        return reached[0] if upwards else reached[-1]
    return points[-1]._replace(stable=False) if points else Settled(float(VARIANCES[-1]), False)


def _root(activation: str, weight_var: float, first: int, last: int) -> float:
    low, high = log(VARIANCES[first]), log(VARIANCES[last])
    rises = weight_var * _powers(activation)[first] < 1
    for _ in range(60):
        middle = (low + high) / 2
        above = weight_var * moments(activation, exp(middle))[1] > exp(middle)
        low, high = (low, middle) if above == rises else (middle, high)
    return exp((low + high) / 2)


@cache
def parting(activation: str, weight_var: float, q: float) -> tuple[float, float]:
    """Return the least and the greatest slope of the correlation map where two inputs that part come to rest.

    C(c) = σ_w² E[φ(u) φ(v)] / q (Poole et al. 2016, eq. 5); its slope is σ_w² E[φ′(u) φ′(v)] (Schoenholz et al. 2017),
    which grows with c and is below 1 there. The two are one number unless they come to rest beyond NEAREST.
    """
    phi, rise = formula(activation), slope(activation)
    assert phi is not None
    if weight_var * mean(activation, phi, q) ** 2 / q < 1e-14:
        across = weight_var * mean(activation, rise, q) ** 2  # an odd function: they come to rest at right angles
        return across, across
    if weight_var * pair_mean(activation, phi, q, NEAREST) / q > NEAREST:
        return weight_var * pair_mean(activation, rise, q, NEAREST), 1.0
    low, high = 0.0, NEAREST
    for _ in range(40):
        middle = (low + high) / 2
        above = weight_var * pair_mean(activation, phi, q, middle) / q > middle
        low, high = (middle, high) if above else (low, middle)
    there = weight_var * pair_mean(activation, rise, q, (low + high) / 2)
    return there, there
