"""The contract between the training loop and a model family.

A family is one file in `models/` with `build(runs, inputs, classes) -> Network`. The loop never looks inside: it asks
for parameters, a forward pass and a trace, so recurrent, convolutional or attention families need no change to it.

Letters: P models of a stack, B examples, I inputs, D width, C classes.
"""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from torch import Tensor

from actbench.plan.design import Run

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Parameter:
    """One trained array of one model: its shape and the layer it belongs to; in a stack it gains an axis P."""

    shape: tuple[int, ...]
    layer: int
    is_weight: bool = False

    @property
    def size(self) -> int:
        """Count the numbers of one model's slice."""
        count = 1
        for extent in self.shape:
            count *= extent
        return count


@dataclass(frozen=True)
class LayerTrace:
    """What one layer left behind in a forward pass: z before the activation, u after it (None at the output).

    derivative: φ′ of z alone, with the layer's learned parameters (None at the output). signal_PBD: ∂loss/∂z, absent
    until `gradients.loss_and_gradient` has run backward.
    """

    layer: int
    weight: str
    z_PBD: Tensor
    u_PBD: Tensor | None = None
    derivative: Callable[[Tensor], Tensor] | None = None
    signal_PBD: Tensor | None = None

    @cached_property
    def slope_PBD(self) -> Tensor:
        """Return φ′(z) of a hidden layer, (P, B, D)."""
        assert self.derivative is not None
        return self.derivative(self.z_PBD)


class Forward(Protocol):
    """A forward pass.

    Args:
        parameters: name -> tensor (P, *shape).
        statistics: name -> tensor (P, *shape), running statistics; updated in place when mode is `train`.
        x_PBI: inputs.
        mode: `train`, `probe` (as in training, but nothing is updated) or `eval`.
        trace: a list that receives one LayerTrace a layer, or None.

    Returns:
        logits (P, B, C).
    """

    def __call__(
        self, parameters: Tensors, statistics: Tensors, x_PBI: Tensor, mode: str, trace: list[LayerTrace] | None = None
    ) -> Tensor:
        """Map a stack's parameters and inputs to its outputs."""
        ...


@dataclass(frozen=True)
class Probed:
    """What a compiled probe found of a stack.

    values_PLK: the diagnostics of `Compiled.measured` (K) of each layer (L; 0: the network), NaN where there are none.
    dead_PLD: hidden units without a slope on any training example (L; 0 is the first), or None if nobody asked.
    on_all: loss and accuracy on all training examples, where the search for dead units came by, or None.
    """

    loss_P: Tensor
    accuracy_P: Tensor
    values_PLK: Tensor
    dead_PLD: Tensor | None
    on_all: tuple[Tensor, Tensor] | None = None


class Compiled(Protocol):
    """The same training, scoring and probing in machine code, for one core of a CPU. Training changes arrays in place.

    measured: names of the diagnostics that `probe` knows. When one that is registered is missing, autograd probes.

    Letters beyond those above: N numbers of one model, M running statistics, T slots, S seeds, K updates.
    """

    @property
    def measured(self) -> tuple[str, ...]:
        """Return the names."""
        ...

    def advance(
        self,
        parameters_PN: Tensor,
        slots_PTN: Tensor,
        statistics_PM: Tensor,
        lr_P1: Tensor,
        scale_P11: Tensor,
        order_SKB: Tensor,
        seed_P: Tensor,
        first: int,
        x_NI: Tensor,
        y_N: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Make K updates, the first after `first` others; return updates made, clipped updates and last loss, (P,)."""
        ...

    def score(
        self, parameters_PN: Tensor, statistics_PM: Tensor, scale_P11: Tensor, x_NI: Tensor, y_N: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return mean loss and accuracy of every model with running statistics, (P,)."""
        ...

    def probe(
        self,
        parameters_PN: Tensor,
        statistics_PM: Tensor,
        scale_P11: Tensor,
        x_NI: Tensor,
        y_N: Tensor,
        size: int,
        updates_PN: Sequence[Tensor],
        wanted: Set[str],
        dead_before_PLD: Tensor | None,
        last: bool,
    ) -> Probed:
        """Return scores and the wanted diagnostics on the first `size` examples, given the last updates, newest first.

        dead_before_PLD: the dead units at the moment before, or None at the first. last: the training split will be
        scored next; the search for dead units may do that.
        """
        ...


@dataclass(frozen=True)
class Network:
    """One network structure, shared by all models of a stack.

    `initialise(run)` returns the initial parameters of one model, without the axis P, from that run's own streams.
    `statistics` maps each running statistic to its shape and initial value. `compile_loops` returns None when a level
    has no compiled form: autograd through `forward` then trains the stack. mixed: the models differ in activation, so
    `forward` takes these models, all of them; otherwise it takes any number.
    """

    parameters: dict[str, Parameter]
    statistics: dict[str, tuple[tuple[int, ...], float]]
    initialise: Callable[[Run], Tensors]
    forward: Forward
    compile_loops: Callable[[], Compiled | None] | None = None
    mixed: bool = False

    @cached_property
    def compiled(self) -> Compiled | None:
        """Return the compiled loops, made when they are first asked for: who only looks at a network needs none."""
        return None if self.compile_loops is None else self.compile_loops()
