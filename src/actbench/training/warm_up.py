"""Loops are compiled, or read from disk, before a stack's time is taken."""

from dataclasses import replace

from actbench.levels.dataset import Dataset
from actbench.plan.design import Run
from actbench.training.loop import train_stack

EXAMPLES = 512
ARRAYS = ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test")


def compile_loops(run: Run, dataset: Dataset) -> None:
    """Make one update of a small network that has a run's levels, evaluations and diagnostics included.

    Compiled loops serve any depth, width and batch: where they are there already, this takes milliseconds.
    """
    few = {name: getattr(dataset, name)[:EXAMPLES] for name in ARRAYS}
    small = replace(run, depth=1, width=8, steps=1, batch_size=min(run.batch_size, EXAMPLES))
    train_stack([small], replace(dataset, **few))
