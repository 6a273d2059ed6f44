"""`actbench figure`: draw one figure, or all, from the tables and statistics of a config."""

import argparse
import json
from pathlib import Path

from actbench.plan.config import WIDTHS, load_config

EXAMPLE = "actbench figure config/smoke.yaml learning_curves"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("config", help="config file")
    parser.add_argument("name", nargs="?", help="a file in src/actbench/show/figures; without it, all are drawn")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results (default: results)")
    parser.add_argument("--figures", type=Path, default=Path("figures"), help="folder to write to (default: figures)")
    parser.add_argument(
        "--width", choices=WIDTHS, help="one column, a journal's text or a slide (default: the config's)"
    )
    parser.add_argument("--json", action="store_true", help="print the written files as JSON, of all figures as a list")


def run(arguments: argparse.Namespace) -> int:
    """Write the pdf, svg, png, csv and caption of a figure; refuse an unknown name before anything is read."""
    from actbench.show.contract import declaration, declarations

    names = [declaration(arguments.name).name] if arguments.name else list(declarations())
    config = load_config(arguments.config)
    from actbench.show.figure_file import write_figure

    drawn = {name: write_figure(name, config, arguments.results, arguments.figures, arguments.width) for name in names}
    answers = [{"figure": name, "files": [path.as_posix() for path in paths]} for name, paths in drawn.items()]
    if arguments.json:
        print(json.dumps(answers[0] if arguments.name else answers))
    else:
        print("\n".join(file for answer in answers for file in answer["files"]))
    return 0
