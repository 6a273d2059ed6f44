"""The one training loop.

Every run of a stack takes the same steps on its own batches with its own learning rate. A run whose loss is not finite
is recorded as diverged and leaves the stack, or goes on unrecorded where the step is captured; nothing of its
neighbours changes.

Letters: P models of the stack, N numbers of one model, I inputs.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from actbench.levels.dataset import Dataset
from actbench.levels.family import Compiled
from actbench.plan.design import Run
from actbench.training.captured import CapturedSteps
from actbench.training.evaluate import Scores, score
from actbench.training.gradients import loss_and_gradient
from actbench.training.probe import REMEMBERED, probe
from actbench.training.record import Record
from actbench.training.state import Training, start
from actbench.training.stopping import stop_if_asked
from actbench.training.update import update

MOST_UPDATES = 128  # made at once; Ctrl-C waits for no more


def train_stack(
    runs: Sequence[Run],
    dataset: Dataset,
    on_end: Callable[[Training], None] | None = None,
    device: str | None = None,
) -> Record:
    """Train runs that share a tensor program and return what was recorded of each.

    Args:
        runs: runs of one stack (`make_stacks`).
        dataset: the data they share.
        on_end: called with the trained stack before it is forgotten, e.g. to draw its decision boundaries.
        device: `cpu`, or `cuda` for the first GPU; the process's own (`device.use_device`) by default.
    """
    training = start(runs, dataset, device)
    for _ in train_in_pieces(training, dataset):
        pass
    if on_end is not None:
        on_end(training)
    return training.record


def train_in_pieces(training: Training, dataset: Dataset) -> Iterator[None]:
    """Train to the end; yield after each piece, before its numbers are asked for: a GPU may still be at it."""
    _evaluate(training, dataset, 0)
    for first, last in itertools.pairwise(training.record.steps):
        _advance_watched(training, first, last)
        yield
        if len(training.rows_P):
            _evaluate(training, dataset, last)
    if len(training.rows_P):
        _finish(training, dataset)


def _advance_watched(training: Training, first: int, last: int) -> None:
    """Make the updates from `first` to `last`; before each of the final ones, remember the parameters."""
    stops = [stop for stop in range(last - REMEMBERED, last) if stop > first]
    for begin, end in itertools.pairwise([first, *stops, last]):
        if len(training.rows_P) and begin >= last - REMEMBERED:
            training.watch.before_update(training.stack.parameters_PN)
        advance(training, begin, end)


def advance(training: Training, first: int, last: int) -> None:
    """Make the updates from step `first` to step `last`: captured in a fixed stack, else compiled where that can be."""
    for begin in range(first, last, MOST_UPDATES):
        if len(training.rows_P) == 0:
            return
        stop_if_asked(begin / training.record.steps[-1])
        stop = min(begin + MOST_UPDATES, last)
        if training.fixed:
            advance_captured(training, begin, stop)
        elif training.stack.network.compiled is None:
            advance_by_autograd(training, begin, stop)
        else:
            _advance_compiled(training, training.stack.network.compiled, begin, stop)


def _advance_compiled(training: Training, compiled: Compiled, first: int, last: int) -> None:
    stack, batches = training.stack, training.batches
    order_SKB, seed_P = batches.order(first, last - first)
    done_P, clipped_P, loss_P = compiled.advance(
        stack.parameters_PN, stack.slots_PTN, stack.statistics_PM, stack.lr_P1, batches.scale_P11,
        order_SKB, seed_P, first, batches.x_NI, batches.y_N,
    )  # fmt: skip
    training.clipped_P += clipped_P
    training.drop(loss_P.isfinite(), first + done_P)


def advance_captured(training: Training, first: int, last: int) -> None:
    """Make the same updates by replaying one captured step; nothing waits for them."""
    if training.captured is None:
        run = training.record.runs[0]
        training.captured = CapturedSteps(training.stack, training.batches, run, MOST_UPDATES)
    live_P, done_P, clipped_P = training.captured.advance(training.live_P, first, last)
    training.clipped_P += clipped_P
    training.drop(live_P, first + done_P)


def advance_by_autograd(training: Training, first: int, last: int) -> None:
    """Make the same updates through the network's forward pass: the readable twin of `Compiled.advance`."""
    for step in range(first, last):
        x_PBI, y_PB = training.batches.at(step)
        loss_P, _, gradient_PN = loss_and_gradient(training.stack, x_PBI, y_PB, "train")
        finite_P = loss_P.isfinite()
        training.drop(finite_P, torch.full_like(training.rows_P, step))
        if len(training.rows_P) == 0:
            return
        training.clipped_P += update(training.stack, gradient_PN[finite_P], training.record.runs[0], step + 1)


def _evaluate(training: Training, dataset: Dataset, step: int) -> None:
    """Measure validation scores, probe scores and diagnostics; drop models whose loss is not finite."""
    stack, batches = training.stack, training.batches
    validation = score(stack, batches.scale_P11, *_split(training, dataset, "val"))
    on_probe, values_PK = probe(stack, batches.scale_P11, batches.x_NI, batches.y_N, training.watch, step)
    finite_P = validation[0].isfinite() & on_probe[0].isfinite()
    rows_P, *scores, live_PK = training.of_live(training.rows_P, *on_probe, *validation, values_PK)
    training.record.curve(rows_P, step, "train", (scores[0], scores[1]))
    training.record.curve(rows_P, step, "val", (scores[2], scores[3]))
    training.record.diagnostics(rows_P, step, live_PK)
    _keep_best(training, validation, step)
    training.drop(finite_P, torch.full_like(training.rows_P, step))


def _keep_best(training: Training, validation: Scores, step: int) -> None:
    best, stack = training.best, training.stack
    better_P = validation[0] < best.loss_P
    best.loss_P = torch.where(better_P, validation[0], best.loss_P)
    best.accuracy_P = torch.where(better_P, validation[1], best.accuracy_P)
    best.step_P = torch.where(better_P, step, best.step_P)
    best.stack.parameters_PN[better_P] = stack.parameters_PN[better_P]
    best.stack.statistics_PM[better_P] = stack.statistics_PM[better_P]


def _finish(training: Training, dataset: Dataset) -> None:
    """Record what diverged, the final scores, those of the best validation step, and how often clipping acted."""
    record, best, scale_P11 = training.record, training.best, training.batches.scale_P11
    training.record_diverged()
    counts = training.of_live(training.rows_P, training.clipped_P, best.step_P)
    rows_P, clipped_P, best_step_P = (tensor.cpu().numpy() for tensor in counts)
    record.updates_clipped_P[rows_P], record.best_step_P[rows_P] = clipped_P, best_step_P
    for name in ("train", "val", "test"):
        known = training.watch.on_train if name == "train" else None
        _record_scores(training, name, known or score(training.stack, scale_P11, *_split(training, dataset, name)))
    _record_scores(training, "best_val", (best.loss_P, best.accuracy_P))
    _record_scores(training, "best_test", score(best.stack, scale_P11, *_split(training, dataset, "test")))


def _split(training: Training, dataset: Dataset, name: str) -> tuple[Tensor, Tensor]:
    """Return x (N, I) and y (N,) of a split, where the stack is."""
    device = training.batches.x_NI.device
    x_NI, y_N = (torch.as_tensor(getattr(dataset, f"{letter}_{name}"), device=device) for letter in "xy")
    return x_NI, y_N


def _record_scores(training: Training, prefix: str, scores: Scores) -> None:
    rows_P, loss_P, accuracy_P = training.of_live(training.rows_P, *scores)
    training.record.final(f"{prefix}_loss", rows_P, loss_P)
    training.record.final(f"{prefix}_accuracy", rows_P, accuracy_P)
