"""Compare actbench with a plain PyTorch loop on one GPU, on networks of the default and the paper grid.

    python benchmarks/gpu.py

Needs an NVIDIA GPU. For every depth and norm of the default grid's main study the plain loop trains single networks,
and actbench the stack that it makes of these runs: of all activations that share a program, initialisations, rates and
seeds; then the paper grid's larger stack. Evaluations and diagnostics are left out. Elapsed time, the median of several
rounds after a warm-up round, which also captures the graph. The last line trains the main study with everything
recorded, from the first weights on, as many of its stacks as begin within LIMIT. Every line is written as soon as it is
there to benchmarks/gpu.md, which `speed.py` adds to its own table.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from cases import Case, batches, examples
from compiled_stack import dataset
from plain_loop import network
from torch.nn import functional

from actbench.plan.config import load_config
from actbench.plan.design import Run, expand
from actbench.training import loop, state
from actbench.training.abreast import train_abreast
from actbench.training.capacity import largest_stack, stacks_abreast
from actbench.training.device import missing_for_cuda, use_device
from actbench.training.process import one_core
from actbench.training.stack import make_stacks

FOLDER = Path(__file__).resolve().parent
OUTPUT = FOLDER / "gpu.md"
ROUNDS, UPDATES, STEPS = 5, 100, 1000
LIMIT = 150.0  # seconds
DEPTHS, NORMS = (2, 4, 8, 16), ("none", "batchnorm", "layernorm")
HEADER = (
    "| depth | norm | plain loop, networks per hour | stack of the default grid | networks per hour | ratio |"
    " stack of the paper grid | networks per hour | ratio |\n|" + " --- |" * 9
)

Stacks = list[tuple[Run, ...]]


def stacks_of(config: str, device: str) -> Stacks:
    """Return the stacks of a config's main study, as a job on the device makes them."""
    design = expand(load_config(FOLDER.parent / "config" / config))
    members = set(design.members["main"])
    runs = [run for run in design.runs if run.key in members]
    return make_stacks(runs, partial(largest_stack, dataset=dataset(), device=device), mixed=True)


def stack_like(case: Case, stacks: Stacks) -> tuple[Run, ...]:
    """Return the largest of the stacks that have a case's depth and norm and no residual connections."""
    alike = [s for s in stacks if (s[0].depth, s[0].norm, s[0].residual) == (case.depth, case.norm, "none")]
    return max(alike, key=len)


def plain(case: Case, device: str, updates: int = UPDATES) -> Callable[[], None]:
    """Return a function that makes updates of one network by an ordinary loop."""
    x_NI, y_N = (torch.from_numpy(array).to(device) for array in examples())
    order_KB = torch.from_numpy(batches(1, updates, case.batch)[0]).to(device)
    item = network(case).to(device)
    optimizer = torch.optim.SGD(item.parameters(), lr=0.01, momentum=0.9, fused=True)

    def train() -> None:
        for rows_B in order_KB:
            loss = functional.cross_entropy(item(x_NI[rows_B]), y_N[rows_B])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

    return train


def stacked(stack: Sequence[Run], device: str, updates: int = UPDATES) -> Callable[[], None]:
    """Return a function that makes updates of a stack."""
    training = state.start(stack, dataset(), device, fixed=True)
    return partial(loop.advance, training, 0, updates)


def per_hour(train: Callable[[], None], models: int, wait: Callable[[], None], updates: int = UPDATES) -> float:
    """Return the networks of STEPS updates that are trained in an hour."""
    seconds = []
    for round_ in range(ROUNDS + 1):
        wait()
        start = time.perf_counter()
        train()
        wait()
        if round_:
            seconds.append(time.perf_counter() - start)
    return 3600 * models * updates / STEPS / statistics.median(seconds)


def whole(stacks: Stacks, device: str, plain_per_hour: dict[tuple[int, str], float]) -> str:
    """Train stacks with everything recorded; return a line with the ratio to the plain loop, which records nothing."""
    start, abreast, trained = time.perf_counter(), stacks_abreast(device), 0
    while trained < len(stacks) and time.perf_counter() - start < LIMIT:
        train_abreast(stacks[trained : trained + abreast], dataset(), device)
        trained = min(trained + abreast, len(stacks))
    hours = (time.perf_counter() - start) / 3600
    runs = [run for stack in stacks[:trained] for run in stack]
    by_plain = sum(run.steps / STEPS / plain_per_hour[run.depth, run.norm] for run in runs)
    what = f"{len(runs):,} networks of {trained} of {len(stacks)} stacks, evaluations and diagnostics included"
    return (
        f"The default grid's main study, {what}: {len(runs) / hours:,.0f} networks per hour, {by_plain / hours:,.0f} ×"
    )


def main() -> None:
    """Time every case and the whole main study, and write the table."""
    missing = missing_for_cuda()
    if missing:
        raise SystemExit(f"benchmarks/gpu.py: {missing}")
    one_core()
    device = use_device("cuda")
    default, paper = stacks_of("config.yaml", device), stacks_of("paper.yaml", device)
    lines, by_plain = ["## On a GPU", "", f"{torch.cuda.get_device_name()}, torch {torch.__version__}", "", HEADER], {}
    for case in (Case(depth, 64, norm, "relu", "sgd") for depth in DEPTHS for norm in NORMS):
        one = by_plain[case.depth, case.norm] = per_hour(plain(case, device), 1, torch.cuda.synchronize)
        lines.append(f"| {case.depth} | {case.norm} | {one:,.0f} |")
        for stack in (stack_like(case, default), stack_like(case, paper)):
            many = per_hour(stacked(stack, device), len(stack), torch.cuda.synchronize)
            lines[-1] += f" {len(stack):,} | {many:,.0f} | {many / one:,.0f} |"
        keep(lines)
    lines += ["", whole(default, device, by_plain)]
    keep(lines)


def keep(lines: Sequence[str]) -> None:
    """Print the last line and write what there is: a later failure, or the end of the time on a GPU, costs no line."""
    print(lines[-1], flush=True)
    OUTPUT.write_text("\n".join([*lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
