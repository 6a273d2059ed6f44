"""Compare actbench with a plain PyTorch loop on one GPU, on the networks of the default grid; needs an NVIDIA GPU.

    python benchmarks/gpu.py

For every depth and norm of the default grid's main study, the plain loop trains single networks and actbench full
stacks; evaluations and diagnostics are left out of both. Elapsed time, the median of several rounds after a warm-up
round, which also captures the graph. Written to benchmarks/gpu.md, which `speed.py` adds to its own table.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from cases import Case, batches, examples
from compiled_stack import dataset
from plain_loop import network
from torch import nn
from torch.nn import functional

from actbench.training import loop, state
from actbench.training.capacity import largest_stack
from actbench.training.device import missing_for_cuda
from actbench.training.process import one_core

FOLDER = Path(__file__).resolve().parent
ROUNDS, UPDATES, STEPS = 5, 100, 1000


def cases() -> list[Case]:
    """Return the structures of the default grid's main study, for one activation."""
    return [
        Case(depth, 64, norm, "relu", "sgd") for depth in (2, 4, 8, 16) for norm in ("none", "batchnorm", "layernorm")
    ]


def plain(case: Case) -> tuple[Callable[[], None], int]:
    """Return a function that makes UPDATES updates of one network by an ordinary loop, and how many networks: 1."""
    x_NI, y_N = (torch.from_numpy(array).cuda() for array in examples())
    order_KB = torch.from_numpy(batches(1, UPDATES, case.batch)[0]).cuda()
    item = network(case).cuda()
    parameters = list(item.parameters())
    optimizer = torch.optim.SGD(parameters, lr=0.01, momentum=0.9, fused=True)

    def train() -> None:
        for rows_B in order_KB:
            loss = functional.cross_entropy(item(x_NI[rows_B]), y_N[rows_B])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0, foreach=True)
            optimizer.step()

    return train, 1


def stacked(case: Case) -> tuple[Callable[[], None], int]:
    """Return a function that makes UPDATES updates of a full stack, and how many networks are in it."""
    data = dataset()
    models = largest_stack(case.run(0), data, "cuda")
    training = state.start([case.run(seed) for seed in range(models)], data, "cuda")

    def train() -> None:
        loop.advance_captured(training, 0, UPDATES)
        assert len(training.rows_P) == models, "no model may leave a timed stack"

    return train, models


def per_hour(prepared: tuple[Callable[[], None], int]) -> float:
    """Return the networks of STEPS updates that are trained in an hour."""
    train, models = prepared
    seconds = []
    for round_ in range(ROUNDS + 1):
        torch.cuda.synchronize()
        start = time.perf_counter()
        train()
        torch.cuda.synchronize()
        if round_:
            seconds.append(time.perf_counter() - start)
    return 3600 * models * UPDATES / STEPS / statistics.median(seconds)


def main() -> None:
    """Time every case and write the table."""
    missing = missing_for_cuda()
    if missing:
        raise SystemExit(f"benchmarks/gpu.py: {missing}")
    one_core()
    lines = ["## On a GPU", "", f"{torch.cuda.get_device_name()}, torch {torch.__version__}", ""]
    lines += [
        "| depth | norm | plain loop, networks per hour | actbench, networks per hour | ratio |",
        "|" + " --- |" * 5,
    ]
    for case in cases():
        one, many = per_hour(plain(case)), per_hour(stacked(case))
        lines.append(f"| {case.depth} | {case.norm} | {one:,.0f} | {many:,.0f} | {many / one:,.0f} |")
        print(lines[-1], flush=True)
    (FOLDER / "gpu.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(FOLDER))
    main()
