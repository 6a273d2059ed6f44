"""The one training loop.

Every run of a stack takes the same steps on its own batches with its own learning rate. A run whose loss is not finite
is recorded as diverged and leaves the stack; nothing of its neighbours changes.

Letters: P models that still train, N numbers of one model, I inputs.
"""

import importlib
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from actbench.levels.clipping import CLIPPING
from actbench.levels.dataset import Dataset
from actbench.levels.family import Compiled, Network
from actbench.levels.optimizers import OPTIMIZERS
from actbench.plan.design import Run
from actbench.plan.level import parse_level
from actbench.training.batches import Batches
from actbench.training.captured import CapturedSteps
from actbench.training.device import chosen_device
from actbench.training.evaluate import Scores, score
from actbench.training.gradients import loss_and_gradient
from actbench.training.probe import UPDATES, Watch, diagnostic_keys, probe
from actbench.training.record import Record
from actbench.training.schedule import evaluation_steps
from actbench.training.stack import Stack, initial_stack
from actbench.training.stopping import stop_if_asked

MOST_UPDATES = 128  # made at once; Ctrl-C waits for no more


@dataclass
class _Best:
    """The models as they were at each one's lowest validation loss so far."""

    stack: Stack
    loss_P: Tensor
    accuracy_P: Tensor
    step_P: Tensor

    def select(self, keep_P: Tensor) -> "_Best":
        """Return the models whose entry of `keep_P` is True."""
        columns = (self.loss_P[keep_P], self.accuracy_P[keep_P], self.step_P[keep_P])
        return _Best(self.stack.select(keep_P), *columns)


@dataclass
class Training:
    """A stack while it trains; `rows_P` are the places of its models in the record."""

    stack: Stack
    batches: Batches
    record: Record
    rows_P: Tensor
    clipped_P: Tensor
    best: _Best
    watch: Watch
    captured: CapturedSteps | None = None

    def drop(self, finite_P: Tensor, steps_P: Tensor) -> None:
        """Record the models that are not finite as diverged after `steps_P` updates and let them leave."""
        if bool(finite_P.all()):
            return
        gone_P = ~finite_P
        self.record.diverged(self.rows_P[gone_P], steps_P[gone_P], self.clipped_P[gone_P])
        self.stack, self.best = self.stack.select(finite_P), self.best.select(finite_P)
        self.batches.select(finite_P)
        self.watch.select(finite_P)
        self.rows_P, self.clipped_P = self.rows_P[finite_P], self.clipped_P[finite_P]


def build_network(run: Run, dataset: Dataset) -> Network:
    """Build the structure that a run's stack shares."""
    family = importlib.import_module(f"actbench.levels.models.{run.model}")
    network: Network = family.build(run, dataset.x_train.shape[1], dataset.classes)
    return network


def start(runs: Sequence[Run], dataset: Dataset, device: str | None = None) -> Training:
    """Initialise a stack of runs that share a tensor program; only a CPU runs the compiled loops."""
    device = device or chosen_device()
    network = build_network(runs[0], dataset)
    network = network if device == "cpu" else replace(network, compile_loops=None)
    slots = OPTIMIZERS[parse_level("optimizer", runs[0].optimizer).name].slots
    stack = initial_stack(runs, network, len(slots), device)
    x_NI, y_N = _tensors(dataset.x_train, dataset.y_train, device=stack.parameters_PN.device)
    size = sum(parameter.size for parameter in network.parameters.values())
    steps = evaluation_steps(runs[0].steps)
    record = Record(tuple(runs), steps, diagnostic_keys(network), size, dataset.classes)
    count = len(runs)
    none_P = torch.zeros(count, device=stack.parameters_PN.device)
    best = _Best(_copied(stack), none_P + math.inf, none_P.clone(), none_P.long())
    rows_P, clipped_P = torch.arange(count, device=none_P.device), none_P.long()
    return Training(stack, Batches(runs, x_NI, y_N), record, rows_P, clipped_P, best, Watch(runs[0], steps))


def _copied(stack: Stack) -> Stack:
    """Copy what scoring needs."""
    parameters_PN, statistics_PM = stack.parameters_PN.clone(), stack.statistics_PM.clone()
    return replace(stack, parameters_PN=parameters_PN, statistics_PM=statistics_PM, slots_PTN=stack.slots_PTN[:, :0])


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
    _evaluate(training, dataset, 0)
    for first, last in itertools.pairwise(training.record.steps):
        _advance_watched(training, first, last)
        if len(training.rows_P):
            _evaluate(training, dataset, last)
    if len(training.rows_P):
        _finish(training, dataset)
    if on_end is not None:
        on_end(training)
    return training.record


def _advance_watched(training: Training, first: int, last: int) -> None:
    """Make the updates from `first` to `last`; before each of the final ones, remember the parameters."""
    stops = [stop for stop in range(last - UPDATES, last) if stop > first]
    for start, stop in itertools.pairwise([first, *stops, last]):
        if len(training.rows_P) and start >= last - UPDATES:
            training.watch.before_update(training.stack.parameters_PN)
        advance(training, start, stop)


def advance(training: Training, first: int, last: int) -> None:
    """Make the updates from step `first` to step `last`: captured on a GPU, else compiled where the levels allow it."""
    for start in range(first, last, MOST_UPDATES):
        if len(training.rows_P) == 0:
            return
        stop_if_asked(start / training.record.steps[-1])
        stop = min(start + MOST_UPDATES, last)
        if training.stack.parameters_PN.is_cuda:
            advance_captured(training, start, stop)
        elif training.stack.network.compiled is None:
            advance_by_autograd(training, start, stop)
        else:
            _advance_compiled(training, training.stack.network.compiled, start, stop)


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
    """Make the same updates by replaying one captured step."""
    if training.captured is None or training.captured.stack is not training.stack:
        training.captured = CapturedSteps(training, MOST_UPDATES)
    live_P, done_P, clipped_P = training.captured.advance(first, last)
    training.clipped_P += clipped_P
    training.drop(live_P, first + done_P)


def advance_by_autograd(training: Training, first: int, last: int) -> None:
    """Make the same updates through the network's forward pass: the readable twin of `Compiled.advance`."""
    run = training.record.runs[0]
    clip, optimizer = parse_level("clip", run.clip), parse_level("optimizer", run.optimizer)
    for step in range(first, last):
        x_PBI, y_PB = training.batches.at(step)
        loss_P, _, gradient_PN = loss_and_gradient(training.stack, x_PBI, y_PB, "train")
        finite_P = loss_P.isfinite()
        training.drop(finite_P, torch.full_like(training.rows_P, step))
        if len(training.rows_P) == 0:
            return
        stack, gradient_PN = training.stack, gradient_PN[finite_P]
        training.clipped_P += CLIPPING[clip.name].function(gradient_PN, *clip.arguments)
        entry = OPTIMIZERS[optimizer.name]
        slots = {name: stack.slots_PTN[:, index] for index, name in enumerate(entry.slots)}
        entry.update(stack.parameters_PN, gradient_PN, slots, stack.lr_P1, step + 1, *optimizer.arguments)


def _evaluate(training: Training, dataset: Dataset, step: int) -> None:
    """Measure validation scores, probe scores and diagnostics; let models leave whose loss is not finite."""
    stack, scale_P11 = training.stack, training.batches.scale_P11
    device = scale_P11.device
    validation = score(stack, scale_P11, *_tensors(dataset.x_val, dataset.y_val, device=device))
    x_NI, y_N = _tensors(dataset.x_train, dataset.y_train, device=device)
    on_probe, values_PK = probe(stack, scale_P11, x_NI, y_N, training.watch, step)
    finite_P = validation[0].isfinite() & on_probe[0].isfinite()
    record, rows_P = training.record, training.rows_P
    record.curve(rows_P, step, "train", on_probe)
    record.curve(rows_P, step, "val", validation)
    record.diagnostics(rows_P, step, values_PK)
    _keep_best(training, validation, step)
    training.drop(finite_P, torch.full_like(rows_P, step))


def _keep_best(training: Training, validation: Scores, step: int) -> None:
    best, stack = training.best, training.stack
    better_P = validation[0] < best.loss_P
    best.loss_P = torch.where(better_P, validation[0], best.loss_P)
    best.accuracy_P = torch.where(better_P, validation[1], best.accuracy_P)
    best.step_P = torch.where(better_P, step, best.step_P)
    best.stack.parameters_PN[better_P] = stack.parameters_PN[better_P]
    best.stack.statistics_PM[better_P] = stack.statistics_PM[better_P]


def _finish(training: Training, dataset: Dataset) -> None:
    """Record the final scores, those of the best validation step, and how often clipping acted."""
    record, rows_P, best = training.record, training.rows_P, training.best
    scale_P11 = training.batches.scale_P11
    record.updates_clipped_P[rows_P.cpu().numpy()] = training.clipped_P.cpu().numpy()
    device = scale_P11.device
    for split in ("train", "val", "test"):
        x_NI, y_N = _tensors(getattr(dataset, f"x_{split}"), getattr(dataset, f"y_{split}"), device=device)
        known = training.watch.on_train if split == "train" else None
        _record_scores(record, split, rows_P, known or score(training.stack, scale_P11, x_NI, y_N))
    _record_scores(record, "best_val", rows_P, (best.loss_P, best.accuracy_P))
    on_test = score(best.stack, scale_P11, *_tensors(dataset.x_test, dataset.y_test, device=device))
    _record_scores(record, "best_test", rows_P, on_test)
    record.best_step_P[rows_P.cpu().numpy()] = best.step_P.cpu().numpy()


def _tensors(*arrays: object, device: torch.device) -> list[Tensor]:
    return [torch.as_tensor(array, device=device) for array in arrays]


def _record_scores(record: Record, prefix: str, rows_P: Tensor, scores: Scores) -> None:
    record.final(f"{prefix}_loss", rows_P, scores[0])
    record.final(f"{prefix}_accuracy", rows_P, scores[1])
