"""Fixed points of the variance map, where deep layers settle, and the edge of chaos."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from actbench.theory.mean_field import (
    Nonlinearity,
    gradient_factor,
    mean_square,
    mean_square_slope,
    next_variance,
    variance_slope,
)

LEAST, MOST = 1e-9, 1e9  # variances between which a fixed point is looked for, beside 0
GRID = np.geomspace(LEAST, MOST, 145)
LEVEL = 1e-10  # a relative excess below it is none: what the integrals may be off by, with room
CRITICAL = 1e-8  # how near to 1 a slope is taken to be 1
START = 1.0  # the variance from which deep layers come: that of standardised inputs


@dataclass(frozen=True)
class FixedPoint:
    """A variance that a layer hands on unchanged: q = V(q), with dV/dq and χ there."""

    q: float
    slope: float
    chi: float
    stable: bool


@dataclass(frozen=True)
class FixedPoints:
    """All fixed points, ascending; `every`: each q is one. `settles`: index of the one reached from q = 1, or None."""

    points: tuple[FixedPoint, ...]
    every: bool
    settles: int | None


@dataclass(frozen=True)
class Edge:
    """A point of the edge of chaos: the weight variance at which χ = 1 at the fixed point q."""

    weight_var: float
    q: float
    stable: bool


def fixed_points(phi: Nonlinearity, weight_var: float, bias_var: float) -> FixedPoints:
    """Find the fixed points of the variance map, their slopes and their stability.

    q = σ_w²·E[φ(√q·z)²] + σ_b², for q = 0 and 1e-9 … 1e9; stable where the map approaches q from both sides. Roots that
    touch without crossing are not found.

    weight_var: σ_w² > 0. bias_var: σ_b² ≥ 0. Source: Poole et al. 2016, eq. 3 and figure 1.
    """
    excess = np.array([next_variance(phi, q, weight_var, bias_var) / q - 1 for q in GRID])
    if (np.abs(excess) < LEVEL).all():
        return FixedPoints((_point(phi, START, weight_var, excess),), every=True, settles=0)
    roots = _roots(excess, lambda q: next_variance(phi, q, weight_var, bias_var) / q - 1)
    if next_variance(phi, 0, weight_var, bias_var) == 0:
        roots = [0.0, *roots]
    points = tuple(_point(phi, q, weight_var, excess) for q in roots)
    return FixedPoints(points, every=False, settles=_settles(points, excess))


def _roots(excess: np.ndarray, function: Callable[[float], float]) -> list[float]:
    """Return the variances where the excess changes its sign; excesses that may be rounding have none."""
    certain = np.flatnonzero(np.abs(excess) >= LEVEL)
    crossings = [(i, j) for i, j in itertools.pairwise(certain) if excess[i] * excess[j] < 0]
    return [_root(function, float(GRID[i]), float(GRID[j])) for i, j in crossings]


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Solve function(q) = 0 between two variances, on the scale of ln q."""
    return math.exp(brentq(lambda t: function(math.exp(t)), math.log(low), math.log(high), xtol=1e-14, rtol=1e-14))


def _point(phi: Nonlinearity, q: float, weight_var: float, excess: np.ndarray) -> FixedPoint:
    slope = variance_slope(phi, q, weight_var)
    stable = abs(slope) < 1 - CRITICAL or (abs(slope - 1) <= CRITICAL and _attracts(q, excess))
    return FixedPoint(q, slope, gradient_factor(phi, q, weight_var), stable)


def _attracts(q: float, excess: np.ndarray) -> bool:
    """Tell whether the map grows below q and shrinks above it: what decides where the slope is 1."""
    certain = np.abs(excess) >= LEVEL
    below, above = excess[certain & (q * 0.99 > GRID)], excess[certain & (q * 1.01 < GRID)]
    return not (len(below) and below[-1] < 0) and bool(len(above) and above[0] < 0)


def _settles(points: tuple[FixedPoint, ...], excess: np.ndarray) -> int | None:
    growing = excess[np.searchsorted(GRID, START)] > 0
    reached = [i for i, p in enumerate(points) if p.stable and ((p.q >= START) if growing else (p.q <= START))]
    if not reached:
        near = [i for i, p in enumerate(points) if p.stable and abs(p.q - START) < CRITICAL]
        return near[0] if near else None
    return reached[0] if growing else reached[-1]


def edges_of_chaos(phi: Nonlinearity, bias_var: float) -> tuple[tuple[Edge, ...], bool]:
    """Find the weight variances at which χ = 1 at a fixed point, given the bias variance.

    σ_w² = 1 / E[φ′(√q·z)²] at each q that solves q = E[φ(√q·z)²] / E[φ′(√q·z)²] + σ_b². Stable edges come first, then
    the smaller σ_w².

    Returns the edges and whether every q is one (a homogeneous φ without bias). bias_var: σ_b² ≥ 0.
    Source: Schoenholz et al. 2017, section 3 (χ₁ = 1); Hayou, Doucet & Rousseau 2019, On the impact of the activation
    function on deep neural networks training, definition 2 and algorithm 1.
    """

    def excess_at(q: float) -> float:
        return (mean_square(phi, q) / mean_square_slope(phi, q) + bias_var) / q - 1

    excess = np.array([excess_at(q) for q in GRID])
    every = bool((np.abs(excess) < LEVEL).all())
    roots = [START] if every else _roots(excess, excess_at)
    if not every and bias_var == 0 and mean_square(phi, 0) == 0:
        roots = [0.0, *roots]
    edges = [_edge(phi, q, bias_var) for q in roots]
    return tuple(sorted(edges, key=lambda edge: (not edge.stable, edge.weight_var))), every


def _edge(phi: Nonlinearity, q: float, bias_var: float) -> Edge:
    weight_var = 1 / mean_square_slope(phi, q)
    near = np.array([next_variance(phi, other, weight_var, bias_var) / other - 1 for other in GRID])
    return Edge(weight_var, q, _point(phi, q, weight_var, near).stable)
