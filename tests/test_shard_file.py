"""Shard files: schema, splitting, damage."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actbench.analysis import shard_file
from actbench.analysis.shard_file import (
    arrow_schema,
    iterate_shard,
    read_keys,
    shard_schema,
    split_shard,
    write_shard,
)
from actbench.plan.checksums import checksum_path
from actbench.plan.design import expand
from actbench.plan.errors import ConfigError
from actbench.plan.schema import RUNS, TABLES
from synthetic import fake_frames, make_config, write_shards


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the first shard file of a small design."""
    design = expand(make_config(depth=(2,), seed=(0,)))
    return write_shards(design, fake_frames(design), tmp_path)[0]


def test_the_schema_is_that_of_the_plan() -> None:
    """A shard has the columns of RUNS in their types, then the two nested ones, as the agreement says."""
    schema = shard_schema()
    assert schema.names == [column.name for column in RUNS] + ["curves", "layers"]
    curves = pa.struct([("step", "int32"), ("split", "string"), ("loss", "float32"), ("accuracy", "float32")])
    assert schema.field("curves").type == pa.list_(curves)
    assert schema.field("lr").type == pa.float64()
    assert schema.field("val_loss").nullable
    assert not schema.field("status").nullable


def test_training_writes_what_analysis_reads() -> None:
    """The rows that training writes have the names and types that are read here."""
    rows = pytest.importorskip("actbench.training.rows").ROWS
    assert [(field.name, field.type) for field in rows] == [(field.name, field.type) for field in shard_schema()]


def test_splitting_gives_every_record_its_key(path: Path) -> None:
    """Curves and layers are the nested lists one after another, each with the key of its row."""
    rows = pq.read_table(path, partitioning=None)
    parts = split_shard(rows)
    expected = pd.DataFrame(
        [{"run_key": row["run_key"], **point} for row in rows.to_pylist() for point in row["curves"]]
    ).astype({"step": "int32", "loss": "float32", "accuracy": "float32"})
    pd.testing.assert_frame_equal(parts["curves"].to_pandas(), expected)
    for name, part in parts.items():
        assert part.schema == arrow_schema(TABLES[name])
    assert parts["layers"].num_rows == sum(len(row["layers"]) for row in rows.to_pylist())


def test_a_run_without_records_has_no_curve(path: Path) -> None:
    """A run that could not be trained keeps its row and adds none to the curves."""
    rows = pq.read_table(path, partitioning=None).to_pylist()
    empty = [{**row, "curves": [], "layers": []} for row in rows[:1]]
    parts = split_shard(pa.Table.from_pylist(empty + rows[1:], schema=shard_schema()))
    assert parts["runs"].num_rows == len(rows)
    assert rows[0]["run_key"] not in parts["curves"]["run_key"].to_pylist()
    assert rows[1]["run_key"] in parts["curves"]["run_key"].to_pylist()


def test_rows_are_written_in_the_order_of_their_keys(path: Path) -> None:
    """Whatever the order of the rows, the file has them sorted by key."""
    rows = pq.read_table(path, partitioning=None)
    write_shard(path, rows.take(list(reversed(range(rows.num_rows)))))
    assert read_keys(path) == sorted(rows["run_key"].to_pylist())


def test_a_file_is_read_a_few_runs_at_a_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of at most RUNS_AT_ONCE runs follow one another and hold all that the file holds."""
    rows = pq.read_table(path, partitioning=None)
    monkeypatch.setattr(shard_file, "RUNS_AT_ONCE", 3)
    write_shard(path, rows)
    slices = list(iterate_shard(path))
    assert [each.num_rows for each in slices] == [3, 1]
    assert pa.concat_tables(each.cast(shard_schema()) for each in slices).equals(rows)
    assert pq.ParquetFile(path).num_row_groups == len(slices)


def test_a_damaged_file_is_named_in_one_line(path: Path) -> None:
    """A cut file and a file with other columns stop with the path and what to do."""
    rows = pq.read_table(path, partitioning=None)
    checksum_path(path).unlink()  # or the first line would be about the checksum
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ConfigError, match=r"not a readable shard file.*delete it") as caught:
        read_keys(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    pq.write_table(rows.drop_columns(["curves"]), path)
    with pytest.raises(ConfigError, match="delete it and run snakemake again"):
        list(iterate_shard(path))
    pq.write_table(rows.set_column(rows.schema.get_field_index("lr"), "lr", pa.array(["x"] * rows.num_rows)), path)
    with pytest.raises(ConfigError, match="columns are not those of a shard file"):
        list(iterate_shard(path))
