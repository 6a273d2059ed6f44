"""The training of a multi-layer perceptron in compiled loops: model by model, a model's data staying in cache.

`mlp._forward` under autograd is the readable twin; a test ties the two.

Letters: P models, K updates, S seeds, N numbers of one model, M running statistics, B batch, I inputs, D width,
C classes, T slots of the optimiser.
"""

import numpy as np

from actbench.levels.diagnostic_loops import keep_dead, slopes
from actbench.levels.models._mlp_passes import (
    Array,
    Buffers,
    Kernel,
    Link,
    Shape,
    backward,
    buffers,
    compiled,
    compiled_on_disk,
    count_right,
    forward,
    layer_size,
    loss_gradient,
    softmax_loss,
)

CHUNK = 64  # examples of one forward pass when scoring


@compiled
def gather(x_NI: Array, y_N: Array, rows_B: Array, factor: np.float32, x_BI: Array, y_B: Array) -> None:
    """Copy the examples of a batch, times the model's input scale."""
    for b in range(rows_B.size):
        y_B[b] = y_N[rows_B[b]]
        for i in range(x_NI.shape[1]):
            x_BI[b, i] = x_NI[rows_B[b], i] * factor


@compiled_on_disk
def train(
    theta_PN: Array,
    slots_PTN: Array,
    statistics_PM: Array,
    lr_P: Array,
    scale_P: Array,
    order_SKB: Array,
    seed_P: Array,
    first: int,
    x_NI: Array,
    y_N: Array,
    shape: Shape,
    link: Link,
    residual: bool,
    activate: Kernel,
    activate_back: Kernel,
    norm: Kernel,
    norm_back: Kernel,
    clip: Kernel,
    update: Kernel,
    a: Array,
    clip_a: Array,
    update_a: Array,
    done_P: Array,
    clipped_P: Array,
    loss_P: Array,
) -> None:
    """Make K updates of each model; stop a model before the update whose loss is not finite.

    done_P receives the number of updates made, clipped_P gains the number of clipped ones, loss_P the last loss.
    """
    batch = order_SKB.shape[2]
    held = buffers(shape, residual, batch)
    dh_BD, dz_BD = np.empty((batch, shape[1]), np.float32), np.empty((batch, shape[1]), np.float32)
    work = (dh_BD, dz_BD, np.empty_like(dh_BD), np.empty((3, shape[1]), np.float32), np.empty(0))
    x_BI, y_B = np.empty((batch, x_NI.shape[1]), np.float32), np.empty(batch, np.int64)
    logits_BC = np.empty((batch, shape[2]), np.float32)
    for p in range(theta_PN.shape[0]):
        theta_N, statistics_M = theta_PN[p], statistics_PM[p]
        gradient_N = np.zeros(theta_N.size, np.float32)  # anew: clipping may leave NaN where nothing is written
        for k in range(order_SKB.shape[1]):
            gather(x_NI, y_N, order_SKB[seed_P[p], k], scale_P[p], x_BI, y_B)
            forward(theta_N, statistics_M, x_BI, held, logits_BC, shape, link, activate, norm, a, 1)
            loss_P[p] = softmax_loss(logits_BC, y_B) / batch
            if not np.isfinite(loss_P[p]):
                break
            loss_gradient(logits_BC, y_B)
            backward(theta_N, gradient_N, x_BI, held, logits_BC, work, shape, link, activate_back, norm_back, a)
            clipped_P[p] += clip(gradient_N.ctypes, gradient_N.size, clip_a.ctypes)
            update(
                theta_N.ctypes, gradient_N.ctypes, slots_PTN[p].ctypes, theta_N.size, lr_P[p], first + k + 1,
                update_a.ctypes,
            )  # fmt: skip
            done_P[p] = k + 1


@compiled_on_disk
def score(
    theta_PN: Array,
    statistics_PM: Array,
    scale_P: Array,
    x_NI: Array,
    y_N: Array,
    shape: Shape,
    link: Link,
    residual: bool,
    activate: Kernel,
    activate_back: Kernel,
    norm: Kernel,
    a: Array,
    loss_P: Array,
    right_P: Array,
    probed: int,
    least: np.float32,
    dead_PLD: Array,
) -> None:
    """Add up loss and right answers of each model over all examples, with running statistics.

    On the way, let no unit be dead that has a slope for an example after the `probed` first ones.
    """
    everything = np.arange(y_N.size)
    for start in range(0, y_N.size, CHUNK):
        rows_B = everything[start : start + CHUNK]
        held = buffers(shape, residual, rows_B.size)
        x_BI, y_B = np.empty((rows_B.size, x_NI.shape[1]), np.float32), np.empty(rows_B.size, np.int64)
        logits_BC = np.empty((rows_B.size, shape[2]), np.float32)
        ones_BD = np.ones((rows_B.size if start + rows_B.size > probed else 0, shape[1]), np.float32)
        slope_BD = np.empty_like(ones_BD)
        for p in range(theta_PN.shape[0]):
            gather(x_NI, y_N, rows_B, scale_P[p], x_BI, y_B)
            forward(theta_PN[p], statistics_PM[p], x_BI, held, logits_BC, shape, link, activate, norm, a, 0)
            right_P[p] += count_right(logits_BC, y_B)
            loss_P[p] += softmax_loss(logits_BC, y_B)
            if ones_BD.size:
                keep_without_slope(theta_PN[p], held, ones_BD, slope_BD, shape, activate_back, a, least, dead_PLD[p])


@compiled
def keep_without_slope(
    theta_N: Array, held: Buffers, ones_BD: Array, slope_BD: Array, shape: Shape, activate_back: Kernel, a: Array,
    least: np.float32, dead_LD: Array,
) -> None:  # fmt: skip
    """Let no hidden unit be dead that has a slope of at least `least` for an example in the buffers."""
    start, learned = 0, shape[7]
    for layer in range(shape[3]):
        start += layer_size(layer, shape)[2]
        if dead_LD[layer].any():
            if learned >= 0:
                a[learned] = theta_N[start - 1]
            slopes(activate_back, a, held[2][layer], held[1][layer], ones_BD, slope_BD)
            keep_dead(slope_BD, least, dead_LD[layer])
