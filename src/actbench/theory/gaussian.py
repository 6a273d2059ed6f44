"""Expectations over a standard normal variable, integrated instead of sampled. Imports NumPy only."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Function = Callable[[Array], Array]

REACH = 14  # the standard normal density beyond it is below 1e-43
TOLERANCE = 1e-13  # of a panel, relative to the integral of |f|
DEEPEST = 48  # halvings of a panel: down to the rounding of z
MOST_PANELS = 20_000
EVEN = tuple(float(edge) for edge in range(-REACH, REACH + 1))  # edges of panels where there is no kink
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)


def expectation(f: Function, kinks: Sequence[float] = ()) -> float:
    """Integrate f over a standard normal variable.

    E[f(z)] = ∫ f(z) exp(-z²/2) / √(2π) dz, by a 16-point Gauss-Legendre rule on panels that are halved until two halves
    agree with the whole. Kinks and jumps are so found without being named; `kinks` only saves halvings. Exact to about
    1e-12 of E|f| for piecewise smooth f that grows slower than exp(z²/4) and has no feature narrower than 1/100.

    f: elementwise, float64 array of any shape to one of the same shape. kinks: points that split panels.
    Raises ValueError when f is not finite or the panels do not converge.
    Source: Davis & Rabinowitz 1984, Methods of Numerical Integration, section 6.2 (adaptive quadrature).
    """
    inside = [float(kink) for kink in kinks if abs(kink) < REACH]
    edges = np.array(sorted({*EVEN, *inside}))
    lower, upper = edges[:-1], edges[1:]
    middle = (lower + upper) / 2
    (whole, left, right), sizes = _panels(f, np.stack([lower, lower, middle]), np.stack([upper, middle, upper]))
    smallest, total = TOLERANCE * float(sizes[0].sum()), 0.0
    for _ in range(DEEPEST):
        halves = left + right
        rough = np.abs(halves - whole) > smallest
        total += float(halves[~rough].sum())
        if not rough.any():
            return total
        lower, upper, whole = (
            np.concatenate([lower[rough], middle[rough]]),
            np.concatenate([middle[rough], upper[rough]]),
            np.concatenate([left[rough], right[rough]]),
        )
        if len(lower) > MOST_PANELS:
            break
        middle = (lower + upper) / 2
        (left, right), _ = _panels(f, np.stack([lower, middle]), np.stack([middle, upper]))
    raise ValueError(f"expectation: no convergence near z = {lower[0]:g}; the function must be piecewise smooth")


def _panels(f: Function, lower: Array, upper: Array) -> tuple[Array, Array]:
    """Integrate f and |f| times the normal density over each panel, with one call of f for all."""
    half = (upper - lower)[..., None] / 2
    z = (upper + lower)[..., None] / 2 + half * NODES
    values = np.asarray(f(z), dtype=np.float64)
    assert values.shape == z.shape, "f is elementwise"
    if not np.isfinite(values).all():
        raise ValueError(f"expectation: f({z[~np.isfinite(values)][0]:g}) is not finite; it must be on the real line")
    terms = values * np.exp(-z * z / 2) * WEIGHTS * half
    integrals, sizes = (each.sum(axis=-1) / math.sqrt(2 * math.pi) for each in (terms, np.abs(terms)))
    return integrals, sizes


def moment(f: Function, q: float, kinks: Sequence[float] = ()) -> float:
    """Integrate f over a normal variable of mean 0 and variance q.

    E[f(√q·z)], z standard normal. Beyond q = 1 the panels are cut at ±2ᵏ/√q as well, so that no change of f on the
    scale of 1 is overlooked, however large q is.

    f: elementwise. q: at least 0. kinks: points of f, not of z. Raises ValueError as `expectation` does.
    Source: as `expectation`.
    """
    scale = math.sqrt(q)
    if scale == 0:
        return float(f(np.zeros((1, 1)))[0, 0])
    points = [*kinks, *_graded(REACH * scale)] if scale > 1 else kinks
    return expectation(lambda z: f(scale * z), [point / scale for point in points])


def _graded(reach: float) -> list[float]:
    """Return 0 and ±2ᵏ from 1/4 to the reach."""
    powers = [2.0**k for k in range(-2, math.ceil(math.log2(max(reach, 1))))]
    return [-power for power in powers] + [0.0] + powers


def variance_preserving_gain(phi: Function, kinks: Sequence[float] = ()) -> float:
    """Return the factor on the weights that keeps the mean square of pre-activations at 1 from layer to layer.

    gain = E[φ(z)²]^(-1/2), z standard normal: √2 for ReLU, 1 for SELU, 1.5925… for tanh.

    phi: elementwise, float64 array to float64 array. kinks: as in `expectation`.
    Raises ValueError when φ vanishes or is not finite.
    Source: Poole et al. 2016, Exponential expressivity in deep neural networks through transient chaos, eq. 3, with
    q = 1 and no bias.
    """
    mean_square = expectation(lambda z: phi(z) ** 2, kinks)
    if not mean_square > 0:
        raise ValueError("variance_preserving_gain: the activation is zero everywhere; no gain preserves the variance")
    return 1 / math.sqrt(mean_square)
