"""Files that appear complete or not at all. Products have a checksum beside them; a page or a README needs none.

A temporary file is named after the process that writes it, `.NAME.MACHINE-PID-RANDOM.partial`, so that the next writer
of the same file can tell what a killed one left.
"""

import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from actbench.plan.checksums import publish
from actbench.plan.processes import DAY, process_exists, this_machine


@contextmanager
def replacing(*paths: Path, rename: Callable[[Path, Path], None] = publish) -> Iterator[list[Path]]:
    """Yield temporary names beside the paths; rename them all when the block ends well, delete them otherwise.

    Temporary files of the same paths whose writers are dead are deleted first.
    """
    writer = f"{this_machine()}-{os.getpid():x}"
    partial = [path.with_name(f".{path.name}.{writer}-{secrets.token_hex(4)}.partial") for path in paths]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        _delete_stale(path)
    try:
        yield partial
        for source, path in zip(partial, paths, strict=True):
            rename(source, path)
    finally:
        for source in partial:
            source.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, without a checksum, under a temporary name that is renamed when complete."""
    with replacing(path, rename=os.replace) as (partial,):
        partial.write_text(text, encoding="utf-8", newline="\n")


def _delete_stale(path: Path) -> None:
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
