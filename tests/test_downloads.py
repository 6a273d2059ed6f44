"""Files that a page offers: embedded while they fit, linked beside it otherwise."""

import base64
from pathlib import Path

import pytest

from actbench.plan.errors import ConfigError
from actbench.show.downloads import LARGEST_EMBEDDED, Page, largest_that_fits


def test_a_small_file_is_embedded_and_a_large_one_linked(tmp_path: Path) -> None:
    """Up to the limit the link holds the file itself, beyond it the link is relative to the page."""
    file = tmp_path / "stats" / "a.csv"
    file.parent.mkdir()
    file.write_bytes(b"x" * 100)
    page = tmp_path / "deep" / "page.html"
    inside = Page(page, 100).offer(file)
    assert base64.b64decode(inside.link.split("base64,")[1]) == file.read_bytes()
    beside = Page(page, 99).offer(file)
    assert (page.parent / beside.link).resolve() == file
    assert beside.size == "1 kB, beside this page"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """What is not there cannot be offered: one line names it."""
    with pytest.raises(ConfigError, match=r"a.csv: no such file; run snakemake"):
        Page(tmp_path / "page.html", 10).offer(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("sizes", "room", "limit"),
    [
        ([300, 600, 900], 2400, LARGEST_EMBEDDED),  # all fit: 1,800 bytes take 2,400 as text
        ([900, 300, 600], 2399, 600),
        ([300, 600, 600], 1300, 300),  # of two equal files both or none
        ([300], 10, 0),
        ([], 10, LARGEST_EMBEDDED),
        ([300, LARGEST_EMBEDDED + 1], 1e9, 300),
    ],
)
def test_small_files_come_first(sizes: list[int], room: float, limit: int) -> None:
    """Files are embedded from the smallest on, as long as their base64 fits."""
    found = largest_that_fits(sizes, room)
    embedded = [size for size in sizes if size <= found]
    assert embedded == [size for size in sizes if size <= limit]
    assert sum(size * 4 / 3 for size in embedded) <= room
