"""The activations as functions of one float32, for the compiled engine; each is tied to its torch twin by a test.

`value(z, a)` is φ(z) and `slope(z, u, a)` is φ′(z), where u = φ(z); `a` holds the arguments and then the learned
parameters. `learned_slope(z)` is ∂φ/∂a of a learned parameter. Comparisons are written so that NaN stays NaN, and `a`
is read outside of them: a read that depends on z keeps a loop from becoming vector code without AVX-512.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from actbench.levels.scalars import HALF, ONE, TWO, ZERO, bell, exp, expm1, inline, log1p, normal_cdf, sigmoid, tanh

SELU_SCALE, SELU_ALPHA = np.float32(1.0507009873554805), np.float32(1.6732632423543772)
INVERSE_SQRT_TAU = np.float32(1 / math.sqrt(2 * math.pi))
TWENTY = np.float32(20)
THREE, SIXTH, THIRD = np.float32(3), np.float32(1 / 6), np.float32(1 / 3)

Number = Any  # one float32 in compiled code
Array = Any


def _no_slope(z: Number) -> Number:
    return ZERO


@dataclass(frozen=True)
class Scalar:
    """An activation and its derivative on one number, as named functions."""

    value: Callable[..., Number]
    slope: Callable[..., Number]
    learned_slope: Callable[..., Number] = _no_slope


def _identity(z: Number, a: Array) -> Number:
    return z


def _identity_slope(z: Number, u: Number, a: Array) -> Number:
    return ONE


def _sigmoid(z: Number, a: Array) -> Number:
    return sigmoid(z)


def _sigmoid_slope(z: Number, u: Number, a: Array) -> Number:
    return u * (ONE - u)


def _rescaled_sigmoid(z: Number, a: Array) -> Number:
    n = expm1(TWO * (TWENTY if z >= TWENTY else z))
    return n / (n + TWO)


def _rescaled_sigmoid_slope(z: Number, u: Number, a: Array) -> Number:
    e = exp(-TWO * abs(z))
    return np.float32(4) * e / ((ONE + e) * (ONE + e))


def _shifted_sigmoid(z: Number, a: Array) -> Number:
    return HALF * tanh(HALF * z)


def _shifted_sigmoid_slope(z: Number, u: Number, a: Array) -> Number:
    return (HALF + u) * (HALF - u)


def _tanh(z: Number, a: Array) -> Number:
    return tanh(z)


def _tanh_slope(z: Number, u: Number, a: Array) -> Number:
    return ONE - u * u


def _relu(z: Number, a: Array) -> Number:
    return ZERO if z <= ZERO else z


def _relu_slope(z: Number, u: Number, a: Array) -> Number:
    return ONE if z > ZERO else ZERO


def _sloped_relu(z: Number, a: Array) -> Number:
    below = a[0] * z
    return below if z <= ZERO else z


def _sloped_relu_slope(z: Number, u: Number, a: Array) -> Number:
    below = a[0]
    return ONE if z > ZERO else below


def _sloped_relu_learned(z: Number) -> Number:
    return ZERO if z > ZERO else z


def _elu(z: Number, a: Array) -> Number:
    return (ZERO if z <= ZERO else z) + a[0] * expm1(z if z <= ZERO else ZERO)


def _elu_slope(z: Number, u: Number, a: Array) -> Number:
    scale = a[0]
    return (ONE if z > ZERO else scale) * exp(ZERO if z > ZERO else z)


def _selu(z: Number, a: Array) -> Number:
    return SELU_SCALE * (SELU_ALPHA * expm1(z) if z <= ZERO else z)


def _selu_slope(z: Number, u: Number, a: Array) -> Number:
    return SELU_SCALE * (ONE if z > ZERO else SELU_ALPHA * exp(z))


def _gelu(z: Number, a: Array) -> Number:
    return z * normal_cdf(z, bell(z))


def _gelu_slope(z: Number, u: Number, a: Array) -> Number:
    height = bell(z)
    return normal_cdf(z, height) + z * INVERSE_SQRT_TAU * height


def _silu(z: Number, a: Array) -> Number:
    return z * sigmoid(z)


def _silu_slope(z: Number, u: Number, a: Array) -> Number:
    return sigmoid(z) * (ONE + z * (ONE - sigmoid(z)))


@inline
def _mish_share(z: Number) -> Number:
    """Return tanh(softplus z) = n / (n + 2), n = e^z·(e^z + 2), without overflow."""
    e = exp(z if z < np.float32(20) else np.float32(20))
    n = e * (e + TWO)
    share = n / (n + TWO)
    return share if z == z else z


def _mish(z: Number, a: Array) -> Number:
    return z * _mish_share(z)


def _mish_slope(z: Number, u: Number, a: Array) -> Number:
    return _mish_share(z) + z * sigmoid(z) * (ONE - _mish_share(z) * _mish_share(z))


def _softplus(z: Number, a: Array) -> Number:
    return (ZERO if z <= ZERO else z) + log1p(exp(-abs(z)))


def _softplus_slope(z: Number, u: Number, a: Array) -> Number:
    return sigmoid(z)


def _softsign(z: Number, a: Array) -> Number:
    return z / (ONE + abs(z))


def _softsign_slope(z: Number, u: Number, a: Array) -> Number:
    return ONE / ((ONE + abs(z)) * (ONE + abs(z)))


def _hardtanh(z: Number, a: Array) -> Number:
    return ONE if z >= ONE else (-ONE if z <= -ONE else z)


def _hardtanh_slope(z: Number, u: Number, a: Array) -> Number:
    return ONE if -ONE < z < ONE else ZERO


def _hard_swish(z: Number, a: Array) -> Number:
    return z if z >= THREE else (ZERO if z <= -THREE else z * (z + THREE) * SIXTH)


def _hard_swish_slope(z: Number, u: Number, a: Array) -> Number:
    return ONE if z >= THREE else (ZERO if z <= -THREE else z * THIRD + HALF)


IDENTITY = Scalar(_identity, _identity_slope)
SIGMOID = Scalar(_sigmoid, _sigmoid_slope)
RESCALED_SIGMOID = Scalar(_rescaled_sigmoid, _rescaled_sigmoid_slope)
SHIFTED_SIGMOID = Scalar(_shifted_sigmoid, _shifted_sigmoid_slope)
TANH = Scalar(_tanh, _tanh_slope)
RELU = Scalar(_relu, _relu_slope)
SLOPED_RELU = Scalar(_sloped_relu, _sloped_relu_slope, _sloped_relu_learned)
ELU = Scalar(_elu, _elu_slope)
SELU = Scalar(_selu, _selu_slope)
GELU = Scalar(_gelu, _gelu_slope)
SILU = Scalar(_silu, _silu_slope)
MISH = Scalar(_mish, _mish_slope)
SOFTPLUS = Scalar(_softplus, _softplus_slope)
SOFTSIGN = Scalar(_softsign, _softsign_slope)
HARDTANH = Scalar(_hardtanh, _hardtanh_slope)
HARD_SWISH = Scalar(_hard_swish, _hard_swish_slope)
