"""Diagnostics of a stack at one moment: a forward and a backward pass on the probe, then `levels.diagnostics`.

Letters: P models of a stack, Q of them that differ, B examples, I inputs, D units, N numbers of one model, K
diagnostics.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor

from actbench.levels.clipping import CLIPPING
from actbench.levels.diagnostics import DIAGNOSTICS
from actbench.levels.family import Compiled, LayerTrace, Network, Probed
from actbench.levels.measures import Layer, Whole
from actbench.plan.cost import PROBE
from actbench.plan.design import Run
from actbench.plan.level import parse_level
from actbench.training.batches import shared_inputs
from actbench.training.dead_units import dead_units
from actbench.training.evaluate import Scores
from actbench.training.gradients import loss_and_gradient
from actbench.training.schedule import is_recorded
from actbench.training.stack import Stack

REMEMBERED = 2  # updates before a moment that are known to it: the cosine between successive ones needs two


@dataclass
class Watch:
    """What the diagnostics of a stack remember between moments.

    earlier_PN: the parameters before the last updates, oldest first. dead_PD: for each hidden layer, the units that
    were dead at the last moment that looked for them; empty before the first. on_train: scores on the training split
    at the last of `steps`, if they were found in passing.
    """

    run: Run
    steps: Sequence[int]
    earlier_PN: deque[Tensor] = field(default_factory=partial(deque[Tensor], maxlen=REMEMBERED))
    dead_PD: list[Tensor] = field(default_factory=list)
    on_train: Scores | None = None

    def before_update(self, parameters_PN: Tensor) -> None:
        """Remember the parameters as they are."""
        self.earlier_PN.append(parameters_PN.clone())

    def select(self, keep_P: Tensor) -> None:
        """Forget the models whose entry of `keep_P` is False."""
        self.earlier_PN = deque((tensor[keep_P] for tensor in self.earlier_PN), maxlen=REMEMBERED)
        self.dead_PD = [dead[keep_P] for dead in self.dead_PD]
        if self.on_train is not None:
            self.on_train = self.on_train[0][keep_P], self.on_train[1][keep_P]

    def updates(self, parameters_PN: Tensor) -> list[Tensor]:
        """Return the last updates, newest first."""
        path = [*self.earlier_PN, parameters_PN]
        return [after - before for before, after in zip(path[-2::-1], path[:0:-1], strict=True)]

    def names(self, step: int) -> set[str]:
        """Return the diagnostics that are recorded at a step."""
        return {n for n, entry in DIAGNOSTICS.items() if is_recorded(entry.when, entry.after, step, self.steps)}


def diagnostic_keys(network: Network) -> list[tuple[int, str]]:
    """Return (layer, diagnostic) of every recorded number of a network, in the order of `probe`."""
    layers = [parameter.layer for parameter in network.parameters.values() if parameter.is_weight]
    keys = [(layer, name) for layer in layers for name in _names(layer < max(layers))]
    return [*keys, *((0, name) for name in _network_names())]


def _names(hidden: bool) -> list[str]:
    wanted = ("weights", "hidden") if hidden else ("weights",)
    return [name for name, entry in DIAGNOSTICS.items() if entry.where in wanted]


def _network_names() -> list[str]:
    return [name for name, entry in DIAGNOSTICS.items() if entry.where == "network"]


def probe(stack: Stack, scale_P11: Tensor, x_NI: Tensor, y_N: Tensor, watch: Watch, step: int) -> tuple[Scores, Tensor]:
    """Run forward and backward on the probe; return the scores and all diagnostics, (P, K).

    What is not recorded at this step, or does not exist, is NaN.

    Args:
        stack: the models after `step` updates.
        scale_P11: their input scales.
        x_NI: the training examples; the first PROBE of them are the probe.
        y_N: their classes.
        watch: what is remembered of the updates and moments before.
        step: one of `watch.steps`.
    """
    compiled = stack.network.compiled
    if compiled is None:
        return probe_by_autograd(stack, scale_P11, x_NI, y_N, watch, step)
    names, keys = watch.names(step), diagnostic_keys(stack.network)
    values_PK = _without_loops(names - set(compiled.measured), stack, scale_P11, x_NI, y_N, watch, step)
    found = _by_loops(compiled, stack, scale_P11, x_NI, y_N, watch, step)
    watch.on_train = found.on_all
    if found.dead_PLD is not None:
        watch.dead_PD = list(found.dead_PLD.unbind(1))
    measured = {name: place for place, name in enumerate(compiled.measured) if name in names}
    columns = [column for column, (_, name) in enumerate(keys) if name in measured]
    layers, places = [keys[column][0] for column in columns], [measured[keys[column][1]] for column in columns]
    values_PK[:, columns] = found.values_PLK[:, layers, places]
    return (found.loss_P, found.accuracy_P), values_PK


def _by_loops(
    compiled: Compiled, stack: Stack, scale_P11: Tensor, x_NI: Tensor, y_N: Tensor, watch: Watch, step: int
) -> Probed:
    """Probe in machine code; at step 0, where models that differ in their rates alone are equal, each kind once."""
    updates_PN = watch.updates(stack.parameters_PN)
    kind_P: Tensor | slice = slice(None)
    if step == 0:
        first_Q, kind_P = _kinds(scale_P11, stack.statistics_PM, stack.parameters_PN)
        stack, scale_P11 = stack.select(first_Q), scale_P11[first_Q]
    before_PLD = torch.stack(watch.dead_PD, 1) if watch.dead_PD else None
    found = compiled.probe(
        stack.parameters_PN, stack.statistics_PM, scale_P11, x_NI, y_N, PROBE, updates_PN, watch.names(step),
        before_PLD, last=step == watch.steps[-1],
    )  # fmt: skip
    dead_PLD = None if found.dead_PLD is None else found.dead_PLD[kind_P]
    return Probed(found.loss_P[kind_P], found.accuracy_P[kind_P], found.values_PLK[kind_P], dead_PLD, found.on_all)


def _without_loops(
    names: set[str], stack: Stack, scale_P11: Tensor, x_NI: Tensor, y_N: Tensor, watch: Watch, step: int
) -> Tensor:
    """Return the diagnostics that have no compiled form, by autograd, and NaN in the place of all others, (P, K)."""
    if not names:
        return torch.full((len(scale_P11), len(diagnostic_keys(stack.network))), torch.nan)
    apart = replace(watch)  # what autograd finds dead must not take the place of what the loops remember
    return probe_by_autograd(stack, scale_P11, x_NI, y_N, apart, step, names)[1]


def _kinds(*tensors: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first model of each kind and the kind of each model; those of a kind are equal in every bit."""
    first_Q: list[int] = []
    kind_P: list[int] = []
    bits = [tensor.view(torch.int32) for tensor in tensors]
    for p in range(len(bits[0])):
        alike = (kind for kind, first in enumerate(first_Q) if all(torch.equal(b[p], b[first]) for b in bits))
        kind_P.append(next(alike, len(first_Q)))
        first_Q += [p] if kind_P[-1] == len(first_Q) else []
    return torch.tensor(first_Q), torch.tensor(kind_P)


def probe_by_autograd(
    stack: Stack,
    scale_P11: Tensor,
    x_NI: Tensor,
    y_N: Tensor,
    watch: Watch,
    step: int,
    names: set[str] | None = None,
) -> tuple[Scores, Tensor]:
    """Probe through the network's forward pass: the readable twin of `Compiled.probe`, also for a GPU.

    names: the diagnostics that are measured; by default those that are recorded at the step.
    """
    trace: list[LayerTrace] = []
    y_PB = y_N[:PROBE].expand(len(scale_P11), -1)
    inputs_PBI = shared_inputs(x_NI[:PROBE], scale_P11)
    loss_P, logits_PBC, gradient_PN = loss_and_gradient(stack, inputs_PBI, y_PB, "probe", trace)
    accuracy_P = (logits_PBC.argmax(2) == y_PB).float().mean(1)
    with torch.no_grad():
        names = watch.names(step) if names is None else names
        layers = _layers(stack, gradient_PN, trace, watch)
        if any(DIAGNOSTICS[name].on == "train" for name in names):
            layers = _with_dead_units(layers, watch, dead_units(trace[:-1], stack, scale_P11, x_NI, PROBE))
        return (loss_P, accuracy_P), _measure(stack, gradient_PN, layers, watch, names)


def _layers(stack: Stack, gradient_PN: Tensor, trace: Sequence[LayerTrace], watch: Watch) -> list[Layer]:
    weights, gradients = stack.views(stack.parameters_PN), stack.views(gradient_PN)
    updates = [stack.views(update_PN) for update_PN in watch.updates(stack.parameters_PN)[:1]]
    return [Layer(weights[i.weight], gradients[i.weight], i, updates[0][i.weight] if updates else None) for i in trace]


def _with_dead_units(layers: Sequence[Layer], watch: Watch, dead_PD: Sequence[Tensor]) -> list[Layer]:
    """Put the dead units of each hidden layer beside those of the moment before, and remember them."""
    before: Sequence[Tensor | None] = watch.dead_PD or [None] * len(dead_PD)
    watch.dead_PD = list(dead_PD)
    *hidden, output = layers
    found = zip(hidden, dead_PD, before, strict=True)
    return [*(replace(layer, dead_PD=now, dead_before_PD=then) for layer, now, then in found), output]


def _measure(stack: Stack, gradient_PN: Tensor, layers: Sequence[Layer], watch: Watch, names: set[str]) -> Tensor:
    rule = parse_level("clip", watch.run.clip)
    clip = partial(_clipped, CLIPPING[rule.name].function, rule.arguments)
    whole = Whole(gradient_PN, clip, watch.updates(stack.parameters_PN), layers[:-1])
    subjects = [(layer, _names(layer.trace.u_PBD is not None)) for layer in layers]
    absent_P = torch.full_like(gradient_PN[:, 0], torch.nan)
    columns = []
    for subject, wanted in [*subjects, (whole, _network_names())]:
        columns += [DIAGNOSTICS[name].measure(subject) if name in names else absent_P for name in wanted]
    return torch.stack(columns, dim=1)


def _clipped(function: Callable[..., Tensor], arguments: tuple[float, ...], gradient_PN: Tensor) -> Tensor:
    clipped_PN = gradient_PN.clone()
    function(clipped_PN, *arguments)
    return clipped_PN
