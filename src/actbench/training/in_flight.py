"""Stacks in flight, marked in the run cache, so that processes that share it do not train the same runs.

A mark is a hint and never a lock: whatever becomes of marks, results are the same and only work is done twice. It is a
small file beside the chunks to come, which its process touches every few seconds and removes at the end. A process of
this machine that is gone is seen at once, one of another machine by its silence; both leave no more than the mark.
"""

import json
import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from actbench.plan.processes import process_exists, this_machine

SUFFIX = ".begun"
BEAT = 5.0  # seconds between two signs of life
SILENCE = 60.0  # seconds without one after which a process of another machine counts as dead
POLL = 0.2  # seconds between two looks at marks that are waited for
GIVING_WAY = 100  # milliseconds at most, at random, when two processes have marked a run at the same moment


class Marks:
    """What this process has seen of others' marks: when each last changed, by this machine's own steady clock."""

    def __init__(self) -> None:
        self.changed: dict[Path, tuple[int, float]] = {}

    def taken(self, place: Path, but: str = "") -> set[str]:
        """Return the run keys that living processes have marked in a folder, in other marks than `but`."""
        keys: set[str] = set()
        for mark in sorted(place.glob(f".*{SUFFIX}")):
            if mark.name != but:
                keys |= self._keys(mark)
        return keys

    def _keys(self, mark: Path) -> set[str]:
        try:
            content = json.loads(mark.read_text(encoding="utf-8"))
            if self._is_alive(mark, content["machine"], int(content["pid"])):
                return set(content["runs"])
        except (OSError, ArithmeticError, ValueError, LookupError, TypeError, RecursionError):  # gone, or torn: no hint
            return set()
        with suppress(OSError):
            mark.unlink()
        return set()

    def _is_alive(self, mark: Path, machine: str, pid: int) -> bool:
        stamp, now = mark.stat().st_mtime_ns, time.monotonic()
        known, since = self.changed.get(mark, (None, now))
        self.changed[mark] = (stamp, since if known == stamp else now)
        if now - self.changed[mark][1] > SILENCE:
            return False
        return machine != this_machine() or process_exists(pid)


@contextmanager
def marked(place: Path, runs: Iterable[str]) -> Iterator[str]:
    """Mark runs as begun while the block lasts and yield the name of the mark; go without where none can be written."""
    mark = place / f".{secrets.token_hex(8)}{SUFFIX}"
    content = {"machine": this_machine(), "pid": os.getpid(), "runs": sorted(runs)}
    with suppress(OSError):
        place.mkdir(parents=True, exist_ok=True)
        mark.write_text(json.dumps(content), encoding="utf-8")
    ended = threading.Event()
    threading.Thread(target=_beat, args=(mark, ended), daemon=True).start()
    try:
        yield mark.name
    finally:
        ended.set()
        with suppress(OSError):
            mark.unlink(missing_ok=True)


def give_way() -> None:
    """Wait for a random moment, so that of two processes that met one is first the next time."""
    time.sleep(secrets.randbelow(GIVING_WAY) / 1000)


def _beat(mark: Path, ended: threading.Event) -> None:
    while not ended.wait(BEAT):
        with suppress(OSError):
            os.utime(mark)


def first_free(stacks: Sequence[dict[Path, set[str]]], marks: Marks) -> int | None:
    """Return the index of the first stack, run keys by folder, that no living process has in flight; None if none."""
    taken = {place: marks.taken(place) for place in dict.fromkeys(place for stack in stacks for place in stack)}
    for index, stack in enumerate(stacks):
        if not any(taken[place] & keys for place, keys in stack.items()):
            return index
    return None
