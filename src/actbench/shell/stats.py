"""`actbench stats CONFIG`: compute statistics from the tables."""

import argparse
import json
import os

from actbench.plan.config import load_config
from actbench.plan.sources import KINDS

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
ARROW = {"ARROW_DEFAULT_MEMORY_POOL": "system"}  # which gives back what is freed
EXAMPLE = "actbench stats config/smoke.yaml"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("config", metavar="CONFIG", help="config file; its tables are results/<name>/tables/*.parquet")
    parser.add_argument(
        "--only", choices=KINDS, help="statistics of scores, or of the records of layers; both can be made at once"
    )
    parser.add_argument("--json", action="store_true", help="print the number of rows of each statistic as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Write results/<name>/stats/*.csv."""
    os.environ.update(dict.fromkeys(THREADS, "1") | ARROW)  # on a busy machine, threads wait for each other
    from actbench.analysis.statistics import write_statistics

    config = load_config(arguments.config)
    rows = write_statistics(config, kinds=[arguments.only] if arguments.only else KINDS)
    if arguments.json:
        print(json.dumps(rows))
    else:
        counted = ", ".join(f"{count:,} rows of {name}" for name, count in rows.items())
        print(f"results/{config.name}/stats: {counted}")
    return 0
