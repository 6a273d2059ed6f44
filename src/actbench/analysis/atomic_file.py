"""Files that appear complete or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(*paths: Path) -> Iterator[list[Path]]:
    """Yield temporary names beside the paths; rename them all when the block ends well, delete them otherwise."""
    partial = [path.with_name(f".{path.name}.{os.getpid()}.partial") for path in paths]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield partial
        for source, path in zip(partial, paths, strict=True):
            os.replace(source, path)
    finally:
        for source in partial:
            source.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8 under a temporary name that is renamed when complete."""
    with replacing(path) as (partial,):
        partial.write_text(text, encoding="utf-8", newline="\n")
