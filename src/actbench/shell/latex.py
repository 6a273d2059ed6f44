"""`actbench latex CONFIG`: write the main table and every quotable number for papers."""

import argparse
import json
from pathlib import Path

from actbench.plan.config import load_config

EXAMPLE = "actbench latex config/smoke.yaml"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("config", help="config file")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results (default: results)")
    parser.add_argument("--json", action="store_true", help="print the written files as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Write results/<name>/latex/: numbers.tex and .json, main.tex, .md and .csv, actbench.bib."""
    from actbench.show.latex import write_latex

    paths = [path.as_posix() for path in write_latex(load_config(arguments.config), arguments.results)]
    print(json.dumps({"files": paths}) if arguments.json else "\n".join(paths))
    return 0
