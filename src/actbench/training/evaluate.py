"""Scores of a stack between updates.

Letters: P models of a stack, B examples, I inputs, C classes.
"""

import torch
from torch import Tensor

from actbench.training.batches import shared_inputs
from actbench.training.gradients import example_losses
from actbench.training.stack import VECTOR, Stack

CHUNK = 256  # examples of one forward pass
PROBE = 256  # training examples, the first rows, on which diagnostics are measured

Scores = tuple[Tensor, Tensor]  # loss (P,) and accuracy (P,)


def score(stack: Stack, scale_P11: Tensor, x_BI: Tensor, y_B: Tensor) -> Scores:
    """Return the mean loss and the accuracy of every model on the same examples, with running statistics."""
    if stack.network.compiled is not None:
        return stack.network.compiled.score(stack.parameters_PN, stack.statistics_PM, scale_P11, x_BI, y_B)
    return score_by_forward(stack, scale_P11, x_BI, y_B)


@torch.no_grad()
def score_by_forward(stack: Stack, scale_P11: Tensor, x_BI: Tensor, y_B: Tensor) -> Scores:
    """Score through the network's forward pass: the readable twin of `Compiled.score`."""
    parameters, statistics = stack.views(stack.parameters_PN), stack.statistics()
    loss_P, right_P = scale_P11.new_zeros(len(scale_P11)), scale_P11.new_zeros(len(scale_P11))
    for start in range(0, len(y_B), CHUNK):
        x, y_PC = _padded(x_BI[start : start + CHUNK]), y_B[start : start + CHUNK].expand(len(scale_P11), -1)
        logits_PBC = stack.network.forward(parameters, statistics, shared_inputs(x, scale_P11), "eval")
        logits_PBC = logits_PBC[:, : y_PC.shape[1]]
        loss_P += example_losses(logits_PBC, y_PC).sum(1)
        right_P += (logits_PBC.argmax(2) == y_PC).sum(1)
    return loss_P / len(y_B), right_P / len(y_B)


def _padded(x_BI: Tensor) -> Tensor:
    """Fill up to whole vectors with zero rows, which nobody reads: see `stack.VECTOR`."""
    missing = -len(x_BI) % VECTOR
    return torch.cat([x_BI, x_BI.new_zeros(missing, x_BI.shape[1])]) if missing else x_BI
