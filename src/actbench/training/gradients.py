"""Loss and gradient of every model of a stack, by automatic differentiation.

Letters: P models of a stack, B examples, I inputs, C classes, N numbers of one model.
"""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from actbench.levels.family import LayerTrace, Tensors
from actbench.training.stack import Stack


def cross_entropy(logits_PBC: Tensor, y_PB: Tensor) -> Tensor:
    """Return the mean cross-entropy over the batch in nats, one number a model, shape (P,)."""
    loss_P: Tensor = example_losses(logits_PBC, y_PB).mean(1)
    return loss_P


def example_losses(logits_PBC: Tensor, y_PB: Tensor) -> Tensor:
    """Return the cross-entropy of every example, -log softmax(logits)[y], shape (P, B)."""
    losses = functional.cross_entropy(logits_PBC.flatten(0, 1), y_PB.flatten(), reduction="none")
    loss_PB: Tensor = losses.unflatten(0, y_PB.shape)
    return loss_PB


def loss_and_gradient(
    stack: Stack, x_PBI: Tensor, y_PB: Tensor, mode: str, trace: list[LayerTrace] | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return loss (P,), logits (P, B, C) and the gradient of each model's own loss, flat (P, N).

    The losses are summed over P, never averaged: no model's gradient then depends on its neighbours. A trace gains
    ∂loss/∂z of every layer.
    """
    leaves = {name: view.detach().requires_grad_() for name, view in stack.views(stack.parameters_PN).items()}
    logits_PBC = stack.network.forward(leaves, stack.statistics(), x_PBI, mode, trace)
    loss_P = cross_entropy(logits_PBC, y_PB)
    traced = [] if trace is None else trace
    gradients = torch.autograd.grad(loss_P.sum(), [*leaves.values(), *(item.z_PBD for item in traced)])
    for index, signal_PBD in enumerate(gradients[len(leaves) :]):
        traced[index] = replace(traced[index], signal_PBD=signal_PBD)
    return loss_P.detach(), logits_PBC.detach(), _flat(stack, dict(zip(leaves, gradients, strict=False)))


def _flat(stack: Stack, gradients: Tensors) -> Tensor:
    gradient_PN = torch.zeros_like(stack.parameters_PN)
    for name, view in stack.views(gradient_PN).items():
        view.copy_(gradients[name])
    return gradient_PN
