"""What made a run: code, libraries and device."""

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from actbench import __version__
from actbench.training.process import device_kind


@dataclass(frozen=True)
class Provenance:
    """Version and commit of actbench, version of torch, kind of device."""

    version: str
    commit: str
    torch: str
    device: str


@cache
def provenance() -> Provenance:
    """Return what trains runs in this process."""
    return Provenance(__version__, _commit(), torch.__version__.split("+")[0], device_kind())


def _commit() -> str:
    """Return the commit of the source tree, `+` appended when files of it were changed, or `unknown`."""
    head, changed = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--", "src")
    if head is None or changed is None:
        return "unknown"
    return head[:12] + ("+" if changed else "")


def _git(*words: str) -> str | None:
    try:
        command = ["git", "-C", str(Path(__file__).resolve().parents[3]), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
