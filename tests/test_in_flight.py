"""Marks of stacks in flight: who counts as alive, and that a mark is never more than a hint."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from actbench.plan.processes import this_machine
from actbench.training import in_flight
from actbench.training.cache import RunCache
from actbench.training.in_flight import Marks, first_free, marked
from test_cache import train
from test_twin import runs_of


def foreign_mark(place: Path, runs: list[str], machine: str = "elsewhere", pid: int = 1) -> Path:
    """Leave a mark as a process of another machine does."""
    place.mkdir(parents=True, exist_ok=True)
    mark = place / ".0123.begun"
    mark.write_text(json.dumps({"machine": machine, "pid": pid, "runs": runs}))
    return mark


def test_a_mark_lasts_as_long_as_its_block(tmp_path: Path) -> None:
    """Inside the block others see the runs, the process itself not; after it nothing is left."""
    with marked(tmp_path / "place", ["a", "b"]) as name:
        assert Marks().taken(tmp_path / "place") == {"a", "b"}
        assert Marks().taken(tmp_path / "place", but=name) == set()
    assert list((tmp_path / "place").iterdir()) == []


def test_a_container_is_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two that have one host name and see not each other's processes, none takes the other's for dead."""
    outside = this_machine()
    monkeypatch.setattr(Path, "is_symlink", lambda path: True)
    monkeypatch.setattr(Path, "readlink", lambda path: Path("pid:[1]"))
    assert this_machine.__wrapped__() != outside
    assert this_machine.__wrapped__() == this_machine.__wrapped__()


def test_the_mark_of_a_dead_process_is_removed(tmp_path: Path) -> None:
    """A process of this machine that is gone blocks nobody, not even for a moment."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    mark = foreign_mark(tmp_path, ["a"], this_machine(), gone.pid)
    assert Marks().taken(tmp_path) == set()
    assert not mark.exists()


def test_silence_counts_as_death(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mark of another machine holds while it is touched, whatever that machine's clock says, and then a minute."""
    mark, marks, now = foreign_mark(tmp_path, ["a"]), Marks(), [0.0]
    monkeypatch.setattr(in_flight.time, "monotonic", lambda: now[0])
    for moment, stamp, alive in ((0, 7, True), (50, 9, True), (100, 9, True), (111, 9, False)):
        now[0] = moment
        if mark.exists():
            os.utime(mark, (stamp, stamp))
        assert marks.taken(tmp_path) == ({"a"} if alive else set()), moment
    assert not mark.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"machine": 1, "pid": "x", "runs": []}',
        b'{"machine": 1, "pid": 1e999, "runs": []}',
        json.dumps({"machine": this_machine(), "pid": 10**30, "runs": ["a"]}).encode(),
    ],
    ids=["empty", "cut", "list", "no text", "deep", "no number", "no end", "no process"],
)  # fmt: skip
def test_a_torn_mark_is_no_hint(tmp_path: Path, content: bytes) -> None:
    """Whatever is in the file, it stops nobody."""
    (tmp_path / ".0.begun").write_bytes(content)
    assert Marks().taken(tmp_path) == set()


def test_the_first_free_stack_is_chosen(tmp_path: Path) -> None:
    """A stack is passed over when one of its runs is in flight, and only in the same folder."""
    one, two = tmp_path / "one", tmp_path / "two"
    foreign_mark(one, ["b"])
    assert first_free([{one: {"a", "b"}}, {one: {"c"}}], Marks()) == 1
    assert first_free([{one: {"a", "b"}}], Marks()) is None
    assert first_free([{two: {"a"}, one: {"b"}}], Marks()) is None
    assert first_free([{two: {"b"}}], Marks()) == 0


def test_a_stack_is_begun_by_one_process(tmp_path: Path) -> None:
    """Who begins a stack that shares a run with one in flight is told so, in a mixed stack by its last run too."""
    relu, tanh, gelu = (runs_of(activation=(name,))[:1] for name in ("relu", "tanh", "gelu"))
    first, second = (RunCache(tmp_path, "ab" * 32) for _ in range(2))
    with first.begun([*relu, *tanh]) as ours:
        assert ours
        for stack, free in (([*gelu, *tanh], None), (relu, None), (gelu, 0)):
            assert second.first_free([stack]) == free
            with second.begun(stack) as also_ours:
                assert also_ours is (free == 0)
    assert second.first_free([[*relu, *tanh]]) == 0
    assert list(tmp_path.rglob(".*.begun")) == []


def test_a_running_process_shows_signs_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file's time moves on while its block lasts."""
    monkeypatch.setattr(in_flight, "BEAT", 0.02)
    with marked(tmp_path, ["a"]) as name:
        os.utime(tmp_path / name, (0, 0))
        deadline = time.monotonic() + 10
        while (tmp_path / name).stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (tmp_path / name).stat().st_mtime > 0


def test_what_another_process_finishes_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shard waits for a run that is in flight elsewhere, and takes it from the cache when it is there."""
    runs = runs_of()
    elsewhere = train(tmp_path / "elsewhere", runs)
    chunk = next((tmp_path / "elsewhere").rglob("*.parquet"))
    place = tmp_path / "here" / chunk.parent.relative_to(tmp_path / "elsewhere")
    mark = foreign_mark(place, [runs[0].key])

    def finish(seconds: float) -> None:
        (place / chunk.name).write_bytes(chunk.read_bytes())
        mark.unlink()

    monkeypatch.setattr("actbench.training.cache.time.sleep", finish)
    monkeypatch.setattr("actbench.training.shard.train_stack", pytest.fail)
    done: list[str] = []
    assert train(tmp_path / "here", runs, done).equals(elsewhere)
    assert ",".join(sorted(run.key for run in runs)) in done


def test_a_folder_without_marks_is_no_hindrance(tmp_path: Path) -> None:
    """Where no mark can be written, the block runs all the same."""
    (tmp_path / "file").write_text("in the way")
    with marked(tmp_path / "file", ["a"]):
        pass
    with RunCache(tmp_path, "ab" * 32).begun(runs_of()) as ours:
        assert ours
