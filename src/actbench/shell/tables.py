"""`actbench tables CONFIG`: gather the shards into tidy tables."""

import argparse
import json

from actbench.plan.config import load_config
from actbench.plan.design import expand

EXAMPLE = "actbench tables config/smoke.yaml"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("config", metavar="CONFIG", help="config file; its shards are results/<name>/shards/*.parquet")
    parser.add_argument("--json", action="store_true", help="print the number of rows of each table as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Write results/<name>/tables/*.parquet."""
    from actbench.analysis.tables import write_tables

    config = load_config(arguments.config)
    rows = write_tables(expand(config, arguments.config))
    if arguments.json:
        print(json.dumps(rows))
    else:
        counted = ", ".join(f"{count:,} rows of {table}" for table, count in rows.items())
        print(f"results/{config.name}/tables: {counted}")
    return 0
