"""Stacks that train at once on a GPU, each on a CUDA stream of its own.

A GPU updates a stack without Python, but not measure it. So the stacks take turns: while Python asks for the
evaluations and diagnostics of one, the GPU is busy with the captured updates of the others. No number depends on it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch

from actbench.levels.dataset import Dataset
from actbench.plan.design import Run
from actbench.training.loop import train_in_pieces
from actbench.training.record import Record
from actbench.training.state import start

Lane = Callable[[], AbstractContextManager[object]]

_END = object()


def train_abreast(stacks: Sequence[Sequence[Run]], dataset: Dataset, device: str) -> list[Record]:
    """Train fixed stacks in turns, a piece of each after the other, and return what was recorded of each.

    Args:
        stacks: runs of each stack (`make_stacks`, mixed).
        dataset: the data that all share.
        device: `cuda`, or `cpu`, where the turns are the same and nothing runs at once.
    """
    lanes, trainings = [_lane(device) for _ in stacks], []
    for lane, stack in zip(lanes, stacks, strict=True):
        with lane():
            trainings.append(start(stack, dataset, device, fixed=True))
    turns = [(lane, train_in_pieces(training, dataset)) for lane, training in zip(lanes, trainings, strict=True)]
    while turns:
        turns = [(lane, pieces) for lane, pieces in turns if _takes_turn(lane, pieces)]
    return [training.record for training in trainings]


def _lane(device: str) -> Lane:
    return partial(torch.cuda.stream, torch.cuda.Stream()) if device == "cuda" else nullcontext


def _takes_turn(lane: Lane, pieces: Iterator[None]) -> bool:
    """Train the next piece; return False when there was none."""
    with lane():
        return next(pieces, _END) is not _END
