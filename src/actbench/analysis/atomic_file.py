"""Files that appear complete or not at all. Products have a checksum beside them; a page or a README needs none."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from actbench.plan.checksums import publish


@contextmanager
def replacing(*paths: Path, rename: Callable[[Path, Path], None] = publish) -> Iterator[list[Path]]:
    """Yield temporary names beside the paths; rename them all when the block ends well, delete them otherwise."""
    partial = [path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial") for path in paths]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
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
