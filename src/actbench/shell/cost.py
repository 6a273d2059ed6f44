"""`actbench cost`: time every activation on this machine beside a copy of the same bytes."""

import argparse
import json
from pathlib import Path
from typing import Any

EXAMPLE = "actbench cost --activation relu gelu --json"
BASELINE = "identity"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("config", metavar="CONFIG", nargs="?", help="time its activations; write stats/cost.csv")
    parser.add_argument("--activation", nargs="+", metavar="LEVEL", help="activations (default: every registered one)")
    parser.add_argument("--output", type=Path, help="write the table there as CSV too")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results (default: results)")
    parser.add_argument("--json", action="store_true", help="print the table as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print ns per number forward, backward and copied, and the share of a training step; one core, this machine.

    With a config, results/<name>/stats/cost.csv gets one row for each of its activations and round of timing.
    """
    names = _names(arguments)
    from actbench.training.process import cache_folder, device_kind, one_core, prepare_process

    prepare_process(cache_folder())
    one_core()
    from actbench.training.activation_cost import activation_costs, timed_rounds

    rounds = timed_rounds([BASELINE, *names])
    rows, device = activation_costs(rounds, BASELINE), device_kind()
    if arguments.config:
        _write(_path(arguments), [row | {"device": device} for row in rounds])
    if arguments.output:
        _write(arguments.output, rows)
    if arguments.json:
        print(json.dumps({"device": device, "baseline": BASELINE, "rows": rows}))
        return 0
    print(f"{'activation':<16} forward  backward  copy (ns a number)   step (µs a model)  share of step")
    for row in rows:
        times = [float(row[name]) for name in ("forward_ns", "backward_ns", "copy_ns", "step_us", "step_share")]
        print("{:<16} {:7.3f}  {:8.3f}  {:4.3f} {:>28.1f} {:>14.0%}".format(row["activation"], *times))
    return 0


def _names(arguments: argparse.Namespace) -> list[str]:
    from actbench.plan.config import load_config
    from actbench.plan.errors import ConfigError
    from actbench.plan.level import canonical
    from actbench.plan.registry import known_levels

    if arguments.config and arguments.activation:
        raise ConfigError("--activation", "a config has its own activations; give one of the two")
    if arguments.config:
        return load_config(arguments.config).names("activation")
    known = known_levels("activation").items()
    names = arguments.activation or [name for name, given in known if None not in given.values()]
    found = [canonical("activation", name, "--activation") for name in names]
    if len(set(found)) < len(found):
        raise ConfigError("--activation", "a level stands there twice; name each once")
    return found


def _path(arguments: argparse.Namespace) -> Path:
    from actbench.plan.config import load_config

    return Path(arguments.results) / load_config(arguments.config).name / "stats" / "cost.csv"


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    import csv

    from actbench.plan.atomic_file import replacing

    with replacing(path) as (partial,), partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
