"""Gather the shards of a design into tidy tables, a few hundred runs at a time, and read them back."""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from actbench.analysis.fingerprint import DIGEST_KEY, NUMERICS_KEY, table_metadata
from actbench.analysis.shard_file import CODED, arrow_schema, iterate_shard, read_keys, split_coded
from actbench.analysis.table_file import TableFile, growing_table
from actbench.plan.atomic_file import replacing
from actbench.plan.checksums import refuse_damaged
from actbench.plan.config import Config
from actbench.plan.design import Design, Run
from actbench.plan.errors import ConfigError, nearest
from actbench.plan.factors import FACTORS
from actbench.plan.numerics import NUMERICS
from actbench.plan.schema import TABLES
from actbench.plan.shards import Shard, make_shards

RESULTS = Path("results")
REMEDY = "run snakemake again with this config"


def table_path(name: str, table: str, results: Path = RESULTS) -> Path:
    """Return results/<name>/tables/<table>.parquet."""
    return results / name / "tables" / f"{table}.parquet"


def write_tables(design: Design, results: Path = RESULTS) -> dict[str, int]:
    """Gather all shards into results/<name>/tables/*.parquet and return the number of rows of each table.

    Shards stand in the order of their ids and runs in the order of their keys, so the same shards give the same
    bytes. Only a few hundred runs are in memory at a time, and a row group holds all rows of a run.

    Raises:
        ConfigError: a run of the design is missing, stands twice, or a shard is damaged or holds something else.
    """
    name = design.config.name
    shards = make_shards(design.runs, design.config.shard_minutes)
    files = {shard.id: results / name / "shards" / f"{shard.id}.parquet" for shard in shards}
    refuse_damaged(*files.values())
    check_complete(shards, files, results / name / "shards")
    paths = [table_path(name, table, results) for table in TABLES]
    with replacing(*paths) as partial, ExitStack() as stack:
        metadata = table_metadata(design.config)
        tables = {
            table: stack.enter_context(growing_table(path, TABLES[table], metadata))
            for table, path in zip(TABLES, partial, strict=True)
        }
        for shard in shards:
            _add_shard(tables, shard, files[shard.id])
        coded = arrow_schema(TABLES["studies"], CODED)
        for study, keys in sorted(design.members.items()):
            columns = {"study": [study] * len(keys), "run_key": sorted(keys)}
            tables["studies"].add(pa.table(columns, arrow_schema(TABLES["studies"])).cast(coded))
    return {name: table.rows for name, table in tables.items()}


def _add_shard(tables: dict[str, TableFile], shard: Shard, path: Path) -> None:
    first = 0
    for rows in iterate_shard(path):
        _check_rows(rows, shard.runs[first : first + rows.num_rows], path)
        first += rows.num_rows
        for table, part in split_coded(rows).items():
            tables[table].add(part)


def check_complete(shards: Sequence[Shard], files: dict[str, Path], where: Path) -> None:
    """Raise ConfigError unless every shard's file holds each of its runs once and nothing else."""
    missing, twice, unknown = [], [], []
    for shard in shards:
        path = files[shard.id]
        held = Counter(read_keys(path)) if path.exists() else Counter()
        wanted = {run.key for run in shard.runs}
        missing += sorted(wanted - held.keys())
        unknown += sorted(held.keys() - wanted)
        twice += sorted(key for key, times in held.items() if times > 1)
    found = [
        f"{len(keys)} {'run' if len(keys) == 1 else 'runs'} {what} (first {keys[0]})"
        for keys, what in ((missing, "missing"), (twice, "standing twice"), (unknown, "not of this design"))
        if keys
    ]
    if found:
        raise ConfigError(str(where), f"{', '.join(found)}; {REMEDY}")


def _check_rows(rows: pa.Table, runs: Sequence[Run], path: Path) -> None:
    if set(rows["numerics"].to_pylist()) - {NUMERICS}:
        raise ConfigError(str(path), f"trained under another version of the numbers than {NUMERICS}; {REMEDY}")
    if rows["run_key"].to_pylist() != [run.key for run in runs]:
        raise ConfigError(str(path), f"rows are not in the order of their keys; delete the file and {REMEDY}")
    for factor in FACTORS:
        for run, level in zip(runs, rows[factor].to_pylist(), strict=True):
            if getattr(run, factor) != level:
                found = f"{factor} {level!r} where the design has {getattr(run, factor)!r}"
                raise ConfigError(str(path), f"run {run.key} has {found}; delete the file and {REMEDY}")


def read_table(
    config: Config,
    table: str,
    columns: Sequence[str] | None = None,
    filters: Any = None,
    results: Path = RESULTS,
) -> pd.DataFrame:
    """Read a table of a config's results after comparing the config that it was made from.

    Args:
        config: the config at hand.
        table: `runs`, `curves`, `layers` or `studies`.
        columns: columns to read, all of them by default.
        filters: rows to read, as pyarrow has them: `[("diagnostic", "==", "gradient_norm")]`.
        results: folder of all results.

    Returns:
        Columns in the dtypes of plan.schema; whole numbers that may be null are `Int64`.

    Raises:
        ConfigError: no such table, or made from another config or another NUMERICS.
    """
    if table not in TABLES:
        raise ConfigError("table", f"unknown table {table!r}; {nearest(table, list(TABLES))}")
    path = table_path(config.name, table, results)
    check_made_from(config, path)
    chosen = None if columns is None else list(columns)
    frame: pd.DataFrame = pq.read_table(path, columns=chosen, filters=filters, partitioning=None).to_pandas()
    whole = [c.name for c in TABLES[table] if c.nullable and c.dtype == "int64" and c.name in frame]
    return frame.astype(dict.fromkeys(whole, "Int64"))


def check_made_from(config: Config, path: Path) -> None:
    """Raise ConfigError unless the table at `path` is sound and was made from this config under this NUMERICS."""
    remedy = "run `actbench tables` with this config"
    refuse_damaged(path, remedy=remedy)
    try:
        found = pq.read_schema(path).metadata or {}
    except FileNotFoundError:
        raise ConfigError(str(path), f"no such table; {remedy}") from None
    except (OSError, pa.ArrowException):
        raise ConfigError(str(path), f"not a readable table; {remedy}") from None
    wanted = table_metadata(config)
    for key, what in ((DIGEST_KEY, "another config"), (NUMERICS_KEY, "another version of the numbers (NUMERICS)")):
        if found.get(key) != wanted[key]:
            raise ConfigError(str(path), f"made from {what} than the one given; {remedy}")
