"""(e) actbench: the compiled engine, and the readable one (autograd over stacked tensors) beside it."""

from collections.abc import Callable
from dataclasses import replace

import numba
import numpy as np
from cases import CLASSES, Case, examples

from actbench.levels.dataset import Dataset
from actbench.levels.products import multiply
from actbench.training import loop, state
from actbench.training.process import one_core


def dataset() -> Dataset:
    """Return data of MNIST-1D's size."""
    x_NI, y_N = examples()
    few = slice(0, 800)
    return Dataset(
        name="speed", classes=CLASSES, checksum="0" * 64, x_train=x_NI, y_train=y_N, x_val=x_NI[few], y_val=y_N[few],
        x_test=x_NI[few], y_test=y_N[few],
    )  # fmt: skip


def prepare(case: Case, models: int, updates: int) -> Callable[[], None]:
    """Return a function that makes `updates` updates of the stack by the compiled engine."""
    one_core()
    training = state.start([case.run(seed) for seed in range(models)], dataset())
    assert training.stack.network.compiled is not None

    def train() -> None:
        loop.advance(training, 0, updates)
        assert len(training.rows_P) == models, "no model may leave a timed stack"

    return train


def prepare_readable(case: Case, models: int, updates: int) -> Callable[[], None]:
    """Return a function that makes `updates` updates of the stack by autograd."""
    one_core()
    training = state.start([case.run(seed) for seed in range(models)], dataset())

    def train() -> None:
        loop.advance_by_autograd(training, 0, updates)

    return train


def prepare_recorded(case: Case, models: int, updates: int) -> Callable[[], None]:
    """Return a function that trains whole runs, all evaluations and diagnostics included."""
    one_core()
    runs, data = [replace(case.run(seed), steps=updates) for seed in range(models)], dataset()

    def train() -> None:
        loop.train_stack(runs, data)

    return train


def prepare_floor(case: Case, models: int, updates: int) -> Callable[[], None]:
    """Return a function that makes only the matrix products of `updates` updates, batched, through BLAS."""
    layers = _operands(case, models)

    def train() -> None:
        for _ in range(updates):
            for h, w, g, z, dw, dh in layers:
                np.matmul(h, w, out=z)
                np.matmul(h.transpose(0, 2, 1), g, out=dw)
                if dh is not layers[0][5]:
                    np.matmul(g, w.transpose(0, 2, 1), out=dh)

    return train


def prepare_products(case: Case, models: int, updates: int) -> Callable[[], None]:
    """Return a function that makes the same products by actbench's own loops."""
    layers = _operands(case, models)

    def train() -> None:
        for _ in range(updates):
            for operands in layers:
                _own_products(*operands, operands[5] is not layers[0][5])

    return train


def _operands(case: Case, models: int) -> list[tuple[np.ndarray, ...]]:
    """Return h, w, g of every layer and room for z = h·w, dw = hᵀ·g and dh = g·wᵀ."""
    noise = np.random.default_rng(0)
    layers = []
    for rows, columns in case.sizes():
        shapes = ((models, case.batch, rows), (models, rows, columns), (models, case.batch, columns))
        h, w, g = (noise.standard_normal(shape).astype(np.float32) for shape in shapes)
        layers.append((h, w, g, np.empty_like(g), np.empty_like(w), np.empty_like(h)))
    return layers


@numba.njit
def _own_products(h, w, g, z, dw, dh, down):  # type: ignore[no-untyped-def]
    for p in range(h.shape[0]):
        multiply(h[p], w[p], z[p])
        multiply(h[p].T, g[p], dw[p])
        if down:
            multiply(g[p], w[p].T, dh[p])
