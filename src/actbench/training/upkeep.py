"""Look after a run cache: verify it, merge another machine's into it, drop what nobody reads any more."""

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import gt, lt
from pathlib import Path

import pyarrow as pa

from actbench.plan.design import Run
from actbench.plan.factors import FACTORS
from actbench.plan.numerics import NUMERICS
from actbench.plan.places import stack_place
from actbench.plan.processes import DAY
from actbench.training.chunks import DamagedChunk, differences, parse_chunk, read_chunk, split_rows, write_bytes

CHUNKS = "numerics*/*/*/*.parquet"
TODAY = f"numerics{NUMERICS}-*/*/*/*.parquet"  # the only chunks that are read
COMPILED = "compiled"


@dataclass(frozen=True)
class Problem:
    """What is wrong with a chunk; a conflict names the run, the column and both values."""

    file: str
    problem: str
    run_key: str = ""
    column: str = ""
    value: str = ""
    other_value: str = ""
    other_file: str = ""

    def __str__(self) -> str:
        if not self.run_key or not self.column:
            return f"{self.file}: {self.problem}"
        values = f"{self.column} is {self.value} here and {self.other_value} in {self.other_file}"
        return f"{self.file}: {self.problem}: run {self.run_key}: {values}"


@dataclass(frozen=True)
class Waste:
    """A file or folder that may go."""

    path: str
    bytes: int
    why: str


def verify(folder: Path, schema: pa.Schema) -> tuple[dict[str, int], list[Problem]]:
    """Check every chunk: checksum, columns, key and place of each run, and runs that stand twice with other numbers.

    Chunks of another NUMERICS are counted, not read: their columns were others.
    """
    counts, problems = {"chunks": 0, "runs": 0, **_left_aside(folder)}, []
    for _, chunks in _places(folder):
        held: dict[str, tuple[Path, pa.Table]] = {}
        for file in chunks:
            counts["chunks"] += 1
            try:
                rows = split_rows(_sound(file.read_bytes(), file, folder, schema))
            except DamagedChunk as damage:
                problems.append(Problem(str(file), str(damage)))
                continue
            problems += _conflicts(rows, held, str(file))
            held = {**{key: (file, row) for key, row in rows.items()}, **held}
        counts["runs"] += len(held)
    return counts, problems


def merge(other: Path, folder: Path, schema: pa.Schema) -> tuple[dict[str, int], list[Problem]]:
    """Copy the sound chunks of another cache that bring new runs; leave out one that contradicts a run held here.

    Two trainings of a run may differ in what they cost and what trained them (`chunks.ORIGIN`), in nothing else. Chunks
    of another NUMERICS are counted, not copied. A merge that was cut short is completed by the next.
    """
    counts = dict.fromkeys(("copied_chunks", "new_runs", "known_runs", "left_out_chunks"), 0) | _left_aside(other)
    problems: list[Problem] = []
    for place, chunks in _places(other):
        home = folder / place.relative_to(other)
        held = _held(home, schema)
        for file in chunks:
            data = file.read_bytes()
            try:
                rows = split_rows(_sound(data, file, other, schema))
            except DamagedChunk as damage:
                found = [Problem(str(file), str(damage))]
            else:
                found = _conflicts(rows, held, str(file))
            if found:
                problems += found
                counts["left_out_chunks"] += 1
                continue
            counts["known_runs"] += len(rows.keys() & held.keys())
            if new := rows.keys() - held.keys():
                written = write_bytes(data, home)
                held |= {key: (written, rows[key]) for key in new}
                counts["new_runs"] += len(new)
                counts["copied_chunks"] += 1
    return counts, problems


def _places(folder: Path) -> Iterator[tuple[Path, Iterator[Path]]]:
    """Yield each folder of today's chunks with its chunks, both in the order of their names."""
    return groupby(sorted(folder.glob(TODAY)), key=lambda file: file.parent)


def _left_aside(folder: Path) -> dict[str, int]:
    """Count the chunks of older and of newer NUMERICS."""
    found = [_version(file.relative_to(folder).parts[0]) for file in folder.glob(CHUNKS)]
    versions = [version for version in found if version is not None]
    older, newer = (sum(compare(version, NUMERICS) for version in versions) for compare in (lt, gt))
    return {"superseded_chunks": older, "newer_chunks": newer}


def _version(name: str) -> int | None:
    """Return the NUMERICS in the name of a folder; None where there is none."""
    match = re.match(r"numerics(\d+)-", name)
    return int(match[1]) if match else None


def _sound(data: bytes, file: Path, folder: Path, schema: pa.Schema) -> pa.Table:
    """Return the rows of a chunk whose runs have the right keys and belong where it lies."""
    rows = parse_chunk(data, file, schema)
    _, dataset, program = file.relative_to(folder).parts[:3]
    if rows["run_key"].to_pylist() != list(dict.fromkeys(rows["run_key"].to_pylist())):
        raise DamagedChunk("holds a run twice")
    for row in rows.select(["run_key", *FACTORS]).to_pylist():
        run = Run(**{name: row[name] for name in FACTORS})
        place = stack_place(run, dataset.rpartition("-")[2])
        if row["run_key"] != run.key or (place.parts != (dataset, program)):
            raise DamagedChunk(f"run {row['run_key']} does not belong here")
    return rows


def _held(place: Path, schema: pa.Schema) -> dict[str, tuple[Path, pa.Table]]:
    held: dict[str, tuple[Path, pa.Table]] = {}
    for file in sorted(place.glob("*.parquet")):
        try:
            rows = split_rows(read_chunk(file, schema))
        except DamagedChunk:  # set aside when it is loaded; `verify` names it
            continue
        held = {**{key: (file, row) for key, row in rows.items()}, **held}
    return held


def _conflicts(rows: dict[str, pa.Table], held: dict[str, tuple[Path, pa.Table]], name: str) -> list[Problem]:
    problems = []
    for key in sorted(rows.keys() & held.keys()):
        file, row = held[key]
        for column, value, other in differences(rows[key], row):
            problems.append(Problem(name, "conflict", key, column, value, other, str(file)))
    return problems


def find_waste(folder: Path, source_digest: str) -> list[Waste]:
    """Return superseded numbers, compiled loops of other sources, damaged and left-over temporary files.

    Args:
        folder: the run cache.
        source_digest: the source whose compiled loops are kept (`process.source_digest`).
    """
    found = [Waste(str(path), _size(path), why) for path, why in _folders(folder, source_digest)]
    gone = tuple(f"{waste.path}/" for waste in found)
    for path in sorted([*folder.glob("numerics*/**/*"), *folder.glob(f"{COMPILED}/**/*")]):
        why = _leftover(path)
        if why and not str(path).startswith(gone):
            found.append(Waste(str(path), _size(path), why))
    return found


def _folders(folder: Path, source_digest: str) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.glob("numerics*")):
        version = _version(path.name)
        if version is not None and version < NUMERICS:  # higher ones belong to a newer version that shares this cache
            yield path, f"numbers superseded by NUMERICS {NUMERICS}"
    for path in sorted((folder / COMPILED).glob("*")):
        if path.name != source_digest:
            yield path, "compiled from other sources"


def _leftover(path: Path) -> str:
    if path.suffix == ".damaged":
        return "damaged and set aside"
    if path.suffix in (".tmp", ".begun") and time.time() - path.stat().st_mtime > DAY:
        return "left over from a killed process"
    return ""


def remove(waste: Waste) -> None:
    """Delete a file or folder; that another process was first is no error."""
    path = Path(waste.path)
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())


def as_dict(item: Problem | Waste) -> dict[str, str | int]:
    """Return the fields that say something, for JSON."""
    return {name: value for name, value in asdict(item).items() if value != ""}
