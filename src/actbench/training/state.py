"""A stack while it trains: models, batches, what is remembered of them, and who still trains.

Letters: P models of a stack, N numbers of one model, I inputs.
"""

import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from actbench.levels.dataset import Dataset
from actbench.levels.family import Network
from actbench.levels.optimizers import OPTIMIZERS
from actbench.plan.design import Run
from actbench.plan.level import parse_level
from actbench.training.batches import Batches
from actbench.training.captured import CapturedSteps
from actbench.training.device import chosen_device
from actbench.training.probe import Watch, diagnostic_keys
from actbench.training.record import Record
from actbench.training.schedule import evaluation_steps
from actbench.training.stack import Stack, initial_stack, parameter_count


@dataclass
class Best:
    """The models as they were at each one's lowest validation loss so far."""

    stack: Stack
    loss_P: Tensor
    accuracy_P: Tensor
    step_P: Tensor

    @classmethod
    def unknown(cls, stack: Stack) -> "Best":
        """Make room for the parameters and statistics of a stack that has not been scored; any loss is better."""
        copied = replace(stack, parameters_PN=stack.parameters_PN.clone(), statistics_PM=stack.statistics_PM.clone())
        none_P = torch.zeros_like(stack.lr_P1[:, 0])
        return cls(replace(copied, slots_PTN=stack.slots_PTN[:, :0]), none_P + math.inf, none_P, none_P.long())

    def select(self, keep_P: Tensor) -> "Best":
        """Return the models whose entry of `keep_P` is True."""
        columns = (self.loss_P[keep_P], self.accuracy_P[keep_P], self.step_P[keep_P])
        return Best(self.stack.select(keep_P), *columns)


@dataclass
class Training:
    """A stack while it trains.

    fixed: no model leaves the stack, as its step is captured; one that diverges is only marked.
    rows_P: the places of its models in the record. live_P: whose loss was finite until now; False only in a fixed
    stack. ended_P: after how many updates the others diverged. clipped_P: updates whose gradient was clipped.
    """

    stack: Stack
    batches: Batches
    record: Record
    best: Best
    watch: Watch
    fixed: bool
    rows_P: Tensor = field(init=False)
    live_P: Tensor = field(init=False)
    ended_P: Tensor = field(init=False)
    clipped_P: Tensor = field(init=False)
    captured: CapturedSteps | None = None

    def __post_init__(self) -> None:
        models, device = len(self.stack.parameters_PN), self.stack.parameters_PN.device
        self.rows_P = torch.arange(models, device=device)
        self.live_P = torch.ones(models, dtype=torch.bool, device=device)
        self.ended_P, self.clipped_P = torch.zeros_like(self.rows_P), torch.zeros_like(self.rows_P)

    def drop(self, finite_P: Tensor, steps_P: Tensor) -> None:
        """Let the models that are not finite leave, diverged after `steps_P` updates; of a fixed stack, mark them."""
        gone_P = self.live_P & ~finite_P
        self.live_P, self.ended_P = self.live_P & finite_P, torch.where(gone_P, steps_P, self.ended_P)
        if not self.fixed and bool(gone_P.any()):
            self.record_diverged()
            self._leave()

    def record_diverged(self) -> None:
        """Record the models that are not live as diverged."""
        gone_P = ~self.live_P
        self.record.diverged(self.rows_P[gone_P], self.ended_P[gone_P], self.clipped_P[gone_P])

    def of_live(self, *tensors: Tensor) -> list[Tensor]:
        """Return of every tensor (P, …) what belongs to the live models."""
        return [tensor[self.live_P] for tensor in tensors]

    def _leave(self) -> None:
        keep_P = self.live_P
        self.stack, self.best = self.stack.select(keep_P), self.best.select(keep_P)
        self.batches.select(keep_P)
        self.watch.select(keep_P)
        self.rows_P, self.clipped_P, self.ended_P, self.live_P = self.of_live(
            self.rows_P, self.clipped_P, self.ended_P, self.live_P
        )


def build_network(runs: Sequence[Run], dataset: Dataset) -> Network:
    """Build the structure that the runs of a stack share."""
    family = importlib.import_module(f"actbench.levels.models.{runs[0].model}")
    network: Network = family.build(runs, dataset.x_train.shape[1], dataset.classes)
    return network


def start(runs: Sequence[Run], dataset: Dataset, device: str | None = None, fixed: bool | None = None) -> Training:
    """Initialise the runs of a stack (`make_stacks`).

    Args:
        runs: they may differ in activation when the stack is fixed.
        dataset: the data they share.
        device: `cpu` or `cuda`; the process's own by default.
        fixed: whether the step is captured and no model leaves; so it is on a GPU, where no compiled loops run.
    """
    device = device or chosen_device()
    fixed = device != "cpu" if fixed is None else fixed
    network = build_network(runs, dataset)
    network = replace(network, compile_loops=None) if fixed else network
    slots = OPTIMIZERS[parse_level("optimizer", runs[0].optimizer).name].slots
    stack = initial_stack(runs, network, len(slots), device)
    x_NI, y_N = (torch.as_tensor(array, device=device) for array in (dataset.x_train, dataset.y_train))
    steps = evaluation_steps(runs[0].steps)
    record = Record(tuple(runs), steps, diagnostic_keys(network), parameter_count(network), dataset.classes)
    batches, watch = Batches(runs, x_NI, y_N), Watch(runs[0], steps)
    return Training(stack, batches, record, Best.unknown(stack), watch, fixed)
