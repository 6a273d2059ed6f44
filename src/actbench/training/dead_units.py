"""Units that no training example gives a gradient, found with as few forward passes as possible.

Letters: P models of a stack, B examples, N training examples, I inputs, L hidden layers, D units.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from actbench.levels.family import LayerTrace
from actbench.levels.saturation import NO_SLOPE
from actbench.training.batches import shared_inputs
from actbench.training.stack import Stack


@torch.no_grad()
def dead_units(
    hidden: Sequence[LayerTrace], stack: Stack, scale_P11: Tensor, x_NI: Tensor, chunk: int
) -> tuple[Tensor, ...]:
    """Tell which units have |φ′(z)| < NO_SLOPE for every training example, (P, D) for each hidden layer.

    Only models with a unit that is dead on all examples so far see the next ones, of a mixed stack all. Every part has
    the same size (the last one reaches back), and is normalised by itself, as a batch is.

    Args:
        hidden: the hidden layers as the first `chunk` examples left them.
        stack: the models.
        scale_P11: their input scales.
        x_NI: the training examples.
        chunk: examples of one forward pass.
    """
    dead_PD = tuple(_flat(layer) for layer in hidden)
    for start in range(chunk, len(x_NI), chunk):
        left_LP = torch.stack([dead.any(1) for dead in dead_PD])
        left_L = left_LP.any(1).cpu().tolist()  # asked for once: a GPU waits for Python each time
        if not any(left_L):
            break
        left_P = left_LP.any(0) | stack.network.mixed
        trace: list[LayerTrace] = []
        some, part_BI = stack.select(left_P), x_NI[: start + chunk][-chunk:]
        inputs_PBI = shared_inputs(part_BI, scale_P11[left_P])
        some.network.forward(some.views(some.parameters_PN), some.statistics(), inputs_PBI, "probe", trace)
        for left, dead, item in zip(left_L, dead_PD, trace[: len(hidden)], strict=True):
            if left:
                dead[left_P] &= _flat(item)
    return dead_PD


def _flat(layer: LayerTrace) -> Tensor:
    """Tell whether φ′(z) is nothing for all examples; by the largest, which is faster than by truth values."""
    return layer.slope_PBD.abs().amax(1) < NO_SLOPE
