"""The correlation map: how alike two inputs are one layer on."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq

from actbench.theory.gaussian import NODES, REACH, WEIGHTS, Array, Function, expectation, moment
from actbench.theory.mean_field import Nonlinearity

CENTRES_AT_ONCE = 128  # whose panels stay in the cache of a core
NEAREST = 1e-7  # how far below 1 the fixed point of a chaotic map is looked for


def pair_moment(f: Function, q: float, c: float, kinks: Sequence[float] = ()) -> float:
    """Integrate f(u₁)·f(u₂) over two normal variables of variance q and correlation c.

    E[f(u₁)f(u₂)], u₁ = √q·z₁, u₂ = √q·(c·z₁ + √(1 - c²)·z₂): adaptive over z₁, and for each z₁ a 16-point rule on
    panels cut at the kinks of f and at ±2ᵏ.

    q: above 0. c: -1 … 1. Raises ValueError when the integral does not converge. Source: Poole et al. 2016, eq. 5.
    """
    if abs(c) == 1:
        return moment(lambda u: f(u) * f(c * u), q, [*kinks, *(-kink for kink in kinks)])
    scale, rest = math.sqrt(q), math.sqrt((1 - c) * (1 + c))
    points = np.array([*kinks, *(sign * 2.0**k for k in range(-2, 2 + _doublings(scale)) for sign in (-1, 1)), 0.0])

    def product(z: Array) -> Array:
        centre_n = c * scale * z.ravel()
        parts = (centre_n[start : start + CENTRES_AT_ONCE] for start in range(0, len(centre_n), CENTRES_AT_ONCE))
        inner: Array = np.concatenate([_inner(f, part, scale * rest, points) for part in parts])
        values: Array = f(scale * z) * inner.reshape(z.shape)
        return values

    return expectation(product, list(points / scale))


def _doublings(scale: float) -> int:
    return max(0, math.ceil(math.log2(REACH * scale)))


def _inner(f: Function, centre_n: Array, scale: float, points: Array) -> Array:
    """Return E[f(centre + scale·z)] for each centre."""
    cuts = np.clip((points - centre_n[:, None]) / scale, -REACH, REACH)
    even = np.broadcast_to(np.arange(-REACH, REACH + 1.0), (len(centre_n), 2 * REACH + 1))
    edges = np.sort(np.concatenate([even, cuts], axis=1), axis=1)
    half = np.diff(edges, axis=1)[:, :, None] / 2
    z = (edges[:, 1:] + edges[:, :-1])[:, :, None] / 2 + half * NODES
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    integrals: Array = (f(centre_n[:, None, None] + scale * z) * density * WEIGHTS * half).sum(axis=(1, 2))
    return integrals


def next_correlation(phi: Nonlinearity, q: float, c: float, weight_var: float, bias_var: float) -> float:
    """Return the correlation of two inputs' pre-activations one layer on, both of variance q before it.

    C(c) = (σ_w²·E[φ(u₁)φ(u₂)] + σ_b²) / (σ_w²·E[φ(u)²] + σ_b²).

    q: above 0, usually a fixed point. c: -1 … 1. Source: Poole et al. 2016, eq. 5; at q = q* the divisor is q*.
    """
    covariance = weight_var * pair_moment(phi.function, q, c, phi.kinks) + bias_var
    return covariance / (weight_var * pair_moment(phi.function, q, 1, phi.kinks) + bias_var)


def correlation_slope(phi: Nonlinearity, q: float, c: float, weight_var: float) -> float:
    """Return dC/dc = σ_w²·E[φ′(u₁)φ′(u₂)] at a fixed point q of the variance; χ at c = 1.

    Source: Schoenholz et al. 2017, eq. 9; Price's theorem.
    """
    return weight_var * pair_moment(phi.derivative, q, c, phi.kinks)


def settled_correlation(phi: Nonlinearity, q: float, chi: float, weight_var: float, bias_var: float) -> float:
    """Return the stable fixed point c* of the correlation map: 1 while χ ≤ 1, below 1 in the chaotic phase.

    C is convex on 0 … 1, a power series without negative coefficients, so there is just one.
    Source: Poole et al. 2016, section 2.2.
    """
    if chi <= 1:
        return 1.0

    def excess(c: float) -> float:
        return next_correlation(phi, q, c, weight_var, bias_var) - c

    if excess(0.0) <= 1e-14:
        return 0.0
    if excess(1 - NEAREST) >= 0:
        return 1.0
    return float(brentq(excess, 0, 1 - NEAREST, xtol=1e-13))
