"""Measure what the diagnostics add to training at the default schedule.

    python benchmarks/diagnostics.py [--quick]     the table, some 15 minutes of one core

1,000 updates on MNIST-1D, whole runs: the same evaluations, losses and accuracies with and without diagnostics. Both
ways are timed in turn, in process CPU time, so that a drift of the machine hits both; each round gives one ratio, and
the table its median and range. Without diagnostics the probe is only scored.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from actbench.training.process import cache_folder, prepare_process

if TYPE_CHECKING:
    from actbench.levels.dataset import Dataset
    from actbench.plan.design import Run

MODELS, ROUNDS = 8, 11
WARM_UP = 100  # updates: all loops are compiled by then, and all diagnostics recorded once
NORMS = ("none", "batchnorm", "layernorm")
# (depth, norm, activation); ReLU's dead units need a pass over the training split, others none
CASES = [
    *((depth, norm, "relu") for depth in (2, 4, 8, 16) for norm in NORMS),
    *((depth, "none", "gelu") for depth in (4, 16)),
]
QUICK = [(4, "none", "relu"), (8, "batchnorm", "relu")]


def runs_of(depth: int, norm: str, activation: str, steps: int) -> list["Run"]:
    """Return a stack of the default grid: its two rates and initialisations, several seeds."""
    from actbench.plan.design import Run

    common = {
        "dataset": "mnist1d", "model": "mlp", "activation": activation, "depth": depth, "width": 64, "norm": norm,
        "residual": "none", "clip": "none", "optimizer": "sgd", "batch_size": 64, "steps": steps, "bias_offset": 0.0,
        "input_scale": 1.0,
    }  # fmt: skip
    inits, rates = ("he_normal", "xavier_normal"), (0.02, 0.1)
    return [Run(**common, init=inits[index % 2], lr=rates[index // 2 % 2], seed=index // 4) for index in range(MODELS)]


@contextmanager
def without_diagnostics() -> Iterator[None]:
    """Let the loop score the probe and measure nothing on it."""
    import torch

    from actbench.plan.cost import PROBE
    from actbench.training import loop, state
    from actbench.training.evaluate import score

    def scored(stack, scale_P11, x_NI, y_N, watch, step):
        nothing_PK = torch.full((len(scale_P11), len(state.diagnostic_keys(stack.network))), torch.nan)
        return score(stack, scale_P11, x_NI[:PROBE], y_N[:PROBE]), nothing_PK

    kept = loop.probe, state.Watch.before_update
    loop.probe, state.Watch.before_update = scored, lambda *_: None
    try:
        yield
    finally:
        loop.probe, state.Watch.before_update = kept


def overhead_of(depth: int, norm: str, activation: str, dataset: "Dataset") -> tuple[float, list[float]]:
    """Return CPU microseconds of one update of one model without diagnostics, and the overhead of each round."""
    from actbench.training.loop import train_stack

    def seconds() -> float:
        start = time.process_time()
        train_stack(runs, dataset)
        return time.process_time() - start

    train_stack(runs_of(depth, norm, activation, WARM_UP), dataset)
    runs = runs_of(depth, norm, activation, 1000)
    plain, ratios = [], []
    for turn in range(ROUNDS):
        first = seconds() if turn % 2 else 0.0
        with without_diagnostics():
            plain.append(seconds())
        ratios.append((first or seconds()) / plain[-1] - 1)
    return statistics.median(plain) / MODELS / 1000 * 1e6, ratios


def overheads(cases: list[tuple[int, str, str]]) -> str:
    """Return a section of results.md: the overhead of each case, and the largest median."""
    from actbench.levels.dataset import load_dataset
    from actbench.training.process import one_core

    one_core()
    dataset = load_dataset("mnist1d", cache_folder() / "data")
    lines = ["| depth | norm | activation | an update of a model, µs | diagnostics add | range |", "|" + " --- |" * 6]
    medians = []
    for case in cases:
        plain, ratios = overhead_of(*case, dataset)
        medians.append(statistics.median(ratios))
        cells = [*map(str, case), f"{plain:.0f}", f"{medians[-1]:.1%}", f"{min(ratios):.1%} … {max(ratios):.1%}"]
        lines.append("| " + " | ".join(cells) + " |")
        print(lines[-1], file=sys.stderr, flush=True)
    words = (
        f"Width 64, batch 64, 1,000 updates, {MODELS} models in a stack, the evaluations of the default schedule."
        f" Median and range of {ROUNDS} rounds; at most {max(medians):.1%}."
    )
    return "\n".join(["## Diagnostics", "", words, "", *lines, ""])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two rows")
    chosen = QUICK if parser.parse_args().quick else CASES
    prepare_process(cache_folder())
    print(overheads(chosen), end="")
