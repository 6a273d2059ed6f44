"""`make` sets up the environment when it must and only then."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PINS = ("pyproject.toml", "requirements.lock")


def clean() -> dict[str, str]:
    """Return an environment as if no other make had called this test."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run make in a folder."""
    return subprocess.run(["make", *words], cwd=folder, env=clean(), capture_output=True, text=True)


@pytest.fixture
def heard() -> Iterator[None]:
    """Let processes hear Ctrl-C also where these tests run in the background of a shell, which has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def clone(project_root: Path, tmp_path: Path) -> Path:
    """Return a folder with the Makefile and the pins, and nothing else."""
    for name in ("Makefile", *PINS):
        shutil.copy(project_root / name, tmp_path)
    return tmp_path


@pytest.fixture
def ready(clone: Path) -> Path:
    """Return the mark of a finished environment that is newer than the pins."""
    mark = clone / ".venv" / ".ready"
    mark.parent.mkdir()
    mark.touch()
    return mark


@pytest.mark.parametrize("target", ["grid", "smoke", "figures", "test", "lint"])
def test_environment_is_made_when_absent(clone: Path, target: str) -> None:
    """In a fresh clone every target installs the pins first."""
    assert "pip install --quiet --requirement requirements.lock" in make(clone, "--dry-run", target).stdout


@pytest.mark.parametrize("target", ["grid", "smoke", "figures", "test", "lint"])
def test_current_environment_is_used_again(ready: Path, target: str) -> None:
    """With an environment newer than the pins no target installs anything."""
    planned = make(ready.parent.parent, "--dry-run", target)
    assert planned.returncode == 0
    assert "pip" not in planned.stdout


@pytest.mark.parametrize("name", PINS)
def test_changed_pins_bring_the_environment_up_to_date(ready: Path, name: str) -> None:
    """A newer lock or pyproject.toml is installed before the next target."""
    later = ready.stat().st_mtime + 10
    os.utime(ready.parent.parent / name, (later, later))
    assert "pip install" in make(ready.parent.parent, "--dry-run", "lint").stdout


def test_interrupted_installation_is_done_again(clone: Path) -> None:
    """When the installation fails the mark is absent, so that the next call does not take it for finished."""
    failing = clone / "python3.11"
    failing.write_text('#!/bin/sh\n[ "$1" != -m ]\n')  # is new enough, but can make no environment
    failing.chmod(0o755)
    assert make(clone, "lint", f"PYTHON={failing}").returncode != 0
    assert not (clone / ".venv" / ".ready").exists()


def test_old_python_is_refused_in_one_line(clone: Path) -> None:
    """A Python before 3.11 stops `make` before anything is written; the message names the remedy."""
    old = clone / "python3.9"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\n')
    old.chmod(0o755)
    refused = make(clone, "lint", f"PYTHON={old}")
    assert refused.returncode != 0
    expected = "Python 3.11 or newer is needed, found: Python 3.9.2. Name one: make PYTHON=python3.12"
    assert refused.stderr.splitlines()[0] == expected
    assert not (clone / ".venv").exists()


def pretend(ready: Path, text: str) -> Path:
    """Put a script in place of Snakemake and return the folder of the Makefile."""
    command = ready.parent / "bin" / "snakemake"
    command.parent.mkdir()
    command.write_text(f"#!/bin/sh\n{text}\n")
    command.chmod(0o755)
    return ready.parent.parent


@pytest.mark.parametrize("target", ["grid", "smoke"])
def test_a_lock_left_behind_is_explained(ready: Path, target: str) -> None:
    """When Snakemake fails and the folder is locked, one line names the remedy; another failure says nothing of it."""
    folder = pretend(ready, "exit 3")
    assert "unlock" not in make(folder, target).stderr
    lock = folder / ".snakemake" / "locks" / "0.output.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    failed = make(folder, target)
    line = "This folder is locked. If no other make or snakemake is at work in it: make unlock"
    assert (failed.returncode != 0, failed.stderr.splitlines()[0]) == (True, line)


def test_unlocking_asks_snakemake(ready: Path) -> None:
    """`make unlock` lets the Snakemake of .venv take the lock away, and nothing else."""
    assert make(pretend(ready, 'echo "$*"'), "unlock").stdout.splitlines()[-1].endswith(" --unlock")


def test_ctrl_c_ends_with_what_is_kept(ready: Path, tmp_path: Path, heard: None) -> None:
    """After Ctrl-C Snakemake is waited for; then one line says that the same command goes on."""
    folder = pretend(ready, "trap 'echo ended; exit 1' INT; echo begun; while :; do sleep 0.1; done")
    with (tmp_path / "said").open("w") as said:
        running = subprocess.Popen(
            ["make", "smoke"], cwd=folder, env=clean(), stdout=said, stderr=said, start_new_session=True
        )
    for _ in range(100):
        if "begun" in (tmp_path / "said").read_text():
            break
        time.sleep(0.1)
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait(20) in (-signal.SIGINT, 130, 2)  # 2: make saw that its command ended before it saw the signal
    lines = (tmp_path / "said").read_text().splitlines()
    kept = "Stopped; finished networks are kept, and the same command goes on."
    assert lines.index("ended") < lines.index(kept)
