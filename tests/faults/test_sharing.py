"""A short version of many processes on one cache; `make faults` runs the long one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_processes_that_share_a_cache_share_the_work() -> None:
    """Three users train the same eight stacks at once: nearly all are trained once, and all get the same bytes."""
    command = [sys.executable, str(Path(__file__).with_name("sharing.py")), "--users", "3", "--times", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == 2, done.stderr
    for each in found:
        assert (each["same_bytes"], each["sound"], each["left_over"], each["said"]) == (True, True, 0, [])
        assert each["stacks"] <= each["stacks_trained"] <= each["stacks"] + each["processes"] - 2, "in flight at most"
