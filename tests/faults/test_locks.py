"""Damaged locks: neither the marks of stacks in flight nor Snakemake's locks decide what comes out."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from actbench.plan.processes import this_machine
from actbench.training import cache, in_flight
from actbench.training.in_flight import Marks
from injuries import DAMAGES, FOREIGN
from test_cache import train
from test_in_flight import foreign_mark
from test_twin import runs_of
from workflow_kills import ROOT, SNAKEFILE

PRODUCT = "data/spirals.npz"


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_mark_holds_nobody_up(tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a damaged mark, whatever it seems to say, a shard waits for its silence at most, and trains every run."""
    monkeypatch.setattr(in_flight, "SILENCE", 0.3)
    monkeypatch.setattr(cache, "POLL", 0.02)
    runs = runs_of()
    expected = train(tmp_path / "calm", runs).drop_columns("seconds")
    chunk = next((tmp_path / "calm").rglob("*.parquet"))
    place = tmp_path / "beside" / chunk.parent.relative_to(tmp_path / "calm")
    mark = foreign_mark(place, [run.key for run in runs])
    DAMAGES[damage](mark, chunk, random.Random(damage))
    began = time.monotonic()
    assert train(tmp_path / "beside", runs).drop_columns("seconds").equals(expected)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("bit", range(0, 400, 3))
def test_no_bit_of_a_mark_is_fatal(tmp_path: Path, bit: int) -> None:
    """With any one bit changed, a mark names some runs or none."""
    mark = foreign_mark(tmp_path, ["ab" * 8], this_machine(), os.getpid())
    content = bytearray(mark.read_bytes())
    content[bit // 8 % len(content)] ^= 1 << bit % 8
    mark.write_bytes(content)
    assert len(Marks().taken(tmp_path)) <= 1


def snakemake(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Call Snakemake for one small product."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(SNAKEFILE), "--configfile", "x.yaml"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command += ["--cores", "1", PRODUCT, *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=200)


@pytest.mark.slow
def test_damaged_locks_of_snakemake(tmp_path: Path) -> None:
    """A lock that is whole stops a second workflow; a damaged one stops it or not, and after --unlock all is made."""
    (tmp_path / "x.yaml").write_text("name: x\nstudies: {a: {activation: relu}}\n", encoding="utf-8")
    lock = tmp_path / ".snakemake" / "locks" / "0.output.lock"
    assert snakemake(tmp_path).returncode == 0
    expected = (tmp_path / PRODUCT).read_bytes()
    said = {}
    for name, content in {"whole": f"{PRODUCT}\n".encode(), "empty": b"", "foreign": FOREIGN}.items():
        (tmp_path / PRODUCT).unlink()
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.write_bytes(content)
        said[name] = snakemake(tmp_path)
        if said[name].returncode:
            assert not (tmp_path / PRODUCT).exists()
            assert snakemake(tmp_path, "--unlock").returncode == 0
            assert snakemake(tmp_path).returncode == 0
        assert (tmp_path / PRODUCT).read_bytes() == expected
    assert said["whole"].returncode != 0
    assert "--unlock" in said["whole"].stdout + said["whole"].stderr
    assert said["empty"].returncode == 0
