"""Normalisation, clipping and updates as plain loops over one model, for the compiled engine.

Each is tied to its torch twin by a test. Comparisons are written so that NaN stays NaN.

Letters: B examples, D units, N numbers of one model, S slots of the optimiser, a the level's arguments.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

ONE, ZERO = np.float32(1), np.float32(0)
EPSILON, MOMENTUM, CLIP_EPSILON = np.float32(1e-5), np.float32(0.1), np.float32(1e-6)

Array = Any  # float32 array of a compiled loop


@dataclass(frozen=True)
class NormLoops:
    """A normalisation of one layer of one model.

    forward(z_BD, x_BD, y_BD, kept, parameters_KD, statistics_MD, train): x is what backward needs, y the output,
    `kept` has room for a number a unit and one an example. backward(g_BD, x_BD, kept, parameters_KD, gradients_KD,
    scratch_3D) turns the gradient of y into that of z in place.
    """

    forward: Callable[..., None]
    backward: Callable[..., None]


def copy_forward(
    z_BD: Array, x_BD: Array, y_BD: Array, kept: Array, parameters_KD: Array, statistics_MD: Array, train: bool
) -> None:
    """Let z through."""
    for b in range(z_BD.shape[0]):
        for d in range(z_BD.shape[1]):
            y_BD[b, d] = z_BD[b, d]


def copy_backward(
    g_BD: Array, x_BD: Array, kept: Array, parameters_KD: Array, gradients_KD: Array, scratch_3D: Array
) -> None:
    """Leave the gradient as it is."""


def batch_forward(  # noqa: C901 (flat loops)
    z_BD: Array, x_BD: Array, y_BD: Array, kept: Array, parameters_KD: Array, statistics_MD: Array, train: bool
) -> None:
    """Standardise each unit over the batch in training, by the running statistics otherwise."""
    batch, width = z_BD.shape
    gain_D, shift_D, running_mean_D, running_variance_D = (
        parameters_KD[0], parameters_KD[1], statistics_MD[0], statistics_MD[1]
    )  # fmt: skip
    if not train:
        for b in range(batch):
            for d in range(width):
                scale = gain_D[d] / np.sqrt(running_variance_D[d] + EPSILON)
                y_BD[b, d] = (z_BD[b, d] - running_mean_D[d]) * scale + shift_D[d]
        return
    count, mean_D = np.float32(batch), x_BD[0]
    for d in range(width):
        kept[d] = ZERO
    for b in range(batch):
        for d in range(width):
            kept[d] += z_BD[b, d]
    for d in range(width):
        kept[d] /= count
        running_mean_D[d] += MOMENTUM * (kept[d] - running_mean_D[d])
    for b in range(batch):
        for d in range(width):
            z_BD[b, d] -= kept[d]
    for d in range(width):
        mean_D[d] = ZERO
    for b in range(batch):
        for d in range(width):
            mean_D[d] += z_BD[b, d] * z_BD[b, d]
    for d in range(width):
        variance = mean_D[d] / count
        kept[d] = ONE / np.sqrt(variance + EPSILON)
        running_variance_D[d] += MOMENTUM * (variance * count / (count - ONE) - running_variance_D[d])
    for b in range(batch):
        for d in range(width):
            x_BD[b, d] = z_BD[b, d] * kept[d]
            y_BD[b, d] = x_BD[b, d] * gain_D[d] + shift_D[d]


def batch_backward(
    g_BD: Array, x_BD: Array, kept: Array, parameters_KD: Array, gradients_KD: Array, scratch_3D: Array
) -> None:
    """Dz = gain·scale·(g - mean g - x·mean(g·x)); dgain = Σ g·x; dshift = Σ g."""
    batch, width = g_BD.shape
    count = np.float32(batch)
    for d in range(width):
        gradients_KD[0, d] = ZERO
        gradients_KD[1, d] = ZERO
    for b in range(batch):
        for d in range(width):
            gradients_KD[0, d] += g_BD[b, d] * x_BD[b, d]
            gradients_KD[1, d] += g_BD[b, d]
    for d in range(width):
        scratch_3D[0, d] = parameters_KD[0, d] * kept[d]
        scratch_3D[1, d] = gradients_KD[1, d] / count
        scratch_3D[2, d] = gradients_KD[0, d] / count
    for b in range(batch):
        for d in range(width):
            g_BD[b, d] = scratch_3D[0, d] * (g_BD[b, d] - scratch_3D[1, d] - x_BD[b, d] * scratch_3D[2, d])


def layer_forward(
    z_BD: Array, x_BD: Array, y_BD: Array, kept: Array, parameters_KD: Array, statistics_MD: Array, train: bool
) -> None:
    """Standardise each example over its units."""
    batch, width = z_BD.shape
    count = np.float32(width)
    for b in range(batch):
        total = ZERO
        for d in range(width):
            total += z_BD[b, d]
        mean, squares = total / count, ZERO
        for d in range(width):
            centred = z_BD[b, d] - mean
            x_BD[b, d] = centred
            squares += centred * centred
        kept[b] = ONE / np.sqrt(squares / count + EPSILON)
        for d in range(width):
            x_BD[b, d] *= kept[b]
            y_BD[b, d] = x_BD[b, d] * parameters_KD[0, d] + parameters_KD[1, d]


def layer_backward(
    g_BD: Array, x_BD: Array, kept: Array, parameters_KD: Array, gradients_KD: Array, scratch_3D: Array
) -> None:
    """Dz = scale·(u - mean u - x·mean(u·x)), u = gain·g; dgain = Σ g·x; dshift = Σ g."""
    batch, width = g_BD.shape
    count = np.float32(width)
    for d in range(width):
        gradients_KD[0, d] = ZERO
        gradients_KD[1, d] = ZERO
    for b in range(batch):
        mean, along = ZERO, ZERO
        for d in range(width):
            gradients_KD[0, d] += g_BD[b, d] * x_BD[b, d]
            gradients_KD[1, d] += g_BD[b, d]
            g_BD[b, d] *= parameters_KD[0, d]
            mean += g_BD[b, d]
            along += g_BD[b, d] * x_BD[b, d]
        for d in range(width):
            g_BD[b, d] = kept[b] * (g_BD[b, d] - mean / count - x_BD[b, d] * (along / count))


def rms_forward(
    z_BD: Array, x_BD: Array, y_BD: Array, kept: Array, parameters_KD: Array, statistics_MD: Array, train: bool
) -> None:
    """Divide each example by the root mean square of its units."""
    batch, width = z_BD.shape
    for b in range(batch):
        squares = ZERO
        for d in range(width):
            squares += z_BD[b, d] * z_BD[b, d]
        kept[b] = ONE / np.sqrt(squares / np.float32(width) + EPSILON)
        for d in range(width):
            x_BD[b, d] = z_BD[b, d] * kept[b]
            y_BD[b, d] = x_BD[b, d] * parameters_KD[0, d]


def rms_backward(
    g_BD: Array, x_BD: Array, kept: Array, parameters_KD: Array, gradients_KD: Array, scratch_3D: Array
) -> None:
    """Dz = scale·(u - x·mean(u·x)), u = gain·g; dgain = Σ g·x."""
    batch, width = g_BD.shape
    for d in range(width):
        gradients_KD[0, d] = ZERO
    for b in range(batch):
        along = ZERO
        for d in range(width):
            gradients_KD[0, d] += g_BD[b, d] * x_BD[b, d]
            g_BD[b, d] *= parameters_KD[0, d]
            along += g_BD[b, d] * x_BD[b, d]
        for d in range(width):
            g_BD[b, d] = kept[b] * (g_BD[b, d] - x_BD[b, d] * (along / np.float32(width)))


COPY = NormLoops(copy_forward, copy_backward)
BATCH = NormLoops(batch_forward, batch_backward)
LAYER = NormLoops(layer_forward, layer_backward)
RMS = NormLoops(rms_forward, rms_backward)


def no_clip(gradient_N: Array, a: Array) -> int:
    """Leave the gradient as it is."""
    return 0


def norm_clip(gradient_N: Array, a: Array) -> int:
    """Shorten the gradient when its norm exceeds the threshold; return whether it did."""
    squares = ZERO
    for n in range(gradient_N.size):
        squares += gradient_N[n] * gradient_N[n]
    factor = np.float32(a[0]) / (np.sqrt(squares) + CLIP_EPSILON)
    if factor >= ONE:
        return 0
    for n in range(gradient_N.size):
        gradient_N[n] *= factor
    return 1 if factor < ONE else 0


def value_clip(gradient_N: Array, a: Array) -> int:
    """Clip each entry; return whether one was beyond the threshold."""
    threshold, beyond = np.float32(a[0]), 0
    for n in range(gradient_N.size):
        beyond += 1 if abs(gradient_N[n]) > threshold else 0
    for n in range(gradient_N.size):
        bounded = threshold if gradient_N[n] > threshold else gradient_N[n]
        gradient_N[n] = -threshold if bounded < -threshold else bounded
    return 1 if beyond else 0


def sgd(parameters_N: Array, gradient_N: Array, slots_SN: Array, lr: Any, step: int, a: Array) -> None:
    """V ← momentum·v + g; theta ← theta - lr·v."""
    momentum = np.float32(a[0])
    for n in range(parameters_N.size):
        velocity = momentum * slots_SN[0, n] + gradient_N[n]
        slots_SN[0, n] = velocity
        parameters_N[n] -= lr * velocity


def adam(parameters_N: Array, gradient_N: Array, slots_SN: Array, lr: Any, step: int, a: Array) -> None:
    """m, v: exponential averages of g and g²; theta ← theta - lr·m̂ / (√v̂ + epsilon)."""
    rate = np.float32(lr / (1.0 - a[0] ** step))
    root = np.float32(np.sqrt(1.0 - a[1] ** step))
    keep, new_mean, new_square, epsilon = np.float32(a[1]), np.float32(1 - a[0]), np.float32(1 - a[1]), np.float32(a[2])
    for n in range(parameters_N.size):
        g = gradient_N[n]
        mean = slots_SN[0, n] + new_mean * (g - slots_SN[0, n])
        square = keep * slots_SN[1, n] + new_square * g * g
        slots_SN[0, n] = mean
        slots_SN[1, n] = square
        parameters_N[n] -= rate * mean / (np.sqrt(square) / root + epsilon)
