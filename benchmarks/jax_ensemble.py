"""(c) JAX: `vmap` over models, `scan` over updates, one `jit`; compilation is not timed."""

import os
from collections.abc import Callable
from typing import Any

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np
from cases import CLIP, MOMENTUM, Case, batches, examples

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid, "silu": jax.nn.silu, "elu": jax.nn.elu,
    "gelu": lambda z: jax.nn.gelu(z, approximate=False),
}  # fmt: skip


def _normalise(norm: str, z: Any, gain: Any, shift: Any) -> Any:
    if norm == "none":
        return z
    axis = 0 if norm == "batchnorm" else 1
    centred = z if norm == "rmsnorm" else z - z.mean(axis, keepdims=True)
    return centred * jax.lax.rsqrt((centred * centred).mean(axis, keepdims=True) + 1e-5) * gain + shift


def _initial(case: Case, models: int) -> list[Any]:
    noise = np.random.default_rng(2)
    layers = []
    for rows, columns in case.sizes():
        weight = noise.standard_normal((models, rows, columns)) * (2 / rows) ** 0.5
        row = (models, columns)
        layers.append([jnp.asarray(item, jnp.float32) for item in (weight, np.zeros(row), np.ones(row), np.zeros(row))])
    return layers


def _loss(case: Case, layers: Any, x: Any, y: Any) -> Any:
    h = x
    for weight, bias, gain, shift in layers[:-1]:
        h = ACTIVATIONS[case.activation](_normalise(case.norm, h @ weight + bias, gain, shift))
    logits = h @ layers[-1][0] + layers[-1][1]
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1).mean()


def prepare(case: Case, models: int, updates: int) -> Callable[[], None]:
    """Return a function that makes `updates` updates of the whole ensemble in one compiled call."""
    x_NI, y_N = (jnp.asarray(array) for array in examples())
    order_KPB = jnp.asarray(batches(models, updates, case.batch).transpose(1, 0, 2))

    def one(layers: Any, first: Any, second: Any, rows: Any, t: Any) -> Any:
        gradient = jax.grad(lambda own: _loss(case, own, x_NI[rows], y_N[rows]))(layers)
        squares = sum(jnp.sum(item * item) for item in jax.tree.leaves(gradient))
        factor = jnp.minimum(1.0, CLIP / (jnp.sqrt(squares) + 1e-6))
        gradient = jax.tree.map(lambda item: item * factor, gradient)
        if case.optimizer == "sgd":
            first = jax.tree.map(lambda v, g: MOMENTUM * v + g, first, gradient)
            return jax.tree.map(lambda w, v: w - 0.01 * v, layers, first), first, second
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
        rate, root = 0.01 / (1 - 0.9**t), jnp.sqrt(1 - 0.999**t)
        step = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) / root + 1e-8), layers, first, second)
        return step, first, second

    def scan(carry: Any, item: Any) -> Any:
        rows_PB, t = item
        return jax.vmap(one, in_axes=(0, 0, 0, 0, None))(*carry, rows_PB, t), None

    steps = jnp.arange(1, updates + 1, dtype=jnp.float32)
    program = jax.jit(lambda carry: jax.lax.scan(scan, carry, (order_KPB, steps))[0])
    layers = _initial(case, models)
    state = [layers, jax.tree.map(jnp.zeros_like, layers), jax.tree.map(jnp.zeros_like, layers)]

    def train() -> None:
        state[:] = jax.block_until_ready(program(tuple(state)))

    return train
