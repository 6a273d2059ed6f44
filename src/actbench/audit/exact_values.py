"""The numbers of exact checks by arithmetic of this path's own; of those that draw, the draws are made again.

The draws are those of the Mersenne twister that torch seeds (Matsumoto & Nishimura 1998), normal ones by Box and Muller
(1958) in blocks of sixteen.
"""

from collections.abc import Callable
from math import exp, expm1
from typing import Any

import numpy as np

from actbench.audit.printed_rows import differing

Array = np.ndarray[Any, np.dtype[np.float64]]
# Largest errors of rounding: which of them a machine commits no second computation tells, only that it is no more.
ROUNDING = {"linear_collapse": 1e-12, "softmax_sum": 1e-6, "clip_law": 1e-12, "rescaled_sigmoid_is_tanh": 1e-12}


class Draws:
    """The stream of one seed."""

    def __init__(self, seed: int) -> None:
        """Start the stream."""
        self.bits = np.random.MT19937()
        self.bits._legacy_seeding(seed)

    def uniform(self, n: int) -> Array:
        """Return n numbers of [0, 1), of 53 bits of two words each, the first word the higher."""
        words = self.bits.random_raw(2 * n).reshape(n, 2).astype(np.uint64)
        whole = (words[:, 0] << np.uint64(32)) | words[:, 1]
        return np.asarray((whole & np.uint64(2**53 - 1)) * 2.0**-53)

    def normal(self, n: int) -> Array:
        """Return n standard normal numbers; n is a multiple of sixteen."""
        radius, angle = np.moveaxis(self.uniform(n).reshape(-1, 2, 8), 1, 0)
        radius, angle = np.sqrt(-2 * np.log1p(-radius)), 2 * np.pi * angle
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()


def _sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


def _slope_of_three() -> float:
    x = np.linspace(-10, 10, 400_001)
    slope = np.ones_like(x)
    for _ in range(3):
        x = _sigmoid(x)
        slope *= x * (1 - x)
    return float(slope.max())


def _slope_of_ten() -> float:
    """Return the largest slope of 10,000 chains of ten sigmoids, weights and biases between -1 and 1."""
    draws = Draws(0)
    weights, biases = (2 * draws.uniform(100_000).reshape(10, -1) - 1 for _ in range(2))
    x = draws.normal(10_000)
    slope = np.ones_like(x)
    for weight, bias in zip(weights, biases, strict=True):
        x = _sigmoid(weight * x + bias)
        slope *= weight * x * (1 - x)
    return float(np.abs(slope).max())


VALUES: dict[str, Callable[[], float]] = {
    "linear_derivative": lambda: 1.0,
    "sigmoid_range": lambda: 1 / (1 + exp(-15)),
    "tanh_range": lambda: 1 - 2 / (exp(30) + 1),
    "relu_range": lambda: 0.0,
    "sigmoid_derivative_peak": lambda: 0.5 * (1 - 0.5),
    "three_layer_example": _slope_of_three,
    "ten_layer_bound": _slope_of_ten,
    "elu_limit": lambda: expm1(-30),
}


def not_exact(check: str, printed: float) -> str:
    """Say how the number of a check is not the one found here; nothing where it is."""
    if check not in {*VALUES, *ROUNDING}:
        return "has no second computation"
    if check in ROUNDING:
        return "" if 0 <= printed < ROUNDING[check] else f"{printed:.10g} is more than rounding"
    found = VALUES[check]()
    return f"{printed:.10g} is not {found:.10g}" if differing(found, printed) else ""
