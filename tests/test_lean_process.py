"""Processes that analyse take all memory from one place, with one thread each."""

import platform
import subprocess
import sys

import pytest

ARENAS = """
import ctypes, sys, tempfile, threading
if sys.argv[1:]:
    from actbench.shell.lean_process import prepare_analysis
    prepare_analysis()
barrier = threading.Barrier(4)
def take():
    barrier.wait()
    held = bytes(100_000)
    barrier.wait()
threads = [threading.Thread(target=take) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile() as file:
    stream = ctypes.c_void_p(libc.fopen(file.name.encode(), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(file.read().count(b"<heap nr="))
"""
ARROW = """
from actbench.shell.lean_process import prepare_analysis
prepare_analysis()
import pyarrow
print(pyarrow.default_memory_pool().backend_name, pyarrow.cpu_count())
"""


def said(code: str, *words: str) -> str:
    """Return what Python prints."""
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="arenas are those of glibc")
def test_threads_share_one_arena() -> None:
    """Four threads have arenas of their own, and none once the process is prepared."""
    assert int(said(ARENAS)) > 1
    assert int(said(ARENAS, "prepared")) == 1


def test_arrow_takes_what_malloc_has() -> None:
    """Arrow has no pool of its own and one thread."""
    assert said(ARROW) == "system 1"
