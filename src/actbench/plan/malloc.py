"""Memory as glibc's malloc takes it and gives it back; other C libraries are left as they are."""

import ctypes
from contextlib import suppress

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8  # M_… in malloc.h


def tell_malloc(options: dict[int, int]) -> None:
    """Set parameters of malloc in this process, see mallopt(3)."""
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in options.items():
            mallopt(option, value)
