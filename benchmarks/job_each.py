"""(d) One Snakemake job per network against shards: CPU time with all that a job costs, in rounds that interleave."""

import dataclasses
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from actbench.plan.config import load_config
from actbench.plan.design import expand
from actbench.plan.shards import Shard, make_shards

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 3
EACH, SHARDED = 8, 1296  # networks of a round in jobs of their own, and together: the paper's largest shard has 1,715
OF_THE_GRID = 16  # networks of the default grid's largest shard that also train in jobs of their own

GRID = """
name: {name}
shard_minutes: {minutes}
studies:
  main:
    activation: relu
    depth: 4
    steps: 1000
    seed: {seeds}
"""


PLAIN = """
rule all:
    input: expand("{{seed}}.done", seed=range({networks}))

rule train:
    output: "{{seed}}.done"
    shell: "{python} {script} {{output}}"
"""


def cpu_per_network(folder: Path, name: str, minutes: float, seeds: range) -> float:
    """Return CPU seconds of one network, start of Snakemake and of every job included."""
    path = folder / f"{name}.yaml"
    path.write_text(GRID.format(name=name, minutes=minutes, seeds=list(seeds)), encoding="utf-8")
    return cpu_of_shards(folder, path, shards_of(path)) / len(seeds)


def shards_of(path: Path) -> list[Shard]:
    """Return the jobs of a config."""
    config = load_config(path)
    return make_shards(expand(config).runs, config.shard_minutes)


def cpu_of_shards(folder: Path, path: Path, shards: list[Shard]) -> float:
    """Return CPU seconds of some jobs of a config."""
    targets = [f"results/{load_config(path).name}/shards/{shard.id}.parquet" for shard in shards]
    snakefile = ROOT / "workflow" / "Snakefile"
    return cpu_of(folder, [*targets, "--snakefile", str(snakefile), "--configfile", str(path)])


def cpu_per_plain_job(folder: Path, networks: int) -> float:
    """Return CPU seconds of one network where each job is a script with a plain PyTorch loop."""
    script = Path(__file__).with_name("plain_loop.py")
    folder.mkdir()
    (folder / "Snakefile").write_text(PLAIN.format(networks=networks, python=sys.executable, script=script))
    return cpu_of(folder, []) / networks


def cpu_of(folder: Path, words: list[str]) -> float:
    """Return the CPU seconds of Snakemake on one core and of all its jobs."""
    command = ["snakemake", *words, "--directory", str(folder), "--cores", "1", "--quiet", "all"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def one_round(folder: Path, number: int) -> tuple[float, float, float]:
    """Return CPU seconds of one network: a job each with the plain loop, a job each with actbench, in a shard."""
    first = number * (EACH + SHARDED)  # no seed twice: nothing comes from the run cache
    plain = cpu_per_plain_job(folder / f"plain{number}", EACH)
    each = cpu_per_network(folder, f"each{number}", 1e-9, range(first, first + EACH))
    return plain, each, cpu_per_network(folder, f"shard{number}", 10, range(first + EACH, first + EACH + SHARDED))


def compare() -> str:
    """Train the same kind of network in jobs of its own and in a shard; return a line for each of the two jobs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["ACTBENCH_CACHE"] = str(folder / "cache")
        cpu_per_network(folder, "warm", 10, range(100_000, 100_001))  # data and compiled loops
        rounds = [one_round(folder, number) for number in range(ROUNDS)]
        whole = of_the_grid(folder)
    *single, sharded = (statistics.median(each) for each in zip(*rounds, strict=True))
    kinds = ("a script with the plain loop", "actbench's own engine")
    lines = [
        f"- one Snakemake job per network, {kind}: {seconds:.2f} s of CPU a network against {sharded:.3f} s in a shard "
        f"of {SHARDED:,} (depth 4, width 64, 1,000 updates, everything recorded; medians): {ratio_of(rounds, place)}; "
        f"50 × would need {seconds / 50:.3f} s"
        for place, (kind, seconds) in enumerate(zip(kinds, single, strict=True))
    ]
    return "\n".join([*lines, whole])


def of_the_grid(folder: Path) -> str:
    """Train the largest shard of the default grid, and some of its networks in jobs of their own; return a line."""
    default = ROOT / "config" / "config.yaml"
    shard = max(shards_of(default), key=lambda shard: len(shard.runs))
    some = random.Random(0).sample(shard.runs, OF_THE_GRID)  # noqa: S311
    path = folder / "some.yaml"
    studies = {f"study{place}": dataclasses.asdict(run) for place, run in enumerate(some)}
    path.write_text(yaml.safe_dump({"name": "some", "shard_minutes": 1e-9, "studies": studies}), encoding="utf-8")
    os.environ["ACTBENCH_CACHE"] = str(folder / "apart")
    each = cpu_of_shards(folder, path, shards_of(path)) / len(some)
    os.environ["ACTBENCH_CACHE"] = str(folder / "together")
    together = cpu_of_shards(folder, default, [shard]) / len(shard.runs)
    return (
        f"- {len(some)} networks of the default grid in jobs of their own, actbench's engine: {each:.2f} s of CPU a "
        f"network against {together:.3f} s in its largest shard, {shard.id}, of {len(shard.runs)}: "
        f"{each / together:.1f} ×"
    )


def ratio_of(rounds: list[tuple[float, float, float]], place: int) -> str:
    """Return the median and the range over the rounds of a job's seconds over a shard's."""
    ratios = [seconds[place] / seconds[2] for seconds in rounds]
    return f"{statistics.median(ratios):.1f} × [{min(ratios):.1f}, {max(ratios):.1f}], {len(rounds)} rounds"


if __name__ == "__main__":
    print(compare(), file=sys.stdout)
