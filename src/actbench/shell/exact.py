"""`actbench exact CONFIG`: check what calculus settles, so that judging those claims needs no torch."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

EXAMPLE = "actbench exact config/smoke.yaml"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("config", help="config file; names the folder of results")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results (default: results)")
    parser.add_argument("--json", action="store_true", help="print the checks as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Write results/<name>/stats/exact.csv: check, holds, value, expected, tolerance, detail."""
    from actbench.plan.config import load_config

    config = load_config(arguments.config)
    import csv

    from actbench.levels.calculus import CHECKS
    from actbench.plan.atomic_file import replacing

    rows = [{"check": name} | asdict(check()) for name, check in CHECKS.items()]
    path = arguments.results / config.name / "stats" / "exact.csv"
    with replacing(path) as (partial,), partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(row | {"holds": int(row["holds"])} for row in rows)
    if arguments.json:
        print(json.dumps({"file": path.as_posix(), "checks": rows}))
    else:
        print(f"{path.as_posix()}: {sum(row['holds'] for row in rows)} of {len(rows)} checks hold")
    return 0
