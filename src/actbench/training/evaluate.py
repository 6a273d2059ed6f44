"""Scores of a stack between updates.

Letters: P models of a stack, N examples, B of one forward pass, I inputs, C classes.
"""

import torch
from torch import Tensor

from actbench.training.batches import shared_inputs
from actbench.training.gradients import example_losses
from actbench.training.stack import VECTOR, Stack

CHUNK = 256  # examples of one forward pass

Scores = tuple[Tensor, Tensor]  # loss (P,) and accuracy (P,)


def score(stack: Stack, scale_P11: Tensor, x_NI: Tensor, y_N: Tensor) -> Scores:
    """Return the mean loss and the accuracy of every model on the same examples, with running statistics."""
    if stack.network.compiled is not None:
        return stack.network.compiled.score(stack.parameters_PN, stack.statistics_PM, scale_P11, x_NI, y_N)
    return score_by_forward(stack, scale_P11, x_NI, y_N)


@torch.no_grad()
def score_by_forward(stack: Stack, scale_P11: Tensor, x_NI: Tensor, y_N: Tensor) -> Scores:
    """Score through the network's forward pass: the readable twin of `Compiled.score`."""
    parameters, statistics = stack.views(stack.parameters_PN), stack.statistics()
    loss_P, right_P = scale_P11.new_zeros(len(scale_P11)), scale_P11.new_zeros(len(scale_P11))
    for x_BI, y_B in zip(x_NI.split(CHUNK), y_N.split(CHUNK), strict=True):
        y_PB = y_B.expand(len(scale_P11), -1)
        inputs_PBI = shared_inputs(_padded(x_BI), scale_P11)
        logits_PBC = stack.network.forward(parameters, statistics, inputs_PBI, "eval")[:, : len(y_B)]
        loss_P += example_losses(logits_PBC, y_PB).sum(1)
        right_P += (logits_PBC.argmax(2) == y_PB).sum(1)
    return loss_P / len(y_N), right_P / len(y_N)


def _padded(x_BI: Tensor) -> Tensor:
    """Fill up to whole vectors with zero rows, which nobody reads: see `stack.VECTOR`."""
    missing = -len(x_BI) % VECTOR
    return torch.cat([x_BI, x_BI.new_zeros(missing, x_BI.shape[1])]) if missing else x_BI
