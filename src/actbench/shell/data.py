"""`actbench data`: list the data sets, or make one ready and verify it."""

import argparse
import json
from pathlib import Path

from actbench.levels.dataset import Dataset, dataset_module
from actbench.plan.errors import ConfigError
from actbench.plan.registry import known_levels

EXAMPLE = "actbench data mnist1d"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="data set; without it all are listed")
    parser.add_argument("--from", dest="source", type=Path, metavar="DIR", help="take the original files from DIR")
    parser.add_argument("--folder", type=Path, default=Path("data"), metavar="DIR", help="where it is kept (data)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print one data set after making it ready, or the list of all; return the exit code."""
    if arguments.name is None:
        if arguments.source is not None:
            raise ConfigError("--from", "name the data set too, e.g. actbench data fashion_mnist --from DIR")
        _print_list([_describe(name, arguments.folder) for name in known_levels("dataset")], arguments.json)
    else:
        dataset = _obtain(arguments.name, arguments.folder, arguments.source)
        _print_facts(_facts(dataset, arguments.folder), arguments.json)
    return 0


def _obtain(name: str, folder: Path, source: Path | None) -> Dataset:
    module = dataset_module(name)
    if hasattr(module, "obtain"):
        dataset = module.obtain(folder, source)
    elif source is None:
        dataset = module.load(folder)
    else:
        raise ConfigError("--from", f"{name} is generated and needs no files; leave --from out")
    assert isinstance(dataset, Dataset)
    return dataset


def _facts(dataset: Dataset, folder: Path) -> dict[str, str | int]:
    head: dict[str, str | int] = {"name": dataset.name, "features": dataset.features, "classes": dataset.classes}
    return head | dataset.sizes | {"checksum": dataset.checksum, "path": str(_path(dataset.name, folder))}


def _describe(name: str, folder: Path) -> dict[str, str | bool]:
    path = _path(name, folder)
    return {"name": name, "summary": dataset_module(name).SUMMARY, "path": str(path), "present": path.is_file()}


def _path(name: str, folder: Path) -> Path:
    return folder / f"{name}.npz"


def _print_facts(facts: dict[str, str | int], as_json: bool) -> None:
    if as_json:
        print(json.dumps(facts))
        return
    for key, value in facts.items():
        print(f"{key:<10}{value:,}" if isinstance(value, int) else f"{key:<10}{value}")


def _print_list(rows: list[dict[str, str | bool]], as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows))
        return
    for row in rows:
        print(f"{row['name']:<16}{'in ' + str(row['path']) if row['present'] else 'not made yet'}")
        print(f"{'':<16}{row['summary']}")
