"""Measure how everything after training grows with the number of runs: tables, statistics, figures and the report.

    python benchmarks/growth.py            14,400 to 115,200 runs, about six minutes, written to benchmarks/growth.md
    python benchmarks/growth.py --quick    900 and 1,800 runs, printed

The largest design is the main study of config/paper.yaml; the others have half, a quarter and an eighth of its
conditions, at the same depths. Shards are made up, everything after them runs as the workflow runs it: a process a
step. The measures are the kernel's, for the process and its threads: wall time, CPU time (of tables, statistics and
claims, which grow, the less of two rounds) and peak resident memory.
"""

import argparse
import itertools
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from actbench.plan.config import load_config
from actbench.plan.design import expand
from actbench.plan.shards import make_shards
from actbench.plan.sources import figure_names

FOLDER = Path(__file__).resolve().parent
SOURCE = FOLDER.parent / "src"
ACTIVATIONS = (
    "identity", "sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu", "selu", "gelu", "silu", "mish", "softplus",
    "softsign", "hardtanh", "hard_swish",
)  # fmt: skip
# One line for each size: the levels that are added to those of the line before it.
GROWTH = (
    {"norm": ["none", "layernorm"], "residual": ["none"], "clip": ["none"]},
    {"norm": ["none", "batchnorm", "layernorm", "rmsnorm"]},
    {"residual": ["none", "identity"]},
    {"clip": ["none", "norm(1.0)"]},
)
LEVELS = {
    "activation": list(ACTIVATIONS),
    "depth": [2, 4, 8, 16, 32, 64],
    "init": ["xavier_normal", "he_normal", "torch_default", "variance_preserving"],
    "lr": [0.01, 0.03, 0.1, 0.3],
    "seed": [0, 1, 2, 3, 4],
}
QUICK = {"depth": [2, 4, 8], "init": ["xavier_normal", "he_normal"], "lr": [0.01], "seed": [0, 1, 2, 3, 4]}
SHARD_MINUTES = 5
DISK_PER_RUN = 40_000  # bytes; shards and tables
GROWING = ("tables", "stats", "claims")
MOST_SECONDS, MOST_BYTES, MOST_GROWTH = 180, 4e9, 2.1


@dataclass(frozen=True)
class Cost:
    """What one process needed: seconds of wall time and CPU time, bytes of peak resident memory."""

    wall: float
    cpu: float
    memory: float


def configs(quick: bool) -> list[dict[str, list[object]]]:
    """Return the levels of the main study for each size, smallest first."""
    levels: dict[str, list[object]] = {**LEVELS, **(QUICK if quick else {})}
    grown = []
    for added in GROWTH[:2] if quick else GROWTH:
        levels = {**levels, **added}
        grown.append(levels)
    return grown


def prepare(folder: Path, levels: dict[str, list[object]]) -> tuple[Path, int]:
    """Write the config and all its shards under a folder; return the config file and the number of runs.

    This is for a process of its own: the kernel counts the memory of the process that starts a step as the step's.
    """
    from made_up_shards import write_made_up_boundaries, write_made_up_shard

    config_file = folder / "growth.yaml"
    lines = [f"    {factor}: [{', '.join(map(str, values))}]" for factor, values in levels.items()]
    text = [
        "name: growth",
        f"shard_minutes: {SHARD_MINUTES}",
        "defaults: {steps: 1000}",
        "studies:",
        "  main:",
        *lines,
        "",
    ]
    config_file.write_text("\n".join(text), encoding="utf-8")
    config = load_config(config_file)
    design = expand(config)
    free = shutil.disk_usage(folder).free
    if free < DISK_PER_RUN * len(design.runs):
        raise SystemExit(f"{folder}: {free / 1e9:.1f} GB free, {DISK_PER_RUN * len(design.runs) / 1e9:.1f} GB needed")
    shards = make_shards(design.runs, config.shard_minutes)
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for made in [pool.submit(write_made_up_shard, config, shard, folder / "results") for shard in shards]:
            made.result()
    stats = folder / "results" / config.name / "stats"
    stats.mkdir(parents=True)
    write_made_up_boundaries(stats / "boundaries.csv", list(ACTIVATIONS))
    return config_file, len(design.runs)


def run_verb(folder: Path, *words: str) -> Cost:
    """Run `actbench WORDS` in a folder and return its cost."""
    log = folder / "log"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    start = time.perf_counter()
    with log.open("w") as stream:
        command = [sys.executable, "-m", "actbench", *words]
        child = subprocess.Popen(command, cwd=folder, env=environment, stdout=stream, stderr=stream)
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if child.returncode:
        raise SystemExit(f"actbench {' '.join(words)} failed:\n{log.read_text()}")
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB on Linux
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


def measure(folder: Path, config_file: Path) -> dict[str, Cost]:
    """Run every step that follows training, in the order of the workflow."""
    file = config_file.name
    steps = [("tables", file), ("stats", file), ("claims", file), ("activations", file)]
    steps += [("figure", file, name) for name in figure_names()]
    steps += [("report", file), ("manifest", file)]
    options = {"claims": ("--ledger", str(FOLDER.parent / "config" / "claims.yaml"))}
    costs = {" ".join((step[0], *step[2:])): run_verb(folder, *step, *options.get(step[0], ())) for step in steps}
    for verb in GROWING:
        costs[verb] = min(costs[verb], run_verb(folder, verb, file, *options.get(verb, ())), key=lambda cost: cost.cpu)
    return costs


def describe(sizes: list[int], costs: list[dict[str, Cost]], files: list[tuple[int, int]]) -> str:
    """Write the measures as Markdown."""
    last, rows = costs[-1], list(costs[0])
    wall, memory = sum(cost.wall for cost in last.values()), max(cost.memory for cost in last.values())
    total = [sum(cost.cpu for cost in each.values()) for each in costs]
    growing = [sum(each[verb].cpu for verb in GROWING) for each in costs]
    ratios = [later / earlier for earlier, later in itertools.pairwise(growing)] or [math.nan]
    parts = [
        "# Growth: what follows training, by number of runs\n",
        "<!-- made by `python benchmarks/growth.py` -->\n",
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}. Each step is a process of"
        " its own, one after the other. Factors are for each doubling of the runs.\n",
        f"**{sizes[-1]:,} runs: {wall:.0f} s in all (limit {MOST_SECONDS}), at most {memory / 1e9:.2f} GB in one"
        f" process (limit {MOST_BYTES / 1e9:.0f}); CPU time of tables, statistics and claims grows by at most"
        f" {max(ratios):.2f} for twice the runs (limit {MOST_GROWTH}).**\n",
        "## CPU seconds\n",
        _grid(
            "step",
            sizes,
            {row: [each[row].cpu for each in costs] for row in rows} | {" and ".join(GROWING): growing, "all": total},
            ".1f",
        ),
        "## Wall seconds\n",
        _grid("step", sizes, {"all": [sum(cost.wall for cost in each.values()) for each in costs]}, ".1f"),
        "## Peak memory, MB\n",
        _grid("step", sizes, {row: [each[row].memory / 1e6 for each in costs] for row in rows}, ".0f"),
        "## Files, MB\n",
        _grid("what", sizes, {
            "tables": [tables / 1e6 for tables, _ in files], "largest statistic": [stats / 1e6 for _, stats in files]
        }, ".1f"),
    ]  # fmt: skip
    return "\n".join(parts)


def _grid(what: str, sizes: list[int], rows: dict[str, list[float]], form: str) -> str:
    lines = [[what, *(f"{size:,} runs" for size in sizes), "factors"], ["---", *["---:"] * (len(sizes) + 1)]]
    for name, values in rows.items():
        factors = ", ".join(f"{b / a:.2f}" for a, b in itertools.pairwise(values))
        lines.append([name, *(format(value, form) for value in values), factors])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _sizes_of_files(results: Path) -> tuple[int, int]:
    tables = sum(path.stat().st_size for path in (results / "tables").iterdir())
    computed = [path for path in (results / "stats").iterdir() if path.name != "boundaries.csv"]
    return tables, max(path.stat().st_size for path in computed)


def main() -> None:
    """Measure every size and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two small sizes; print and write nothing")
    parser.add_argument("--largest", action="store_true", help="the largest size alone; print and write nothing")
    parser.add_argument("--keep", type=Path, help="folder to keep the largest results in")
    arguments = parser.parse_args()
    sizes, costs, files = [], [], []
    chosen = configs(arguments.quick)
    for levels in chosen[-1:] if arguments.largest else chosen:
        with tempfile.TemporaryDirectory(prefix="growth") as name:
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                config_file, size = pool.submit(prepare, Path(name), levels).result()
            print(f"{size:,} runs are made up", file=sys.stderr, flush=True)
            sizes.append(size)
            costs.append(measure(Path(name), config_file))
            files.append(_sizes_of_files(Path(name) / "results" / "growth"))
            if arguments.keep and levels is chosen[-1]:
                shutil.copytree(name, arguments.keep)
    text = describe(sizes, costs, files)
    print(text)
    if not (arguments.quick or arguments.largest):
        (FOLDER / "growth.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
