"""Sound files that belong elsewhere: of another NUMERICS, another kind of device, other data or another config."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actbench.analysis.shard_file import write_shard
from actbench.analysis.tables import read_table, write_tables
from actbench.plan.design import Run, expand
from actbench.plan.errors import ConfigError
from actbench.plan.numerics import NUMERICS
from actbench.plan.places import kind_place, stack_place
from actbench.training.cache import RunCache
from actbench.training.chunks import write_chunk
from actbench.training.process import device_kind
from actbench.training.rows import ROWS, error_row
from damage import CONFIG, RUNS, build
from synthetic import make_config

CHECKSUM, OTHER = "ab" * 32, "cd" * 32
KINDS = {
    "another NUMERICS": (f"numerics{NUMERICS + 1}-{device_kind()}", CHECKSUM),
    "another device": (kind_place("cpu-other"), CHECKSUM),
    "other data": (kind_place(device_kind()), OTHER),
}


def row_of(run: Run, kind: str) -> pa.Table:
    """Return a row that says of itself what its folder says."""
    numerics, device = kind.removeprefix("numerics").split("-", 1)
    (row,) = error_row(run).to_pylist()
    return pa.Table.from_pylist([{**row, "numerics": int(numerics), "device": device}], schema=ROWS)


@pytest.mark.parametrize(("kind", "checksum"), KINDS.values(), ids=KINDS)
def test_a_chunk_of_elsewhere_is_not_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, checksum: str
) -> None:
    """A sound chunk, where it belongs, is not found here; copied here it is named and set aside."""
    run, cache = RUNS[0], RunCache(tmp_path, CHECKSUM)
    chunk = write_chunk(row_of(run, kind), tmp_path / kind / stack_place(run, checksum))
    assert cache.load([run]).num_rows == 0
    assert capsys.readouterr().err == ""
    here = cache.folder / stack_place(run, CHECKSUM)
    here.mkdir(parents=True, exist_ok=True)
    shutil.copy(chunk, here)
    assert cache.load([run]).num_rows == 0
    assert "does not belong here" in capsys.readouterr().err
    assert [file.name for file in here.iterdir()] == [f"{chunk.stem}.damaged"]


def test_a_shard_of_another_numerics_is_refused(tmp_path: Path) -> None:
    """A sound shard file of other numbers stops the tables in one line."""
    build(tmp_path)
    path = next((tmp_path / "results" / CONFIG.name / "shards").glob("*.parquet"))
    rows = pq.read_table(path, partitioning=None)
    index = rows.schema.get_field_index("numerics")
    other = pa.array([NUMERICS + 1] * rows.num_rows, pa.int64())
    write_shard(path, rows.set_column(index, rows.schema.field(index), other))
    with pytest.raises(ConfigError, match="trained under another version of the numbers"):
        write_tables(expand(CONFIG), tmp_path / "results")


def test_results_of_an_edited_config_are_refused(tmp_path: Path) -> None:
    """When the config was edited after its results were made, neither tables nor shards pass for the new one."""
    build(tmp_path)
    edited = make_config(activation=("relu", "tanh"), depth=(2,), seed=(0, 2))
    with pytest.raises(ConfigError, match="made from another config than the one given"):
        read_table(edited, "runs", results=tmp_path / "results")
    with pytest.raises(ConfigError, match=r"runs missing .* runs not of this design"):
        write_tables(expand(edited), tmp_path / "results")
