"""`actbench probe`: pass a signal forward and a gradient backward through networks as they are initialised."""

import argparse
import json
from pathlib import Path
from typing import Any

from actbench.plan.errors import ConfigError, nearest
from actbench.plan.factors import FACTORS, check_value
from actbench.plan.registry import known_levels

EXAMPLE = "actbench probe --activation sigmoid tanh relu gelu silu --depth 10 --figure ten_layers.png"
LEVELS = ("init", "norm", "residual")
MOST_WEIGHTS = 400_000_000  # of one network, 3 GB in float64
MOST_SEEDS, MOST_EXAMPLES = 1000, 65536
MOST_ACTIVATIONS = 100_000_000  # of one network over all examples, 3 GB with their gradients
GAUSSIAN = "gaussian"  # standard normal inputs, as many as the width


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--activation",
        nargs="+",
        required=True,
        metavar="LEVEL",
        help="activations; with several a table (under --json a list of objects, with one the object itself)",
    )
    for factor in LEVELS:
        default = FACTORS[factor].default
        parser.add_argument(f"--{factor}", default=default, metavar="LEVEL", help=f"level of {factor} ({default})")
    parser.add_argument("--depth", type=int, default=30, metavar="N", help="hidden layers (30)")
    parser.add_argument("--width", type=int, default=512, metavar="N", help="units of each (512)")
    parser.add_argument("--input", default=GAUSSIAN, metavar="NAME", help="gaussian, or the name of a data set")
    parser.add_argument("--examples", type=int, default=128, metavar="N", help="examples passed through (128)")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="networks of each activation (3)")
    parser.add_argument("--folder", type=Path, default=Path("data"), metavar="DIR", help="where data sets are kept")
    parser.add_argument("--figure", type=Path, metavar="PATH", help="draw it too: .png, .pdf or .svg; .csv beside it")
    parser.add_argument("--table", type=Path, metavar="PATH", help="write the numbers of every layer as CSV too")
    parser.add_argument("--json", action="store_true", help="print JSON; null is a number that does not exist")


def run(arguments: argparse.Namespace) -> int:
    """Print what was measured and predicted, and draw it where a figure is asked for."""
    levels = _levels(arguments)
    from actbench.levels.dataset import load_dataset
    from actbench.levels.probe_table import probe, probed_run
    from actbench.training.process import one_core

    one_core()
    dataset = None if arguments.input == GAUSSIAN else load_dataset(arguments.input, arguments.folder)
    common = {key: getattr(arguments, key) for key in ("input", "examples", "seeds")}
    answers: list[dict[str, Any]] = []
    for name in levels.pop("activation"):
        run_ = probed_run(activation=name, **levels)
        answers.append(levels | common | probe(run_, dataset, arguments.examples, arguments.seeds))
    files = _write(answers, arguments.figure, arguments.table)
    if arguments.json:
        print(json.dumps(answers if len(answers) > 1 else answers[0], allow_nan=False))
    else:
        print("\n".join([*as_table(answers), *files]))
    return 0


def _levels(arguments: argparse.Namespace) -> dict[str, Any]:
    """Check everything before torch is imported."""
    levels: dict[str, Any] = {
        name: check_value(name, getattr(arguments, name), f"--{name}") for name in (*LEVELS, "depth", "width")
    }
    levels["activation"] = [check_value("activation", name, "--activation") for name in arguments.activation]
    if len(set(levels["activation"])) < len(levels["activation"]):
        raise ConfigError("--activation", "a level stands there twice; name each once")
    inputs = [GAUSSIAN, *known_levels("dataset")]
    if arguments.input not in inputs:
        raise ConfigError("--input", f"unknown input {arguments.input!r}; {nearest(arguments.input, inputs)}")
    if levels["depth"] * levels["width"] ** 2 > MOST_WEIGHTS:
        problem = f"{levels['depth']} layers of {levels['width']} units have more than {MOST_WEIGHTS:,} weights"
        raise ConfigError("--width", f"{problem}; give a smaller --width or --depth")
    for name, least, most in (("seeds", 1, MOST_SEEDS), ("examples", 2, MOST_EXAMPLES)):
        if not least <= getattr(arguments, name) <= most:
            raise ConfigError(f"--{name}", f"{getattr(arguments, name)} is outside {least} … {most}")
    if levels["depth"] * levels["width"] * arguments.examples > MOST_ACTIVATIONS:
        problem = f"{arguments.examples} examples in {levels['depth']} layers of {levels['width']} units have more than"
        raise ConfigError("--examples", f"{problem} {MOST_ACTIVATIONS:,} activations; give fewer, or a smaller network")
    if arguments.figure and arguments.figure.suffix not in (".png", ".pdf", ".svg"):
        raise ConfigError("--figure", f"{str(arguments.figure)!r} must end in .png, .pdf or .svg")
    return levels


def as_table(answers: list[dict[str, Any]]) -> list[str]:
    """Write one row for each activation: signal and gradient over the layers, measured beside predicted."""
    first = answers[0]
    head = ("activation", "forward variance", "backward norm²", "factor", "95 % interval", "theory", "mean", "std")
    rows = [(*head, "zeros", "saturated")]
    for answer in answers:
        start, end = answer["layers"][0], answer["layers"][-1]
        factor = answer["backward_factor"]
        rows.append(
            (
                answer["activation"],
                f"{_word(start['forward_variance'])} → {_word(end['forward_variance'])}",
                f"{_word(end['backward_norm2'])} → {_word(start['backward_norm2'])}",
                _word(factor["value"]),
                f"{_word(factor['low'])} … {_word(factor['high'])}",
                _word(factor["predicted"]) + ("" if answer["theory_applies"] else " *"),
                *(_word(end[key]) for key in ("activation_mean", "activation_std")),
                *(_word(end[key]) for key in ("zero_fraction", "saturated_fraction")),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    title = f"{first['depth']} layers of {first['width']}, init {first['init']}, norm {first['norm']}, residual"
    title += (
        f" {first['residual']}, input {first['input']}, {first['seeds']} seeds; the last four columns are of the last"
    )
    notes = [f"{answer['activation']}: {note}" for answer in answers for note in answer["notes"]]
    return [f"{title} layer", "factor: of the squared backward norm from one layer to the one below", *lines, *notes]


def _word(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def _write(answers: list[dict[str, Any]], figure: Path | None, table: Path | None) -> list[str]:
    if figure is None and table is None:
        return []
    from actbench.show.probe_figure import write_probe_figure, write_probe_table

    files = [write_probe_table(answers, table)] if table else []
    files += write_probe_figure(answers, figure) if figure else []
    return [file.as_posix() for file in files]
