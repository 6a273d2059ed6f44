"""The multi-layer perceptron as one compiled loop: model by model, step by step, a model's data staying in cache.

Matrix products go to BLAS, everything else to the loops of the levels through pointers. `mlp._forward` under autograd
is the readable twin; a test ties the two.

Letters: P models, K updates, S seeds, N numbers of one model, M running statistics, R rows of a layer's input, B batch,
I inputs, D width, C classes, L hidden layers, T slots of the optimiser, Q the same batch of every seed.
"""

from typing import Any

import numba
import numpy as np

from actbench.levels.scalars import FAST, ONE, ZERO, exp

OPTIONS: dict[str, Any] = {"fastmath": FAST | {"reassoc"}, "error_model": "numpy", "cache": True, "nogil": True}
CHUNK = 64  # examples of one forward pass when scoring


@numba.njit(**OPTIONS)
def layer_size(layer, shape):
    """Return rows, columns and the number of parameters of a layer, counted from 0; the last is the output."""
    inputs, width, classes, depth, bias, norm_rows, _, learned = shape
    rows = inputs if layer == 0 else width
    if layer == depth:
        return rows, classes, rows * classes + classes
    return rows, width, rows * width + (bias + norm_rows) * width + (1 if learned >= 0 else 0)


@numba.njit(**OPTIONS)
def add_rows(z_BD, row_D):
    """Add a row to every row."""
    for b in range(z_BD.shape[0]):
        for d in range(z_BD.shape[1]):
            z_BD[b, d] += row_D[d]


@numba.njit(**OPTIONS)
def sum_rows(g_BD, total_D):
    """Sum over the examples."""
    for d in range(g_BD.shape[1]):
        total_D[d] = ZERO
    for b in range(g_BD.shape[0]):
        for d in range(g_BD.shape[1]):
            total_D[d] += g_BD[b, d]


@numba.njit(**OPTIONS)
def combine(h_BD, u_BD, skip, branch, out_BD):
    """out ← skip·h + branch·u."""
    for b in range(out_BD.shape[0]):
        for d in range(out_BD.shape[1]):
            out_BD[b, d] = skip * h_BD[b, d] + branch * u_BD[b, d]


@numba.njit(**OPTIONS)
def softmax_loss(logits_BC, y_B):
    """Return the summed cross-entropy; softmax(logits) takes the place of the logits."""
    total = 0.0
    for b in range(logits_BC.shape[0]):
        highest = logits_BC[b, 0]
        for c in range(logits_BC.shape[1]):
            highest = logits_BC[b, c] if logits_BC[b, c] > highest else highest
        own, scale = logits_BC[b, y_B[b]] - highest, ZERO
        for c in range(logits_BC.shape[1]):
            logits_BC[b, c] = exp(logits_BC[b, c] - highest)
            scale += logits_BC[b, c]
        total += np.log(np.float64(scale)) - np.float64(own)
        for c in range(logits_BC.shape[1]):
            logits_BC[b, c] /= scale
    return total


@numba.njit(**OPTIONS)
def count_right(logits_BC, y_B):
    """Count the examples whose first largest logit is that of their class."""
    right = 0
    for b in range(logits_BC.shape[0]):
        best = 0
        for c in range(1, logits_BC.shape[1]):
            if logits_BC[b, c] > logits_BC[b, best]:
                best = c
        right += best == y_B[b]
    return right


@numba.njit(**OPTIONS)
def buffers(shape, residual, batch):
    """Return h, u (the same when there is no skip), z, x and what the norm keeps, for all layers of one model."""
    depth, width = shape[3], shape[1]
    h_LBD = np.empty((depth, batch, width), np.float32)
    u_LBD = np.empty((depth, batch, width), np.float32) if residual else h_LBD
    z_LBD, x_LBD = np.empty((depth, batch, width), np.float32), np.empty((depth, batch, width), np.float32)
    return h_LBD, u_LBD, z_LBD, x_LBD, np.empty((depth, batch + width), np.float32)


@numba.njit(**OPTIONS)
def forward(theta_N, statistics_M, x_BI, held, logits_BC, shape, link, activate, norm, a, train):
    """Fill the buffers layer by layer and the logits; all buffers hold exactly the examples of x."""
    h_LBD, u_LBD, z_LBD, x_LBD, kept = held
    width, depth, bias, statistic_rows, learned = shape[1], shape[3], shape[4], shape[6], shape[7]
    batch, start = x_BI.shape[0], 0
    for layer in range(depth):
        rows, _, size = layer_size(layer, shape)
        weight_RD, after = theta_N[start : start + rows * width].reshape(rows, width), start + rows * width
        u_BD, z_BD = u_LBD[layer], z_LBD[layer]
        if layer == 0:
            np.dot(x_BI, weight_RD, u_BD)
        else:
            np.dot(h_LBD[layer - 1], weight_RD, u_BD)
        if bias:
            add_rows(u_BD, theta_N[after : after + width])
        own, parameters = statistics_M[layer * statistic_rows * width :], theta_N[after + bias * width :]
        norm(
            u_BD.ctypes, x_LBD[layer].ctypes, z_BD.ctypes, kept[layer].ctypes, parameters.ctypes, own.ctypes,
            batch, width, train,
        )  # fmt: skip
        if learned >= 0:
            a[learned] = theta_N[start + size - 1]
        activate(z_BD.ctypes, u_BD.ctypes, batch * width, a.ctypes)
        if link[0] != ZERO or link[1] != ONE:
            if layer == 0:
                h_LBD[0] = u_BD
            else:
                combine(h_LBD[layer - 1], u_BD, link[0], link[1], h_LBD[layer])
        start += size
    classes = shape[2]
    np.dot(h_LBD[depth - 1], theta_N[start : start + width * classes].reshape(width, classes), logits_BC)
    add_rows(logits_BC, theta_N[start + width * classes : start + width * classes + classes])


@numba.njit(**OPTIONS)
def backward(theta_N, gradient_N, x_BI, held, g_BC, work, shape, link, activate_back, norm_back, a):
    """Fill the gradient of every parameter, given that of the logits."""
    h_LBD, u_LBD, z_LBD, x_LBD, kept = held
    dh_BD, dz_BD, through_BD, scratch = work
    width, classes, depth, bias, learned = shape[1], shape[2], shape[3], shape[4], shape[7]
    batch, start = x_BI.shape[0], 0
    for layer in range(depth):
        start += layer_size(layer, shape)[2]
    weight_DC = theta_N[start : start + width * classes].reshape(width, classes)
    np.dot(h_LBD[depth - 1].T, g_BC, gradient_N[start : start + width * classes].reshape(width, classes))
    sum_rows(g_BC, gradient_N[start + width * classes : start + width * classes + classes])
    np.dot(g_BC, weight_DC.T, dh_BD)
    for layer in range(depth - 1, -1, -1):
        rows, _, size = layer_size(layer, shape)
        start -= size
        after, end = start + rows * width, start + size
        if learned >= 0:
            a[learned] = theta_N[end - 1]
        activate_back(
            z_LBD[layer].ctypes, u_LBD[layer].ctypes, dh_BD.ctypes, dz_BD.ctypes, batch * width, a.ctypes,
            gradient_N[end - 1 :].ctypes,
        )  # fmt: skip
        if layer > 0 and link[1] != ONE:
            scale(dz_BD, link[1])
            if learned >= 0:
                gradient_N[end - 1] *= link[1]
        parameters, gradients = theta_N[after + bias * width :], gradient_N[after + bias * width :]
        norm_back(
            dz_BD.ctypes, x_LBD[layer].ctypes, kept[layer].ctypes, parameters.ctypes, gradients.ctypes,
            scratch.ctypes, batch, width,
        )  # fmt: skip
        if bias:
            sum_rows(dz_BD, gradient_N[after : after + width])
        if layer == 0:
            np.dot(x_BI.T, dz_BD, gradient_N[start:after].reshape(rows, width))
            continue
        np.dot(h_LBD[layer - 1].T, dz_BD, gradient_N[start:after].reshape(rows, width))
        weight_DD = theta_N[start:after].reshape(rows, width)
        if link[0] == ZERO:
            np.dot(dz_BD, weight_DD.T, dh_BD)
        else:
            np.dot(dz_BD, weight_DD.T, through_BD)
            combine(dh_BD, through_BD, link[0], ONE, dh_BD)


@numba.njit(**OPTIONS)
def scale(g_BD, factor):
    """Multiply in place."""
    for b in range(g_BD.shape[0]):
        for d in range(g_BD.shape[1]):
            g_BD[b, d] *= factor


@numba.njit(**OPTIONS)
def loss_gradient(probabilities_BC, y_B):
    """Turn softmax into the gradient of the mean cross-entropy: (softmax - onehot) / B."""
    share = ONE / np.float32(probabilities_BC.shape[0])
    for b in range(probabilities_BC.shape[0]):
        probabilities_BC[b, y_B[b]] -= ONE
        for c in range(probabilities_BC.shape[1]):
            probabilities_BC[b, c] *= share


@numba.njit(**OPTIONS)
def gather(x_NI, y_N, rows_B, factor, x_BI, y_B):
    """Copy the examples of a batch, times the model's input scale."""
    for b in range(rows_B.size):
        y_B[b] = y_N[rows_B[b]]
        for i in range(x_NI.shape[1]):
            x_BI[b, i] = x_NI[rows_B[b], i] * factor


@numba.njit(**OPTIONS)
def train(
    theta_PN, slots_PTN, statistics_PM, lr_P, scale_P, order_SKB, seed_P, first, x_NI, y_N, shape, link, residual,
    activate, activate_back, norm, norm_back, clip, update, a, clip_a, update_a, done_P, clipped_P, loss_P,
):  # fmt: skip
    """Make K updates of each model; stop a model before the update whose loss is not finite.

    done_P receives the number of updates made, clipped_P gains the number of clipped ones, loss_P the last loss.
    """
    batch = order_SKB.shape[2]
    held = buffers(shape, residual, batch)
    dh_BD, dz_BD = np.empty((batch, shape[1]), np.float32), np.empty((batch, shape[1]), np.float32)
    work = (dh_BD, dz_BD, np.empty_like(dh_BD), np.empty((3, shape[1]), np.float32))
    x_BI, y_B = np.empty((batch, x_NI.shape[1]), np.float32), np.empty(batch, np.int64)
    logits_BC, gradient_N = np.empty((batch, shape[2]), np.float32), np.zeros(theta_PN.shape[1], np.float32)
    for p in range(theta_PN.shape[0]):
        theta_N, statistics_M = theta_PN[p], statistics_PM[p]
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


@numba.njit(**OPTIONS)
def score(theta_PN, statistics_PM, scale_P, x_NI, y_N, shape, link, residual, activate, norm, a, loss_P, right_P):
    """Add up loss and right answers of each model over all examples, with running statistics."""
    everything = np.arange(y_N.size)
    for start in range(0, y_N.size, CHUNK):
        rows_B = everything[start : start + CHUNK]
        held = buffers(shape, residual, rows_B.size)
        x_BI, y_B = np.empty((rows_B.size, x_NI.shape[1]), np.float32), np.empty(rows_B.size, np.int64)
        logits_BC = np.empty((rows_B.size, shape[2]), np.float32)
        for p in range(theta_PN.shape[0]):
            gather(x_NI, y_N, rows_B, scale_P[p], x_BI, y_B)
            forward(theta_PN[p], statistics_PM[p], x_BI, held, logits_BC, shape, link, activate, norm, a, 0)
            right_P[p] += count_right(logits_BC, y_B)
            loss_P[p] += softmax_loss(logits_BC, y_B)
