"""Names of files that are being written, and an end to those that nobody will complete.

A temporary file is named after the process that writes it, `.NAME.MACHINE-PID-RANDOM.partial`, so that the next writer
of the same file can tell what a killed one left.
"""

import os
import re
import secrets
import time
from contextlib import suppress
from pathlib import Path

from actbench.plan.processes import DAY, process_exists, this_machine


def temporary_path(path: Path) -> Path:
    """Return a hidden name beside a path that no other writer has."""
    return path.with_name(f".{path.name}.{this_machine()}-{os.getpid():x}-{secrets.token_hex(4)}.partial")


def delete_stale(path: Path) -> None:
    """Delete temporary files of a path whose process of this machine is gone, and those of others after a day."""
    ours = re.compile(rf"\.{re.escape(path.name)}\.([0-9a-f]{{8}})-([0-9a-f]{{1,8}})-[0-9a-f]{{8}}\.partial")
    with suppress(OSError):  # another process was first, or it is another user's
        for file in path.parent.iterdir():
            if (found := ours.fullmatch(file.name)) and _is_stale(file, found[1], int(found[2], 16)):
                file.unlink()


def _is_stale(file: Path, machine: str, pid: int) -> bool:
    if machine == this_machine():
        return not process_exists(pid)
    return time.time() - file.stat().st_mtime > DAY
