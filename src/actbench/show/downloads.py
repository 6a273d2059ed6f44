"""Files that a page offers: embedded in it as long as it stays small, else beside it."""

import base64
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from actbench.plan.checksums import refuse_damaged
from actbench.plan.errors import ConfigError
from actbench.show.inputs import REMEDY

LARGEST_EMBEDDED = 1_500_000  # bytes; a larger file is always linked
MOST_BYTES = 14_500_000  # of a page with all that is embedded in it
AS_TEXT = 4 / 3  # bytes of base64 for one of the file
KINDS = {
    "pdf": ("application/pdf", "PDF for print"),
    "svg": ("image/svg+xml", "SVG"),
    "png": ("image/png", "PNG"),
    "csv": ("text/csv;charset=utf-8", "CSV: the numbers drawn"),
}


@dataclass(frozen=True)
class Download:
    """A file that the page offers: embedded, or beside the page where it is large."""

    name: str
    label: str
    link: str
    size: str


@dataclass(frozen=True)
class Page:
    """A page and the size, in bytes, up to which it embeds files."""

    path: Path
    limit: int

    def offer(self, path: Path) -> Download:
        """Offer a file; raise ConfigError when it is missing or damaged."""
        content, (media_type, label) = read(path), KINDS[path.suffix[1:]]
        size = f"{max(1, round(len(content) / 1000)):,} kB"
        if len(content) <= self.limit:
            return Download(path.name, label, data_uri(media_type, content), size)
        link = Path(os.path.relpath(path, self.path.parent)).as_posix()
        return Download(path.name, label, link, f"{size}, beside this page")


def largest_that_fits(sizes: Iterable[int], room: float) -> int:
    """Return the size up to which all files, smallest first, fit together into `room` bytes of a page."""
    largest = 0
    for size in sorted(sizes):
        room -= size * AS_TEXT
        if room < 0 or size > LARGEST_EMBEDDED:
            return min(largest, size - 1)
        largest = size
    return LARGEST_EMBEDDED


def data_uri(media_type: str, content: bytes) -> str:
    """Write a file as an address that holds it."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def read(path: Path) -> bytes:
    """Read a product; raise ConfigError when it is missing or damaged."""
    refuse_damaged(path, remedy=REMEDY)
    try:
        return path.read_bytes()
    except OSError:
        raise ConfigError(str(path), f"no such file; {REMEDY}") from None
