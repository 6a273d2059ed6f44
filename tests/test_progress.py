"""The line of progress: runs done, networks per second, time left."""

import time
from pathlib import Path

import pytest

from actbench.plan.design import Run
from actbench.plan.shards import Shard, make_shards
from actbench.shell import progress as progress_module
from actbench.shell.progress import Progress, duration, line
from tiny import tiny_design


def test_the_line_is_readable() -> None:
    """Thousands have commas, and time has a unit."""
    assert line(1296, 8640, 9.44, 720) == "1,296 / 8,640 runs · 9.4 networks/s · 12 min left"


@pytest.mark.parametrize(
    ("seconds", "text"), [(-3, "0 s"), (40, "40 s"), (720, "12 min"), (12600, "3.5 h"), (89.9, "90 s")]
)
def test_durations(seconds: float, text: str) -> None:
    """Seconds up to a minute and a half, then minutes, then hours."""
    assert duration(seconds) == text


def shards_of(folder: Path) -> list[Shard]:
    """Return the two shards of the tiny design, one for each activation."""
    runs: tuple[Run, ...] = tiny_design(folder).runs
    return make_shards(runs, 300)


def test_all_jobs_share_one_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Runs done by one job count in the line of another; a line torn by a kill does not."""
    monkeypatch.setenv("ACTBENCH_STARTED", str(time.time() - 10))
    shards = shards_of(tmp_path)
    one, two = (Progress(tmp_path, shards, shard) for shard in shards[:2])
    one.add(shards[0].runs, trained=True)
    with (tmp_path / "progress.jsonl").open("a") as stream:
        stream.write('{"time": 1e10, "ru\n')
    two.add(shards[1].runs, trained=False)
    total = sum(len(shard.runs) for shard in shards)
    done = len(shards[0].runs) + len(shards[1].runs)
    assert f"{done} / {total} runs" in capsys.readouterr().out.splitlines()[-1]


def test_shards_of_an_earlier_start_count_as_done_but_not_as_speed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A finished shard is in the count, while networks per second are those of this start."""
    shards = shards_of(tmp_path)
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / f"{shards[0].id}.parquet").touch()
    monkeypatch.setenv("ACTBENCH_STARTED", str(time.time() + 5))
    progress = Progress(tmp_path, shards, shards[1])
    progress.print()
    assert capsys.readouterr().out.startswith(f"{len(shards[0].runs)} / {sum(len(s.runs) for s in shards)} runs · 0.0")


def test_time_left_waits_until_there_is_something_to_go_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Found runs say nothing about speed; trained ones do."""
    monkeypatch.setenv("ACTBENCH_STARTED", str(time.time() - 2))
    shards = shards_of(tmp_path)
    progress = Progress(tmp_path, shards, shards[0])
    progress.add(shards[0].runs[:1], trained=False)
    assert capsys.readouterr().out.endswith("time left not known yet\n")
    progress.last = 0.0
    progress.add(shards[0].runs[1:], trained=True)
    said = capsys.readouterr().out
    assert said.endswith(" left\n")
    assert "0.0 networks/s" not in said


class Clock:
    """A clock that a test sets, and what has been compiled until then."""

    now, compiled = 1000.0, 0.0

    def time(self) -> float:
        """Return the time."""
        return self.now


def test_time_left_is_without_compilation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two jobs at once that compiled for 60 s and then trained half of the work in 40 have 40 s left, not 100."""
    clock = Clock()
    monkeypatch.setenv("ACTBENCH_STARTED", "1000")
    monkeypatch.setattr(progress_module, "time", clock)
    monkeypatch.setattr(progress_module, "seconds_compiling", lambda: clock.compiled)
    monkeypatch.setattr(progress_module, "run_seconds", lambda run: 1.0)
    shards = shards_of(tmp_path)[:2]
    assert len(shards[0].runs) == len(shards[1].runs)
    jobs = [Progress(tmp_path, shards, shard) for shard in shards]
    clock.now, clock.compiled = 1100.0, 60.0
    for job, shard in zip(jobs, shards, strict=True):
        job.add(shard.runs[: len(shard.runs) // 2], trained=True)
    assert capsys.readouterr().out.splitlines()[-1].endswith(" · 40 s left")
