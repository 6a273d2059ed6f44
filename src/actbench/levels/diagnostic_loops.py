"""What diagnostics measure in one layer of one model, as loops for the compiled probe.

`measures` and `spectra` are the readable twins, and a test ties them. Squares and sums are float64: no finite number
overflows. A number that does not exist is NaN.

Letters: N numbers, B examples, D units, I rows and O columns of a weight, G the shorter side of a matrix.
"""

from typing import Any

import numba
import numpy as np

from actbench.levels.apart import apart
from actbench.levels.products import multiply
from actbench.levels.scalars import FAST, ONE, ZERO

compiled: Any = numba.njit(fastmath=FAST | {"reassoc"}, error_model="numpy")
compiled_apart: Any = apart(fastmath=FAST | {"reassoc"}, error_model="numpy")
Array = np.ndarray[Any, Any]

SQUARINGS = 4  # the 16th power of the Gram matrix, which then acts on a vector 32 times
STEPS = 32


@compiled
def length(x_N: Array) -> float:
    """Return the Euclidean norm."""
    return np.sqrt(dot(x_N, x_N))


@compiled
def dot(x_N: Array, y_N: Array) -> float:
    """Return Σ x·y."""
    total = 0.0
    for n in range(x_N.size):
        total += np.float64(x_N[n]) * np.float64(y_N[n])
    return total


@compiled
def cosine(x_N: Array, y_N: Array) -> float:
    """Return the cosine of the angle between two vectors."""
    return ratio(dot(x_N, y_N), np.sqrt(dot(x_N, x_N) * dot(y_N, y_N)))


@compiled
def ratio(part: float, whole: float) -> float:
    """Return part / whole, NaN where there is no whole."""
    return part / whole if whole > 0.0 else np.nan


@compiled
def moments(x_N: Array) -> tuple[float, float]:
    """Return mean and standard deviation."""
    total, squares = 0.0, 0.0
    for n in range(x_N.size):
        total += np.float64(x_N[n])
    mean = total / x_N.size
    for n in range(x_N.size):
        centred = np.float64(x_N[n]) - mean
        squares += centred * centred
    return mean, np.sqrt(squares / x_N.size)


@compiled
def zero_share(x_N: Array) -> float:
    """Return the share of zeros."""
    zeros = ZERO  # exact up to 2²⁴
    for n in range(x_N.size):
        zeros += ONE if x_N[n] == ZERO else ZERO
    return np.float64(zeros) / x_N.size


@compiled
def extremes(x_BD: Array) -> tuple[float, float]:
    """Return the lowest and the highest number; by columns, so that each comparison waits for no other."""
    low_D, high_D = x_BD[0].copy(), x_BD[0].copy()
    for b in range(x_BD.shape[0]):
        for d in range(x_BD.shape[1]):
            x, low, high = x_BD[b, d], low_D[d], high_D[d]
            low_D[d] = x if x < low else low
            high_D[d] = x if x > high else high
    return low_D.min(), high_D.max()


@compiled
def saturated_shares(z_BD: Array, slope_BD: Array, flat: np.float32, place: np.float32) -> tuple[float, float]:
    """Return the shares of |slope| < flat with z below the place of the largest slope, and not below."""
    low_D, all_D = np.zeros(z_BD.shape[1], np.int32), np.zeros(z_BD.shape[1], np.int32)
    for b in range(z_BD.shape[0]):
        for d in range(z_BD.shape[1]):
            is_flat = abs(slope_BD[b, d]) < flat
            all_D[d] += 1 if is_flat else 0
            low_D[d] += 1 if is_flat & (z_BD[b, d] < place) else 0
    low = low_D.sum()
    return low / z_BD.size, (all_D.sum() - low) / z_BD.size


@compiled
def keep_dead(slope_BD: Array, least: np.float32, dead_D: Array) -> None:
    """Let no unit be dead that has a slope of at least `least` for any example."""
    alive_D = np.zeros(slope_BD.shape[1], np.int32)
    for b in range(slope_BD.shape[0]):
        for d in range(slope_BD.shape[1]):
            alive_D[d] += 0 if abs(slope_BD[b, d]) < least else 1
    for d in range(dead_D.size):
        dead_D[d] &= alive_D[d] == 0


@compiled
def sign_coherence(gradient_IO: Array) -> float:
    """Return the mean over columns of the larger share of one sign; columns of zeros do not count."""
    columns = gradient_IO.shape[1]
    positive_O, negative_O = np.zeros(columns, np.int32), np.zeros(columns, np.int32)
    for i in range(gradient_IO.shape[0]):
        for o in range(columns):
            positive_O[o] += 1 if gradient_IO[i, o] > ZERO else 0
            negative_O[o] += 1 if gradient_IO[i, o] < ZERO else 0
    total, counted = 0.0, 0
    for o in range(columns):
        present = positive_O[o] + negative_O[o]
        if present > 0:
            total += max(positive_O[o], negative_O[o]) / present
            counted += 1
    return ratio(total, counted)


@compiled
def pair_correlation(z_BD: Array) -> float:
    """Return the mean cosine between examples 1 and 2, 3 and 4, …"""
    total, pairs = 0.0, z_BD.shape[0] // 2
    for pair in range(pairs):
        total += cosine(z_BD[2 * pair], z_BD[2 * pair + 1])
    return total / pairs


@compiled_apart
def effective_rank(u_BD: Array, centred_BD: Array, covariance_DD: Array) -> float:
    """Return tr(C)² / tr(C²) of the units' covariance C; the last two arrays are room to work in."""
    batch, width = u_BD.shape
    mean_D = np.zeros(width)
    for b in range(batch):
        for d in range(width):
            mean_D[d] += np.float64(u_BD[b, d])
    for b in range(batch):
        for d in range(width):
            centred_BD[b, d] = np.float32(np.float64(u_BD[b, d]) - mean_D[d] / batch)
    if not _make_unit(centred_BD.reshape(-1)) > ZERO:
        return np.nan
    multiply(centred_BD.T, centred_BD, covariance_DD)
    flat_N = covariance_DD.reshape(-1)
    return _trace(covariance_DD) ** 2 / dot(flat_N, flat_N)


@compiled
def _make_unit(x_N: Array) -> np.float32:
    """Divide by the root mean square, so that no square overflows or vanishes, and return that."""
    size = np.float32(length(x_N) / np.sqrt(x_N.size))
    if size > ZERO:
        for n in range(x_N.size):
            x_N[n] /= size
    return size


@compiled
def _trace(square_GG: Array) -> float:
    total = 0.0
    for g in range(square_GG.shape[0]):
        total += np.float64(square_GG[g, g])
    return total


@compiled_apart
def spectral_norm(weight_IO: Array) -> float:
    """Return the largest singular value, within 0.1 %, and 0 for a matrix of zeros.

    The Gram matrix G is squared SQUARINGS times; the column of that power with the largest diagonal is multiplied by
    it STEPS - 1 times more, as if G had acted 2^SQUARINGS · STEPS = 512 times: σ² = vᵀG v / vᵀv weighs the
    eigenvalues by their 1024th power, as `spectra.spectral_norm` does, with a third of the matrix products.
    """
    unit_IO = weight_IO.copy()
    size = _make_unit(unit_IO.reshape(-1))
    if not size > ZERO:
        return 0.0
    rows, columns = weight_IO.shape
    side = min(rows, columns)
    gram_GG, power_GG = np.empty((side, side), np.float32), np.empty((side, side), np.float32)
    square_GG = np.empty((side, side), np.float32)
    if rows < columns:
        multiply(unit_IO, unit_IO.T, gram_GG)
    else:
        multiply(unit_IO.T, unit_IO, gram_GG)
    _divide(gram_GG, np.float32(_trace(gram_GG)), power_GG)
    for _ in range(SQUARINGS):
        multiply(power_GG, power_GG, square_GG)
        _divide(square_GG, np.float32(_trace(square_GG)), power_GG)
    v_G = _strongest_column(power_GG).copy()
    w_G = np.empty_like(v_G)
    for step in range(STEPS - 1):
        _apply(power_GG, v_G, w_G)
        v_G, w_G = w_G, v_G
        if step % 4 == 0:
            _make_unit(v_G)
    _apply(gram_GG, v_G, w_G)
    return np.float64(size) * np.sqrt(dot(v_G, w_G) / dot(v_G, v_G))


@compiled
def _divide(x_GG: Array, divisor: np.float32, out_GG: Array) -> None:
    for i in range(x_GG.shape[0]):
        for g in range(x_GG.shape[1]):
            out_GG[i, g] = x_GG[i, g] / divisor


@compiled
def _strongest_column(power_GG: Array) -> Array:
    """Return the row, which is the column, with the largest diagonal entry: surely not orthogonal to the first."""
    best = 0
    for g in range(power_GG.shape[0]):
        if power_GG[g, g] > power_GG[best, best]:
            best = g
    return power_GG[best]


@compiled
def _apply(symmetric_GG: Array, v_G: Array, out_G: Array) -> None:
    for g in range(out_G.size):
        out_G[g] = ZERO
    for i in range(v_G.size):
        for g in range(out_G.size):
            out_G[g] += symmetric_GG[i, g] * v_G[i]


@compiled
def steepest(activate: Any, activate_back: Any, a: Array, grid_G: Array) -> tuple[np.float32, np.float32]:
    """Return the largest |φ′| on a grid and the lowest place where it is reached: see `saturation.steepest`."""
    u_G, slope_G = np.empty_like(grid_G), np.empty_like(grid_G)
    activate(grid_G.ctypes, u_G.ctypes, grid_G.size, a.ctypes)
    slopes(activate_back, a, grid_G, u_G, np.ones_like(grid_G), slope_G)
    best = 0
    for g in range(grid_G.size):
        if abs(slope_G[g]) > abs(slope_G[best]):
            best = g
    return abs(slope_G[best]), grid_G[best]


@compiled
def slopes(activate_back: Any, a: Array, z: Array, u: Array, ones: Array, slope: Array) -> None:
    """Fill in φ′(z), arrays of one shape: what a gradient of 1 becomes."""
    learned_1 = np.empty(1, np.float32)
    activate_back(z.ctypes, u.ctypes, ones.ctypes, slope.ctypes, z.size, a.ctypes, learned_1.ctypes)
