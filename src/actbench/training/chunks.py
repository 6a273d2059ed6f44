"""Chunks, the files of the run cache: the rows of one trained stack, under a name that is the hash of the bytes.

Imports no torch, so that looking after a cache is quick.
"""

import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

DIGITS = 32  # of the sha256 in a file name
# Columns of a row that may differ between two trainings of one run: they are not numbers of the network.
ORIGIN = ("seconds", "version", "commit", "torch")
PLACE = b"actbench.place"  # metadata of a chunk: numerics and device / data set and its checksum / tensor program


class DamagedChunk(Exception):
    """A chunk that is not what its name or its place says; the message says why."""


def write_chunk(rows: pa.Table, place: Path) -> Path:
    """Write rows to a folder of the cache and return the chunk's path."""
    sink = pa.BufferOutputStream()
    pq.write_table(rows.replace_schema_metadata({PLACE: _home(place)}), sink, compression="zstd")
    return write_bytes(sink.getvalue().to_pybytes(), place)


def write_bytes(data: bytes, place: Path) -> Path:
    """Write the bytes of a chunk under a name that no process on any machine shares, then rename it to their hash."""
    place.mkdir(parents=True, exist_ok=True)
    temporary = place / f".{secrets.token_hex(16)}.tmp"
    try:
        temporary.write_bytes(data)
        return temporary.replace(place / f"{_digest(data)}.parquet")
    finally:
        temporary.unlink(missing_ok=True)


def read_chunk(file: Path, schema: pa.Schema) -> pa.Table:
    """Return the rows of a chunk; raise DamagedChunk when its checksum, its columns or its place are wrong."""
    return parse_chunk(file.read_bytes(), file, schema)


def parse_chunk(data: bytes, file: Path, schema: pa.Schema) -> pa.Table:
    """Return the rows in the bytes of a chunk; raise DamagedChunk as `read_chunk` does."""
    if _digest(data) != file.stem:
        raise DamagedChunk("wrong checksum")
    try:
        stored = pq.read_schema(pa.BufferReader(data))
        if _columns(stored) != _columns(schema):
            odd = sorted({name for name, _ in set(_columns(stored)) ^ set(_columns(schema))})
            raise DamagedChunk(f"wrong columns: {', '.join(odd) or 'their order'}"[:200])
        rows = _decode(data).cast(schema)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DamagedChunk(f"not a readable table ({type(error).__name__})") from None
    _check_place(rows, (stored.metadata or {}).get(PLACE, _home(file.parent)), file.parent)
    return rows


def _decode(data: bytes) -> pa.Table:
    """Decode in this thread: one of Arrow's, still holding Python's bytes while Python ends, aborts the process."""
    return pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)


def _check_place(rows: pa.Table, written_for: bytes, place: Path) -> None:
    """Raise DamagedChunk for a chunk that was moved here from another NUMERICS, device, data set or program."""
    if written_for != _home(place):
        raise DamagedChunk(f"does not belong here but in {written_for.decode(errors='replace')}")
    kinds = set(zip(rows["numerics"].to_pylist(), rows["device"].to_pylist(), strict=True))
    for numerics, device in sorted(kinds):
        if f"numerics{numerics}-{device}" != place.parts[-3]:
            raise DamagedChunk(f"its runs are of numerics{numerics}-{device}")


def _home(place: Path) -> bytes:
    return "/".join(place.parts[-3:]).encode()


def measured_seconds(place: Path) -> dict[str, float]:
    """Return run key -> seconds of all runs in a folder of the cache; a file that cannot be read counts as nothing."""
    seconds: dict[str, float] = {}
    for file in sorted(place.glob("*.parquet")):
        try:
            rows = pq.read_table(file, columns=["run_key", "seconds"], partitioning=None)
            seconds |= zip(rows["run_key"].to_pylist(), rows["seconds"].to_pylist(), strict=True)
        except (pa.ArrowException, OSError, KeyError):
            continue
    return seconds


def split_rows(rows: pa.Table) -> dict[str, pa.Table]:
    """Return run key -> table of that run's row alone."""
    return {key: rows.slice(index, 1) for index, key in enumerate(rows["run_key"].to_pylist())}


def differences(one: pa.Table, other: pa.Table) -> Iterator[tuple[str, str, str]]:
    """Yield (column, value, value) for every column in which two rows of a run differ, ORIGIN apart.

    Within curves and layers the first value that differs is named, e.g. `curves[3].loss`.
    """
    if one.drop_columns(ORIGIN).equals(other.drop_columns(ORIGIN)):
        return
    first, second = one.to_pylist()[0], other.to_pylist()[0]
    for column in first:
        if column not in ORIGIN:
            yield from _first_difference(column, first[column], second[column])


def _first_difference(path: str, one: Any, other: Any) -> Iterator[tuple[str, str, str]]:
    a, b = repr(one), repr(other)  # which tells -0.0 from 0.0 and not nan from nan
    if a == b:
        return
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        index = next(i for i, pair in enumerate(zip(one, other, strict=True)) if repr(pair[0]) != repr(pair[1]))
        yield from _first_difference(f"{path}[{index}]", one[index], other[index])
    elif isinstance(one, dict) and isinstance(other, dict):
        key = next(key for key in one if repr(one[key]) != repr(other.get(key)))
        yield from _first_difference(f"{path}.{key}", one[key], other.get(key))
    elif isinstance(one, list) and isinstance(other, list):
        yield f"{path} (entries)", str(len(one)), str(len(other))
    else:
        yield path, a, b


def _columns(schema: pa.Schema) -> list[tuple[str, str]]:
    """Return names and types; Parquet calls the item of a list `element`."""
    return [(field.name, str(field.type).replace("<element: ", "<item: ")) for field in schema]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:DIGITS]
