"""`actbench explain RUN`: all that the tables say of one run."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actbench.analysis.explanation import Explanation
    from actbench.analysis.recorded import Recorded

EXAMPLE = "actbench explain activation=relu,depth=4,init=he_normal,norm=none,seed=0 --config config/smoke.yaml"
CONFIG = "config/config.yaml"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "run", metavar="RUN", help="a run key, its beginning, or levels: activation=relu,depth=4,seed=0"
    )
    add_tables(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--html",
        type=Path,
        nargs="?",
        const=Path(),
        metavar="PATH",
        help="write a page with figures too (default: results/<name>/explain/<run key>.html)",
    )


def add_tables(parser: argparse.ArgumentParser) -> None:
    """Declare where the tables are."""
    parser.add_argument("--config", default=CONFIG, help=f"config whose tables are read (default: {CONFIG})")
    parser.add_argument("--tables", type=Path, metavar="DIR", help="read DIR/*.parquet instead, whoever wrote them")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results (default: results)")


def open_tables(arguments: argparse.Namespace) -> "Recorded":
    """Return the tables that the arguments name; raise ConfigError when they are not there."""
    from actbench.analysis.recorded import recorded_by, recorded_in
    from actbench.plan.config import load_config

    if arguments.tables is not None:
        return recorded_in(arguments.tables)
    return recorded_by(load_config(arguments.config), arguments.results)


def run(arguments: argparse.Namespace) -> int:
    """Print the explanation of the run, and write its page when asked for."""
    from actbench.analysis.explanation import as_facts, explain, with_prediction
    from actbench.show.run_text import explanation_text

    recorded = open_tables(arguments)
    explanation = explain(recorded, arguments.run)
    explanation = with_prediction(explanation, *_forecast(explanation))
    facts = as_facts(explanation)
    lines = [] if arguments.json else [explanation_text(explanation)]
    if arguments.html is not None:
        from actbench.show.run_page import write_page

        page = recorded.folder.parent / "explain" / f"{explanation.run_key}.html"
        page = page if arguments.html == Path() else arguments.html
        write_page(explanation, page)
        facts["page"] = page.as_posix()
        lines.append(f"\npage: {page.as_posix()}")
    print(json.dumps(facts, allow_nan=False) if arguments.json else "\n".join(lines))
    return 0


def _forecast(explanation: "Explanation") -> tuple[list[tuple[int, float, float]] | None, str]:
    """Return layer, forward variance and squared backward norm as theory has them, and a note."""
    from actbench.analysis.explanation import first_variance
    from actbench.plan.design import Run
    from actbench.plan.errors import ConfigError
    from actbench.plan.factors import FACTORS

    variance = first_variance(explanation)
    if variance is None:
        return None, ""
    if lacking := [name for name in FACTORS if name not in explanation.levels]:
        return None, f"the table does not record {', '.join(lacking)}, which theory must know"
    from actbench.levels.first_layer import predict_from_first

    try:
        layers, note = predict_from_first(Run(**explanation.levels), variance)
    except ConfigError as error:  # a level of somebody else's table
        return None, str(error)
    if layers is None:
        return None, note
    return [(item.layer, item.forward_variance, item.backward_norm2) for item in layers], note
