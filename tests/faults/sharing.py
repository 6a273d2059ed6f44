"""Several processes that train the same runs on one cache at the same time, without locks.

python tests/faults/sharing.py --users 4 --times 5     # one line of JSON each time
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import kills

USERS = ("ada", "emmy", "grace", "hypatia", "mary", "sofia", "maria", "sophie")


def together(users: int, folder: Path) -> list[Path]:
    """Let every user train both shards in a folder of his own, all on one cache, and return the folders."""
    places = [folder / name for name in USERS[:users]]
    for place in places:
        place.mkdir(parents=True)
        shutil.copytree(folder.parent / "undisturbed" / "data", place / "data")
        shutil.copy(folder.parent / "undisturbed" / "kills.yaml", place)
        (place / "cache").symlink_to(folder / "cache", target_is_directory=True)
        (place / "begun").symlink_to(folder / "begun")
    (folder / "cache").mkdir()
    children = [kills.fork(kills.run, kills.train_both, place) for place in places]
    codes = [kills.os.waitstatus_to_exitcode(kills.os.waitpid(child, 0)[1]) for child in children]
    assert not any(codes), codes
    return places


def look(folder: Path, places: list[Path], expected: dict[str, bytes]) -> dict:
    """Compare every user's shards, and count the stacks that were trained more than once."""
    shards = {name: content for name, content in expected.items() if "/shards/" in name}
    return {
        "users": len(places),
        "processes": len(places) * len(kills.SHARDS),
        "stacks": kills.STACKS,
        "stacks_trained": kills.lines(folder),
        "same_bytes": all(kills.contents(place) == shards for place in places),
        "sound": kills.sound(folder),
        "left_over": len([file for file in (folder / "cache").rglob(".*") if file.is_file()]),
        "said": sorted({line for place in places for line in said(place)}),
    }


def said(place: Path) -> list[str]:
    """Return what a user was told, progress apart."""
    text = (place / "said").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if "runs ·" not in line]


def times(count: int, users: int) -> Iterator[dict]:
    """Yield what each time found."""
    with tempfile.TemporaryDirectory(prefix="sharing-") as name:
        root = Path(name)
        (root / "undisturbed").mkdir()
        kills.prepare(root / "undisturbed")
        expected = kills.contents(root / "undisturbed")
        for index in range(count):
            folder = root / f"time-{index}"
            folder.mkdir()
            began = time.monotonic()
            places = together(users, folder)
            yield {"time": index, **look(folder, places, expected), "seconds": round(time.monotonic() - began, 1)}
            shutil.rmtree(folder)


def main() -> int:
    """Print a line of JSON each time; return 1 when one of them found something."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=4)
    parser.add_argument("--times", type=int, default=5)
    arguments = parser.parse_args()
    bad = 0
    for found in times(arguments.times, arguments.users):
        print(json.dumps(found), flush=True)
        bad += not (found["same_bytes"] and found["sound"] and found["stacks_trained"] == found["stacks"])
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
