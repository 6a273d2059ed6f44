"""Finished runs, kept below the workflow and found by content.

The cache is a folder of files that are written once, to a temporary name and then renamed to the sha256 of their bytes.
Nothing is ever changed or locked, so any number of writers can share it, and damage is seen on reading. Files of one
tensor program lie in one folder, whose path holds all that must agree: NUMERICS, kind of device, data checksum.
"""

import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from actbench.plan.design import Run
from actbench.plan.numerics import NUMERICS
from actbench.plan.shards import word
from actbench.training.process import device_kind
from actbench.training.rows import ROWS
from actbench.training.stack import SHARED

DIGITS = 32  # of the sha256 in a file name


class RunCache:
    """The finished runs of one data set on this kind of device."""

    def __init__(self, folder: Path, checksum: str) -> None:
        self.folder = folder / f"numerics{NUMERICS}-{device_kind()}"
        self.checksum = checksum

    def load(self, runs: Sequence[Run]) -> pa.Table:
        """Return the rows of those runs that are in the cache, each once."""
        wanted = {run.key for run in runs}
        found: dict[str, pa.Table] = {}
        for place in sorted({self._place(run) for run in runs}):
            for file in sorted(place.glob("*.parquet")):
                for key, row in _read(file).items():
                    if key in wanted:
                        found.setdefault(key, row)
        return pa.concat_tables([ROWS.empty_table(), *found.values()])

    def save(self, rows: pa.Table, run: Run) -> None:
        """Add the rows of one trained stack, of which `run` is a member."""
        place = self._place(run)
        place.mkdir(parents=True, exist_ok=True)
        temporary = place / f".{os.getpid()}.tmp"
        try:
            pq.write_table(rows, temporary, compression="zstd")
            digest = hashlib.sha256(temporary.read_bytes()).hexdigest()[:DIGITS]
            temporary.replace(place / f"{digest}.parquet")
        finally:
            temporary.unlink(missing_ok=True)

    def _place(self, run: Run) -> Path:
        words = [word(name, getattr(run, name)) for name in SHARED if name != "dataset"]
        return self.folder / f"{run.dataset}-{self.checksum[:12]}" / "-".join(words)


def _read(file: Path) -> dict[str, pa.Table]:
    """Return key -> row of one file; a damaged file is set aside, for its runs can be trained again."""
    data = file.read_bytes()
    if hashlib.sha256(data).hexdigest()[:DIGITS] != file.stem:
        file.replace(file.with_suffix(".damaged"))
        print(f"{file}: damaged, set aside; its runs are trained again", file=sys.stderr)
        return {}
    rows = pq.read_table(pa.BufferReader(data), schema=ROWS)
    return {key: rows.slice(index, 1) for index, key in enumerate(rows["run_key"].to_pylist())}
