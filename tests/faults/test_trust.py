"""Trust: a config executes nothing and names no place but its own, whatever its file is called."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from actbench.analysis.archive import unpack_archive
from actbench.plan.config import load_config
from actbench.plan.design import expand
from actbench.plan.errors import ConfigError
from actbench.plan.shards import make_shards
from bad_configs import fuzzed
from workflow_kills import ROOT, SNAKEFILE

HOSTILE = "a b;touch executed;$(touch executed)`touch executed`'\"&.yaml"


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=fuzzed())
def test_every_path_of_an_accepted_config_lies_in_its_own_folder(tmp_path: Path, content: bytes) -> None:
    """Names of configs, studies and shards are made of a few letters: no path, no word of a shell, no wildcard."""
    path = tmp_path / "fuzzed.yaml"
    path.write_bytes(content)
    try:
        config = load_config(path)
        shards = make_shards(expand(config, path).runs, config.shard_minutes, path)
    except ConfigError:
        return
    for word in (config.name, *(study.name for study in config.studies), *(shard.id for shard in shards)):
        assert re.fullmatch(r"[a-z0-9][a-z0-9._+-]*", word), word
        assert ".." not in word
        assert len(word) < 250


@pytest.mark.slow
def test_a_hostile_file_name_is_only_a_name(tmp_path: Path) -> None:
    """A config file whose name holds words of the shell and of Snakemake runs like any other."""
    (tmp_path / HOSTILE).write_text("name: x\nstudies: {a: {activation: relu}}\n", encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "results/x/stats/activations.csv", "--cores", "1"]
    command += ["--snakefile", str(SNAKEFILE), "--configfile", HOSTILE]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results" / "x" / "stats" / "activations.csv").exists()
    assert not [path for path in tmp_path.rglob("*") if path.name == "executed"]


@pytest.mark.slow
def test_a_file_name_with_wildcards_is_refused(tmp_path: Path) -> None:
    """Braces in the name of a config file are one line, not a puzzle about wildcards."""
    (tmp_path / "{x}.yaml").write_text("name: x\nstudies: {a: {activation: relu}}\n", encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--snakefile", str(SNAKEFILE)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command += ["--configfile", "{x}.yaml"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 2
    assert "{x}.yaml: rename it" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("at", range(0, 100, 7))
def test_a_damaged_archive_is_refused_in_one_line(tmp_path: Path, at: int) -> None:
    """Wherever an archive is damaged, unpacking stops with a line."""
    import io
    import tarfile

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("a/b.csv")
        content = bytes(os.urandom(4000))
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    data = bytearray(buffer.getvalue())
    data[at * len(data) // 100] ^= 0x55
    path = tmp_path / "a.tar.gz"
    path.write_bytes(data)
    try:
        unpack_archive(path, tmp_path / "out")
    except ConfigError:
        return
    assert (tmp_path / "out" / "a" / "b.csv").read_bytes() == content, "only a byte of the header was damaged"
