"""Elementary functions of one float32, written so that a compiler turns a loop over them into vector code.

Each is a polynomial or rational fit whose error, a few units in the last place, a test measures against float64. NaN
goes in and comes out: a diverging network must not be mended on its way.
"""

from typing import Any

import numba
import numpy as np

# Multiplications and additions may be fused. Nothing may be reordered: the tricks below would be undone.
FAST = {"contract", "nsz"}
inline = numba.njit(inline="always", fastmath=FAST, error_model="numpy")

Number = Any  # one float32 in compiled code

F = np.float32
ZERO, HALF, ONE, TWO = F(0), F(0.5), F(1), F(2)
LOG2E, LN2_HIGH, LN2_LOW = F(1.44269504), F(0.693359375), F(-2.12194440e-4)
LOWEST, HIGHEST = F(-87.3), F(88.3)  # exp stays a normal number between them
E0, E1, E2, E3, E4, E5 = (
    F(0.500000001), F(0.166666667), F(0.0416664647), F(0.00833329843), F(0.00139336762), F(0.000198993186)
)  # fmt: skip
L0, L1, L2, L3, L4, L5, L6, L7, L8 = (
    F(0.333333312), F(-0.249999891), F(0.200007081), F(-0.166684767), F(0.142499097),
    F(-0.124111305), F(0.116619029), F(-0.115707074), F(0.0714788565),
)  # fmt: skip
C_SCALE = F(0.35)
C1, C2, C3, C4, C5, C6, C7, C8, C9, C10 = (
    F(0.19748141841354758), F(0.19718399464914688), F(0.18752436527540345), F(0.152947297508925),
    F(0.14095154323482617), F(0.09650179698211044), F(-0.03911074810971597), F(0.1900175396827048),
    F(-0.16256900217266787), F(0.039071802477902734),
)  # fmt: skip
SQRT_HALF = F(0.7071067811865476)
MANTISSA, EXPONENT_BIAS, HALF_BITS = np.int32(0x7FFFFF), np.int32(127), np.int32(0x3F000000)
SHIFT, POWER_MOST = np.int32(23), np.int32(126)


@inline
def _power_of_two(n: Number) -> Number:
    """Return 2^n for a whole n between -126 and 127, by writing its exponent bits."""
    return np.int32((np.int32(n) + EXPONENT_BIAS) << SHIFT).view(np.float32)


@inline
def _reduced(x: Number) -> tuple[Number, Number]:
    """Return n and r with x = n·ln 2 + r, |r| ≤ ln 2 / 2 (Cody & Waite 1980)."""
    n = np.floor(x * LOG2E + HALF)
    return n, (x - n * LN2_HIGH) - n * LN2_LOW


@inline
def _tail(r: Number) -> Number:
    """Return e^r - 1 for a reduced r, without cancellation."""
    square = r * r
    return r + square * ((E0 + r * E1) + square * ((E2 + r * E3) + square * (E4 + r * E5)))


@inline
def exp(x: Number) -> Number:
    """Return e^x, at most 2.2e38 and at least 1.2e-38."""
    bounded = x if x > LOWEST else LOWEST
    bounded = bounded if bounded < HIGHEST else HIGHEST
    n, r = _reduced(bounded)
    y = (ONE + _tail(r)) * _power_of_two(n)
    return y if x == x else x


@inline
def expm1(x: Number) -> Number:
    """Return e^x - 1, accurate also near 0."""
    bounded = x if x > LOWEST else LOWEST
    bounded = bounded if bounded < HIGHEST else HIGHEST
    n, r = _reduced(bounded)
    power = _power_of_two(n)
    y = power * _tail(r) + (power - ONE)
    return y if x == x else x


@inline
def log1p(y: Number) -> Number:
    """Return log(1 + y) for y in [0, 1], accurate also near 0.

    w = 1 + y is rounded; log(w)·y / (w - 1) undoes that (Goldberg 1991, theorem 4).
    """
    w = ONE + y
    halved = w > F(1.41421356)
    m = w * HALF if halved else w
    f = m - ONE
    cubic = L0 + f * (L1 + f * (L2 + f * (L3 + f * (L4 + f * (L5 + f * (L6 + f * (L7 + f * L8)))))))
    log_m = f - HALF * f * f + f * f * f * cubic
    log_w = log_m + (F(0.69314718) if halved else ZERO)
    rounded = w - ONE
    safe = rounded if rounded > ZERO else ONE
    return log_w * (y / safe) if rounded > ZERO else y


@inline
def tanh(x: Number) -> Number:
    """Return tanh x = ±n / (n + 2), n = e^(2|x|) - 1, accurate also near 0."""
    n = expm1(TWO * abs(x))
    y = n / (n + TWO)
    return y if x >= ZERO else -y


@inline
def sigmoid(x: Number) -> Number:
    """Return 1 / (1 + e^-x)."""
    return ONE / (ONE + exp(-x))


@inline
def bell(x: Number) -> Number:
    """Return e^(-x²/2)."""
    return exp(-HALF * x * x)


@inline
def normal_cdf(x: Number, bell_x: Number) -> Number:
    """Return Φ(x) = erfc(-x/√2) / 2 given bell(x), relatively accurate in the lower tail as well.

    erfc(s) = e^(-s²)·t·p(t), t = 1 / (1 + 0.35·s) for s ≥ 0 (form of Abramowitz & Stegun 1964, eq. 7.1.26).
    """
    t = ONE / (ONE + C_SCALE * (abs(x) * SQRT_HALF))
    t2 = t * t
    t4 = t2 * t2
    low = (C1 + t * C2) + t2 * (C3 + t * C4)
    high = (C5 + t * C6) + t2 * (C7 + t * C8)
    tail = HALF * bell_x * (t * (low + t4 * (high + t4 * (C9 + t * C10))))
    return tail if x < ZERO else ONE - tail
