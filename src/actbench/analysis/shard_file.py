"""A shard file: one row a run, its curves and layers nested in the row, in the order of the run keys."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from actbench.plan.atomic_file import replacing
from actbench.plan.checksums import refuse_damaged
from actbench.plan.errors import ConfigError
from actbench.plan.schema import CURVES, LAYERS, RUN_KEY, RUNS, Column

ARROW: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
}
RUNS_AT_ONCE = 128  # runs of one row group; 64 layers with their diagnostics then take 100 MB in memory
REMEDY = "delete it and run snakemake again"
NESTED: dict[str, tuple[Column, ...]] = {"curves": CURVES, "layers": LAYERS}
CODED = pa.dictionary(pa.int32(), pa.string())  # each word once, in rows its place: no word is copied or compared


def arrow_schema(columns: Iterable[Column], word: pa.DataType = ARROW["string"]) -> pa.Schema:
    """Return the Arrow schema of the given columns: name, dtype and whether a null may stand there.

    word: the type of strings.
    """
    types = ARROW | {"string": word}
    return pa.schema([pa.field(column.name, types[column.dtype], column.nullable) for column in columns])


def nested_type(columns: Iterable[Column], word: pa.DataType = ARROW["string"]) -> pa.DataType:
    """Return list<struct<…>> of a table's columns without the run key, which the row itself holds."""
    types = ARROW | {"string": word}
    return pa.list_(pa.struct([pa.field(c.name, types[c.dtype]) for c in columns if c != RUN_KEY]))


def shard_schema(word: pa.DataType = ARROW["string"]) -> pa.Schema:
    """Return the schema of a shard file: the columns of RUNS, then `curves` and `layers` as lists of structs.

    word: the type of strings in the lists.
    """
    schema = arrow_schema(RUNS)
    for name, columns in NESTED.items():
        schema = schema.append(pa.field(name, nested_type(columns, word), False))
    return schema


def write_shard(path: Path, rows: pa.Table) -> None:
    """Write the rows of one shard, sorted by run key, under a temporary name that is renamed when complete."""
    with replacing(path) as (partial,):
        ordered = rows.sort_by("run_key").cast(shard_schema())
        pq.write_table(
            ordered, partial, row_group_size=RUNS_AT_ONCE, compression="zstd", use_dictionary=_repeating_columns()
        )


def _repeating_columns() -> list[str]:
    """Name the columns that are worth a dictionary: measured numbers (float32) hardly repeat."""
    return [*(column.name for column in RUNS), *_nested_columns("string", "int32")]


def _nested_columns(*dtypes: str) -> list[str]:
    return [
        f"{name}.list.element.{column.name}"
        for name, columns in NESTED.items()
        for column in columns
        if column != RUN_KEY and column.dtype in dtypes
    ]


def read_keys(path: Path) -> list[str]:
    """Return the run keys of a shard file in their order; raise ConfigError when it cannot be read."""
    with _opened(path) as file:
        return [str(key) for key in file.read(["run_key"])["run_key"].to_pylist()]


def iterate_shard(path: Path) -> Iterator[pa.Table]:
    """Yield the rows of a shard file, at most RUNS_AT_ONCE at a time, with the words in the lists CODED."""
    schema = shard_schema(CODED)
    with _opened(path) as file:
        try:
            for rows in file.iter_batches(RUNS_AT_ONCE, columns=schema.names):
                yield pa.Table.from_batches([rows]).select(schema.names).cast(schema)
        except (pa.ArrowException, KeyError, ValueError) as error:
            raise ConfigError(str(path), f"columns are not those of a shard file ({error}); {REMEDY}") from None


def split_shard(rows: pa.Table) -> dict[str, pa.Table]:
    """Split a shard's rows into the tidy tables `runs`, `curves` and `layers`."""
    schemas = {"runs": arrow_schema(RUNS)} | {name: arrow_schema(columns) for name, columns in NESTED.items()}
    return {name: part.cast(schemas[name]) for name, part in split_coded(rows).items()}


def split_coded(rows: pa.Table) -> dict[str, pa.Table]:
    """Split a shard's rows as `split_shard` does, with all words CODED."""
    tables = {"runs": rows.select([column.name for column in RUNS]).cast(arrow_schema(RUNS, CODED))}
    for name, columns in NESTED.items():
        tables[name] = _explode(rows["run_key"], rows[name], arrow_schema(columns, CODED))
    return tables


def _explode(keys: pa.ChunkedArray, nested: pa.ChunkedArray, schema: pa.Schema) -> pa.Table:
    lists = nested.combine_chunks()
    places = pc.list_parent_indices(lists).cast(pa.int32())
    repeated = pa.DictionaryArray.from_arrays(places, keys.combine_chunks().cast(pa.string()))
    fields = pc.list_flatten(lists).flatten()
    return pa.table([repeated, *fields], names=schema.names).cast(schema)


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    refuse_damaged(path)
    try:
        with pq.ParquetFile(path, read_dictionary=_nested_columns("string")) as file:
            yield file
    except (OSError, KeyError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:120]
        raise ConfigError(str(path), f"not a readable shard file ({reason}); {REMEDY}") from None
