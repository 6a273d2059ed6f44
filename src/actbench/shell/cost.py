"""`actbench cost`: time every activation on this machine beside a copy of the same bytes."""

import argparse
import json
from pathlib import Path

EXAMPLE = "actbench cost --activation relu gelu --json"
BASELINE = "identity"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--activation", nargs="+", metavar="LEVEL", help="activations (default: every registered one)")
    parser.add_argument("--output", type=Path, help="write the table there as CSV too")
    parser.add_argument("--json", action="store_true", help="print the table as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print ns per number forward, backward and copied, and the share of a training step; one core, this machine."""
    from actbench.plan.level import parse_level
    from actbench.plan.registry import known_levels

    known = known_levels("activation").items()
    names = arguments.activation or [name for name, given in known if None not in given.values()]
    for name in names:
        parse_level("activation", name)
    from actbench.training.activation_cost import activation_costs
    from actbench.training.process import cache_folder, device_kind, prepare_process

    prepare_process(cache_folder())
    rows = activation_costs(names, BASELINE)
    if arguments.output:
        _write(arguments.output, rows)
    if arguments.json:
        print(json.dumps({"device": device_kind(), "baseline": BASELINE, "rows": rows}))
        return 0
    print(f"{'activation':<16} forward  backward  copy (ns a number)   step (µs a model)  share of step")
    for row in rows:
        times = [float(row[name]) for name in ("forward_ns", "backward_ns", "copy_ns", "step_us", "step_share")]
        print("{:<16} {:7.3f}  {:8.3f}  {:4.3f} {:>28.1f} {:>14.0%}".format(row["activation"], *times))
    return 0


def _write(path: Path, rows: list[dict[str, str | float]]) -> None:
    import csv

    from actbench.analysis.atomic_file import replacing

    with replacing(path) as (partial,), partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
