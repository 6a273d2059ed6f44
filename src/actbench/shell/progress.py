"""One line of progress over all jobs of a workflow: runs done / total, networks per second, time left."""

import json
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

from actbench.plan.cost import run_seconds
from actbench.plan.design import Run
from actbench.plan.shards import Shard
from actbench.training.compiling import seconds_compiling

EVERY = 10.0  # seconds between two lines of one job
TELLING = 0.02  # share of the work after which its speed is worth a forecast


class Progress:
    """A journal that all jobs append to, and the line that follows from it.

    The workflow sets ACTBENCH_STARTED to the time of its start, so that networks per second count this start only.
    """

    def __init__(self, folder: Path, shards: Sequence[Shard], shard: Shard, stream: TextIO | None = None) -> None:
        self.journal, self.stream = folder / "progress.jsonl", stream
        self.counts = {"trained": 0, "cached": 0}
        self.total = sum(len(item.runs) for item in shards)
        self.started = float(os.environ.get("ACTBENCH_STARTED", time.time()))
        finished = [item for item in shards if item.id != shard.id and self._is_older(folder, item)]
        self.runs_before = sum(len(item.runs) for item in finished)
        self.work_before = _work(run for item in finished for run in item.runs)
        self.total_work = _work(run for item in shards for run in item.runs)
        self.last = 0.0
        self.noted = (time.time(), seconds_compiling())

    def _is_older(self, folder: Path, shard: Shard) -> bool:
        file = folder / "shards" / f"{shard.id}.parquet"
        return file.exists() and file.stat().st_mtime < self.started

    def add(self, runs: Sequence[Run], trained: bool) -> None:
        """Note runs that are done, trained now or found, and print the line when the last one is some seconds old."""
        if not runs:
            return
        self.counts["trained" if trained else "cached"] += len(runs)
        entry = {"time": round(time.time(), 3), "runs": len(runs), "work": _work(runs), "trained": trained}
        before, self.noted = self.noted, (time.time(), seconds_compiling())
        busy, compiling = (now - then for now, then in zip(self.noted, before, strict=True))
        entry |= {"busy": round(busy, 3), "compiling": round(compiling, 3)}
        self.journal.parent.mkdir(parents=True, exist_ok=True)
        with self.journal.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")
        if time.time() - self.last > EVERY:
            self.print()

    def print(self) -> None:
        """Print the line to the stream, standard output by default."""
        self.last = time.time()
        done = [entry for entry in _entries(self.journal) if entry["time"] >= self.started]
        runs, work = sum(entry["runs"] for entry in done), sum(entry["work"] for entry in done)
        trained = [entry for entry in done if entry.get("trained")]
        elapsed = max(time.time() - self.started, 1e-3)
        rate = sum(entry["runs"] for entry in trained) / elapsed
        left = self.total_work - self.work_before - work
        training = elapsed * _share_training(done)
        text = line(int(self.runs_before + runs), self.total, rate, self._time_left(left, trained, training))
        print(text, file=self.stream, flush=True)

    def _time_left(self, left: float, trained: list[dict[str, float]], training: float) -> float | None:
        """Return seconds, or None while less is trained than tells more than how long jobs take to start."""
        work = sum(entry["work"] for entry in trained)
        if left <= 0:
            return 0.0
        return left / work * training if work > TELLING * (left + work) else None


def line(done: int, total: int, rate: float, left: float | None) -> str:
    """Write the progress line; `rate` in networks per second, `left` in seconds, None while it is unknown."""
    ending = "time left not known yet" if left is None else f"{duration(left)} left"
    return f"{done:,} / {total:,} runs · {rate:.1f} networks/s · {ending}"


def duration(seconds: float) -> str:
    """Write a duration for people: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{max(seconds, 0):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _share_training(entries: Sequence[dict[str, float]]) -> float:
    """Return the share of the jobs' time that was not spent on compiling loops, which later stacks find compiled."""
    busy, compiling = (sum(entry.get(name, 0.0) for entry in entries) for name in ("busy", "compiling"))
    return 1 - compiling / busy if busy else 1.0


def _work(runs: Iterable[Run]) -> float:
    return sum(map(run_seconds, runs))


def _entries(journal: Path) -> list[dict[str, float]]:
    """Read the journal; a line torn by a kill is no entry."""
    entries = []
    for text in journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []:
        try:
            entries.append({key: float(value) for key, value in json.loads(text).items()})
        except (ValueError, AttributeError):
            continue
    return entries
