"""`actbench cache merge` cut short, or where nothing may be written: the cache stays sound, the next completes it."""

import errno
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from actbench.shell.cli import main
from actbench.training import upkeep
from test_shell_cache import add, call, files
from test_twin import runs_of

# The command line in a process that kills itself in place of the second rename of a chunk.
KILLED = """
import os, signal, sys
from pathlib import Path
from actbench.shell.cli import main
plain, calls = Path.replace, []
def replace(self, target):
    calls.append(target)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(self, target)
Path.replace = replace
main(sys.argv[1:])
"""
# The command line in a process that may change nothing below its first argument, whoever runs it.
READ_ONLY = """
import errno, os, sys
from actbench.shell.cli import main
folder = sys.argv[1]
changing = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.utime", "os.chmod", "os.link"}
def refuse(event, words):
    writes = event == "open" and (words[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if (writes or event in changing) and str(words[0]).startswith(folder):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(words[0]))
sys.addaudithook(refuse)
sys.exit(main(sys.argv[2:]))
"""


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """Return a cache with four chunks in two folders."""
    for run in runs_of()[:2]:
        for depth in (2, 3):
            add(tmp_path / "theirs", replace(run, depth=depth))
    return tmp_path / "theirs"


def process(code: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own."""
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def check_that_the_next_completes(theirs: Path, ours: Path, done: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The cache verifies with what was merged before the cut; another merge adds the rest byte by byte."""
    code, facts = call(capsys, "verify", "--folder", str(ours))
    assert (code, facts["chunks"], facts["runs"], facts["problems"]) == (0, done, done, [])
    code, facts = call(capsys, "merge", str(theirs), "--folder", str(ours))
    assert (code, facts["known_runs"], facts["new_runs"], facts["problems"]) == (0, done, 4 - done, [])
    assert {name: (ours / name).read_bytes() for name in files(theirs)} == {
        name: (theirs / name).read_bytes() for name in files(theirs)
    }
    assert call(capsys, "verify", "--folder", str(ours))[1]["runs"] == 4


def test_a_killed_merge_is_completed_by_the_next(
    theirs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A kill in the middle of a chunk leaves that one's temporary file and whole chunks, nothing else."""
    ours = tmp_path / "ours"
    assert process(KILLED, "cache", "merge", theirs, "--folder", ours).returncode == -signal.SIGKILL
    assert sorted(Path(name).suffix for name in files(ours)) == [".parquet", ".tmp"]
    check_that_the_next_completes(theirs, ours, 1, capsys)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "stopped; finished work is kept"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "x"), 2, "x: No space left on device; finished work is kept"),
    ],
    ids=["Ctrl-C", "a full disk"],
)
@pytest.mark.parametrize("done", [0, 1, 2, 3])
def test_a_merge_cut_between_chunks_is_completed_by_the_next(
    theirs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    done: int, error: BaseException, code: int, said: str,
) -> None:  # fmt: skip
    """Ctrl-C or a full disk after any chunk is one line, and the chunks before it stay."""
    ours, plain, written = tmp_path / "ours", upkeep.write_bytes, []
    ours.mkdir()

    def write(data: bytes, place: Path) -> Path:
        if len(written) == done:
            raise error
        written.append(plain(data, place))
        return written[-1]

    with monkeypatch.context() as patch:
        patch.setattr(upkeep, "write_bytes", write)
        assert main(["cache", "merge", str(theirs), "--folder", str(ours)]) == code
    assert capsys.readouterr().err.splitlines()[0].startswith(said)
    assert files(ours) == {str(file.relative_to(ours)) for file in written}
    check_that_the_next_completes(theirs, ours, done, capsys)


def test_a_read_only_cache_can_be_merged(theirs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written where the other machine's runs lie: neither marks nor temporary files."""
    done = process(READ_ONLY, theirs, "cache", "merge", theirs, "--folder", tmp_path / "ours")
    assert (done.returncode, done.stderr) == (0, "")
    assert files(tmp_path / "ours") == files(theirs)


def test_a_cache_that_may_not_be_written_is_one_line(theirs: Path, tmp_path: Path) -> None:
    """Where runs cannot be added, the call ends with the place, the cause and exit code 2."""
    ours = tmp_path / "ours"
    done = process(READ_ONLY, ours, "cache", "merge", theirs, "--folder", ours)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert done.stderr.startswith(f"{ours}")
    assert "Read-only file system" in done.stderr


def test_a_chunk_that_cannot_be_read_is_one_line(
    theirs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of the other cache that the machine refuses to read is named; the next call goes on when it is mended."""
    ours, odd = tmp_path / "ours", sorted(theirs.rglob("*.parquet"))[2]
    content = odd.read_bytes()
    odd.unlink()
    odd.mkdir()
    assert main(["cache", "merge", str(theirs), "--folder", str(ours)]) == 2
    assert capsys.readouterr().err == f"{odd}: Is a directory; finished work is kept, mend it and call again\n"
    odd.rmdir()
    odd.write_bytes(content)
    check_that_the_next_completes(theirs, ours, 2, capsys)
