"""Files that appear complete or not at all. Products have a checksum beside them; a page or a README needs none."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from actbench.plan.checksums import publish
from actbench.plan.temporary_files import delete_stale, temporary_path


@contextmanager
def replacing(*paths: Path, rename: Callable[[Path, Path], None] = publish) -> Iterator[list[Path]]:
    """Yield temporary names beside the paths; rename them all when the block ends well, delete them otherwise.

    Temporary files of the same paths whose writers are dead are deleted first.
    """
    partial = [temporary_path(path) for path in paths]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        delete_stale(path)
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
