"""Twice the runs need no more memory: what statistics of layers hold does not grow with the table."""

import tracemalloc
from pathlib import Path

import pytest

from actbench.analysis.statistics import write_statistics
from actbench.plan.config import Config
from synthetic import make_config, write_results

ACTIVATIONS = ("elu", "gelu", "mish", "prelu", "relu", "selu", "sigmoid", "silu", "softplus", "tanh")
MOST_GROWTH = 1.1


def grid(activations: tuple[str, ...]) -> Config:
    """Make a config of 60 runs for each activation."""
    seeds = (0, 1, 2, 3, 4)
    return make_config(
        activation=activations, depth=(8,), lr=(0.01, 0.02, 0.05), seed=seeds, norm=("none", "layernorm")
    )


def peak(config: Config, folder: Path) -> int:
    """Return the most bytes that were held while the statistics of layers were made."""
    write_results(config, folder)
    tracemalloc.start()
    try:
        write_statistics(config, folder, kinds=["layers"])
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_twice_the_activations_need_no_more_memory(tmp_path: Path) -> None:
    """Twice the activations, with as many runs each, raise the peak by less than 10 %."""
    peak(grid(ACTIVATIONS[:1]), tmp_path / "once")  # what is imported and remembered once
    assert peak(grid(ACTIVATIONS), tmp_path / "b") < MOST_GROWTH * peak(grid(ACTIVATIONS[:5]), tmp_path / "a")
