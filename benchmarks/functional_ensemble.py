"""(b) A `torch.func` ensemble: `stack_module_state`, `vmap` of `grad`, updates over the stacked parameters."""

import copy
from collections.abc import Callable

import torch
from cases import CLIP, MOMENTUM, Case, batches, examples
from plain_loop import network
from torch import Tensor
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn import functional


def prepare(case: Case, models: int, updates: int) -> Callable[[], None]:
    """Return a function that makes `updates` updates of the whole ensemble. Batch norm keeps no running statistics."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    x_NI, y_N = (torch.from_numpy(array) for array in examples())
    order_PKB = torch.from_numpy(batches(models, updates, case.batch))
    networks = [network(case, track=False) for _ in range(models)]
    skeleton = copy.deepcopy(networks[0]).to("meta")
    stacked, _ = stack_module_state(networks)  # type: ignore[arg-type]
    parameters = {name: tensor.detach() for name, tensor in stacked.items()}

    def loss(own: dict[str, Tensor], x_BI: Tensor, y_B: Tensor) -> Tensor:
        return functional.cross_entropy(functional_call(skeleton, own, (x_BI,)), y_B)

    gradients = vmap(grad(loss))
    state = [[torch.zeros_like(tensor) for tensor in parameters.values()] for _ in range(2)]

    @torch.no_grad()
    def train() -> None:
        for update in range(updates):
            rows_PB = order_PKB[:, update]
            found = gradients(parameters, x_NI[rows_PB], y_N[rows_PB])
            flat = _clipped([found[name] for name in parameters])
            _step(case, list(parameters.values()), flat, state, update + 1)

    return train


def _clipped(gradients: list[Tensor]) -> list[Tensor]:
    squares_P = torch.stack([item.flatten(1).square().sum(1) for item in gradients]).sum(0)
    factor_P = (CLIP / (squares_P.sqrt() + 1e-6)).clamp(max=1)
    return [item.mul_(factor_P.view(-1, *[1] * (item.dim() - 1))) for item in gradients]


def _step(case: Case, parameters: list[Tensor], gradients: list[Tensor], state: list[list[Tensor]], t: int) -> None:
    first, second = state
    if case.optimizer == "sgd":
        torch._foreach_mul_(first, MOMENTUM)
        torch._foreach_add_(first, gradients)
        torch._foreach_add_(parameters, first, alpha=-0.01)
        return
    torch._foreach_lerp_(first, gradients, 0.1)
    torch._foreach_mul_(second, 0.999)
    torch._foreach_addcmul_(second, gradients, gradients, 0.001)
    root = torch._foreach_sqrt(second)
    torch._foreach_div_(root, (1 - 0.999**t) ** 0.5)
    torch._foreach_add_(root, 1e-8)
    torch._foreach_addcdiv_(parameters, first, root, -0.01 / (1 - 0.9**t))
