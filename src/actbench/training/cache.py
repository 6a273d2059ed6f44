"""Finished runs, kept below the workflow and found by content.

The cache is a folder of files that are written once, to a temporary name and then renamed to the sha256 of their bytes.
Nothing is ever changed or locked, so any number of writers can share it, and damage is seen on reading. Files of one
tensor program lie in one folder, whose path holds all that must agree: NUMERICS, kind of device, data checksum.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pyarrow as pa

from actbench.plan.design import Run
from actbench.plan.places import kind_place, stack_place
from actbench.training.chunks import DamagedChunk, differences, read_chunk, split_rows, write_chunk
from actbench.training.in_flight import POLL, Marks, first_free, give_way, marked
from actbench.training.process import device_kind
from actbench.training.rows import ROWS
from actbench.training.stopping import stop_if_asked


class RunCache:
    """The finished runs of one data set on this kind of device."""

    def __init__(self, folder: Path, checksum: str) -> None:
        self.folder = folder / kind_place(device_kind())
        self.checksum = checksum
        self.known: set[Path] = set()  # files that were there at the first look, and our own
        self.marks = Marks()

    def load(self, runs: Sequence[Run], skip_known: bool = False) -> pa.Table:
        """Return the rows of those runs that are in the cache, each once: of several, the first by file name.

        `skip_known` looks only at what other processes have added since the first look.
        """
        wanted = {run.key for run in runs}
        found: dict[str, pa.Table] = {}
        for place in sorted({self._place(run) for run in runs}):
            for file in sorted(place.glob("*.parquet")):
                if skip_known and file in self.known:
                    continue
                if not skip_known:
                    self.known.add(file)
                for key, row in _read(file).items():
                    if key in wanted:
                        _warn_if_different(key, found.setdefault(key, row), row, file)
        return pa.concat_tables([ROWS.empty_table(), *found.values()])

    def save(self, rows: pa.Table, stack: Sequence[Run]) -> None:
        """Add the rows of one trained stack, in its order: those of each tensor program to its own place."""
        places = [self._place(run) for run in stack]
        for place in sorted(set(places)):
            own = [index for index, other in enumerate(places) if other == place]
            self.known.add(write_chunk(rows.take(own), place))

    def choose(self, stacks: Sequence[Sequence[Run]]) -> int:
        """Return the index of a stack that nobody else is training; while there is none, wait for them to end."""
        while (index := self.first_free(stacks)) is None:
            stop_if_asked()
            time.sleep(POLL)
        return index

    def first_free(self, stacks: Sequence[Sequence[Run]]) -> int | None:
        """Return the index of the first stack that nobody else is training, None when there is none."""
        return first_free([self._by_place(stack) for stack in stacks], self.marks)

    @contextmanager
    def begun(self, stack: Sequence[Run]) -> Iterator[bool]:
        """Mark a stack as in flight; yield False when another process has marked one of its runs since `choose`."""
        parts = self._by_place(stack)
        with ExitStack() as marks:
            names = {place: marks.enter_context(marked(place, keys)) for place, keys in parts.items()}
            ours = not any(keys & self.marks.taken(place, but=names[place]) for place, keys in parts.items())
            yield ours
        if not ours:
            give_way()

    def _by_place(self, stack: Sequence[Run]) -> dict[Path, set[str]]:
        """Return the run keys of a stack by folder: a mixed stack has one for each activation."""
        keys: dict[Path, set[str]] = {}
        for run in stack:
            keys.setdefault(self._place(run), set()).add(run.key)
        return keys

    def _place(self, run: Run) -> Path:
        return self.folder / stack_place(run, self.checksum)


def _warn_if_different(key: str, used: pa.Table, row: pa.Table, file: Path) -> None:
    if used is not row:
        for column, value, other in differences(used, row):
            print(f"{file}: run {key} has {column} {other}, used is {value}; see `actbench cache`", file=sys.stderr)
            break


def _read(file: Path) -> dict[str, pa.Table]:
    """Return key -> row of one file; a damaged file is set aside, for its runs can be trained again."""
    try:
        return split_rows(read_chunk(file, ROWS))
    except FileNotFoundError:  # another process was first to set it aside
        return {}
    except DamagedChunk as damage:
        with suppress(FileNotFoundError):
            file.replace(file.with_suffix(".damaged"))
        print(f"{file}: {damage}: damaged, set aside; its runs are trained again", file=sys.stderr)
        return {}
