"""Compare actbench with what people use instead, on the same work, in one invocation.

    python benchmarks/speed.py            all tables, about 40 minutes, written to benchmarks/results.md
    python benchmarks/speed.py --quick    two rows, printed

Every figure is process CPU time of one core for one update of one network, the median of several rounds after a
warm-up round (compilation is not timed). Each engine runs in a process of its own; the engines of a row follow one
another, so that a drift of the machine hits all of them.
"""

import argparse
import importlib.util
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

from cases import Case, all_cases, quick_cases
from job_each import compare

FOLDER = Path(__file__).resolve().parent
ROUNDS = 5

# engine -> (module, function, models trained, updates of one round)
ENGINES = {
    "plain loop": ("plain_loop", "prepare", 2, 30),
    "torch.func": ("functional_ensemble", "prepare", 32, 5),
    "JAX": ("jax_ensemble", "prepare", 32, 20),
    "readable": ("compiled_stack", "prepare_readable", 32, 5),
    "actbench": ("compiled_stack", "prepare", 32, 40),
    "GEMM floor": ("compiled_stack", "prepare_floor", 8, 20),
    "products": ("compiled_stack", "prepare_products", 8, 20),
    "plain loop, recorded": ("plain_loop", "prepare_recorded", 1, 200),
    "actbench, recorded": ("compiled_stack", "prepare_recorded", 16, 200),
}
RECORDED = ("plain loop, recorded", "actbench, recorded")  # with evaluations and diagnostics
NO_GPU = """\
## On a GPU

`python benchmarks/gpu.py` fills these rows on a machine with an NVIDIA GPU. None was at hand, and nothing is
extrapolated.
"""
JOB = Case(4, 64, "none", "relu", "sgd")  # the network of job_each.py
RIVALS = ("plain loop", "torch.func", "JAX", "readable")


def time_engine(engine: str, case: Case) -> float:
    """Return CPU microseconds of one update of one model, the median of the rounds."""
    module, function, models, updates = ENGINES[engine]
    train = getattr(importlib.import_module(module), function)(case, models, updates)
    train()
    rounds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        train()
        rounds.append(time.process_time() - start)
    return statistics.median(rounds) / models / updates * 1e6


def in_own_process(engine: str, case: Case) -> float:
    """Time an engine in a fresh process, pinned as `actbench train` pins itself."""
    command = [sys.executable, __file__, "--engine", engine, "--case", json.dumps(case.__dict__)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{engine} failed on {case}:\n{done.stderr}")
    return float(done.stdout.split()[-1])


def geometric_mean(values: list[float]) -> float:
    """Return exp(mean(log))."""
    return math.exp(sum(map(math.log, values)) / len(values))


def table(rows: list[tuple[Case, dict[str, float]]]) -> str:
    """Write the rows as a Markdown table: microseconds, then ratios to actbench."""
    engines = [name for name in rows[0][1] if name not in RECORDED]
    rivals = [name for name in RIVALS if name in engines]
    head = ["depth", "width", "norm", "activation", "optimizer", *[f"{name}, µs" for name in engines]]
    head += [*[f"{name} / actbench" for name in rivals], "floor / actbench"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for case, times in rows:
        cells = [str(case.depth), str(case.width), case.norm, case.activation, case.optimizer]
        cells += [f"{times[name]:.0f}" for name in engines]
        cells += [f"{times[name] / times['actbench']:.1f}" for name in rivals]
        lines.append("| " + " | ".join([*cells, f"{times['GEMM floor'] / times['actbench']:.0%}"]) + " |")
    return "\n".join(lines)


def summary(rows: list[tuple[Case, dict[str, float]]]) -> str:
    """Write geometric means and worst rows of the ratios."""
    lines = []
    for name in (name for name in RIVALS if name in rows[0][1]):
        ratios = [times[name] / times["actbench"] for _, times in rows]
        lines.append(f"- {name}: {geometric_mean(ratios):.1f} × (geometric mean), {min(ratios):.2f} × on its best row")
    pairs = [tuple(times[name] for name in (*RECORDED, "actbench")) for _, times in rows if RECORDED[0] in times]
    lines.append(
        f"- plain loop, both with evaluations and diagnostics: {geometric_mean([a / b for a, b, _ in pairs]):.1f} ×"
    )
    lines.append(
        f"- evaluations and diagnostics add {geometric_mean([b / c for _, b, c in pairs]) - 1:.0%} to 200 updates"
    )
    for name, what in (("GEMM floor", "matrix products alone, by batched BLAS,"), ("products", "its own products")):
        shares = [times[name] / times["actbench"] for case, times in rows if case.norm == "none"]
        lines.append(f"- {what} take {geometric_mean(shares):.0%} of actbench's time without norm")
    return "\n".join([*lines, *limits(rows)])


def limits(rows: list[tuple[Case, dict[str, float]]]) -> list[str]:
    """Say how near the matrix products are to what the core can do, and what an engine of nothing else would reach."""
    blas, own = (geometric_mean([case.flops() / times[name] / 1000 for case, times in rows])
                 for name in ("GEMM floor", "products"))  # fmt: skip
    large = large_rate()
    lines = [
        f"- the products run at {own:.0f} GFLOP/s, by batched BLAS at {blas:.0f}; one product of 1024³ at {large:.0f}"
    ]
    for name in (name for name in RIVALS if name in rows[0][1]):
        ratio = geometric_mean([times[name] / case.flops() * 1000 for case, times in rows]) * max(blas, own, large)
        lines.append(
            f"- an engine that made these products at the best of these rates and nothing else: {ratio:.1f} × {name}"
        )
    seconds = JOB.flops() * 1000 / max(blas, own, large) / 1e9
    lines.append(
        f"- the products of 1,000 updates of the network below alone at the best of these rates: {seconds:.3f} s"
    )
    times = dict(rows)[JOB]
    lines.append(
        f"- 1,000 updates of it take actbench {times['actbench'] / 1000:.3f} s, without any evaluation; its own "
        f"products alone {times['products'] / 1000:.3f} s"
    )
    return lines


def large_rate() -> float:
    """Return GFLOP/s of one large matrix product through BLAS, the best of several."""
    import numpy as np

    a = np.random.default_rng(0).standard_normal((1024, 1024)).astype(np.float32)
    seconds = []
    for _ in range(20):
        start = time.process_time()
        a @ a
        seconds.append(time.process_time() - start)
    return 2 * 1024**3 / min(seconds) / 1e9


def machine() -> str:
    """Name the processor and the libraries."""
    cpu = [
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    versions = subprocess.run(
        [sys.executable, "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True, check=True
    ).stdout.split()
    wanted = [item for item in versions if item.split("==")[0] in ("torch", "jax", "numba", "numpy", "scipy")]
    return f"{cpu[0] if cpu else platform.processor()}, {os.cpu_count()} cores, one used; {', '.join(wanted)}"


def diagnostics() -> str:
    """Return what `diagnostics.py` finds, in a process of its own."""
    command = [sys.executable, str(FOLDER / "diagnostics.py")]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def gpu_rows() -> str:
    """Return the rows of a GPU: those that `gpu.py` left on a machine that has one, else empty ones."""
    measured = FOLDER / "gpu.md"
    if measured.exists():
        return measured.read_text(encoding="utf-8")
    from gpu import HEADER

    return f"{NO_GPU}\n{HEADER}\n{'|  ' * 9}|\n"


def main() -> None:
    """Time every engine on every case and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--case", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.engine:
        print(time_engine(arguments.engine, Case(**arguments.case)))
        return
    engines = [name for name in ENGINES if name != "JAX" or importlib.util.find_spec("jax")]
    rows = []
    for case in quick_cases() if arguments.quick else all_cases():
        wanted = [name for name in engines if name not in RECORDED or case in quick_cases()]
        rows.append((case, {name: in_own_process(name, case) for name in wanted}))
        print(table(rows[-1:]).splitlines()[-1], flush=True)
    text = f"{machine()}\n\n{summary(rows)}\n{compare()}\n\n{table(rows)}\n"
    print("\n" + text)
    if not arguments.quick:
        text = f"# Speed\n\n{text}\n{diagnostics()}\n{gpu_rows()}"
        (FOLDER / "results.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(FOLDER))
    from actbench.training.process import cache_folder, prepare_process

    prepare_process(cache_folder())
    main()
