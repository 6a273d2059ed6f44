"""Parts of bytes that wait on disk until the last is known, so that memory does not grow with them."""

import tempfile
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any


@dataclass
class Spool:
    """A file without a name, and where in it the parts of each key are: offset and length, in their order."""

    file: IO[bytes]
    parts: dict[Any, list[tuple[int, int]]] = field(default_factory=dict)
    size: int = 0

    def add(self, key: Hashable, part: bytes) -> None:
        """Add a part to those of a key."""
        self.file.seek(self.size)
        self.size += self.file.write(part)
        self.parts.setdefault(key, []).append((self.size - len(part), len(part)))

    def read(self, key: Hashable) -> Iterator[bytes]:
        """Yield the parts of a key in the order in which they were added."""
        for offset, length in self.parts[key]:
            self.file.seek(offset)
            yield self.file.read(length)


@contextmanager
def spooled(folder: Path | None = None) -> Iterator[Spool]:
    """Open a spool in a folder, by default that of temporary files; it is gone when the block or the process ends."""
    with tempfile.TemporaryFile(dir=folder) as file:
        yield Spool(file)
