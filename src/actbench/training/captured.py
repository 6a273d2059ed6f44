"""Training steps over tensors that never move: captured once as a CUDA graph, then replayed without Python.

On a GPU the arithmetic of a step on small networks takes less time than Python needs to ask for it. A graph holds the
whole step: gathering the batch, forward, backward, clipping, optimiser. It serves its stack to the end: a model that
diverges goes on beside the others, uncounted. Elsewhere than on a GPU the same step runs eagerly: that is how it is
tested against `advance_by_autograd`.

Letters: P models of a stack, S seeds, K updates, B examples, I inputs, N numbers of one model.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from actbench.plan.design import Run
from actbench.training.batches import Batches
from actbench.training.gradients import loss_and_gradient
from actbench.training.stack import Stack
from actbench.training.update import update

WARMUP = 3  # steps on a side stream before a capture, as torch asks for, so that libraries set themselves up


class CapturedSteps:
    """The step of one stack that no model leaves."""

    def __init__(self, stack: Stack, batches: Batches, run: Run, most: int) -> None:
        """Make the static tensors for at most `most` updates in a row, and capture the step where there is a GPU."""
        self.stack, self.batches, self.run = stack, batches, run
        device, count, seeds = stack.parameters_PN.device, len(stack.parameters_PN), len(set(batches.seeds))
        self.order_SKB = torch.zeros(seeds, most, run.batch_size, dtype=torch.int64, device=device)
        self.seed_P = batches.order(0, 1)[1].to(device)
        self.place_1 = torch.zeros(1, dtype=torch.int64, device=device)
        self.step = torch.ones((), dtype=torch.float64, device=device)
        self.live_P = torch.ones(count, dtype=torch.bool, device=device)
        self.done_P, self.clipped_P = torch.zeros_like(self.seed_P), torch.zeros_like(self.seed_P)
        self.changed = (stack.parameters_PN, stack.slots_PTN, stack.statistics_PM)
        self.replay = self._capture() if device.type == "cuda" else self._step

    def advance(self, live_P: Tensor, first: int, last: int) -> tuple[Tensor, Tensor, Tensor]:
        """Make the updates `first` … `last`; return live, updates made and clipped updates, (P,) each.

        A model is live as long as it was before and its loss is finite; updates after that are not counted.
        """
        self._upload(self.batches.order(first, last - first)[0])
        self.place_1.zero_()
        self.step.fill_(first + 1)
        self.live_P.copy_(live_P)
        self.done_P.zero_()
        self.clipped_P.zero_()
        for _ in range(first, last):
            self.replay()
        return self.live_P.clone(), self.done_P.clone(), self.clipped_P.clone()

    def _upload(self, order_SKB: Tensor) -> None:
        """Copy the next examples' places; from pinned memory, or Python would wait here for the updates before."""
        pinned_SKB = order_SKB.pin_memory() if self.order_SKB.device.type == "cuda" else order_SKB
        self.order_SKB[:, : order_SKB.shape[1]].copy_(pinned_SKB, non_blocking=True)

    def _step(self) -> None:
        rows_PB = self.order_SKB.index_select(1, self.place_1)[:, 0][self.seed_P]
        x_PBI, y_PB = self.batches.gather(rows_PB)
        loss_P, _, gradient_PN = loss_and_gradient(self.stack, x_PBI, y_PB, "train")
        self.live_P &= loss_P.isfinite()
        self.clipped_P += update(self.stack, gradient_PN, self.run, self.step) & self.live_P
        self.done_P += self.live_P
        self.place_1 += 1
        self.step += 1

    def _capture(self) -> Callable[[], None]:
        kept = [tensor.clone() for tensor in self.changed]
        # Its own, not torch's one for all captures: cuBLAS has a workspace for each stream. Graphs that are replayed at
        # once must not share it, nor may the end of one free that of another.
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARMUP):
                self._step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=side):
            self._step()
        for tensor, before in zip(self.changed, kept, strict=True):
            tensor.copy_(before)
        return graph.replay
