"""What is recorded of a stack while it trains: one slot for every run, whatever becomes of it.

Letters: P runs of a stack, E evaluations, K diagnostics of a model, S recorded splits.
"""

from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from actbench.plan.design import Run

CURVE_SPLITS = ("train", "val")


@dataclass
class Record:
    """Arrays over all runs of a stack, NaN where nothing was measured; rows of diverged runs stop at divergence.

    steps: the E evaluated ones. keys: layer and diagnostic of the K numbers. parameters: how many one model has.
    diverged_step_P, best_step_P: -1 for a run that has none. curves_PES2: loss, accuracy. scores: name -> (P,), of the
    runs that lasted to the end.
    """

    runs: tuple[Run, ...]
    steps: tuple[int, ...]
    keys: list[tuple[int, str]]
    parameters: int
    classes: int
    diverged_step_P: np.ndarray = field(init=False)
    updates_clipped_P: np.ndarray = field(init=False)
    curves_PES2: np.ndarray = field(init=False)
    layers_PEK: np.ndarray = field(init=False)
    scores: dict[str, np.ndarray] = field(default_factory=dict)
    best_step_P: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.runs)
        self.diverged_step_P = np.full(count, -1)
        self.updates_clipped_P = np.zeros(count, dtype=np.int64)
        self.best_step_P = np.full(count, -1)
        self.curves_PES2 = np.full((count, len(self.steps), len(CURVE_SPLITS), 2), np.nan, dtype=np.float32)
        self.layers_PEK = np.full((count, len(self.steps), len(self.keys)), np.nan, dtype=np.float32)

    def curve(self, rows_P: Tensor, step: int, split: str, scores: tuple[Tensor, Tensor]) -> None:
        """Keep one evaluation of the models in rows `rows_P`."""
        place = self.curves_PES2[:, self.steps.index(step), CURVE_SPLITS.index(split)]
        rows = rows_P.cpu().numpy()
        place[rows, 0], place[rows, 1] = scores[0].cpu().numpy(), scores[1].cpu().numpy()

    def diagnostics(self, rows_P: Tensor, step: int, values_PK: Tensor) -> None:
        """Keep all diagnostics of one evaluation."""
        self.layers_PEK[rows_P.cpu().numpy(), self.steps.index(step)] = values_PK.cpu().numpy()

    def diverged(self, rows_P: Tensor, steps_P: Tensor, clipped_P: Tensor) -> None:
        """Mark runs as diverged after so many updates, `clipped_P` of which were clipped."""
        rows = rows_P.cpu().numpy()
        self.diverged_step_P[rows], self.updates_clipped_P[rows] = steps_P.cpu().numpy(), clipped_P.cpu().numpy()

    def final(self, name: str, rows_P: Tensor, values_P: Tensor) -> None:
        """Keep a final number of the runs that lasted to the end, e.g. `test_loss`."""
        column = self.scores.setdefault(name, np.full(len(self.runs), np.nan))
        column[rows_P.cpu().numpy()] = values_P.double().cpu().numpy()

    def evaluations(self, index: int) -> int:
        """Count the evaluations of a run that came before its divergence."""
        step = self.diverged_step_P[index]
        return len(self.steps) if step < 0 else sum(at < step for at in self.steps)

    def clip_rate(self, index: int) -> float:
        """Return the share of a run's updates whose gradient was clipped."""
        step = self.diverged_step_P[index]
        updates = self.runs[index].steps if step < 0 else step
        return float(self.updates_clipped_P[index] / updates) if updates else 0.0
