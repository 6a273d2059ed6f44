"""Anybody's table: what is mended and counted, and what is refused in one line."""

from pathlib import Path

import pytest

from actbench.analysis.outside_table import OutsideTable, read_outside_table
from actbench.plan.errors import ConfigError


def read(folder: Path, text: str, block: tuple[str, ...] = ("b",)) -> OutsideTable:
    """Read a table from text."""
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return read_outside_table(path, "t", block, "v")


def test_missing_and_repeated_values_are_counted(tmp_path: Path) -> None:
    """Empty cells and NA are missing; repeated cells are averaged; rows without a block are left out."""
    found = read(tmp_path, "t,b,v\nx,1,0.5\nx,1,0.7\ny,1,NA\nx,2,1\ny,2,\ny,3,4\ny,,9\n")
    assert (found.rows, found.unnamed_rows, found.missing_values, found.repeated_cells) == (7, 1, 2, 1)
    assert found.values.loc["1", "x"] == pytest.approx(0.6)
    assert found.values.isna().to_numpy().tolist() == [[False, True], [False, True], [True, False]]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_quotes_and_byte_order_mark(tmp_path: Path, separator: str) -> None:
    """Comma, semicolon and tab are understood, and spaces around names fall away."""
    lines = ['"t"|b|v', "x |1|1e-3", "y|1|2", '"x"|2|3']
    found = read(tmp_path, "\ufeff" + "\n".join(lines).replace("|", separator))
    assert found.values.columns.tolist() == ["x", "y"]
    assert found.values.loc["1", "x"] == 1e-3


def test_several_columns_make_a_block(tmp_path: Path) -> None:
    """Blocks are combinations of the named columns."""
    found = read(tmp_path, "t,b,s,v\nx,1,1,1\ny,1,1,2\nx,1,2,3\ny,1,2,4\n", ("b", "s"))
    assert found.values.index.tolist() == ["1 / 1", "1 / 2"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("t,b,v\nx,1,abc\ny,1,2\n", r"row 1 of v: 'abc' is no finite number below 1e150; leave it empty"),
        ("t,b,v\nx,1,1\ny,1,inf\n", r"row 2 of v: 'inf' is no finite number"),
        ("t,b,w\nx,1,1\n", r"has no column 'v'; known: b, t, w"),
        ("t,b,v\nx,1,1\nx,2,2\n", r"names 1 treatment\(s\) with values; needs 2"),
        ("t,b,v\n", r"names 0 treatment\(s\) with values; needs 2"),
        ("", "is empty"),
        ("t,t,v\nx,1,1\n", "names a column twice"),
        ('t,b,v\n"x,1,1\n', "cannot be read as CSV"),
        ("t,b,v\nx,1,1,1,1\ny,2,2,2\n", "row 1: has 5 fields, the first line has 3"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    """One line names the place and the remedy."""
    with pytest.raises(ConfigError, match=problem) as raised:
        read(tmp_path, text)
    assert "\n" not in str(raised.value)


def test_files_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """An absent file, a folder and bytes are refused."""
    path = tmp_path / "table.csv"
    with pytest.raises(ConfigError, match="no such file"):
        read_outside_table(path, "t", ("b",), "v")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_outside_table(tmp_path, "t", ("b",), "v")
    path.write_bytes(b"\x00\xff\xfe\x89PNG\r\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_outside_table(path, "t", ("b",), "v")


def test_one_column_cannot_serve_twice(tmp_path: Path) -> None:
    """Treatment, block and value are different columns."""
    (tmp_path / "table.csv").write_text("t,b,v\nx,1,1\n")
    with pytest.raises(ConfigError, match="must be different columns"):
        read_outside_table(tmp_path / "table.csv", "t", ("t",), "v")
