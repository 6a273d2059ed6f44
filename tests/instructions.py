"""The golden runs trained in fresh processes under several instruction sets, and how far their losses lie apart."""

import json
import os
import subprocess
import sys

from actbench.training import process
from golden import ROOT, Content
from once import made_once

FILE = "numbers.json"
KINDS = ("cpu-avx2", "cpu-avx512")
LOSSES = ("train_loss", "val_loss", "test_loss")
# Largest relative difference of a final loss after 20 to 40 updates between instruction sets or processors. Measured
# between AVX2 and AVX-512: none under NUMERICS 3, one unit in the last place under NUMERICS 2. Rounding grows with
# training, hence the margin.
TOLERANCE = 1e-5


def missing_instructions(kind: str) -> str | None:
    """Return why this processor cannot train as a kind of device, or None when it can."""
    widest = f"cpu-{process._widest_vectors()}"
    if widest in KINDS and KINDS.index(kind) <= KINDS.index(widest):
        return None
    return f"{kind} is not within this processor's {widest}"


def fresh_numbers(kind: str) -> Content:
    """Train the golden runs once in a session, as `numbers_under` does."""
    folder = made_once(f"golden-{kind}", lambda made: (made / FILE).write_text(json.dumps(numbers_under(kind))))
    content: Content = json.loads((folder / FILE).read_text())
    return content


def numbers_under(kind: str, **exported: str) -> Content:
    """Train the golden runs in a fresh process that is asked for the instructions of a kind of device."""
    environment = {
        **os.environ,
        **exported,
        "ACTBENCH_INSTRUCTIONS": kind.removeprefix("cpu-"),
        "PYTHONPATH": str(ROOT / "src"),
    }
    command = [sys.executable, str(ROOT / "tests" / "golden.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    content: Content = json.loads(done.stdout)
    assert content["device"] == kind
    return content


def largest_difference(one: Content, other: Content) -> tuple[str, float]:
    """Return the run and the size of the largest relative difference of a final loss; fates must agree."""
    largest = ("", 0.0)
    for label in sorted(one["runs"].keys() & other["runs"].keys()):
        a, b = one["runs"][label], other["runs"][label]
        assert (a["status"], a["diverged_step"]) == (b["status"], b["diverged_step"]), label
        largest = max(largest, (label, _difference(a, b)), key=lambda pair: pair[1])
    return largest


def _difference(a: Content, b: Content) -> float:
    pairs = [(float.fromhex(a[name]), float.fromhex(b[name])) for name in LOSSES if a[name] is not None]
    return max((abs(x - y) / abs(x) for x, y in pairs), default=0.0)
