"""`actbench theory`: mean-field predictions of an activation, or of every condition of a config."""

import argparse
import csv
import json
from pathlib import Path
from typing import Any

from actbench.plan.atomic_file import replacing
from actbench.plan.errors import ConfigError

EXAMPLE = "actbench theory --activation tanh --weight-var 1.3 --bias-var 0.05 --json"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "config", nargs="?", help="config file: write stats/theory.csv and depth_scales.csv of it, and nothing else"
    )
    parser.add_argument("--activation", metavar="LEVEL", help="activation, e.g. tanh or leaky_relu(0.2)")
    parser.add_argument(
        "--weight-var", type=float, metavar="V", help="variance of a weight times fan_in; without it, gain² at q = 1"
    )
    parser.add_argument("--bias-var", type=float, default=0.0, metavar="V", help="variance of a bias (default: 0)")
    parser.add_argument("--edge-of-chaos", action="store_true", help="find the weight variance at which chi is 1")
    parser.add_argument("--correlation", type=float, nargs="+", default=[], metavar="C", help="evaluate C(c) there too")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results (default: results)")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the data sets (default: data)")
    parser.add_argument("--json", action="store_true", help="print JSON; null is a number that does not exist")


def run(arguments: argparse.Namespace) -> int:
    """Print fixed points, chi and depth scales, or the edge of chaos; with a config, write its tables."""
    if arguments.config is not None:
        return _tabulate(arguments)
    _check(arguments)
    from actbench.levels.nonlinearity import nonlinearity
    from actbench.plan.level import canonical
    from actbench.theory.gaussian import variance_preserving_gain
    from actbench.theory.summary import summarise, summarise_edge

    name = canonical("activation", arguments.activation, "--activation")
    phi = nonlinearity(name, "--activation")
    facts: dict[str, Any] = {"activation": name, "bias_var": arguments.bias_var}
    try:
        if arguments.edge_of_chaos:
            facts |= summarise_edge(phi, arguments.bias_var)
        else:
            given = arguments.weight_var
            facts["weight_var"] = variance_preserving_gain(phi.function, phi.kinks) ** 2 if given is None else given
            facts |= summarise(phi, facts["weight_var"], arguments.bias_var, tuple(arguments.correlation))
    except ValueError as error:
        raise ConfigError("theory", f"{name}: {error}") from None
    print(json.dumps(facts, allow_nan=False) if arguments.json else "\n".join(as_lines(facts)))
    return 0


def _tabulate(arguments: argparse.Namespace) -> int:
    from actbench.plan.config import load_config
    from actbench.plan.design import expand

    if arguments.activation is not None:
        raise ConfigError("--activation", "a config has its own activations; give one of the two")
    config = load_config(arguments.config)
    runs = expand(config, arguments.config).runs
    from actbench.levels.dataset import load_dataset
    from actbench.levels.theory_table import LAYER_COLUMNS, SCALE_COLUMNS, layer_rows, scale_rows
    from actbench.training.process import one_core

    one_core()
    datasets = {name: load_dataset(name, arguments.data) for name in sorted({item.dataset for item in runs})}
    scaled = {item.activation for item in runs if item.init.startswith("normal(")}
    drawn = sorted(scaled or {item.activation for item in runs})
    folder = arguments.results / config.name / "stats"
    files = {
        folder / "theory.csv": [LAYER_COLUMNS, *layer_rows(runs, datasets)],
        folder / "depth_scales.csv": [SCALE_COLUMNS, *scale_rows(drawn)],
    }
    with replacing(*files) as partial:
        for path, rows in zip(partial, files.values(), strict=True):
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows(rows)
    answer = {"files": [path.as_posix() for path in files], "rows": [len(rows) - 1 for rows in files.values()]}
    lines = [f"{file} ({rows} rows)" for file, rows in zip(answer["files"], answer["rows"], strict=True)]
    print(json.dumps(answer) if arguments.json else "\n".join(lines))
    return 0


def _check(arguments: argparse.Namespace) -> None:
    if arguments.activation is None:
        raise ConfigError("theory", "give --activation LEVEL, or a config file")
    if arguments.edge_of_chaos and arguments.weight_var is not None:
        raise ConfigError("--weight-var", "the edge of chaos is what is looked for; leave one of the two out")
    if arguments.edge_of_chaos and arguments.correlation:
        raise ConfigError("--correlation", "has no map at the edge alone; give --weight-var instead of --edge-of-chaos")
    if arguments.weight_var is not None and not 1e-9 <= arguments.weight_var <= 1e9:
        raise ConfigError("--weight-var", f"{arguments.weight_var!r} is outside 1e-9 … 1e9")
    if not 0 <= arguments.bias_var <= 1e6:
        raise ConfigError("--bias-var", f"{arguments.bias_var!r} is outside 0 … 1e6")
    for value in arguments.correlation:
        if not -1 <= value <= 1:
            raise ConfigError("--correlation", f"{value!r} is outside -1 … 1")


def as_lines(facts: dict[str, Any], indent: str = "") -> list[str]:
    """Write facts for people, one to a line; parts of a fact stand below it."""
    lines = []
    for key, value in facts.items():
        label = f"{indent}{key.replace('_', ' '):<{32 - len(indent)}}"
        parts = value if isinstance(value, list) else [value] if isinstance(value, dict) else None
        if parts is None:
            lines.append(label + _word(value))
            continue
        if parts:
            lines.append(label.rstrip())
        for part in parts:
            lines += [f"{indent}  {part}"] if isinstance(part, str) else as_lines(part, indent + "  ")
    return lines


def _word(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.10g}" if isinstance(value, float) else str(value)
