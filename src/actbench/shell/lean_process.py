"""How a process that analyses is set up: one thread, and memory that goes back to the system when it is freed."""

import os

from actbench.plan.malloc import ARENA_MAX, tell_malloc

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # on a busy machine they wait for each other


def prepare_analysis() -> None:
    """Let Arrow, BLAS and Python take memory from one place; call it before they are imported.

    Arrow's own pool and an arena of malloc for each of its threads keep what the others could use.
    """
    os.environ.update(dict.fromkeys(THREADS, "1") | {"ARROW_DEFAULT_MEMORY_POOL": "system"})
    tell_malloc({ARENA_MAX: 1})
