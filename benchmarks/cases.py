"""The work that every engine does: the same networks, batches, optimiser, clipping and number of updates."""

import itertools
from dataclasses import dataclass

import numpy as np

from actbench.plan.design import Run

CLIP = 1.0  # norm clipping, as in the default grid
MOMENTUM = 0.9
EXAMPLES, INPUTS, CLASSES = 3200, 40, 10  # MNIST-1D's training split


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    depth: int
    width: int
    norm: str
    activation: str
    optimizer: str
    batch: int = 64

    def run(self, seed: int) -> Run:
        """Return the run of actbench that is the same network."""
        return Run(
            dataset="mnist1d", model="mlp", activation=self.activation, depth=self.depth, width=self.width,
            init="he_normal", norm=self.norm, residual="none", clip=f"norm({CLIP})", optimizer=self.optimizer,
            lr=0.01, batch_size=self.batch, steps=1000, bias_offset=0.0, input_scale=1.0, seed=seed,
        )  # fmt: skip

    def flops(self) -> int:
        """Count the operations of the matrix products of one update: forward, and backward to weights and inputs."""
        products = [2 * self.batch * rows * columns for rows, columns in self.sizes()]
        return 3 * sum(products) - products[0]  # nobody needs the gradient of the inputs

    def sizes(self) -> list[tuple[int, int]]:
        """Return (rows, columns) of every weight."""
        widths = [INPUTS, *[self.width] * self.depth, CLASSES]
        return list(itertools.pairwise(widths))


def all_cases() -> list[Case]:
    """Return the table's rows: depths, norms, activations, then widths and adam at one depth."""
    over_depth = [Case(depth, 64, norm, "relu", "sgd") for depth in (2, 4, 8, 16, 32) for norm in ("none", "batchnorm")]
    norms = [Case(8, 64, norm, "relu", "sgd") for norm in ("layernorm", "rmsnorm")]
    activations = [Case(8, 64, "none", name, "sgd") for name in ("tanh", "sigmoid", "gelu", "silu", "elu")]
    widths = [Case(8, width, norm, "gelu", "sgd") for width in (32, 128) for norm in ("none", "layernorm")]
    adam = [Case(depth, 64, "none", "relu", "adam") for depth in (4, 16)]
    return over_depth + norms + activations + widths + adam


def quick_cases() -> list[Case]:
    """Return a few rows for a first look."""
    return [Case(4, 64, "none", "relu", "sgd"), Case(16, 64, "batchnorm", "relu", "sgd")]


def examples() -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (N, I) and labels (N,) of MNIST-1D's size; speed does not depend on their values."""
    noise = np.random.default_rng(0)
    x_NI = noise.standard_normal((EXAMPLES, INPUTS)).astype(np.float32)
    return x_NI, noise.integers(0, CLASSES, EXAMPLES)


def batches(models: int, updates: int, batch: int) -> np.ndarray:
    """Return the examples of every update of every model, (P, K, B)."""
    noise = np.random.default_rng(1)
    return noise.integers(0, EXAMPLES, (models, updates, batch))
