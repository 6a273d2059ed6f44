"""`actbench plan`: print how much a config asks for, and how much of it is trained already."""

import argparse
import json
from pathlib import Path

from actbench.plan.numerics import NUMERICS
from actbench.plan.shards import Shard
from actbench.plan.work import run_work
from actbench.shell.check import as_text, describe, read_design

EXAMPLE = "actbench plan config/config.yaml --json"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("config", help="config file")
    parser.add_argument("--shards", action="store_true", help="list every shard: id, runs, trained runs")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results (default: results)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print runs, studies, shards, work, and the runs that stand in shard files of this version of the numbers."""
    design, shards = read_design(arguments.config)
    folder = arguments.results / design.config.name / "shards"
    trained = {shard.id: count_trained(shard, folder / f"{shard.id}.parquet") for shard in shards}
    facts = describe(design, shards) | {
        "trained": sum(trained.values()),
        "model_steps": sum(run.steps for run in design.runs),
        "multiply_adds": round(sum(map(run_work, design.runs))),
    }
    rows = [{"id": shard.id, "runs": len(shard.runs), "trained": trained[shard.id]} for shard in shards]
    if arguments.json:
        print(json.dumps({**facts, "shard_list": rows} if arguments.shards else facts))
        return 0
    print(as_text(facts))
    for row in rows if arguments.shards else []:
        print(f"{row['id']:<48} {row['runs']:>6} runs, {row['trained']:>6} trained")
    return 0


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
