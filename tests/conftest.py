"""What every test shares: a process set up as a job's, reproducible examples, the root of the project."""

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from actbench.training.process import prepare_process
from once import SHARED

ROOT = Path(__file__).resolve().parent.parent

# Before torch and numpy are imported, and inherited by the processes that tests start: one thread each, the
# instructions that jobs use, no window. Compiled loops are kept between sessions.
prepare_process(ROOT / ".pytest_cache")
COMPILED = os.environ["NUMBA_CACHE_DIR"]
os.environ["ACTBENCH_DEVICE"] = "cpu"  # what `device: auto` means here, also where there is a GPU
os.environ["MPLBACKEND"] = "agg"
# Made by the first process of a session, which the others are children of.
if SHARED not in os.environ:
    os.environ[SHARED] = tempfile.mkdtemp(prefix="actbench-tests-")
    atexit.register(shutil.rmtree, os.environ[SHARED], ignore_errors=True)

# The same examples in every run and on every machine, however busy it is.
settings.register_profile("actbench", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("actbench")


# The first compiles all loops; the next train nothing meanwhile, so that no two processes compile the same. Then comes
# the one that waits most, for a cluster.
FIRST = ("golden", "figures", "trainability", "ledgers", "growth", "slurm")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Go on with the files that take longest, so that no worker is left alone with one of them at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    first = {f"test_{name}.py": place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: (first.get(item.path.name, len(FIRST)), item.path not in slow))


@pytest.fixture(autouse=True)
def _as_prepared() -> Iterator[None]:
    """Undo what a test does to torch's threads, to denormals and, by a verb that trains, to where loops are kept.

    Tests that need no torch do not import it.
    """
    os.environ["NUMBA_CACHE_DIR"] = COMPILED
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
        torch.set_flush_denormal(False)
    yield
    os.environ["NUMBA_CACHE_DIR"] = COMPILED  # what a module makes is made before its first test begins


@pytest.fixture(scope="session")
def project_root() -> Path:
    """Return the root of the project."""
    return ROOT
