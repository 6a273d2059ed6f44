"""How long this process has compiled loops: time that does not tell how fast it trains."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

_took: list[float] = []


@contextmanager
def compiling() -> Iterator[None]:
    """Count the time of the block as compilation."""
    began = time.monotonic()
    try:
        yield
    finally:
        _took.append(time.monotonic() - began)


def seconds_compiling() -> float:
    """Return the seconds for which this process has compiled so far."""
    return sum(_took)
