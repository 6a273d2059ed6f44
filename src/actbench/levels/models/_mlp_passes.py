"""One forward and one backward pass of a multi-layer perceptron in compiled loops, for one model.

Activations, norms, clipping and updates are the loops of the levels, reached through pointers.

Letters: N numbers of the model, M running statistics, R rows of a layer's input, B batch, I inputs, D width, C classes,
L hidden layers.
"""

from typing import Any

import numba
import numpy as np

from actbench.levels import machine_code
from actbench.levels.apart import apart
from actbench.levels.diagnostic_loops import length
from actbench.levels.products import multiply, multiply_onto
from actbench.levels.scalars import FAST, ONE, ZERO, exp

compiled: Any = numba.njit(fastmath=FAST | {"reassoc"}, error_model="numpy")
# Kept on disk: what is called from outside, which has one signature, and what is compiled apart from its callers.
compiled_on_disk: Any = machine_code.loop(fastmath=FAST | {"reassoc"}, error_model="numpy")
compiled_apart: Any = apart(fastmath=FAST | {"reassoc"}, error_model="numpy")
Array = np.ndarray[Any, Any]
Buffers = tuple[Array, ...]
Kernel = Any  # a pointer made by `levels.kernels`
Shape = tuple[int, ...]
Link = tuple[np.float32, np.float32]


@compiled
def layer_size(layer: int, shape: Shape) -> tuple[int, int, int]:
    """Return rows, columns and the number of parameters of a layer, counted from 0; the last is the output."""
    inputs, width, classes, depth, bias, norm_rows, _, learned = shape
    rows = inputs if layer == 0 else width
    if layer == depth:
        return rows, classes, rows * classes + classes
    return rows, width, rows * width + (bias + norm_rows) * width + (1 if learned >= 0 else 0)


@compiled
def sum_rows(g_BD: Array, total_D: Array) -> None:
    """Sum over the examples."""
    for d in range(g_BD.shape[1]):
        total_D[d] = ZERO
    for b in range(g_BD.shape[0]):
        for d in range(g_BD.shape[1]):
            total_D[d] += g_BD[b, d]


@compiled
def copy(u_BD: Array, out_BD: Array) -> None:
    """Out ← u, as loops: numba's own assignment takes seconds to compile."""
    for b in range(out_BD.shape[0]):
        for d in range(out_BD.shape[1]):
            out_BD[b, d] = u_BD[b, d]


@compiled
def combine(h_BD: Array, u_BD: Array, skip: np.float32, branch: np.float32, out_BD: Array) -> None:
    """Out ← skip·h + branch·u."""
    for b in range(out_BD.shape[0]):
        for d in range(out_BD.shape[1]):
            out_BD[b, d] = skip * h_BD[b, d] + branch * u_BD[b, d]


@compiled
def softmax_loss(logits_BC: Array, y_B: Array) -> float:
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


@compiled
def count_right(logits_BC: Array, y_B: Array) -> int:
    """Count the examples whose first largest logit is that of their class."""
    right = 0
    for b in range(logits_BC.shape[0]):
        best = 0
        for c in range(1, logits_BC.shape[1]):
            if logits_BC[b, c] > logits_BC[b, best]:
                best = c
        right += best == y_B[b]
    return right


@compiled
def buffers(shape: Shape, residual: bool, batch: int) -> Buffers:
    """Return h, u (the same when there is no skip), z, x and what the norm keeps, for all layers of one model."""
    depth, width = shape[3], shape[1]
    h_LBD = np.empty((depth, batch, width), np.float32)
    u_LBD = np.empty((depth, batch, width), np.float32) if residual else h_LBD
    z_LBD, x_LBD = np.empty((depth, batch, width), np.float32), np.empty((depth, batch, width), np.float32)
    return h_LBD, u_LBD, z_LBD, x_LBD, np.empty((depth, batch + width), np.float32)


@compiled_apart
def forward(
    theta_N: Array,
    statistics_M: Array,
    x_BI: Array,
    held: Buffers,
    logits_BC: Array,
    shape: Shape,
    link: Link,
    activate: Kernel,
    norm: Kernel,
    a: Array,
    train: int,
) -> None:
    """Fill the buffers layer by layer and the logits; all buffers hold exactly the examples of x."""
    h_LBD, u_LBD, z_LBD, x_LBD, kept = held
    width, depth, bias, normed, statistic_rows, learned = shape[1], shape[3], shape[4], shape[5], shape[6], shape[7]
    batch, start = x_BI.shape[0], 0
    for layer in range(depth):
        rows, _, size = layer_size(layer, shape)
        weight_RD, after = theta_N[start : start + rows * width].reshape(rows, width), start + rows * width
        u_BD, z_BD = u_LBD[layer], z_LBD[layer]
        linear_BD, bias_D = u_BD if normed else z_BD, theta_N[after : after + bias * width]
        if layer == 0:
            multiply_onto(x_BI, weight_RD, bias_D, linear_BD)
        else:
            multiply_onto(h_LBD[layer - 1], weight_RD, bias_D, linear_BD)
        if normed:
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
                copy(u_BD, h_LBD[0])
            else:
                combine(h_LBD[layer - 1], u_BD, link[0], link[1], h_LBD[layer])
        start += size
    after = start + width * shape[2]
    bias_C = theta_N[after : after + shape[2]]
    multiply_onto(h_LBD[depth - 1], theta_N[start:after].reshape(width, shape[2]), bias_C, logits_BC)


@compiled_apart
def backward(
    theta_N: Array,
    gradient_N: Array,
    x_BI: Array,
    held: Buffers,
    g_BC: Array,
    work: Buffers,
    shape: Shape,
    link: Link,
    activate_back: Kernel,
    norm_back: Kernel,
    a: Array,
) -> None:
    """Fill the gradient of every parameter, given that of the logits; and the norm of each ∂loss/∂z, if there is room.

    The last array of `work` has a number for each hidden layer, or none.
    """
    h_LBD, u_LBD, z_LBD, x_LBD, kept = held
    dh_BD, dz_BD, through_BD, scratch, signal_L = work
    width, classes, depth, bias, learned = shape[1], shape[2], shape[3], shape[4], shape[7]
    batch, start = x_BI.shape[0], 0
    for layer in range(depth):
        start += layer_size(layer, shape)[2]
    weight_DC = theta_N[start : start + width * classes].reshape(width, classes)
    multiply(h_LBD[depth - 1].T, g_BC, gradient_N[start : start + width * classes].reshape(width, classes))
    sum_rows(g_BC, gradient_N[start + width * classes : start + width * classes + classes])
    multiply(g_BC, weight_DC.T, dh_BD)
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
        if signal_L.size:
            signal_L[layer] = length(dz_BD.reshape(-1))
        parameters, gradients = theta_N[after + bias * width :], gradient_N[after + bias * width :]
        norm_back(
            dz_BD.ctypes, x_LBD[layer].ctypes, kept[layer].ctypes, parameters.ctypes, gradients.ctypes,
            scratch.ctypes, batch, width,
        )  # fmt: skip
        if bias:
            sum_rows(dz_BD, gradient_N[after : after + width])
        if layer == 0:
            multiply(x_BI.T, dz_BD, gradient_N[start:after].reshape(rows, width))
            continue
        multiply(h_LBD[layer - 1].T, dz_BD, gradient_N[start:after].reshape(rows, width))
        weight_DD = theta_N[start:after].reshape(rows, width)
        if link[0] == ZERO:
            multiply(dz_BD, weight_DD.T, dh_BD)
        else:
            multiply(dz_BD, weight_DD.T, through_BD)
            combine(dh_BD, through_BD, link[0], ONE, dh_BD)


@compiled
def scale(g_BD: Array, factor: np.float32) -> None:
    """Multiply in place."""
    for b in range(g_BD.shape[0]):
        for d in range(g_BD.shape[1]):
            g_BD[b, d] *= factor


@compiled
def loss_gradient(probabilities_BC: Array, y_B: Array) -> None:
    """Turn softmax into the gradient of the mean cross-entropy: (softmax - onehot) / B."""
    share = ONE / np.float32(probabilities_BC.shape[0])
    for b in range(probabilities_BC.shape[0]):
        probabilities_BC[b, y_B[b]] -= ONE
        for c in range(probabilities_BC.shape[1]):
            probabilities_BC[b, c] *= share
