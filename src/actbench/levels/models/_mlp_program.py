"""A run's levels as arguments of the compiled loops.

Letters: P models, N numbers of one model, M running statistics, T slots, S seeds, K updates, B batch, I inputs.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from actbench.levels import kernels
from actbench.levels.activations import ACTIVATIONS
from actbench.levels.clipping import CLIPPING
from actbench.levels.family import Probed
from actbench.levels.models import _mlp_loops as loops
from actbench.levels.models import _mlp_probe
from actbench.levels.normalizations import NORMALIZATIONS
from actbench.levels.optimizers import OPTIMIZERS
from actbench.levels.residuals import RESIDUALS
from actbench.levels.saturation import GRID_G, NO_SLOPE, SATURATED, steepest
from actbench.plan.design import Run
from actbench.plan.level import parse_level

Array = np.ndarray[Any, Any]
Scores = tuple[Tensor, Tensor]  # loss and accuracy, (P,)


@dataclass(frozen=True)
class MlpProgram:
    """The compiled multi-layer perceptron of one structure; implements `family.Compiled`.

    shape: inputs, width, classes, depth, rows of bias (0 or 1), rows of norm parameters, rows of running statistics,
    and the place of the learned parameter among the activation's numbers, or -1. link: s and t of s·h + t·u.
    steepest_slope: the largest |φ′| and its lowest place, a learned parameter at its initial value.
    """

    shape: tuple[int, ...]
    link: tuple[np.float32, np.float32]
    activation: tuple[Any, Any]
    steepest_slope: tuple[np.float32, np.float32]
    norm: tuple[Any, Any]
    clip: Any
    update: Any
    activation_numbers: Array
    clip_numbers: Array
    update_numbers: Array
    measured = _mlp_probe.MEASURED

    @property
    def has_skip(self) -> bool:
        """Tell whether a layer's output differs from its activation's."""
        return self.link != (np.float32(0), np.float32(1))

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
        """Make K updates of every model; see `family.Compiled`."""
        count = len(parameters_PN)
        done_P, clipped_P, loss_P = np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count)
        loops.train(
            parameters_PN.numpy(), slots_PTN.numpy(), statistics_PM.numpy(),
            lr_P1.numpy().ravel(), scale_P11.numpy().ravel(), order_SKB.numpy(), seed_P.numpy(), first,
            x_NI.numpy(), y_N.numpy(), self.shape, self.link, self.has_skip,
            *self.activation, *self.norm, self.clip, self.update,
            self.activation_numbers.copy(), self.clip_numbers, self.update_numbers, done_P, clipped_P, loss_P,
        )  # fmt: skip
        return torch.from_numpy(done_P), torch.from_numpy(clipped_P), torch.from_numpy(loss_P)

    def score(
        self, parameters_PN: Tensor, statistics_PM: Tensor, scale_P11: Tensor, x_NI: Tensor, y_N: Tensor
    ) -> Scores:
        """Return mean loss and accuracy of every model; see `family.Compiled`."""
        stack = (parameters_PN.numpy(), statistics_PM.numpy(), scale_P11.numpy().ravel())
        return self._score(stack, x_NI.numpy(), y_N.numpy(), len(y_N), np.empty((0, 0, 0), np.bool_))

    def _score(self, stack: tuple[Array, ...], x: Array, y: Array, probed: int, dead_PLD: Array) -> Scores:
        """Score, and look for slopes of dead units on all but the `probed` first examples."""
        loss_P, right_P = np.zeros(len(stack[0])), np.zeros(len(stack[0]), np.int64)
        loops.score(
            *stack, x, y, self.shape, self.link, self.has_skip, *self.activation, self.norm[0],
            self.activation_numbers.copy(), loss_P, right_P, probed, np.float32(NO_SLOPE), dead_PLD,
        )  # fmt: skip
        return torch.from_numpy(loss_P / len(y)).float(), torch.from_numpy(right_P / len(y)).float()

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
        """Measure every model on the first examples; see `family.Compiled`."""
        count, depth, least = len(parameters_PN), self.shape[3], np.float32(NO_SLOPE)
        levels = (self.shape, self.link, self.has_skip)
        stack = (parameters_PN.numpy(), statistics_PM.numpy(), scale_P11.numpy().ravel())
        x, y = x_NI.numpy(), y_N.numpy()
        updates_UPN = np.stack([update.numpy() for update in updates_PN] or [np.empty_like(stack[0])[:, :0]])
        values_PLK = np.full((count, depth + 2, len(self.measured)), np.nan)
        loss_P, accuracy_P = np.zeros(count), np.zeros(count)
        dead_PLD = np.ones((count, depth, self.shape[1]), np.bool_)
        _mlp_probe.probe(
            *stack, x[:size], y[:size], updates_UPN, *levels, *self.activation, *self.norm, self.clip,
            self.activation_numbers.copy(), self.clip_numbers, GRID_G.float().numpy(), self.steepest_slope,
            np.float32(SATURATED), least,
            np.array([name in wanted for name in self.measured]), values_PLK, loss_P, accuracy_P, dead_PLD,
        )  # fmt: skip
        finds_dead, on_all = not wanted.isdisjoint(("dead_fraction", "still_dead_fraction")), None
        if finds_dead and last and self.shape[6] == 0:  # no running statistics: scoring sees what training sees
            on_all = self._score(stack, x, y, size, dead_PLD)
        elif finds_dead:
            _mlp_probe.dead_units(
                *stack, x, y, size, *levels, *self.activation, self.norm[0], self.activation_numbers.copy(), least,
                dead_PLD,
            )  # fmt: skip
        if finds_dead:
            before_PLD = None if dead_before_PLD is None else dead_before_PLD.numpy()
            _mlp_probe.count_dead(dead_PLD, before_PLD, values_PLK)
        loss, accuracy, values = (torch.from_numpy(each).float() for each in (loss_P, accuracy_P, values_PLK))
        return Probed(loss, accuracy, values, torch.from_numpy(dead_PLD) if finds_dead else None, on_all)


def compile_mlp(run: Run, inputs: int, classes: int) -> MlpProgram | None:
    """Compile a run's structure, or return None when one of its levels has no compiled form."""
    levels = {kind: parse_level(kind, getattr(run, kind)) for kind in ("activation", "norm", "residual", "clip")}
    levels["optimizer"] = parse_level("optimizer", run.optimizer)
    activation, norm = ACTIVATIONS[levels["activation"].name], NORMALIZATIONS[levels["norm"].name]
    residual = RESIDUALS[levels["residual"].name]
    clip, optimizer = CLIPPING[levels["clip"].name], OPTIMIZERS[levels["optimizer"].name]
    if (
        activation.compiled is None
        or norm.compiled is None
        or levels["norm"].arguments  # which its loops would not hear
        or residual.coefficients is None
        or clip.compiled is None
        or optimizer.compiled is None
    ):
        return None
    given, learned = levels["activation"].arguments, tuple(activation.learned.values())
    assert len(learned) <= 1, "the compiled activation learns at most one number"
    numbers = [torch.tensor(value, dtype=torch.float64) for value in (*given, *learned)]
    largest, place = steepest(lambda z: activation.derivative(z, *numbers))
    skip, branch = residual.coefficients(run.depth, *levels["residual"].arguments)
    return MlpProgram(
        shape=(
            inputs, run.width, classes, run.depth, int(not norm.replaces_bias), len(norm.parameters),
            len(norm.statistics), len(given) if learned else -1,
        ),
        link=(np.float32(skip), np.float32(branch)),
        activation=kernels.activation_kernels(activation.compiled, bool(learned)),
        steepest_slope=(np.float32(largest.item()), np.float32(place.item())),
        norm=kernels.norm_kernels(norm.compiled),
        clip=kernels.clip_kernel(clip.compiled),
        update=kernels.update_kernel(optimizer.compiled),
        activation_numbers=_numbers(given + learned, np.float32),
        clip_numbers=_numbers(levels["clip"].arguments, np.float64),
        update_numbers=_numbers(levels["optimizer"].arguments, np.float64),
    )  # fmt: skip


def _numbers(values: tuple[float, ...], dtype: Any) -> Array:
    numbers = np.zeros(kernels.MOST_ARGUMENTS, dtype)
    numbers[: len(values)] = values
    return numbers
