"""`actbench train`: train the runs of one shard."""

import argparse
import json
import sys
from pathlib import Path

from actbench.training.device import use_device
from actbench.training.process import cache_folder, one_core, prepare_process
from actbench.training.stopping import stop_before, stop_on_signals
from actbench.training.time_limit import seconds_to_limit

EXAMPLE = (
    "actbench train config/smoke.yaml --shard mnist1d-mlp-relu --output results/smoke/shards/mnist1d-mlp-relu.parquet"
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("config", help="config file")
    parser.add_argument("--shard", required=True, help="id of the shard, as `actbench plan CONFIG` lists it")
    parser.add_argument("--output", type=Path, help="file to write (default: results/<name>/shards/<id>.parquet)")
    parser.add_argument("--digest", help="stop unless the shard's runs still have this digest")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the data sets (default: data)")
    parser.add_argument("--json", action="store_true", help="print the written file and its runs as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Train the missing runs, one thread, and write the shard file, unless signals or a time limit stop it before."""
    prepare_process(cache_folder())  # before numpy, torch and numba are imported
    stop_on_signals()
    if seconds := seconds_to_limit():
        stop_before(seconds)
    from actbench.plan.config import load_config
    from actbench.plan.design import expand
    from actbench.plan.errors import ConfigError, nearest
    from actbench.plan.shards import make_shards
    from actbench.shell.progress import Progress

    config = load_config(arguments.config)
    runs = expand(config).runs
    shards = {shard.id: shard for shard in make_shards(runs, config.shard_minutes)}
    if arguments.shard not in shards:
        raise ConfigError(
            "--shard", f"no shard {arguments.shard!r} in {arguments.config}; {nearest(arguments.shard, list(shards))}"
        )
    shard = shards[arguments.shard]
    if arguments.digest not in (None, shard.digest):
        raise ConfigError(arguments.config, "changed since the workflow started; start the workflow again")

    use_device(config.device)  # before seconds are spent on importing torch
    from actbench.analysis.shard_file import write_shard
    from actbench.levels.dataset import load_dataset
    from actbench.training.shard import train_shard

    one_core()
    results = Path("results") / config.name
    progress = Progress(results, list(shards.values()), shard, sys.stderr if arguments.json else None)
    datasets = {name: load_dataset(name, arguments.data) for name in {item.dataset for item in shard.runs}}
    own = set(shard.runs)
    others = [item for item in runs if item not in own]
    rows = train_shard(shard, datasets, cache_folder(), progress.add, others)
    file = arguments.output or results / "shards" / f"{shard.id}.parquet"
    write_shard(file, rows)
    progress.print()
    if arguments.json:
        print(json.dumps({"file": file.as_posix(), "runs": rows.num_rows, **progress.counts}))
    return 0
