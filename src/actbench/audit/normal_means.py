"""Means over normal variables by the double exponential rule, and the slopes of activations as papers write them.

The line is cut at 0 and at the kinks of the function; on each part a trapezoid rule in a variable that crowds its
points at the ends (Takahasi & Mori 1974). One set of points serves all scales of a function up to √q.
"""

import re
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from math import pi, sqrt
from typing import Any

import numpy as np

from actbench.audit.printed_functions import FORMULAS, formula

Array = np.ndarray[Any, np.dtype[np.float64]]
Function = Callable[[Array], Array]
FINE = 1 / 64  # step of the trapezoid rule
CUTS = {"hardtanh": (-1.0, 1.0), "hard_swish": (-3.0, 3.0)}  # kinks other than 0, where every line is cut


def _sigmoid(z: Array) -> Array:
    return FORMULAS["sigmoid"](z)


def _slope_of_sigmoid(z: Array) -> Array:
    return _sigmoid(z) * _sigmoid(-z)


def _bell(z: Array) -> Array:
    return np.asarray(np.exp(-z * z / 2) / sqrt(2 * pi))


def _slope_of_elu(z: Array, alpha: float = 1.0) -> Array:
    return np.where(z > 0, 1.0, alpha * np.exp(np.minimum(z, 0)))


def _slope_of_mish(z: Array) -> Array:
    t = np.tanh(FORMULAS["softplus"](z))
    return np.asarray(t + z * (1 - t * t) * _sigmoid(z))


SLOPES: dict[str, Callable[..., Array]] = {
    "identity": np.ones_like,
    "sigmoid": _slope_of_sigmoid,
    "tanh": lambda z: 1 - FORMULAS["tanh"](z) ** 2,
    "relu": lambda z: np.where(z > 0, 1.0, 0.0),
    "leaky_relu": lambda z, slope=0.01: np.where(z > 0, 1.0, slope),
    "prelu": lambda z, slope=0.25: np.where(z > 0, 1.0, slope),
    "elu": _slope_of_elu,
    "selu": lambda z: 1.0507009873554805 * _slope_of_elu(z, 1.6732632423543772),
    "gelu": lambda z: FORMULAS["gelu"](z) / np.where(z == 0, 1, z) + np.where(z == 0, 0.5, 0) + z * _bell(z),
    "silu": lambda z: _sigmoid(z) + z * _slope_of_sigmoid(z),
    "mish": _slope_of_mish,
    "softplus": _sigmoid,
    "softsign": lambda z: 1 / (1 + np.abs(z)) ** 2,
    "hardtanh": lambda z: np.where(np.abs(z) < 1, 1.0, 0.0),
    "rescaled_sigmoid": lambda z: 4 * _slope_of_sigmoid(2 * z),
    "shifted_sigmoid": _slope_of_sigmoid,
    "hard_swish": lambda z: np.where(np.abs(z) < 3, (2 * z + 3) / 6, np.where(z > 0, 1.0, 0.0)),
}


@cache
def slope(activation: str) -> Function:
    """Return the slope of an activation by its level; raise KeyError where this path does not know it."""
    name, _, words = activation.partition("(")
    arguments = [float(word) for word in re.findall(r"[^,()]+", words)]
    return lambda z: SLOPES[name](z, *arguments)


@cache
def nodes(activation: str, q: float, step: float = FINE) -> tuple[Array, Array]:
    """Return points u and lengths du that integrate what has the scale of √q and an activation's kinks."""
    edges = sorted([0.0, *CUTS.get(activation.partition("(")[0], ())])
    points, lengths = [], []
    t = np.arange(-4.0, 3.2, step)  # out to 24 √q
    out, growth = sqrt(q) * np.exp(t - np.exp(-t)), (1 + np.exp(-t)) * step
    for end, side in ((edges[0], -1.0), (edges[-1], 1.0)):
        points.append(end + side * out)
        lengths.append(out * growth)
    t = np.arange(-4.0, 4.0 + step / 2, step)
    for low, high in pairwise(edges):
        near = 1 / (1 + np.exp(np.pi * np.sinh(np.abs(t))))  # as a share of the part, from the nearer end
        points.append(np.where(t < 0, low + (high - low) * near, high - (high - low) * near))
        lengths.append((high - low) * near * (1 - near) * np.pi * np.cosh(t) * step)
    return np.concatenate(points), np.concatenate(lengths)


def mean(activation: str, function: Function, q: float) -> float:
    """Return E[f(u)] of a normal u of mean 0 and variance q above 0."""
    u, du = nodes(activation, q)
    return float((function(u) * np.exp(-u * u / (2 * q)) * du).sum() / sqrt(2 * pi * q))


@cache
def moments(activation: str, q: float) -> tuple[float, float, float]:
    """Return E[φ], E[φ²] and E[φ′²] of a normal variable of variance q; at 0 the slope's square on both sides of it."""
    phi, rise = formula(activation), slope(activation)
    assert phi is not None
    if q == 0:
        sides = np.array([-1e-150, 1e-150])
        return float(phi(np.zeros(1))[0]), float(phi(np.zeros(1))[0] ** 2), float((rise(sides) ** 2).mean())
    return (
        mean(activation, phi, q),
        mean(activation, lambda u: phi(u) ** 2, q),
        mean(activation, lambda u: rise(u) ** 2, q),
    )


def pair_mean(activation: str, function: Function, q: float, c: float) -> float:
    """Return E[f(u) f(v)] of two normal variables of variance q and correlation c, from 0 to 0.999."""
    u, du = nodes(activation, q, FINE / 2)
    part = np.abs(u) < 12 * sqrt(q)
    u, weighed = u[part], (function(u) * du)[part]
    rest = q * (1 - c * c)
    density = np.exp(-(u[:, None] ** 2 + u**2 - 2 * c * u[:, None] * u) / (2 * rest)) / (2 * pi * sqrt(q * rest))
    return float(weighed @ density @ weighed)
