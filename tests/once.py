"""What several tests only read is made once in a session, by whichever of its processes needs it first."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

SHARED = "ACTBENCH_TESTS_SHARE"  # the folder that conftest.py makes; a session within a test has one of its own


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """Return the folder of this name, which the first process fills while the others wait. Read it or copy it."""
    folder = Path(os.environ[SHARED]) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = folder.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            make(unfinished)
            unfinished.rename(folder)
    return folder
