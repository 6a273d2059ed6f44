"""(d) One Snakemake job per network against shards: CPU time with all that a job costs."""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from actbench.plan.config import load_config
from actbench.plan.design import expand
from actbench.plan.shards import make_shards

ROOT = Path(__file__).resolve().parent.parent
EACH, SHARDED = 24, 648  # networks trained in jobs of their own, and together

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
    config = load_config(path)
    shards = make_shards(expand(config).runs, config.shard_minutes)
    targets = [f"results/{name}/shards/{shard.id}.parquet" for shard in shards]
    snakefile = ROOT / "workflow" / "Snakefile"
    return cpu_of(folder, [*targets, "--snakefile", str(snakefile), "--configfile", str(path)]) / len(seeds)


def cpu_per_plain_job(folder: Path, networks: int) -> float:
    """Return CPU seconds of one network where each job is a script with a plain PyTorch loop."""
    script = Path(__file__).with_name("plain_loop.py")
    (folder / "Snakefile").write_text(PLAIN.format(networks=networks, python=sys.executable, script=script))
    return cpu_of(folder, []) / networks


def cpu_of(folder: Path, words: list[str]) -> float:
    """Return the CPU seconds of Snakemake on one core and of all its jobs."""
    command = ["snakemake", *words, "--directory", str(folder), "--cores", "1", "--quiet", "all"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare() -> str:
    """Train the same kind of network in jobs of its own and in a shard; return a line for each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["ACTBENCH_CACHE"] = str(folder / "cache")
        cpu_per_network(folder, "warm", 10, range(9000, 9001))  # data and compiled loops
        plain = cpu_per_plain_job(folder, EACH)
        each = cpu_per_network(folder, "each", 1e-9, range(1000, 1000 + EACH))
        sharded = cpu_per_network(folder, "sharded", 10, range(SHARDED))
    what = f"{sharded:.3f} s in a shard of {SHARDED} (depth 4, width 64, 1,000 updates, everything recorded)"
    return "\n".join(
        f"- one Snakemake job per network, {how}: {cost:.2f} s of CPU a network against {what}: {cost / sharded:.0f} ×"
        for how, cost in (("a script with the plain loop", plain), ("actbench's own engine", each))
    )


if __name__ == "__main__":
    print(compare(), file=sys.stdout)
