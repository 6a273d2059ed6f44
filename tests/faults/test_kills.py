"""A short version of the kill rounds; `make faults` runs the long one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_a_killed_grid_ends_in_the_same_bytes() -> None:
    """After SIGKILL of all processes at random moments, a rerun gives the bytes of an undisturbed run, repeating no
    finished stack and losing at most the one that each of the two processes was in.
    """
    command = [sys.executable, str(Path(__file__).with_name("kills.py")), "--rounds", "10", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == 10, done.stderr
    assert done.returncode == 0, done.stdout
    assert sum(each["killed"] for each in found) >= 5, "the moments are such that most rounds are disturbed"
    trained = [each for each in found if each["kind"] == "train"]
    assert max(each["most_lost_by_one_kill"] for each in trained) in (1, 2)
    assert {each["finished_stacks_trained_again"] for each in trained} == {0}
