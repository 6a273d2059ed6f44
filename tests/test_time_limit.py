"""actbench.training.time_limit: what is read from SLURM's answer."""

import time
from pathlib import Path

import pytest

from actbench.training.time_limit import parse_time_left, seconds_to_limit


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0:04\n", 4),
        ("9:59", 599),
        ("1:00:00", 3600),
        ("2-03:04:05", 183845),
        ("UNLIMITED", None),
        ("", None),
        ("INVALID", None),
    ],
)
def test_times_of_slurm(text: str, seconds: float | None) -> None:
    """All forms of a time are read; a word means that there is no limit."""
    assert parse_time_left(text) == seconds


def fake_squeue(folder: Path, text: str) -> None:
    """Write a command that answers as SLURM's does, when it is asked for job 7."""
    (folder / "squeue").write_text(f'#!/bin/sh\ncase "$*" in *--jobs=7*) {text} ;; *) exit 1 ;; esac\n')
    (folder / "squeue").chmod(0o755)


@pytest.fixture(autouse=True)
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be job 7, with SLURM's commands in a folder of the test."""
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.delenv("SLURM_JOB_END_TIME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))


def test_slurm_is_asked(tmp_path: Path) -> None:
    """The answer for this job counts."""
    fake_squeue(tmp_path, "echo 1:30")
    assert seconds_to_limit() == 90


@pytest.mark.parametrize("text", ["exit 1", "echo UNLIMITED", "echo slurm_load_jobs error >&2"])
def test_no_answer_is_no_limit(tmp_path: Path, text: str) -> None:
    """An error, or no limit, is no reason to stop."""
    fake_squeue(tmp_path, text)
    assert seconds_to_limit() is None


def test_no_slurm_is_no_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of a job nothing is asked; without the command nothing is known."""
    assert seconds_to_limit() is None
    fake_squeue(tmp_path, "echo 1:30")
    monkeypatch.delenv("SLURM_JOB_ID")
    assert seconds_to_limit() is None


def test_newer_slurm_says_it_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the job in the environment goes before an answer."""
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 100))
    assert seconds_to_limit() == pytest.approx(100, abs=2)
