"""Measure how far apart the numbers of two instruction sets lie, and what the portable one costs.

    python benchmarks/exactness.py        about three minutes of a core, written to benchmarks/exactness.md

With valgrind on the PATH it also trains on an emulated processor of another make that has no AVX-512, which takes
some minutes more.
Every training runs in a fresh process, prepared as a job's.
"""

import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULT = Path(__file__).resolve().parent / "exactness.md"
CACHE = ROOT / ".pytest_cache" / "main"
LONG, EMULATED_STEPS = 500, 10  # updates
EMULATED_SHARE, EMULATED_SIZE = 3, 200  # one in three of the golden runs of at most so many hidden units: it is slow
COST = (  # levels of one timed stack
    {"activation": "relu", "depth": 4, "width": 64},
    {"activation": "gelu", "depth": 4, "width": 64, "norm": "batchnorm", "residual": "identity"},
    {"activation": "silu", "depth": 16, "width": 64, "norm": "layernorm", "optimizer": "adam"},
    {"activation": "tanh", "depth": 4, "width": 128},
)
MODELS, COST_STEPS, ROUNDS = 16, 200, 3
FINAL = ("train_loss", "val_loss", "test_loss")

Numbers = dict[str, Any]


def golden_numbers(steps: int | None, share: int = 1, largest: float = math.inf) -> dict[str, Numbers]:
    """Train golden runs one by one, for their own or another number of updates.

    Args:
        steps: number of updates, or None for each run's own.
        share: one in so many of the runs is trained.
        largest: most hidden units of a network.
    """
    from actbench.levels.dataset import load_dataset
    from exactness import train, with_levels
    from golden import golden_runs

    data = load_dataset("mnist1d", ROOT / ".pytest_cache" / "data")
    chosen = [(label, run) for label, run in golden_runs().items() if run.width * run.depth <= largest][::share]
    runs = {label: run if steps is None else with_levels(run, steps=steps) for label, run in chosen}
    return {label: train([run], data)[run.key] for label, run in runs.items()}


def cpu_seconds() -> list[float]:
    """Return the process time of each stack of COST, evaluations and diagnostics included, the median of the rounds."""
    from actbench.levels.dataset import load_dataset
    from actbench.plan.design import Run
    from actbench.training.loop import train_stack
    from golden import BASE

    data = load_dataset("mnist1d", ROOT / ".pytest_cache" / "data")
    seconds = []
    for levels in COST:
        runs = [
            Run(**{**BASE, "batch_size": 64, "steps": COST_STEPS, **levels, "seed": seed}) for seed in range(MODELS)
        ]
        rounds = []
        for _ in range(ROUNDS + 1):
            began = time.process_time()
            train_stack(runs, data)
            rounds.append(time.process_time() - began)
        seconds.append(statistics.median(rounds[1:]))
    return seconds


def child(task: str) -> None:
    """Do one task in this process and print its result."""
    sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]
    from actbench.training.process import one_core, prepare_process

    prepare_process(CACHE)
    if "free" in task:  # what MKL costs when it may choose its kernels
        os.environ["MKL_CBWR"] = ""
    one_core()
    tasks = {
        "short": lambda: golden_numbers(None),
        "long": lambda: golden_numbers(LONG),
        "emulated": lambda: golden_numbers(EMULATED_STEPS, EMULATED_SHARE, EMULATED_SIZE),
        "cost": cpu_seconds,
    }
    print(json.dumps(tasks[task.removesuffix(" free")]()))


def fresh(task: str, instructions: str, before: tuple[str, ...] = ()) -> Any:
    """Do a task in a fresh process."""
    environment = {**os.environ, "ACTBENCH_INSTRUCTIONS": instructions}
    command = [*before, sys.executable, __file__, task]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{task}, {instructions}: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout.splitlines()[-1])


def pairs(one: Numbers, other: Numbers) -> Iterator[tuple[str, str, str]]:
    """Yield (what, number, number) of all losses and diagnostics of a run, as hexadecimal text."""
    for name in FINAL:
        if one[name] is not None:
            yield "final losses", one[name], other[name]
    for p, q in zip(one["curves"], other["curves"], strict=True):
        yield ("validation curve" if p["split"] == "val" else "probe curve"), p["loss"], q["loss"]
    for p, q in zip(one["layers"], other["layers"], strict=True):
        yield p["diagnostic"], p["value"], q["value"]


def compared(one: dict[str, Numbers], other: dict[str, Numbers]) -> dict[str, tuple[int, int, float, float]]:
    """Return what -> numbers, equal ones, median and largest relative difference."""
    differences = defaultdict(list)
    for label, own in one.items():
        same_fate = own["status"] == other[label]["status"]
        for what, a, b in pairs(own, other[label]) if same_fate else ():
            x, y = float.fromhex(a), float.fromhex(b)
            equal = a == b or not (math.isfinite(x) and math.isfinite(y))
            differences[what].append(0.0 if equal else abs(x - y) / max(abs(x), abs(y)))
    return {w: (len(d), d.count(0.0), statistics.median(d), max(d)) for w, d in differences.items()}


def difference_table(title: str, one: dict[str, Numbers], other: dict[str, Numbers]) -> list[str]:
    """Return the lines of one table of differences."""
    fates = [(own["status"], own["diverged_step"]) == (o["status"], o["diverged_step"])
             for own, o in zip(one.values(), other.values(), strict=True)]  # fmt: skip
    lines = [f"### {title}", "", f"{len(one)} runs; fate and step of divergence agree in {sum(fates)}.", ""]
    lines += [
        "| recorded | numbers | equal bits | median difference | largest difference |",
        "|---|---:|---:|---:|---:|",
    ]
    for what, (count, equal, middle, largest) in compared(one, other).items():
        lines.append(f"| {what} | {count} | {equal} | {middle:.1e} | {largest:.1e} |")
    return [*lines, ""]


def cost_table() -> list[str]:
    """Return the lines of the table of costs."""
    wide, narrow, free = fresh("cost", "avx512"), fresh("cost", "avx2"), fresh("cost free", "avx2")
    lines = ["| stack | avx512, s | avx2, s | ratio | avx2 to avx2 with MKL free |", "|---|---:|---:|---:|---:|"]
    for levels, a, b, c in zip(COST, wide, narrow, free, strict=True):
        label = ", ".join(f"{name} {value}" for name, value in levels.items())
        lines.append(f"| {label} | {a:.2f} | {b:.2f} | {b / a:.2f} | {b / c:.2f} |")
    mean = math.exp(statistics.mean(math.log(b / a) for a, b in zip(wide, narrow, strict=True)))
    share = math.exp(statistics.mean(math.log(b / c) for b, c in zip(narrow, free, strict=True)))
    return [*lines, f"| geometric mean | | | {mean:.2f} | {share:.2f} |", ""]


def emulated_lines() -> list[str]:
    """Compare this processor with one that valgrind emulates, with and without MKL's portable kernels."""
    if shutil.which("valgrind") is None:
        return [
            "Not measured: valgrind is not installed. With it on the PATH, `python benchmarks/exactness.py` does.",
            "",
        ]
    emulator = ("valgrind", "-q", "--tool=none")
    here, there = fresh("emulated", "avx2"), fresh("emulated", "avx2", emulator)
    free, free_there = fresh("emulated free", "avx2"), fresh("emulated free", "avx2", emulator)
    equal = sum(here[label] == there[label] for label in here)
    with_free = sum(free[label] == free_there[label] for label in free)
    return [
        f"- as the mode is: all recorded numbers of **{equal} of {len(here)}** runs have equal bits;",
        f"- with MKL left to choose its kernels: {with_free} of {len(free)}.",
        "",
    ]


TEXT = """# Exactness

Made by `python benchmarks/exactness.py`, under NUMERICS {numerics}, on {machine}, Python {python}, {libraries}.

## What is equal to the last bit

On one kind of device (`cpu-avx512`, `cpu-avx2`), every recorded number of a run, whether it is trained alone, in any
stack, order or shard, interrupted or resumed, measured often or rarely (`tests/test_exactness.py`); and from one commit
to the next while `NUMERICS` stays (`tests/test_golden.py`). On a processor of another make or model than the one in
`tests/golden/*.json`, the golden losses are held to a relative 1e-5 instead.

Two things are part of a run's definition and not free: the steps at which it is measured decide which of them is
`best_step`; and a run whose training losses stay finite while a measured loss does not (running statistics can overflow
under batch norm) is recorded as diverged at the first measurement that sees it.

## AVX2 against AVX-512

Stated and tested (`tests/test_instructions.py`, `tests/test_golden.py`): after 20 to 40 updates final losses agree to
a relative **1e-5**; the largest difference found is in the table. Batches and initial weights of these runs are the
same. Training rounds differently only where sums run over the lanes of a vector, so most networks agree to the last bit
for a while; then the difference grows as training goes on, as it would from any other cause. After hundreds of updates
two kinds of device agree as close neighbours do, not digit by digit, which is why they never share a cache. Diagnostics
of which the true value is near 0 (`preactivation_mean`, `activation_mean`) or that count exact zeros differ most in
relative terms.

{short}
{long}
## A strict mode: `ACTBENCH_INSTRUCTIONS=avx2`

It asks every library for kernels that do not depend on the processor: OpenBLAS `HASWELL`, numba `x86-64-v3`, torch
`avx2`, oneDNN at most `AVX2`, MKL `COMPATIBLE`. It is also what a processor without AVX-512 uses unasked. On one
that has AVX-512, tests look at what torch, OpenBLAS and oneDNN say that they use and at the machine code of compiled
loops; another checks that variables exported by a shell change nothing. MKL is closed source and picks kernels by the
make of the processor: `COMPATIBLE` is the one mode that promises equal bits on all makes. All this holds for the
library versions of `requirements.lock`.

Measured against a processor of another make without AVX-512, emulated by valgrind, one golden run in {share},
{steps} updates:

{emulated}
No second real processor was at hand. What remains outside: a C library whose `log` rounds in another way.

What it costs in process CPU time, {models} networks for {cost_steps} updates with all measurements, median of {rounds}
(MKL serves the measurements only, which weigh less the longer a run is):

{cost}"""


def main() -> int:
    """Measure everything and write benchmarks/exactness.md."""
    if len(sys.argv) > 1:
        child(sys.argv[1])
        return 0
    sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]
    from importlib.metadata import version

    from actbench.plan.numerics import NUMERICS
    from golden import LIBRARIES

    short, long = ({kind: fresh(task, kind) for kind in ("avx512", "avx2")} for task in ("short", "long"))
    model = [
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    text = TEXT.format(
        numerics=NUMERICS, machine=f"{model[0] if model else platform.machine()}",
        python=platform.python_version(),
        libraries=", ".join(f"{name} {version(name)}" for name in LIBRARIES),
        short="\n".join(difference_table("After 20 to 40 updates", short["avx512"], short["avx2"])),
        long="\n".join(difference_table(f"After {LONG} updates", long["avx512"], long["avx2"])),
        share=EMULATED_SHARE, steps=EMULATED_STEPS, emulated="\n".join(emulated_lines()),
        models=MODELS, cost_steps=COST_STEPS, rounds=ROUNDS, cost="\n".join(cost_table()),
    )  # fmt: skip
    temporary = RESULT.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, RESULT)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
