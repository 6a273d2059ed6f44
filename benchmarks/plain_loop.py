"""(a) A good plain PyTorch loop: one `torch.nn` network after the other, `torch.optim` with its fused loops."""

import sys
from collections.abc import Callable
from pathlib import Path

import torch
from cases import CLIP, MOMENTUM, Case, batches, examples
from torch import nn
from torch.nn import functional

from actbench.training.schedule import evaluation_steps

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


def prepare_recorded(case: Case, models: int, updates: int) -> Callable[[], None]:
    """Return a function that also evaluates and diagnoses each network at the steps at which actbench does."""
    step = prepare(case, models, 1)
    x_NI, y_N = (torch.from_numpy(array) for array in examples())
    networks = [network(case) for _ in range(models)]

    def train() -> None:
        for update in range(updates + 1):
            if update in evaluation_steps(updates):
                for item in networks:
                    _evaluate(item, x_NI[:800], y_N[:800])
                    _diagnose(item, x_NI[:256], y_N[:256])
            if update < updates:
                step()
        for item in networks:
            for size in (3200, 800, 800, 800):  # training, validation, test, and test at the best step
                _evaluate(item, x_NI[:size], y_N[:size])

    return train


@torch.no_grad()
def _evaluate(item: nn.Module, x_BI: torch.Tensor, y_B: torch.Tensor) -> tuple[float, float]:
    item.eval()
    logits_BC = item(x_BI)
    item.train()
    return functional.cross_entropy(logits_BC, y_B).item(), (logits_BC.argmax(1) == y_B).float().mean().item()


def _diagnose(item: nn.Sequential, x_BI: torch.Tensor, y_B: torch.Tensor) -> list[float]:
    kept: list[torch.Tensor] = []
    kinds = tuple(ACTIVATIONS.values())
    hooks = [layer.register_forward_hook(lambda _, __, u: kept.append(u)) for layer in item if isinstance(layer, kinds)]
    item.zero_grad()
    functional.cross_entropy(item(x_BI), y_B).backward()
    for hook in hooks:
        hook.remove()
    with torch.no_grad():
        layers = [torch.stack([u.mean(), u.std(), (u == 0).float().mean()]) for u in kept]
        norms = [p.grad.norm() for p in item.parameters() if p.grad is not None]
        return torch.cat([*layers, torch.stack(norms)]).tolist()


def _optimizer(case: Case, item: nn.Module) -> torch.optim.Optimizer:
    if case.optimizer == "adam":
        return torch.optim.Adam(item.parameters(), lr=0.01, fused=True)
    return torch.optim.SGD(item.parameters(), lr=0.01, momentum=MOMENTUM, fused=True)


if __name__ == "__main__":  # one network as a job of its own, see job_each.py
    prepare_recorded(Case(depth=4, width=64, norm="none", activation="relu", optimizer="sgd"), 1, 1000)()
    Path(sys.argv[1]).touch()
