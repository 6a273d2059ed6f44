"""What a trained network answers at any points of its input space.

Letters: P models of a stack (here one), B examples, I inputs, C classes.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from actbench.levels.dataset import Dataset
from actbench.plan.design import Run
from actbench.training.batches import shared_inputs
from actbench.training.evaluate import CHUNK
from actbench.training.loop import train_stack
from actbench.training.state import Training


def answers(run: Run, dataset: Dataset, x_BI: NDArray[np.float32]) -> NDArray[np.int64]:
    """Train one run again, on a CPU, and return the class that it answers at each point, at its best validation step.

    Args:
        run: a run that does not fail.
        dataset: its data.
        x_BI: points of the input space.

    Returns:
        classes (B,), 0 … C - 1.
    """
    kept: list[NDArray[np.int64]] = []
    train_stack([run], dataset, lambda training: kept.append(_answer(training, torch.from_numpy(x_BI))), "cpu")
    return kept[0]


@torch.no_grad()
def _answer(training: Training, x_BI: torch.Tensor) -> NDArray[np.int64]:
    stack, scale_P11 = training.best.stack, training.batches.scale_P11
    assert len(scale_P11) == 1, "a run that is ok lasts to the end"
    parameters, statistics = stack.views(stack.parameters_PN), stack.statistics()
    parts = [
        stack.network.forward(parameters, statistics, shared_inputs(part_BI, scale_P11), "eval")[0].argmax(1)
        for part_BI in x_BI.split(CHUNK)
    ]
    classes: NDArray[np.int64] = torch.cat(parts).numpy()
    return classes
