"""`actbench cite NAME`: say where a number came from and how to cite it."""

import argparse
import json
from pathlib import Path
from typing import Any

from actbench.plan.config import load_config

EXAMPLE = "actbench cite rank/main/gelu --config config/smoke.yaml"
NAMED = 4  # run keys that the text spells out; --json has all


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "name", nargs="?", help="a number: `rank/main/gelu`, or its macro `RankMainGelu`; without it, all are listed"
    )
    parser.add_argument("--config", type=Path, default=Path("config/config.yaml"), help="config of the results")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results (default: results)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print value, interval, counts, rows, figure, config, commit and a BibTeX entry of one number, or the list."""
    from actbench.analysis.numbers import find_number, quotable_numbers
    from actbench.analysis.origin import describe_origin
    from actbench.show.citation import bibtex

    config = load_config(arguments.config)
    numbers = quotable_numbers(config, arguments.results)
    if arguments.name is None:
        names = numbers["name"].tolist()
        print(json.dumps({"numbers": names}) if arguments.json else "\n".join(names))
        return 0
    facts = describe_origin(config, find_number(numbers, arguments.name), arguments.results)
    facts |= {"config_file": str(arguments.config), "bibtex": bibtex(facts["commit"])}
    print(json.dumps(facts) if arguments.json else as_text(facts))
    return 0


def as_text(facts: dict[str, Any]) -> str:
    """Lay the facts out for a terminal."""
    interval = "" if facts["low"] is None else f" [{facts['low']:.6g}, {facts['high']:.6g}]"
    counts = [
        f"{facts[key]} {word}"
        for key, word in (("n_runs", "runs"), ("n_blocks", "blocks"), ("n_seeds", "seeds"))
        if facts[key] is not None
    ]
    keys, made = facts["run_keys"], {column: ", ".join(facts[column]) for column in ("commit", "torch", "device")}
    more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
    lines = {
        "name": f"{facts['name']} (\\{facts['macro']})",
        "value": f"{facts['value']:.6g}{interval} {facts['unit']}".rstrip(),
        "meaning": facts["meaning"],
        "n": ", ".join(counts) or "as the statistic says",
        "statistic": f"{facts['statistic']}, row {facts['rows']}",
        "raw rows": f"{facts['table_rows']} of {facts['table']}, at all rates: {', '.join(keys[:NAMED])}{more}",
        "figure": facts["figure"] or "none draws it",
        "table": facts["main_table"] or "the statistic alone",
        "config": f"{facts['config_file']} (NUMERICS {facts['numerics']})",
        "made by": f"commit {made['commit']}, torch {made['torch']}, {made['device']}",
    }
    return "\n".join([*(f"{key:<10} {text}" for key, text in lines.items()), "", facts["bibtex"]])
