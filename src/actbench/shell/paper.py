"""`actbench paper CONFIG`: compile the example paper with a config's figures, table and numbers."""

import argparse
import json
from pathlib import Path

from actbench.plan.config import load_config

EXAMPLE = "actbench paper config/smoke.yaml"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("config", help="config file")
    parser.add_argument("--paper", type=Path, default=Path("paper"), help="folder of paper.tex (default: paper)")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results (default: results)")
    parser.add_argument("--figures", type=Path, default=Path("figures"), help="folder of figures (default: figures)")
    parser.add_argument("--json", action="store_true", help="print the written file as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Write results/<name>/paper.pdf and name the macros that this config has no number for."""
    from actbench.show.paper import write_paper

    config = load_config(arguments.config)
    path, missing = write_paper(config, arguments.paper, arguments.results, arguments.figures)
    if arguments.json:
        print(json.dumps({"file": path.as_posix(), "macros_without_number": missing}))
    else:
        print(path.as_posix())
        for macro in missing:
            print(f"{macro}: this config has no such number, so ?? is printed")
    return 0
