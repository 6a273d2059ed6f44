"""Bad configs: each is one line and exit code 2 in bounded time and memory, or is a config; nothing is executed."""

import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from actbench.shell.cli import main
from bad_configs import REFUSED, fuzzed

LONGEST = 5.0  # seconds of processor time
MOST_BYTES = 300 * 10**6


def check(path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> int:
    """Let `actbench check` read a config and return its exit code, having looked at what it took and what it said."""
    path.write_bytes(content)
    began = time.process_time()
    code = main(["check", str(path)])
    assert time.process_time() - began < LONGEST
    said = capsys.readouterr()
    assert code in (0, 2)
    assert bool(said.out) == (code == 0)
    if code == 2:
        assert said.err.count("\n") == 1
        assert said.err.startswith(str(path))
        assert said.err.strip().isprintable()
        assert len(said.err) < 700
    return code


@pytest.mark.parametrize("content", REFUSED.values(), ids=[name[:40] for name in REFUSED])
def test_bad_configs_made_by_hand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """Each is refused in one line that begins with the file, and leaves no other file anywhere near."""
    monkeypatch.chdir(tmp_path)
    tracemalloc.start()
    try:
        assert check(tmp_path / "bad.yaml", content, capsys) == 2
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()
    assert [file.name for file in tmp_path.iterdir()] == ["bad.yaml"]


@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=fuzzed())
def test_fuzzed_configs(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    """A config with a few things changed is refused in one line or is a config; it never fails in another way."""
    check(tmp_path / "fuzzed.yaml", content, capsys)
    assert not Path("executed").exists()
