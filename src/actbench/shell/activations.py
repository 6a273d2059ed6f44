"""`actbench activations`: tabulate the activation functions, so that drawing them needs no torch."""

import argparse
import json
from pathlib import Path

EXAMPLE = "actbench activations config/smoke.yaml"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("config", help="config file; its activations with arguments are tabulated too")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results (default: results)")
    parser.add_argument("--json", action="store_true", help="print the written file and its rows as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Write results/<name>/stats/activations.csv: activation, z, value, derivative."""
    from actbench.plan.config import load_config

    config = load_config(arguments.config)
    import csv
    import math

    from actbench.levels.activation_table import activation_rows
    from actbench.plan.atomic_file import replacing

    rows = list(activation_rows(config.names("activation")))
    path = arguments.results / config.name / "stats" / "activations.csv"
    with replacing(path) as (partial,), partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["activation", "z", "value", "derivative"])
        writer.writerows([*row[:3], "" if math.isnan(row[3]) else row[3]] for row in rows)
    file_name = path.as_posix()
    print(json.dumps({"file": file_name, "rows": len(rows)}) if arguments.json else f"{file_name} ({len(rows)} rows)")
    return 0
