"""(a) A good plain PyTorch loop: one `torch.nn` network after the other, `torch.optim` with its fused loops."""

from collections.abc import Callable

import torch
from cases import CLIP, MOMENTUM, Case, batches, examples
from torch import nn
from torch.nn import functional

ACTIVATIONS = {
    "relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU, "silu": nn.SiLU, "elu": nn.ELU,
}  # fmt: skip
NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batchnorm": nn.BatchNorm1d, "layernorm": nn.LayerNorm, "rmsnorm": nn.RMSNorm,
}  # fmt: skip


def network(case: Case, track: bool = True) -> nn.Sequential:
    """Build the network of a case."""
    layers: list[nn.Module] = []
    *hidden, output = case.sizes()
    for rows, columns in hidden:
        layers.append(nn.Linear(rows, columns, bias=case.norm != "batchnorm"))
        if case.norm == "batchnorm":
            layers.append(nn.BatchNorm1d(columns, track_running_stats=track))
        elif case.norm != "none":
            layers.append(NORMS[case.norm](columns))
        layers.append(ACTIVATIONS[case.activation]())
    return nn.Sequential(*layers, nn.Linear(*output))


def prepare(case: Case, models: int, updates: int) -> Callable[[], None]:
    """Return a function that makes `updates` updates of each of `models` networks."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    x_NI, y_N = (torch.from_numpy(array) for array in examples())
    order_PKB = torch.from_numpy(batches(models, updates, case.batch))
    networks = [network(case) for _ in range(models)]
    optimizers = [_optimizer(case, item) for item in networks]

    def train() -> None:
        for item, optimizer, order_KB in zip(networks, optimizers, order_PKB, strict=True):
            parameters = list(item.parameters())
            for rows_B in order_KB:
                loss = functional.cross_entropy(item(x_NI[rows_B]), y_N[rows_B])
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_norm_(parameters, CLIP, foreach=True)
                optimizer.step()

    return train


def _optimizer(case: Case, item: nn.Module) -> torch.optim.Optimizer:
    if case.optimizer == "adam":
        return torch.optim.Adam(item.parameters(), lr=0.01, fused=True)
    return torch.optim.SGD(item.parameters(), lr=0.01, momentum=MOMENTUM, fused=True)
