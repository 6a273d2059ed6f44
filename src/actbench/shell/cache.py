"""`actbench cache`: verify the run cache, merge another machine's into it, or prune what is no longer read."""

import argparse
import json
from pathlib import Path

from actbench.plan.errors import ConfigError
from actbench.training.process import cache_folder, source_digest

EXAMPLE = "actbench cache verify"
ACTIONS = {
    "verify": "check every file of today's NUMERICS: checksum, columns, place, and runs held twice with other numbers",
    "merge": "copy the runs of another cache; one that both hold with other numbers is reported and left out",
    "prune": "list what is no longer read, with sizes; --yes deletes it",
}
EXAMPLES = {"verify": EXAMPLE, "merge": "actbench cache merge /mnt/cluster/cache", "prune": "actbench cache prune"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, text in ACTIONS.items():
        below = actions.add_parser(action, help=text, description=text, epilog=f"example: {EXAMPLES[action]}")
        if action == "merge":
            below.add_argument("other", type=Path, metavar="DIR", help="the other cache")
        if action == "prune":
            below.add_argument("--yes", action="store_true", help="delete what is listed")
        below.add_argument("--folder", type=Path, help="the cache (default: $ACTBENCH_CACHE, or cache)")
        below.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Do one of the actions; return 1 when damage or a conflict was found."""
    folder = arguments.folder or cache_folder()
    if arguments.action == "merge":
        _check_folder(arguments.other)
        return _merge(arguments, folder)
    _check_folder(folder)
    return _verify(arguments, folder) if arguments.action == "verify" else _prune(arguments, folder)


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ConfigError(str(folder), "no such folder; name the folder of a run cache, which training makes")


def _verify(arguments: argparse.Namespace, folder: Path) -> int:
    from actbench.analysis.shard_file import shard_schema
    from actbench.training.upkeep import as_dict, verify

    counts, problems = verify(folder, shard_schema())
    if arguments.json:
        print(json.dumps({**counts, "problems": [as_dict(problem) for problem in problems]}))
    else:
        for problem in problems:
            print(problem)
        found = _count(len(problems), "problem") if problems else "all sound"
        print(f"{_count(counts['chunks'], 'file')}, {_count(counts['runs'], 'run')}: {found}")
        _print_left_aside(counts, folder)
    return int(bool(problems))


def _merge(arguments: argparse.Namespace, folder: Path) -> int:
    from actbench.analysis.shard_file import shard_schema
    from actbench.training.upkeep import CHUNKS, as_dict, merge

    if not any(arguments.other.glob(CHUNKS)):
        raise ConfigError(str(arguments.other), "holds no runs; name the folder of a run cache, with numerics… in it")
    counts, problems = merge(arguments.other, folder, shard_schema())
    if arguments.json:
        print(json.dumps({**counts, "problems": [as_dict(problem) for problem in problems]}))
    else:
        for problem in problems:
            print(problem)
        print(
            f"{_count(counts['new_runs'], 'run')} added in {_count(counts['copied_chunks'], 'file')}, "
            f"{_count(counts['known_runs'], 'run')} known, {_count(counts['left_out_chunks'], 'file')} left out"
        )
        _print_left_aside(counts, arguments.other)
    return int(bool(problems))


def _print_left_aside(counts: dict[str, int], folder: Path) -> None:
    """Say how many files hold numbers of other versions, which are neither read nor copied."""
    if counts["superseded_chunks"]:
        old = f"{_count(counts['superseded_chunks'], 'file')} of superseded NUMERICS left aside"
        print(f"{old}; `actbench cache prune --folder {folder}` lists them for deletion")
    if counts["newer_chunks"]:
        print(f"{_count(counts['newer_chunks'], 'file')} of a newer NUMERICS left aside, for a newer version to read")


def _prune(arguments: argparse.Namespace, folder: Path) -> int:
    from actbench.training.upkeep import as_dict, find_waste, remove

    found = find_waste(folder, source_digest())
    if arguments.yes:
        for waste in found:
            remove(waste)
    total = sum(waste.bytes for waste in found)
    if arguments.json:
        listed = [as_dict(waste) for waste in found]
        print(json.dumps({"bytes": total, "deleted": arguments.yes, "waste": listed}))
        return 0
    for waste in found:
        print(f"{waste.bytes:>15,} bytes  {waste.path}  ({waste.why})")
    done = "deleted" if arguments.yes else "would go; --yes deletes them" if found else "nothing to do"
    print(f"{total:>15,} bytes  in all, {done}")
    return 0


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
