"""Files that appear complete or not at all."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from actbench.plan.atomic_file import replacing, write_text
from actbench.plan.processes import DAY


def _stop_half_way(path: Path) -> None:
    with replacing(path) as (partial,):
        partial.write_text("half")
        raise KeyboardInterrupt


def test_a_stopped_block_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    """After Ctrl-C the former content stays and no temporary file is left."""
    path = tmp_path / "folder" / "a.txt"
    write_text(path, "old")
    with pytest.raises(KeyboardInterrupt):
        _stop_half_way(path)
    assert [file.name for file in path.parent.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"


def test_several_files_appear_together(tmp_path: Path) -> None:
    """No name is taken before the block ends; after it every one is."""
    paths = [tmp_path / "a", tmp_path / "b"]
    with replacing(*paths) as partial:
        for file in partial:
            file.write_text("x")
        assert not any(path.exists() for path in paths)
    assert sorted(file.name for file in tmp_path.iterdir()) == [".a.sha256", ".b.sha256", "a", "b"]


def test_text_is_written_in_utf8_with_unix_newlines(tmp_path: Path) -> None:
    """The bytes of a text do not depend on the platform."""
    write_text(tmp_path / "a", "é\n")
    assert (tmp_path / "a").read_bytes() == b"\xc3\xa9\n"


WRITER = """
import sys
from pathlib import Path
from actbench.plan.atomic_file import replacing

with replacing(Path(sys.argv[1])) as (partial,):
    partial.write_text("slowly")
    print("half", flush=True)
    sys.stdin.read()
"""


def writer_of(path: Path) -> "subprocess.Popen[bytes]":
    """Start a process that has written half of a file when this returns, and ends it when its input ends."""
    given = [sys.executable, "-c", WRITER, path]
    process = subprocess.Popen(given, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"half\n"
    return process


def partials(folder: Path) -> list[Path]:
    """Return the temporary files."""
    return sorted(folder.glob(".*.partial"))


def test_what_a_killed_writer_left_goes_with_the_next(tmp_path: Path) -> None:
    """SIGKILL leaves a temporary file; writing another file leaves it there, writing the same one removes it."""
    path = tmp_path / "a.csv"
    with writer_of(path) as killed:
        killed.kill()
    (left,) = partials(tmp_path)
    for other in ("a", "b.csv", ".csv", "a.csv.b"):
        write_text(tmp_path / other, "x")
        assert partials(tmp_path) == [left]
    write_text(path, "new")
    assert partials(tmp_path) == []


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from actbench.levels.npz import write_arrays
from actbench.plan.atomic_file import replacing

os.replace = lambda source, target: os.kill(os.getpid(), signal.SIGKILL)
path = Path(sys.argv[1])
if path.suffix == ".npz":
    write_arrays(path, {"a": np.zeros(3)})
with replacing(path) as (partial,):
    partial.write_text("all")
"""


@pytest.mark.parametrize(("name", "left"), [("a.csv", 2), ("a.npz", 1)])
def test_a_kill_while_a_file_is_renamed_leaves_nothing_for_long(name: str, left: int, tmp_path: Path) -> None:
    """The lines of a checksum and a data set wait under such names too."""
    killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path / name], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(partials(tmp_path)) == len(list(tmp_path.iterdir())) == left
    write_text(tmp_path / name, "x")
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_writer_that_lives_is_left_alone(tmp_path: Path) -> None:
    """Of two writers at once, one so slow that its file is years old, the last to end has its content there."""
    path = tmp_path / "a.csv"
    with writer_of(path) as slow:
        (half,) = partials(tmp_path)
        os.utime(half, (0, 0))
        write_text(path, "fast")
        assert path.read_text() == "fast"
        assert partials(tmp_path) == [half]
    assert slow.returncode == 0
    assert path.read_text() == "slowly"


@pytest.mark.parametrize(("age", "stays"), [(DAY - 600, True), (DAY + 600, False)])
def test_files_of_another_machine_stay_for_a_day(age: float, stays: bool, tmp_path: Path) -> None:
    """Whether a process elsewhere lives is not seen; ids of this machine say nothing of it."""
    with writer_of(tmp_path / "a") as killed:
        killed.kill()
    (left,) = partials(tmp_path)
    machine, rest = left.name.removeprefix(".a.").split("-", 1)
    foreign = left.rename(tmp_path / f".a.{int(machine, 16) ^ 1:08x}-{rest}")
    os.utime(foreign, (0, time.time() - age))
    write_text(tmp_path / "a", "x")
    assert partials(tmp_path) == [foreign] * stays
