"""Measure how everything after training grows with the number of runs: tables, statistics, figures and the report.

    python benchmarks/growth.py            23,600 to 124,400 runs, about twenty minutes, to benchmarks/growth.md
    python benchmarks/growth.py --largest  the largest alone, about six minutes, printed
    python benchmarks/growth.py --quick    900 and 1,800 runs, printed

The largest design is config/paper.yaml as it stands; in the others its main study has half, a quarter and an eighth of
its conditions, at the same depths. Shards are made up, and so are decision boundaries, which are trained; everything
after them runs as the workflow runs it: each step a process of its own, started when what it reads is there, as many
at once as there are cores. The measures are the kernel's: wall time, CPU time (of tables, statistics and claims, which
grow, the less of two rounds) and peak resident memory.
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
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import yaml

from actbench.plan.config import load_config
from actbench.plan.design import expand
from actbench.plan.shards import make_shards
from actbench.plan.sources import figure_names, figure_needs, layer_statistic_names
from actbench.plan.typesetting import typesetting_commands

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
# One line for each size: the levels of the main study of config/paper.yaml that are left out.
THINNED = (
    {"norm": ["batchnorm", "rmsnorm"], "residual": ["identity"], "clip": ["norm(1.0)"]},
    {"residual": ["identity"], "clip": ["norm(1.0)"]},
    {"clip": ["norm(1.0)"]},
    {},
)
QUICK = {"depth": [2, 4, 8], "init": ["xavier_normal", "he_normal"], "lr": [0.01], "residual": ["none"]}
QUICK_NORMS = (["none", "layernorm"], ["none", "batchnorm", "layernorm", "rmsnorm"])
DISK_PER_RUN = 40_000  # bytes; shards and tables
GROWING = ("tables", "stats", "layer_stats", "claims")
ALONE = ("activations", "exact", "cost", "theory", "probe")  # steps that read no table
MADE_BY = {"theory": "theory", "depth_scales": "theory", "probe": "probe", "activations": "activations"}
MADE_BY |= dict.fromkeys(layer_statistic_names(), "layer_stats")
MADE_BY |= {"claim_tests": "claims", "boundaries": "tables"}  # statistics that `stats` does not make
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")  # as Snakemake has it
MOST_SECONDS, MOST_BYTES, MOST_GROWTH = 180, 4e9, 2.1


@dataclass(frozen=True)
class Cost:
    """What one process needed: seconds of wall time and CPU time, bytes of peak resident memory; when it began."""

    wall: float
    cpu: float
    memory: float
    start: float


@dataclass(frozen=True)
class Step:
    """One step: the words of its command and the steps that make what it reads."""

    words: tuple[str, ...]
    after: frozenset[str]


def configs(quick: bool) -> list[dict[str, object]]:
    """Return the config of each size, smallest first."""
    paper = yaml.safe_load((ROOT / "config" / "paper.yaml").read_text(encoding="utf-8")) | {"name": "growth"}
    main = paper["studies"]["main"]
    if quick:
        own = [main | QUICK | {"norm": norms, "clip": ["none"]} for norms in QUICK_NORMS]
        return [paper | {"studies": {"main": levels}} for levels in own]
    own = [
        main | {factor: [level for level in main[factor] if level not in left] for factor, left in thinned.items()}
        for thinned in THINNED
    ]
    return [paper | {"studies": paper["studies"] | {"main": levels}} for levels in own]


def prepare(folder: Path, text: dict[str, object]) -> tuple[Path, int]:
    """Write the config, its data sets and all its shards under a folder; return the config file and the runs.

    This is for a process of its own: the kernel counts the memory of the process that starts a step as the step's.
    """
    from made_up_shards import write_made_up_boundaries, write_made_up_shard

    config_file = folder / "growth.yaml"
    config_file.write_text(yaml.safe_dump(text, sort_keys=False), encoding="utf-8")
    config = load_config(config_file)
    runs = expand(config).runs
    free = shutil.disk_usage(folder).free
    if free < DISK_PER_RUN * len(runs):
        raise SystemExit(f"{folder}: {free / 1e9:.1f} GB free, {DISK_PER_RUN * len(runs) / 1e9:.1f} GB needed")
    for dataset in sorted({run.dataset for run in runs}):
        run_verb(folder, "data", dataset)
    if not any(Path(os.environ["ACTBENCH_CACHE"]).iterdir()):
        run_verb(folder, "cost", config_file.name)  # training would have compiled these loops
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        shards = make_shards(runs, config.shard_minutes)
        for made in [pool.submit(write_made_up_shard, config, shard, folder / "results") for shard in shards]:
            made.result()
    stats = folder / "results" / config.name / "stats"
    stats.mkdir(parents=True, exist_ok=True)
    write_made_up_boundaries(stats / "boundaries.csv", sorted({run.activation for run in runs}))
    return config_file, len(runs)


def run_verb(folder: Path, *words: str) -> Cost:
    """Run `actbench WORDS` in a folder and return its cost."""
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT / "src")}
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as log:
        command = [sys.executable, "-m", "actbench", *words]
        child = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
        if child.returncode:
            log.seek(0)
            raise SystemExit(f"actbench {' '.join(words)} failed:\n{log.read()}")
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB on Linux
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit, start)


def steps_of(file: str, name: str) -> dict[str, Step]:
    """Return every step that follows training, each after those that make what it reads, as in workflow/rules."""
    probed = ("--activation", "sigmoid", "tanh", "relu", "gelu", "silu", "--depth", "10")
    words = {verb: (verb, file) for verb in (*GROWING, *ALONE, "latex", "report", "manifest")}
    words["probe"] = ("probe", *probed, "--table", f"results/{name}/stats/probe.csv")
    words |= {"stats": ("stats", file, "--only", "scores"), "layer_stats": ("stats", file, "--only", "layers")}
    words["claims"] += ("--ledger", str(ROOT / "config" / "claims.yaml"))
    after = {"stats": {"tables", "cost"}, "layer_stats": {"tables"}, "claims": {"tables", "exact", "cost"}}
    after["latex"] = {"stats", "layer_stats"}
    figures = {f"figure {figure}": figure for figure in figure_names()}
    for step, figure in figures.items():
        words[step] = ("figure", file, figure)
        after[step] = {"tables", *(MADE_BY.get(statistic, "stats") for statistic in figure_needs(figure, "STATS"))}
    after["report"] = {"stats", "layer_stats", "claims", *ALONE, *figures}
    after["manifest"] = {"report", "latex"}
    if typesetting_commands("paper"):
        words["paper"] = ("paper", file, "--paper", str(ROOT / "paper"))
        after["paper"] = {"latex", *figures}
    return {step: Step(own, frozenset(after.get(step, ()))) for step, own in words.items()}


def measure(folder: Path, config_file: Path) -> tuple[float, dict[str, Cost]]:
    """Run every step; return the wall time of all and the cost of each."""
    steps, cores = steps_of(config_file.name, load_config(config_file).name), os.cpu_count() or 1
    costs: dict[str, Cost] = {}
    running: dict[Future[Cost], str] = {}
    start = time.perf_counter()
    with ThreadPoolExecutor(cores) as pool:
        while len(costs) < len(steps):
            ready = [step for step in steps if steps[step].after <= costs.keys() and step not in running.values()]
            for step in [step for step in ready if step not in costs][: cores - len(running)]:
                running[pool.submit(run_verb, folder, *steps[step].words)] = step
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            costs |= {running.pop(each): each.result() for each in done}
    wall = time.perf_counter() - start
    again = {verb: run_verb(folder, *steps[verb].words) for verb in GROWING}
    lesser = {verb: min(costs[verb].cpu, cost.cpu) for verb, cost in again.items()}
    ordered = {step: costs[step] for step in steps}
    return wall, ordered | {
        verb: Cost(costs[verb].wall, cpu, costs[verb].memory, costs[verb].start) for verb, cpu in lesser.items()
    }


def memory_at_once(costs: dict[str, Cost]) -> float:
    """Return the largest sum of the peaks of processes that ran at the same time."""
    each = list(costs.values())
    return max(sum(one.memory for one in each if one.start <= at.start < one.start + one.wall) for at in each)


def per_doubling(sizes: list[int], values: list[float]) -> list[float]:
    """Return by which factor each value grows on the one before for twice the runs."""
    return [
        (later / earlier) ** (1 / math.log2(more / fewer))
        for (fewer, more), (earlier, later) in zip(itertools.pairwise(sizes), itertools.pairwise(values), strict=True)
    ]


def describe(sizes: list[int], walls: list[float], costs: list[dict[str, Cost]], files: list[tuple[int, int]]) -> str:
    """Write the measures as Markdown."""
    rows, cores = list(costs[0]), os.cpu_count()
    cpu = {row: [each[row].cpu for each in costs] for row in rows}
    growing = [sum(each[verb].cpu for verb in GROWING) for each in costs]
    doubled = max(per_doubling(sizes, growing), default=None)
    said = "" if doubled is None else (
        f"; CPU time of {' and '.join(GROWING)} grows by at most {doubled:.2f} for twice the runs (limit {MOST_GROWTH})"
    )  # fmt: skip
    together = [memory_at_once(each) / 1e6 for each in costs]
    seconds = {
        "as the workflow runs them": walls,
        "one after the other": [sum(cost.wall for cost in each.values()) for each in costs],
    }
    parts = [
        "# Growth: what follows training, by number of runs\n",
        "<!-- made by `python benchmarks/growth.py` -->\n",
        f"{platform.machine()}, {cores} cores, Python {platform.python_version()}. Each step is a process of its own,"
        f" started when what it reads is there, {cores} at once. Factors are for twice the runs. The largest design is"
        " config/paper.yaml.\n",
        f"**{sizes[-1]:,} runs: {walls[-1]:.0f} s in all (limit {MOST_SECONDS}), at most {together[-1] / 1e3:.2f} GB in"
        f" the processes that run at once (limit {MOST_BYTES / 1e9:.0f}){said}.**\n",
        "## Wall seconds\n",
        _grid("steps", sizes, seconds, ".1f"),
        "## CPU seconds\n",
        _grid("step", sizes, cpu | {
            " and ".join(GROWING): growing, "all": [sum(cost.cpu for cost in each.values()) for each in costs]
        }, ".1f"),
        "## Peak memory, MB\n",
        _grid("step", sizes, {row: [each[row].memory / 1e6 for each in costs] for row in rows} | {
            "the largest process": [max(cost.memory for cost in each.values()) / 1e6 for each in costs],
            "all that run at once": together,
        }, ".0f"),
        "## Files, MB\n",
        _grid("what", sizes, {
            "tables": [tables / 1e6 for tables, _ in files], "largest statistic": [stats / 1e6 for _, stats in files]
        }, ".1f"),
    ]  # fmt: skip
    return "\n".join(parts)


def _grid(what: str, sizes: list[int], rows: dict[str, list[float]], form: str) -> str:
    lines = [[what, *(f"{size:,} runs" for size in sizes), "factors"], ["---", *["---:"] * (len(sizes) + 1)]]
    for name, values in rows.items():
        factors = ", ".join(f"{factor:.2f}" for factor in per_doubling(sizes, values))
        lines.append([name, *(format(value, form) for value in values), factors])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _sizes_of_files(results: Path) -> tuple[int, int]:
    tables, stats = (
        [path.stat().st_size for path in (results / folder).iterdir() if path.name != "boundaries.csv"]
        for folder in ("tables", "stats")
    )
    return sum(tables), max(stats)


def main() -> None:
    """Measure every size and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two small sizes; print and write nothing")
    parser.add_argument("--largest", action="store_true", help="the largest size alone; print and write nothing")
    parser.add_argument("--keep", type=Path, help="folder to keep the largest results in")
    arguments = parser.parse_args()
    sizes, walls, costs, files = [], [], [], []
    compiled = tempfile.TemporaryDirectory(prefix="growth")
    os.environ["ACTBENCH_CACHE"] = compiled.name
    chosen = configs(arguments.quick)
    for text in chosen[-1:] if arguments.largest else chosen:
        with tempfile.TemporaryDirectory(prefix="growth") as name:
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                config_file, size = pool.submit(prepare, Path(name), text).result()
            print(f"{size:,} runs are made up", file=sys.stderr, flush=True)
            wall, cost = measure(Path(name), config_file)
            sizes.append(size)
            walls.append(wall)
            costs.append(cost)
            files.append(_sizes_of_files(Path(name) / "results" / "growth"))
            if arguments.keep and text is chosen[-1]:
                shutil.copytree(name, arguments.keep)
    described = describe(sizes, walls, costs, files)
    print(described)
    if not (arguments.quick or arguments.largest):
        (FOLDER / "growth.md").write_text(described, encoding="utf-8")


if __name__ == "__main__":
    main()
