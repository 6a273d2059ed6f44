"""Tables: every run once, the schema's types, the config in the file, the same bytes from the same shards."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actbench.analysis import fingerprint, shard_file, table_file
from actbench.analysis.shard_file import arrow_schema, write_shard
from actbench.analysis.tables import read_table, table_path, write_tables
from actbench.plan.checksums import checksum_path
from actbench.plan.config import Config
from actbench.plan.design import expand
from actbench.plan.errors import ConfigError
from actbench.plan.schema import TABLES
from actbench.plan.shards import make_shards
from synthetic import fake_frames, make_config, make_study, write_results, write_shards

CONFIG = make_config(seed=(0, 1), lr=(0.02,))


def _files(results: Path) -> dict[str, bytes]:
    return {table: table_path(CONFIG.name, table, results).read_bytes() for table in TABLES}


def test_the_tables_hold_what_the_shards_hold(tmp_path: Path) -> None:
    """Each table, read back, is the frame that was written, in the order of shards and keys."""
    frames = write_results(CONFIG, tmp_path)
    order = [run.key for shard in make_shards(expand(CONFIG).runs, CONFIG.shard_minutes) for run in shard.runs]
    runs = read_table(CONFIG, "runs", results=tmp_path)
    assert runs["run_key"].tolist() == order
    pd.testing.assert_frame_equal(runs, frames["runs"].set_index("run_key").loc[order].reset_index())
    for table in ("curves", "layers"):
        by_key = dict(list(frames[table].groupby("run_key")))
        expected = pd.concat([by_key[key] for key in order if key in by_key], ignore_index=True)
        pd.testing.assert_frame_equal(read_table(CONFIG, table, results=tmp_path), expected)


def test_every_file_has_the_schema_in_row_groups_of_whole_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Types are exactly those of the plan; a row group is written when it is full and divides no run."""
    monkeypatch.setattr(table_file, "GROUP_ROWS", 1000)
    monkeypatch.setattr(shard_file, "RUNS_AT_ONCE", 3)
    frames = write_results(CONFIG, tmp_path)
    for table, columns in TABLES.items():
        file = pq.ParquetFile(table_path(CONFIG.name, table, tmp_path))
        assert file.schema_arrow.equals(arrow_schema(columns), check_metadata=False)
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        assert sum(sizes) == len(frames[table])
        assert all(1000 <= size < 2000 for size in sizes[:-1])
        groups = [set(file.read_row_group(group, ["run_key"])["run_key"].to_pylist()) for group in range(len(sizes))]
        assert sum(map(len, groups)) == len(set().union(*groups))
    assert file.num_row_groups == 1 < pq.ParquetFile(table_path(CONFIG.name, "layers", tmp_path)).num_row_groups


def test_the_same_shards_give_the_same_bytes(tmp_path: Path) -> None:
    """Rebuilding the tables changes no byte, and leaves no temporary file."""
    write_results(CONFIG, tmp_path)
    first = _files(tmp_path)
    write_tables(expand(CONFIG), tmp_path)
    assert _files(tmp_path) == first
    assert len(list((tmp_path / CONFIG.name / "tables").glob("[!.]*"))) == len(TABLES)


def test_studies_name_their_runs(tmp_path: Path) -> None:
    """A run of two studies stands in both, and once in the runs."""
    config = Config("two", "", 60, (make_study("b", depth=(2, 4)), make_study("a", depth=(4,))))
    write_results(config, tmp_path)
    studies = read_table(config, "studies", results=tmp_path)
    assert studies["study"].tolist() == ["a", "b", "b"]
    assert len(read_table(config, "runs", results=tmp_path)) == 2


def test_columns_and_filters_are_read_alone(tmp_path: Path) -> None:
    """Only the wanted columns and rows come back."""
    frames = write_results(CONFIG, tmp_path)
    wanted = [("diagnostic", "==", "gradient_norm"), ("layer", "==", 1)]
    found = read_table(CONFIG, "layers", ["run_key", "value"], wanted, tmp_path)
    expected = frames["layers"].query("diagnostic == 'gradient_norm' and layer == 1")
    assert list(found) == ["run_key", "value"]
    assert sorted(found["value"]) == sorted(expected["value"])


def test_missing_runs_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    """Without a shard file the message says how many runs are missing, one of them, and what to do."""
    design = expand(CONFIG)
    paths = write_shards(design, fake_frames(design), tmp_path)
    paths[0].unlink()
    shard = make_shards(design.runs, CONFIG.shard_minutes)[0]
    expected = rf"{len(shard.runs)} runs missing \(first {shard.runs[0].key}\); run snakemake again"
    with pytest.raises(ConfigError, match=expected) as caught:
        write_tables(design, tmp_path)
    assert "\n" not in str(caught.value)
    assert not table_path(CONFIG.name, "runs", tmp_path).exists()


def test_repeated_and_foreign_runs_are_refused(tmp_path: Path) -> None:
    """A run that stands twice and a run that is not of the design are each counted and named."""
    design = expand(CONFIG)
    path = write_shards(design, fake_frames(design), tmp_path)[0]
    rows = pq.read_table(path, partitioning=None)
    keys = pa.array(["0" * 16, *rows["run_key"].to_pylist()[1:]])
    foreign = rows.set_column(0, rows.schema.field(0), keys)
    write_shard(path, pa.concat_tables([foreign, rows.slice(2, 1)]))
    expected = "1 run missing .*, 1 run standing twice .*, 1 run not of this design .first 0000000000000000."
    with pytest.raises(ConfigError, match=expected):
        write_tables(design, tmp_path)


def test_rows_in_another_order_are_refused(tmp_path: Path) -> None:
    """A file that was not written by `write_shard` and holds its runs in another order is named."""
    design = expand(CONFIG)
    path = write_shards(design, fake_frames(design), tmp_path)[0]
    rows = pq.read_table(path, partitioning=None)
    pq.write_table(rows.take(list(reversed(range(rows.num_rows)))), path)
    checksum_path(path).unlink()
    with pytest.raises(ConfigError, match="not in the order of their keys; delete the file"):
        write_tables(design, tmp_path)


@pytest.mark.parametrize(("column", "value", "problem"), [("depth", 3, "depth 3 where"), ("numerics", 999, "version")])
def test_rows_that_contradict_the_design_are_refused(tmp_path: Path, column: str, value: int, problem: str) -> None:
    """A row whose levels are not those of its key, or of another NUMERICS, stops the tables; the old ones stay."""
    write_results(CONFIG, tmp_path)
    before = _files(tmp_path)
    path = sorted((tmp_path / CONFIG.name / "shards").glob("*.parquet"))[-1]
    rows = pq.read_table(path, partitioning=None)
    index = rows.schema.get_field_index(column)
    write_shard(path, rows.set_column(index, rows.schema.field(index), pa.array([value] * rows.num_rows)))
    with pytest.raises(ConfigError, match=problem):
        write_tables(expand(CONFIG), tmp_path)
    assert _files(tmp_path) == before
    assert len(list((tmp_path / CONFIG.name / "tables").glob("[!.]*"))) == len(TABLES)


def test_a_table_of_another_config_is_refused(tmp_path: Path) -> None:
    """Reading compares the embedded config with the one at hand; words that change no row do not matter."""
    write_results(CONFIG, tmp_path)
    assert len(read_table(replace(CONFIG, description="other"), "runs", results=tmp_path)) == 24
    with pytest.raises(ConfigError, match="made from another config than the one given; run `actbench tables`"):
        read_table(make_config(seed=(0,), lr=(0.02,)), "runs", results=tmp_path)


def test_a_table_of_another_numerics_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After NUMERICS is raised, older tables are not read."""
    write_results(CONFIG, tmp_path)
    monkeypatch.setattr(fingerprint, "NUMERICS", 10**6)
    with pytest.raises(ConfigError, match="NUMERICS"):
        read_table(CONFIG, "runs", results=tmp_path)


def test_absent_damaged_and_unknown_tables_are_named(tmp_path: Path) -> None:
    """Each accident is one line with the file and what to do."""
    with pytest.raises(ConfigError, match=r"runs.parquet: no such table; run `actbench tables`"):
        read_table(CONFIG, "runs", results=tmp_path)
    with pytest.raises(ConfigError, match="unknown table 'run'; did you mean runs"):
        read_table(CONFIG, "run", results=tmp_path)
    write_results(CONFIG, tmp_path)
    table_path(CONFIG.name, "runs", tmp_path).write_bytes(b"PAR1")
    checksum_path(table_path(CONFIG.name, "runs", tmp_path)).unlink()
    with pytest.raises(ConfigError, match="not a readable table"):
        read_table(CONFIG, "runs", results=tmp_path)
