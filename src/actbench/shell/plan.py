"""`actbench plan`: print how much a config asks for, what it is expected to cost, and what is trained already."""

import argparse
import json
from pathlib import Path
from typing import Any

from actbench.plan.cluster import cluster_load, gpu_load
from actbench.plan.cost import disk_bytes, job_seconds, memory_bytes, seconds_left
from actbench.plan.design import Run
from actbench.plan.errors import ConfigError
from actbench.plan.numerics import NUMERICS
from actbench.plan.shards import Shard
from actbench.shell.cached import cached_seconds, machine_factor
from actbench.shell.check import Facts, as_text, describe, read_design
from actbench.training.device import use_device
from actbench.training.process import cache_folder, device_kind

EXAMPLE = "actbench plan config/paper.yaml --cluster --nodes 50 --cores-per-node 8"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("config", help="config file")
    parser.add_argument("--shards", action="store_true", help="list every shard: id, runs, trained runs, minutes")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results (default: results)")
    parser.add_argument("--cache", type=Path, help="the run cache (default: $ACTBENCH_CACHE, or cache)")
    parser.add_argument(
        "--cluster", action="store_true", help="simulate training all of it on a cluster and on one GPU"
    )
    parser.add_argument("--nodes", type=int, default=50, help="nodes of the cluster (default: 50)")
    parser.add_argument("--cores-per-node", type=int, default=1, help="free cores of each (default: 1)")
    parser.add_argument(
        "--gpu-cores", type=float, default=50, help="cores whose work one GPU is assumed to do (default: 50)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print runs, studies, shards, what is trained and cached, and the expected time, disk and memory of the rest."""
    design, shards = read_design(arguments.config)
    use_device(design.config.device)
    folder = arguments.results / design.config.name / "shards"
    trained = {shard.id: count_trained(shard, folder / f"{shard.id}.parquet") for shard in shards}
    known, why = cached_seconds(design.runs, arguments.cache or cache_folder(), device_kind())
    factor = machine_factor(design.runs, known, device_kind())
    facts = describe(design, shards) | expect(shards, trained, known, factor)
    if arguments.cluster:
        facts |= _on_cluster(shards, arguments, factor)
    if why:
        facts["cached_note"] = why
    rows = [
        {
            "id": shard.id,
            "runs": len(shard.runs),
            "trained": trained[shard.id],
            "minutes": round(job_seconds(shard.runs, factor, known) / 60, 2),
        }
        for shard in shards
    ]
    if arguments.json:
        print(json.dumps({**facts, "shard_list": rows} if arguments.shards else facts))
        return 0
    print(as_text(_readable(facts)))
    for row in rows if arguments.shards else []:
        print(f"{row['id']:<48} {row['runs']:>6} runs, {row['trained']:>6} trained, {row['minutes']:>6} min")
    return 0


def _on_cluster(shards: list[Shard], arguments: argparse.Namespace, factor: float) -> Facts:
    """Return the load on a cluster and on one GPU, each beside what was assumed."""
    nodes, cores, worth = arguments.nodes, arguments.cores_per_node, arguments.gpu_cores
    for name, value in {"--nodes": nodes, "--cores-per-node": cores, "--gpu-cores": worth}.items():
        if not 0 < value < float("inf"):
            raise ConfigError(name, f"{value:g} is not above 0")
    on_cores = {"nodes": nodes, "cores_per_node": cores, **cluster_load(shards, nodes, cores, factor)}
    return {"cluster": on_cores, "one_gpu": {"assumed_cores": worth, **gpu_load(shards, worth)}}


def expect(shards: list[Shard], trained: dict[str, int], known: dict[str, float], factor: float) -> Facts:
    """Return what training the shards takes: all of them, and what is left.

    A shard whose file is complete needs no job. Any other needs one, which takes cached runs from the cache and, with
    nothing left to train, is over once it has started. Cached runs count with the seconds that they took, all others
    with those of the reference machine (plan/cost.py) times the factor by which the cached ones took longer on this
    one; memory is that of the largest job, disk that of all.
    """
    jobs = [job_seconds(shard.runs, factor, known) for shard in shards]
    todo = [shard for shard in shards if trained[shard.id] < len(shard.runs)]
    left = [[run for run in shard.runs if run.key not in known] for shard in todo]
    rest = [seconds_left(own, len(shard.runs) - len(own), factor) for shard, own in zip(todo, left, strict=True)]
    runs: list[Run] = [run for shard in shards for run in shard.runs]
    return {
        "trained": sum(trained.values()),
        "cached": sum(run.key in known for run in runs),
        "to_train": sum(map(len, left)),
        "jobs_left": len(todo),
        "model_steps": sum(run.steps for run in runs),
        "core_hours": round(sum(jobs) / 3600, 4),
        "core_hours_left": round(sum(rest) / 3600, 4),
        "longest_job_minutes": round(max(jobs) / 60, 2),
        "machine_factor": round(factor, 2),
        "disk_bytes": disk_bytes(runs),
        "memory_bytes": memory_bytes(runs),
    }


def _readable(facts: Facts) -> Facts:
    """Spell bytes in units that people read."""
    units: dict[str, tuple[int, str]] = {"disk_bytes": (10**6, "disk_MB"), "memory_bytes": (10**6, "memory_MB")}
    shown: dict[str, Any] = {}
    for key, value in facts.items():
        size, name = units.get(key, (1, key))
        shown[name] = round(value / size) if size > 1 and isinstance(value, int) else value
    return shown


def count_trained(shard: Shard, file: Path) -> int:
    """Count the shard's runs that its file holds with today's NUMERICS; 0 when there is no sound file."""
    if not file.is_file():
        return 0
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file, columns=["run_key", "numerics"])
        rows = list(zip(table["run_key"].to_pylist(), table["numerics"].to_pylist(), strict=True))
    except (pa.ArrowException, OSError, KeyError):
        return 0
    found = {key for key, numerics in rows if numerics == NUMERICS}
    return len(found & {run.key for run in shard.runs})
