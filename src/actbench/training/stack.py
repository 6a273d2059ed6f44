"""Stacks: runs that train at once as one tensor program, every parameter with a leading model axis.

All parameters of a model lie in one row of a flat tensor; the network sees views of it. Clipping and the optimiser
work on the rows, so that no model can touch another.

Letters: P models of a stack, N numbers of one model (all parameters, padded), M running statistics of one model, T
slots of the optimiser.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from actbench.levels.activations import ACTIVATIONS
from actbench.levels.family import Network, Tensors
from actbench.plan.design import Run
from actbench.plan.factors import FACTORS
from actbench.plan.level import parse_level
from actbench.plan.places import VARYING

SHARED = tuple(name for name in FACTORS if name not in VARYING)

LARGEST = 32  # models; their activations then fit a CPU's second-level cache
# Elementwise kernels treat the tail of an array apart from its body, and round it differently. When every model's
# slice is a multiple of two of the widest vectors (AVX-512: 16 float32), a stack has no tail.
VECTOR = 32


def shared_levels(run: Run, mixed: bool = False) -> tuple[object, ...]:
    """Return what must agree for runs to be stacked: levels, in `mixed` stacks only the names an activation learns."""
    if not mixed:
        return tuple(getattr(run, name) for name in SHARED)
    learned = tuple(ACTIVATIONS[parse_level("activation", run.activation).name].learned)
    return (learned, *(getattr(run, name) for name in SHARED if name != "activation"))


def make_stacks(
    runs: Sequence[Run], largest: Callable[[Run], int] = lambda run: LARGEST, mixed: bool = False
) -> list[tuple[Run, ...]]:
    """Group runs that share a tensor program into stacks of nearly equal size.

    Args:
        runs: the runs.
        largest: how many models a stack like a run's may hold.
        mixed: whether models of a stack may differ in activation; equal ones then stand side by side.
    """
    groups: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        groups.setdefault(shared_levels(run, mixed), []).append(run)
    stacks = []
    for group in groups.values():
        count = -(-len(group) // largest(group[0]))
        stacks += [_side_by_side(group[index::count]) for index in range(count)]
    return stacks


def _side_by_side(runs: Sequence[Run]) -> tuple[Run, ...]:
    return tuple(sorted(runs, key=lambda run: run.activation))


@dataclass(frozen=True)
class Stack:
    """The models of a stack that still train, and all that their training carries along, flat for each model."""

    network: Network
    parameters_PN: Tensor
    statistics_PM: Tensor
    slots_PTN: Tensor
    lr_P1: Tensor

    def views(self, flat_PN: Tensor) -> Tensors:
        """Return name -> view (P, *shape) of a flat tensor laid out as the parameters."""
        shapes = {name: parameter.shape for name, parameter in self.network.parameters.items()}
        return _views(flat_PN, shapes)

    def statistics(self) -> Tensors:
        """Return name -> view (P, *shape) of the running statistics."""
        return _views(self.statistics_PM, {name: shape for name, (shape, _) in self.network.statistics.items()})

    def moved(self, device: str) -> "Stack":
        """Return the stack on another device."""
        return self._each(lambda tensor: tensor.to(device))

    def select(self, keep_P: Tensor) -> "Stack":
        """Return the stack without the models whose entry of `keep_P` is False."""
        return self._each(lambda tensor: tensor[keep_P])

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Stack":
        tensors = (self.parameters_PN, self.statistics_PM, self.slots_PTN, self.lr_P1)
        return Stack(self.network, *map(change, tensors))


def _views(flat_PN: Tensor, shapes: dict[str, tuple[int, ...]]) -> Tensors:
    views, start = {}, 0
    for name, shape in shapes.items():
        stop = start + math.prod(shape)
        views[name] = flat_PN[:, start:stop].unflatten(1, shape)
        start = stop
    return views


def parameter_count(network: Network) -> int:
    """Count the numbers that one model trains."""
    return sum(parameter.size for parameter in network.parameters.values())


def initial_stack(runs: Sequence[Run], network: Network, slots: int, device: str = "cpu") -> Stack:
    """Stack freshly initialised models, each from its own run's random streams, with `slots` optimiser slots.

    The numbers are drawn on the CPU and then moved: a seed means the same weights on every device.
    """
    padded = -(-parameter_count(network) // VECTOR) * VECTOR
    parameters_PN = torch.zeros(len(runs), padded)
    statistics_PM = torch.zeros(len(runs), sum(math.prod(shape) for shape, _ in network.statistics.values()))
    lr_P1 = torch.tensor([[run.lr] for run in runs], dtype=torch.float32)
    stack = Stack(network, parameters_PN, statistics_PM, torch.zeros(len(runs), slots, padded), lr_P1)
    views, statistics = stack.views(parameters_PN), stack.statistics()
    for name, (_, value) in network.statistics.items():
        statistics[name].fill_(value)
    for index, run in enumerate(runs):
        for name, tensor in network.initialise(run).items():
            views[name][index] = tensor
    return stack if device == "cpu" else stack.moved(device)
