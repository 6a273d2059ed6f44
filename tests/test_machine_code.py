"""Machine code on disk: what is not as it was written is named, set aside, never unpickled, and compiled anew."""

import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from actbench.levels import kernels, machine_code
from actbench.levels.machine_code import CodeFiles
from actbench.plan import sources
from actbench.training.process import LOOPS, source_digest
from source_tree import SRC

# Compiles the loops of one level and prints φ(2), so that several processes can do it at once or one after another.
COMPILE = """
from pathlib import Path; from actbench.training.process import prepare_process
import sys; prepare_process(Path(sys.argv[1]))
import ctypes; from actbench.levels import activation_scalars, kernels
forward, _ = kernels.activation_kernels(activation_scalars.{level}, False)
z, u, a = (ctypes.c_float * 1)(2.0), (ctypes.c_float * 1)(), (ctypes.c_float * 8)()
forward.ctypes(z, u, 1, a)
print(u[0])
"""
TANH = "0.9640275835990906"


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.place,)


def compiling(cache: Path, level: str = "TANH") -> subprocess.Popen[str]:
    """Start a process that compiles a level's loops, or loads them."""
    command = [sys.executable, "-c", COMPILE.format(level=level), str(cache)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(SRC)}, text=True, **pipes)


def said(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait for a process and return what it printed and what it said on standard error."""
    out, error = process.communicate()
    assert process.returncode == 0, error
    return out.strip(), error.strip()


def two_files(folder: Path) -> tuple[CodeFiles, Path, Path]:
    """Save something for two signatures."""
    files = CodeFiles(folder, "loops.train", "source")
    for key in ("one", "two"):
        files.save(key, [key])
    assert (files.load("one"), files.load("two"), files.load("three")) == (["one"], ["two"], None)
    return files, files.path("one"), files.path("two")


def test_no_pickle_of_others_is_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pickle put in place of machine code, bare or below the digest of a file of another name, is not executed."""
    files, one, two = two_files(tmp_path)
    other = CodeFiles(tmp_path, "loops.train", "another source")
    other.save("one", Trap(tmp_path / "executed"))
    trap = other.path("one").read_bytes()
    for content in (pickle.dumps(Trap(tmp_path / "executed")), trap, b"", two.read_bytes()):
        one.write_bytes(content)
        assert files.load("one") is None
        assert capsys.readouterr().err == f"{one}: not as this user wrote it; set aside and compiled anew\n"
        assert one.with_name(f"{one.name}.damaged").read_bytes() == content
        assert not one.exists()
    assert not (tmp_path / "executed").exists()
    other.load("one")
    assert (tmp_path / "executed").exists(), "the trap works once it is opened"


def test_what_others_may_write_to_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that its group may write to, or that has another owner, is set aside; a new one is its user's alone."""
    files, one, two = two_files(tmp_path)
    assert one.stat().st_mode & 0o777 == 0o600
    one.chmod(0o660)
    assert files.load("one") is None
    assert files.path("two") == two
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    assert files.path("two") != two, "users of one folder do not take turns in replacing a file"
    files.save("two", "a sound file of the other user")
    assert files.load("two") is None


def test_the_name_holds_what_machine_code_depends_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another source, signature or numba reads and writes another file."""
    names = {CodeFiles(tmp_path, "train", origin).path(key) for origin in ("a", "b") for key in (1, 2)}
    monkeypatch.setattr(machine_code.numba, "__version__", "999")
    assert len(names | {CodeFiles(tmp_path, "train", "a").path(1)}) == 5


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Look for sources in a copy of the package, which may be edited."""
    copied = shutil.copytree(sources.PACKAGE, tmp_path / "actbench", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(sources, "PACKAGE", copied)
    known = (sources._files, sources._imported, machine_code._origin)
    for function in known:
        function.cache_clear()
    yield copied
    for function in known:
        function.cache_clear()


def test_machine_code_follows_all_that_is_compiled_into_it_and_nothing_else(package: Path) -> None:
    """An edit of any file that a loop's own file, or a level's, imports asks for another one; of a registry not."""

    def now() -> tuple[str, Path]:
        machine_code._origin.cache_clear()
        kernel = machine_code.kept(kernels._callable, own)
        return source_digest(), kernel._cache_file.path("signature")

    def own() -> None: ...

    own.__module__ = "actbench.levels.new_level"  # a level whose loop stands in a file of its own
    (package / "levels" / "new_level.py").write_text("from actbench.levels.new_helper import X\n")
    behind = {file.name for file in sources.sources(*LOOPS)}
    assert {"kernels.py", "activation_scalars.py", "loops.py", "scalars.py", "_mlp_passes.py", "tiles.py"} <= behind
    assert not {"activations.py", "initializers.py", "normalizations.py", "residuals.py"} & behind
    before = now()
    for name in ("activations", "residuals", "models/mlp"):
        with (package / "levels" / f"{name}.py").open("a") as file:
            file.write("\n# an edit\n")
    assert now() == before
    (package / "levels" / "new_helper.py").write_text("X = 1\n")
    sources._files.cache_clear()
    sources._imported.cache_clear()
    helped = now()
    assert helped[0] == before[0]
    assert helped[1] != before[1]
    with (package / "levels" / "scalars.py").open("a") as file:
        file.write("\n# an edit\n")
    assert {now()[0], now()[1]}.isdisjoint({*before, *helped})


def test_a_loop_outside_the_package_follows_its_own_file(tmp_path: Path) -> None:
    """An edit of a file of somebody else's asks for another file of machine code; the same text elsewhere does not."""
    paths = []
    for place, text in (("a", "def f(): return 1"), ("a", "def f(): return 2"), ("b", "def f(): return 2")):
        file = tmp_path / place / "theirs.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        theirs: dict[str, Any] = {"__name__": "theirs"}
        exec(compile(text, file, "exec"), theirs)  # noqa: S102
        machine_code._origin.cache_clear()
        paths.append(machine_code.kept(theirs["f"])._cache_file.path("signature"))
    assert paths[0] != paths[1] == paths[2]


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file cannot be put into place, the error is raised and no part of it stays."""

    def fail(*paths: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        CodeFiles(tmp_path, "train", "a").save(1, 2)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_damaged_machine_code_is_compiled_anew(tmp_path: Path) -> None:
    """Real loops are loaded in silence; after one bit of each file was flipped, compiled anew and kept again."""
    assert said(compiling(tmp_path)) == (TANH, "")
    files = sorted(tmp_path.rglob("*.code"))
    assert len(files) == 2
    written = {file: file.stat().st_mtime_ns for file in files}
    assert said(compiling(tmp_path)) == (TANH, "")
    assert {file: file.stat().st_mtime_ns for file in files} == written, "loaded, not compiled"
    for file in files:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    value, errors = said(compiling(tmp_path))
    assert value == TANH
    assert sorted(line.split(":")[0] for line in errors.splitlines()) == [str(file) for file in files]
    assert said(compiling(tmp_path)) == (TANH, "")


@pytest.mark.slow
def test_processes_that_compile_at_once_spoil_nothing(tmp_path: Path) -> None:
    """Four processes at once on an empty folder, of two levels that share a file's place, get their own numbers."""
    levels = ["TANH", "RELU"] * 2
    expected = [(TANH, ""), ("2.0", "")] * 2
    assert [said(process) for process in [compiling(tmp_path, level) for level in levels]] == expected
    assert [said(compiling(tmp_path, level)) for level in levels[:2]] == expected[:2]
    assert len(list(tmp_path.rglob("*.code*"))) == 4, "one file for each loop, none set aside, none left over"


def test_numba_keeps_nothing_by_itself() -> None:
    """No source asks numba for its own cache, which unpickles whatever it finds."""
    asking = [path.name for path in SRC.rglob("*.py") if re.search(r"cache\s*=\s*True", path.read_text("utf-8"))]
    assert asking == []
