"""`actbench stats CONFIG`: compute statistics from the tables."""

import argparse
import json

from actbench.plan.config import load_config
from actbench.plan.sources import KINDS
from actbench.shell.lean_process import prepare_analysis

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
    prepare_analysis()
    from actbench.analysis.statistics import write_statistics

    config = load_config(arguments.config)
    rows = write_statistics(config, kinds=[arguments.only] if arguments.only else KINDS)
    if arguments.json:
        print(json.dumps(rows))
    else:
        counted = ", ".join(f"{count:,} rows of {name}" for name, count in rows.items())
        print(f"results/{config.name}/stats: {counted}")
    return 0
