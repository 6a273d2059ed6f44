"""Training steps over tensors that never move: captured once as a CUDA graph, then replayed without Python.

On a GPU the arithmetic of a step on small networks takes less time than Python needs to ask for it. A graph holds the
whole step: gathering the batch, forward, backward, clipping, optimiser. It serves its stack to the end: a
model that diverges goes on beside the others, uncounted. Elsewhere than on a GPU the same step runs eagerly: that is
how it is tested against `advance_by_autograd`.

Letters: P models of a stack, S seeds, K updates, B examples, I inputs, N numbers of one model.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from actbench.levels.clipping import CLIPPING
from actbench.levels.optimizers import OPTIMIZERS
from actbench.plan.level import parse_level
from actbench.training.gradients import loss_and_gradient

if TYPE_CHECKING:
    from actbench.training.state import Training

WARMUP = 3  # steps on a side stream before a capture, as torch asks for, so that libraries set themselves up


class CapturedSteps:
    """The step of one stack that no model leaves."""

    def __init__(self, training: "Training", most: int) -> None:
        """Make the static tensors for at most `most` updates in a row, and capture the step where there is a GPU."""
        run, self.stack, self.batches = training.record.runs[0], training.stack, training.batches
        device, count = self.stack.parameters_PN.device, len(training.rows_P)
        self.clip, self.optimizer = parse_level("clip", run.clip), parse_level("optimizer", run.optimizer)
        seeds = len(set(self.batches.seeds))
        self.order_SKB = torch.zeros(seeds, most, run.batch_size, dtype=torch.int64, device=device)
        self.seed_P = torch.zeros(count, dtype=torch.int64, device=device)
        self.place_1 = torch.zeros(1, dtype=torch.int64, device=device)
        self.step = torch.ones((), dtype=torch.float64, device=device)
        self.live_P = torch.ones(count, dtype=torch.bool, device=device)
        self.done_P, self.clipped_P = torch.zeros_like(self.seed_P), torch.zeros_like(self.seed_P)
        self.changed = (self.stack.parameters_PN, self.stack.slots_PTN, self.stack.statistics_PM)
        self.replay = self._capture() if device.type == "cuda" else self._step

    def advance(self, live_P: Tensor, first: int, last: int) -> tuple[Tensor, Tensor, Tensor]:
        """Make the updates `first` … `last`; return live, updates made and clipped updates, (P,) each.

        A model is live as long as it was before and its loss is finite; updates after that are not counted.
        """
        order_SKB, seed_P = self.batches.order(first, last - first)
        self.order_SKB[:, : last - first].copy_(order_SKB)
        self.seed_P.copy_(seed_P)
        self.place_1.zero_()
        self.step.fill_(first + 1)
        self.live_P.copy_(live_P)
        self.done_P.zero_()
        self.clipped_P.zero_()
        for _ in range(first, last):
            self.replay()
        return self.live_P.clone(), self.done_P.clone(), self.clipped_P.clone()

    def _step(self) -> None:
        rows_PB = self.order_SKB.index_select(1, self.place_1)[:, 0][self.seed_P]
        x_PBI, y_PB = self.batches.gather(rows_PB)
        loss_P, _, gradient_PN = loss_and_gradient(self.stack, x_PBI, y_PB, "train")
        self.live_P &= loss_P.isfinite()
        changed_P = CLIPPING[self.clip.name].function(gradient_PN, *self.clip.arguments)
        self.clipped_P += changed_P & self.live_P
        self.done_P += self.live_P
        entry = OPTIMIZERS[self.optimizer.name]
        slots = {name: self.stack.slots_PTN[:, index] for index, name in enumerate(entry.slots)}
        arguments = self.optimizer.arguments
        entry.update(self.stack.parameters_PN, gradient_PN, slots, self.stack.lr_P1, self.step, *arguments)
        self.place_1 += 1
        self.step += 1

    def _capture(self) -> Callable[[], None]:
        kept = [tensor.clone() for tensor in self.changed]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARMUP):
                self._step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step()
        for tensor, before in zip(self.changed, kept, strict=True):
            tensor.copy_(before)
        return graph.replay
