"""The committed reference result is one of today's default grid, whole, and small enough to be cloned."""

from pathlib import Path

import pytest

from actbench.analysis.tables import check_made_from, read_table
from actbench.plan.checksums import checksum_path, refuse_damaged
from actbench.plan.config import Config, load_config
from actbench.plan.design import expand
from actbench.show.contract import declarations

MOST_BYTES = 10_000_000


@pytest.fixture(scope="module")
def reference(project_root: Path) -> Path:
    """Return the folder of the reference results."""
    return project_root / "results" / "reference"


@pytest.fixture(scope="module")
def config(project_root: Path) -> Config:
    """Read the default config."""
    return load_config(project_root / "config" / "config.yaml")


def test_it_is_small_and_every_file_has_its_checksum(reference: Path) -> None:
    """All files together stay below 10 MB, and each is what the checksum beside it says."""
    files = [path for path in reference.rglob("[!.]*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
    assert all(checksum_path(path).exists() for path in files)
    refuse_damaged(*files)


@pytest.mark.parametrize("table", ["runs", "curves", "studies"])
def test_it_was_made_from_the_default_config(reference: Path, config: Config, table: str) -> None:
    """Tables carry the digest of today's config.yaml and NUMERICS; `make && make reference` renews them."""
    check_made_from(config, reference / "default" / "tables" / f"{table}.parquet")


def test_it_has_a_row_for_every_run(reference: Path, config: Config) -> None:
    """No run of the design is missing, whatever became of it."""
    runs = read_table(config, "runs", ["run_key", "status"], results=reference)
    assert sorted(runs["run_key"]) == sorted(run.key for run in expand(config).runs)
    assert set(runs["status"]) <= {"ok", "diverged"}


def test_every_figure_finds_what_it_reads(reference: Path) -> None:
    """The statistics that figures declare are all there, so that `make figures` needs nothing else."""
    held = {path.stem for path in (reference / "default" / "stats").glob("*.csv")}
    assert {name for figure in declarations().values() for name in figure.stats} <= held
    assert all(figure.tables == () for figure in declarations().values())
