"""Files that appear complete or not at all."""

from pathlib import Path

import pytest

from actbench.analysis.atomic_file import replacing, write_text


def _stop_half_way(path: Path) -> None:
    with replacing(path) as (partial,):
        partial.write_text("half")
        raise KeyboardInterrupt


def test_a_stopped_block_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    """After Ctrl-C the former content stays and no temporary file is left."""
    path = tmp_path / "folder" / "a.txt"
    write_text(path, "old")
    with pytest.raises(KeyboardInterrupt):
        _stop_half_way(path)
    assert [file.name for file in path.parent.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"


def test_several_files_appear_together(tmp_path: Path) -> None:
    """No name is taken before the block ends; after it every one is."""
    paths = [tmp_path / "a", tmp_path / "b"]
    with replacing(*paths) as partial:
        for file in partial:
            file.write_text("x")
        assert not any(path.exists() for path in paths)
    assert sorted(file.name for file in tmp_path.iterdir()) == [".a.sha256", ".b.sha256", "a", "b"]


def test_text_is_written_in_utf8_with_unix_newlines(tmp_path: Path) -> None:
    """The bytes of a text do not depend on the platform."""
    write_text(tmp_path / "a", "é\n")
    assert (tmp_path / "a").read_bytes() == b"\xc3\xa9\n"
