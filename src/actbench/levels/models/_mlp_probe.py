"""The probe of a multi-layer perceptron in compiled loops: forward, backward and every diagnostic, model by model.

`training.probe.probe_by_autograd` is the readable twin; a test ties the two.

Letters: P models, N numbers of one model, M running statistics, B examples of the probe, I inputs, D width, C classes,
L layers (0: the network; 1 … depth: hidden; depth + 1: output), K diagnostics, U updates (newest first), G grid points.
"""

import numpy as np

from actbench.levels.diagnostic_loops import (
    cosine,
    effective_rank,
    extremes,
    keep_dead,
    length,
    moments,
    pair_correlation,
    ratio,
    saturated_shares,
    sign_coherence,
    slopes,
    spectral_norm,
    steepest,
    zero_share,
)
from actbench.levels.models._mlp_loops import gather, keep_without_slope
from actbench.levels.models._mlp_passes import (
    Array,
    Buffers,
    Kernel,
    Link,
    Shape,
    backward,
    buffers,
    compiled,
    compiled_apart,
    compiled_on_disk,
    count_right,
    forward,
    layer_size,
    loss_gradient,
    softmax_loss,
)

PART = 64  # examples looked at for dead units at once, where nothing ties them: they stay in the nearest caches
# The diagnostics, and their places under short names.
MEASURED = (
    "preactivation_mean", "preactivation_std", "preactivation_min", "preactivation_max", "input_correlation",
    "activation_mean", "activation_std", "activation_min", "activation_max", "zero_centredness", "zero_fraction",
    "effective_rank", "saturated_fraction", "saturated_low", "saturated_high", "dead_fraction", "still_dead_fraction",
    "gradient_norm", "backward_norm", "sign_coherence", "update_ratio", "weight_norm", "spectral_norm",
    "global_gradient_norm", "gradient_ratio", "backward_ratio", "clip_coefficient", "update_cosine",
)  # fmt: skip
(
    Z_MEAN, Z_STD, Z_MIN, Z_MAX, CORRELATION,
    U_MEAN, U_STD, U_MIN, U_MAX, CENTREDNESS, ZEROS,
    RANK, SATURATED, LOW, HIGH, DEAD, STILL_DEAD,
    GRADIENT, SIGNAL, COHERENCE, UPDATE, WEIGHT, SPECTRAL,
    ALL_GRADIENT, GRADIENT_RATIO, SIGNAL_RATIO, CLIP, COSINE,
) = range(len(MEASURED))  # fmt: skip


@compiled_on_disk
def probe(
    theta_PN: Array, statistics_PM: Array, scale_P: Array, x_BI: Array, y_B: Array, updates_UPN: Array, shape: Shape,
    link: Link, residual: bool, activate: Kernel, activate_back: Kernel, norm: Kernel, norm_back: Kernel, clip: Kernel,
    a: Array, clip_a: Array, grid_G: Array, steepest_slope: Link, flat: np.float32, least: np.float32, wanted_K: Array,
    values_PLK: Array, loss_P: Array, accuracy_P: Array, dead_PLD: Array,
) -> None:  # fmt: skip
    """Fill in loss, accuracy, the diagnostics that are wanted and the units without a slope on the probe.

    A model whose loss is not finite has no diagnostics. steepest_slope: the largest |φ′| and its lowest place; found
    anew on the grid where a learned parameter moves it. flat: share of that |φ′| below which a unit is saturated.
    least: the |φ′| below which it is dead.
    """
    batch, width, depth = y_B.size, shape[1], shape[3]
    held, rows_B = buffers(shape, residual, batch), np.arange(batch)
    dh_BD, dz_BD = np.empty((batch, width), np.float32), np.empty((batch, width), np.float32)
    signal_L, through_BD, ones_BD = np.empty(depth), np.empty_like(dh_BD), np.ones_like(dh_BD)
    work = (dh_BD, dz_BD, through_BD, np.empty((3, width), np.float32), signal_L)
    own_BI, own_B, logits_BC = np.empty_like(x_BI), np.empty_like(y_B), np.empty((batch, shape[2]), np.float32)
    for p in range(theta_PN.shape[0]):
        theta_N, values_LK, gradient_N = theta_PN[p], values_PLK[p], np.zeros(theta_PN.shape[1], np.float32)
        gather(x_BI, y_B, rows_B, scale_P[p], own_BI, own_B)
        forward(theta_N, statistics_PM[p].copy(), own_BI, held, logits_BC, shape, link, activate, norm, a, 1)
        accuracy_P[p] = count_right(logits_BC, own_B) / batch
        loss_P[p] = softmax_loss(logits_BC, own_B) / batch
        if not np.isfinite(loss_P[p]):
            continue
        loss_gradient(logits_BC, own_B)
        values_LK[depth + 1, SIGNAL] = length(logits_BC.reshape(-1))
        backward(theta_N, gradient_N, own_BI, held, logits_BC, work, shape, link, activate_back, norm_back, a)
        for layer in range(depth):
            values_LK[layer + 1, SIGNAL] = signal_L[layer]
        room = (ones_BD, through_BD, dz_BD)
        _measure_hidden(
            theta_N, held, room, shape, activate, activate_back, a, grid_G, steepest_slope, flat, least, wanted_K,
            values_LK, dead_PLD[p],
        )  # fmt: skip
        _measure_weights(theta_N, gradient_N, updates_UPN[:, p], shape, wanted_K, values_LK)
        _measure_network(gradient_N, updates_UPN[:, p], depth, clip, clip_a, wanted_K, values_LK)


@compiled_apart
def _measure_hidden(
    theta_N: Array, held: Buffers, room: Buffers, shape: Shape, activate: Kernel, activate_back: Kernel, a: Array,
    grid_G: Array, steepest_slope: Link, flat: np.float32, least: np.float32, wanted_K: Array, values_LK: Array,
    dead_LD: Array,
) -> None:  # fmt: skip
    """Measure what passed through every hidden layer; `room` has ones and two arrays to work in."""
    ones_BD, slope_BD, work_BD = room
    start, learned, (steep, place) = 0, shape[7], steepest_slope
    for layer in range(shape[3]):
        z_BD, u_BD, values_K = held[2][layer], held[1][layer], values_LK[layer + 1]
        start += layer_size(layer, shape)[2]
        if learned >= 0:
            a[learned] = theta_N[start - 1]
            steep, place = steepest(activate, activate_back, a, grid_G)
        slopes(activate_back, a, z_BD, u_BD, ones_BD, slope_BD)
        _measure_signal(z_BD, u_BD, wanted_K, values_K, work_BD)
        low, high = saturated_shares(z_BD, slope_BD, flat * steep, place)
        values_K[LOW], values_K[HIGH], values_K[SATURATED] = low, high, low + high
        if wanted_K[DEAD]:
            keep_dead(slope_BD, least, dead_LD[layer])


@compiled
def _measure_signal(z_BD: Array, u_BD: Array, wanted_K: Array, values_K: Array, work_BD: Array) -> None:
    """Measure pre-activations and activations of one hidden layer."""
    u_N, z_N = u_BD.reshape(-1), z_BD.reshape(-1)
    mean, deviation = moments(u_N)
    values_K[U_MEAN], values_K[U_STD], values_K[ZEROS] = mean, deviation, zero_share(u_N)
    values_K[CENTREDNESS] = ratio(abs(mean), deviation)
    if wanted_K[U_MIN] or wanted_K[U_MAX]:
        values_K[U_MIN], values_K[U_MAX] = extremes(u_BD)
    if wanted_K[Z_MEAN] or wanted_K[Z_STD]:
        values_K[Z_MEAN], values_K[Z_STD] = moments(z_N)
    if wanted_K[Z_MIN] or wanted_K[Z_MAX]:
        values_K[Z_MIN], values_K[Z_MAX] = extremes(z_BD)
    if wanted_K[CORRELATION]:
        values_K[CORRELATION] = pair_correlation(z_BD)
    if wanted_K[RANK]:
        values_K[RANK] = effective_rank(u_BD, work_BD, np.empty((u_BD.shape[1], u_BD.shape[1]), np.float32))


@compiled_apart
def _measure_weights(
    theta_N: Array, gradient_N: Array, updates_UN: Array, shape: Shape, wanted_K: Array, values_LK: Array
) -> None:
    """Measure the weight, its gradient and its last update of every layer, the output included."""
    start = 0
    for layer in range(shape[3] + 1):
        rows, columns, size = layer_size(layer, shape)
        stop, values_K = start + rows * columns, values_LK[layer + 1]
        values_K[GRADIENT] = length(gradient_N[start:stop])
        if wanted_K[COHERENCE]:
            values_K[COHERENCE] = sign_coherence(gradient_N[start:stop].reshape(rows, columns))
        if wanted_K[WEIGHT] or wanted_K[UPDATE]:
            values_K[WEIGHT] = length(theta_N[start:stop])
        if wanted_K[UPDATE]:
            values_K[UPDATE] = ratio(length(updates_UN[0, start:stop]), values_K[WEIGHT])
        if wanted_K[SPECTRAL]:
            values_K[SPECTRAL] = spectral_norm(theta_N[start:stop].reshape(rows, columns))
        start += size


@compiled
def _measure_network(
    gradient_N: Array, updates_UN: Array, depth: int, clip: Kernel, clip_a: Array, wanted_K: Array, values_LK: Array
) -> None:
    """Measure what belongs to the whole network; leave its gradient clipped."""
    values_K = values_LK[0]
    whole = length(gradient_N)
    values_K[ALL_GRADIENT] = whole
    values_K[GRADIENT_RATIO] = ratio(values_LK[1, GRADIENT], values_LK[depth, GRADIENT])
    values_K[SIGNAL_RATIO] = ratio(values_LK[1, SIGNAL], values_LK[depth, SIGNAL])
    if wanted_K[COSINE]:
        values_K[COSINE] = cosine(updates_UN[0], updates_UN[1])
    clip(gradient_N.ctypes, gradient_N.size, clip_a.ctypes)
    values_K[CLIP] = ratio(length(gradient_N), whole)


@compiled_on_disk
def dead_units(
    theta_PN: Array, statistics_PM: Array, scale_P: Array, x_NI: Array, y_N: Array, probed: int, shape: Shape,
    link: Link, residual: bool, activate: Kernel, activate_back: Kernel, norm: Kernel, a: Array, least: np.float32,
    dead_PLD: Array,
) -> None:  # fmt: skip
    """Look for slopes of the units that are dead on the `probed` first examples, part by part, on all others.

    Where a batch is normalised a part has the probe's size, and the last one reaches back. Layers above the highest
    one with such a unit are left out: a network that ends there, with numbers for an output that nobody reads.
    """
    part = probed if shape[6] else min(probed, PART)
    held, rows_B = buffers(shape, residual, part), np.arange(part)
    slope_BD, ones_BD = np.empty((part, shape[1]), np.float32), np.ones((part, shape[1]), np.float32)
    x_BI, y_B = np.empty((part, x_NI.shape[1]), np.float32), np.empty(part, np.int64)
    logits_BC = np.empty((part, shape[2]), np.float32)
    for p in range(theta_PN.shape[0]):
        for first in range(probed, y_N.size, part):
            depth = _highest_dead(dead_PLD[p])
            if depth == 0:
                break
            lower = (shape[0], shape[1], shape[2], depth, shape[4], shape[5], shape[6], shape[7])
            gather(x_NI, y_N, rows_B + min(first, y_N.size - part), scale_P[p], x_BI, y_B)
            forward(theta_PN[p], statistics_PM[p].copy(), x_BI, held, logits_BC, lower, link, activate, norm, a, 1)
            keep_without_slope(theta_PN[p], held, ones_BD, slope_BD, lower, activate_back, a, least, dead_PLD[p])


@compiled
def _highest_dead(dead_LD: Array) -> int:
    """Return the number of the highest hidden layer with a dead unit, counted from 1, or 0."""
    highest = 0
    for layer in range(dead_LD.shape[0]):
        if dead_LD[layer].any():
            highest = layer + 1
    return highest


def count_dead(dead_PLD: Array, before_PLD: Array | None, values_PLK: Array) -> None:
    """Fill in the share of dead units, and the share of those dead before that still are; NaN where there were none."""
    values_PLK[:, 1:-1, DEAD] = dead_PLD.mean(2)
    if before_PLD is not None:
        were_PL = before_PLD.sum(2)
        both_PL = (dead_PLD & before_PLD).sum(2)
        values_PLK[:, 1:-1, STILL_DEAD] = np.where(were_PL > 0, both_PL / np.maximum(were_PL, 1), np.nan)
