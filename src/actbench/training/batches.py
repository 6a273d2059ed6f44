"""Which examples each model sees: the order depends on the run's seed alone.

Letters: P models of a stack, S seeds, K batches, B examples of a batch, I inputs.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from actbench.plan.design import Run
from actbench.plan.seeds import stream


class Batches:
    """Batches without replacement: each epoch is a fresh permutation; an incomplete last batch is left out."""

    def __init__(self, runs: Sequence[Run], x_NI: Tensor, y_N: Tensor) -> None:
        self.batch_size = runs[0].batch_size
        self.per_epoch = len(x_NI) // self.batch_size
        assert self.per_epoch > 0, "the plan checks that a batch fits the training split"
        self.seeds = [run.seed for run in runs]
        self.scale_P11 = input_scales(runs).to(x_NI.device)
        self.is_scaled = any(run.input_scale != 1 for run in runs)
        self.x_NI, self.y_N = x_NI, y_N
        self.permutations: dict[tuple[int, int], Tensor] = {}  # of each seed's current epoch

    def order(self, first: int, count: int) -> tuple[Tensor, Tensor]:
        """Return the examples of `count` batches of every seed, (S, K, B), and each model's place among the seeds."""
        seeds = sorted(set(self.seeds))
        order_SKB = torch.stack([self._batches(seed, first, first + count) for seed in seeds])
        return order_SKB, torch.tensor([seeds.index(seed) for seed in self.seeds])

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Return x (P, B, I) and y (P, B) of an update; steps count from 0."""
        order_SKB, seed_P = self.order(step, 1)
        return self.gather(order_SKB[seed_P, 0].to(self.x_NI.device))

    def gather(self, rows_PB: Tensor) -> tuple[Tensor, Tensor]:
        """Return x (P, B, I), each model's with its own scale, and y (P, B) of the named rows of the training split."""
        x_PBI = self.x_NI[rows_PB]
        return x_PBI * self.scale_P11 if self.is_scaled else x_PBI, self.y_N[rows_PB]

    def select(self, keep_P: Tensor) -> None:
        """Drop the models whose entry of `keep_P` is False."""
        self.seeds = [seed for seed, keep in zip(self.seeds, keep_P.tolist(), strict=True) if keep]
        self.scale_P11 = self.scale_P11[keep_P]

    def _batches(self, seed: int, first: int, last: int) -> Tensor:
        """Return the examples of a seed's batches from `first` to `last` - 1, (K, B)."""
        starts = range(first // self.per_epoch * self.per_epoch, last, self.per_epoch)  # of the epochs they lie in
        return torch.cat([self._epoch(seed, at)[max(first - at, 0) : last - at] for at in starts])

    def _epoch(self, seed: int, start: int) -> Tensor:
        epoch = start // self.per_epoch
        if (seed, epoch) not in self.permutations:
            self.permutations = {key: kept for key, kept in self.permutations.items() if key[0] != seed}
            generator = torch.Generator().manual_seed(stream(seed, f"order/{epoch}"))
            order_N = torch.randperm(len(self.x_NI), generator=generator)
            used = self.per_epoch * self.batch_size
            self.permutations[seed, epoch] = order_N[:used].view(self.per_epoch, self.batch_size)
        return self.permutations[seed, epoch]


def input_scales(runs: Sequence[Run]) -> Tensor:
    """Return each run's factor on the inputs, shape (P, 1, 1)."""
    return torch.tensor([run.input_scale for run in runs], dtype=torch.float32)[:, None, None]


def shared_inputs(x_BI: Tensor, scale_P11: Tensor) -> Tensor:
    """Give every model of a stack the same examples, each with its own input scale: (P, B, I).

    A GPU multiplies by scales of 1, too: to ask whether there is another would wait for it.
    """
    x_PBI = x_BI.expand(len(scale_P11), -1, -1)
    is_scaled = scale_P11.device.type != "cpu" or bool((scale_P11 != 1).any())
    return x_PBI * scale_P11 if is_scaled else x_PBI
