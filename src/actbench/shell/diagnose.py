"""`actbench diagnose RUN | --status failed`: name what went wrong, with the numbers seen and what repaired it."""

import argparse
import json

from actbench.plan.errors import ConfigError
from actbench.shell.explain import add_tables, open_tables

EXAMPLE = "actbench diagnose --status failed --config config/smoke.yaml"
STATUSES = ("failed", "diverged", "error", "untrained", "ok", "all")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "run", metavar="RUN", nargs="?", help="a run key, its beginning, or levels of one or more runs: depth=4,seed=0"
    )
    parser.add_argument(
        "--status",
        choices=STATUSES,
        help="diagnose all such runs, of those that RUN names if it is given; failed: diverged or error, untrained: ok "
        "but no better than guessing, all: finds every ill run, also those that learned and fell back",
    )
    add_tables(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the diagnosis; return 1 when a rule found an illness, 0 when none did."""
    if arguments.run is None and arguments.status is None:
        raise ConfigError("diagnose", "give RUN, --status or both, e.g. --status failed")
    from actbench.analysis.diagnosis import as_facts, diagnose
    from actbench.analysis.selection import select_group, with_status
    from actbench.show.diagnosis_text import diagnosis_text

    recorded = open_tables(arguments)
    runs = recorded.runs()
    chosen = runs if arguments.run is None else select_group(runs, arguments.run)
    chosen = chosen if arguments.status is None else with_status(chosen, arguments.status)
    diagnosis = diagnose(recorded, runs, list(chosen["run_key"]))
    print(json.dumps(as_facts(diagnosis), allow_nan=False) if arguments.json else diagnosis_text(diagnosis))
    return int(len(diagnosis.illnesses()) > 0)
