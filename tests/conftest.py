"""What every test shares: a process set up as a job's, reproducible examples, the root of the project."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from actbench.training.process import prepare_process

ROOT = Path(__file__).resolve().parent.parent

# Before torch and numpy are imported, and inherited by the processes that tests start: one thread each, the
# instructions that jobs use, no window. Compiled loops are kept between sessions.
prepare_process(ROOT / ".pytest_cache")
os.environ["ACTBENCH_DEVICE"] = "cpu"  # what `device: auto` means here, also where there is a GPU
os.environ["MPLBACKEND"] = "agg"

# The same examples in every run and on every machine, however busy it is.
settings.register_profile("actbench", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("actbench")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no worker is left alone with one of them at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Undo what another test did to torch's threads and to denormals; tests that need no torch do not import it."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
        torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def project_root() -> Path:
    """Return the root of the project."""
    return ROOT
