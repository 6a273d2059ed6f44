"""`actbench report`: write the report page from figures, tables and statistics."""

import argparse
import json
from pathlib import Path

EXAMPLE = "actbench report config/smoke.yaml"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("config", help="config file")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results (default: results)")
    parser.add_argument("--figures", type=Path, default=Path("figures"), help="folder of figures (default: figures)")
    parser.add_argument("--json", action="store_true", help="print the written file and its size as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Write results/<name>/report.html, one page that needs no other file."""
    from actbench.show.report import write_report

    path = write_report(Path(arguments.config), arguments.results, arguments.figures)
    size = path.stat().st_size
    file = path.as_posix()
    print(json.dumps({"report": file, "bytes": size}) if arguments.json else f"{file} ({size / 1e6:.1f} MB)")
    return 0
