"""`actbench check`: read a config as strictly as the workflow does and print what it would train."""

import argparse
import json

from actbench.plan.config import load_config
from actbench.plan.design import Design, expand
from actbench.plan.shards import Shard, make_shards

Facts = dict[str, str | int | float | dict[str, int] | dict[str, float]]

EXAMPLE = "actbench check config/smoke.yaml"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("config", help="config file")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print name, runs, studies and shards; raise ConfigError on the first fault."""
    facts = describe(*read_design(arguments.config))
    print(json.dumps(facts) if arguments.json else as_text(facts))
    return 0


def read_design(path: str) -> tuple[Design, list[Shard]]:
    """Read a config and return its design and its shards."""
    config = load_config(path)
    design = expand(config, path)
    return design, make_shards(design.runs, config.shard_minutes, path)


def describe(design: Design, shards: list[Shard]) -> Facts:
    """Return name, runs, runs of each study, shards and runs of the largest shard."""
    return {
        "name": design.config.name,
        "runs": len(design.runs),
        "studies": {study: len(keys) for study, keys in design.members.items()},
        "shards": len(shards),
        "largest_shard": max(len(shard.runs) for shard in shards),
    }


def as_text(facts: Facts) -> str:
    """Write facts for people, one to a line."""
    rows = []
    for name, value in facts.items():
        parts = value if isinstance(value, dict) else {"": value}
        for index, (key, item) in enumerate(parts.items()):
            number = item if isinstance(item, str) else f"{item:,}"
            rows.append((name.replace("_", " ") if index == 0 else "", number, key))
    width = max(len(number) for _, number, _ in rows if number[:1].isdigit())
    label_width = max(15, *(len(label) + 2 for label, _, _ in rows))
    return "\n".join(f"{label:<{label_width}}{number:>{width}}  {key}".rstrip() for label, number, key in rows)
