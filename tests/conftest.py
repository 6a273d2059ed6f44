"""What every test shares: one thread a process, reproducible examples, the root of the project."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# Before torch and numpy are imported, and inherited by the processes that tests start: one thread each, no window.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1", MPLBACKEND="agg")

# The same examples in every run and on every machine, however busy it is.
settings.register_profile("actbench", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("actbench")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Undo what another test did to torch's threads; tests that need no torch do not import it."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def project_root() -> Path:
    """Return the root of the project."""
    return Path(__file__).resolve().parent.parent
