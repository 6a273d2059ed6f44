"""Checksums beside products: what publish leaves, and what is seen when a file is no longer what was written."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from actbench.plan import checksums
from actbench.plan.checksums import checksum_path, made_from, publish, refuse_damaged
from actbench.plan.errors import ConfigError


def product(path: Path, text: str = "a,b\n1,2\n", rename: Callable[[Path, Path], None] = publish) -> Path:
    """Publish a file."""
    complete = path.with_name("complete")
    complete.write_text(text)
    rename(complete, path)
    return path


def test_sha256sum_reads_the_checksum(tmp_path: Path) -> None:
    """The hidden file is one that `sha256sum -c` understands, and a sound file passes."""
    path = product(tmp_path / "a.csv")
    subprocess.run(["sha256sum", "--strict", "-c", checksum_path(path).name], cwd=tmp_path, check=True)
    refuse_damaged(path, tmp_path / "absent")
    assert sorted(file.name for file in tmp_path.iterdir()) == [".a.csv.sha256", "a.csv"]


@pytest.mark.parametrize("content", [b"", b"a,b\n1,3\n", b"a,b\n1,2", b"a,b\n1,2\n\n"])
def test_a_changed_file_is_set_aside(tmp_path: Path, content: bytes) -> None:
    """Whatever changed, the file is named, kept under another name, and gone from its own."""
    path = product(tmp_path / "a.csv")
    path.write_bytes(content)
    with pytest.raises(
        ConfigError, match=r"a.csv: changed since it was written, set aside as a.csv.damaged; run snake"
    ):
        refuse_damaged(path)
    assert (tmp_path / "a.csv.damaged").read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv.damaged"]


def test_another_files_checksum_does_not_count(tmp_path: Path) -> None:
    """A file copied onto another together with its checksum is seen: the line names the file."""
    one, other = product(tmp_path / "one.csv"), product(tmp_path / "other.csv", "c\n")
    other.write_bytes(one.read_bytes())
    checksum_path(other).write_bytes(checksum_path(one).read_bytes())
    with pytest.raises(ConfigError, match=r"other.csv: changed"):
        refuse_damaged(one, other)
    assert one.exists()


def test_all_damaged_files_are_set_aside_at_once(tmp_path: Path) -> None:
    """One line names the first and counts the others, so that one more call mends all."""
    paths = [product(tmp_path / f"{name}.csv") for name in "abc"]
    for path in paths[:2]:
        path.write_text("x")
    with pytest.raises(
        ConfigError, match=r"a.csv: .* set aside as a.csv.damaged and 1 more like it; run snakemake again"
    ):
        refuse_damaged(*paths)
    assert [path.exists() for path in paths] == [False, False, True]


@pytest.mark.parametrize("record", [b"", b"\xff\xfe\x00", b"0" * 64 + b"  a.csv\n", b"nonsense\n" * 1000])
def test_a_damaged_checksum_condemns_its_file(tmp_path: Path, record: bytes) -> None:
    """When the checksum itself is damaged the file is made again: it can no longer be told sound."""
    path = product(tmp_path / "a.csv")
    checksum_path(path).write_bytes(record)
    with pytest.raises(ConfigError, match="changed since it was written"):
        refuse_damaged(path)


def test_a_file_without_a_checksum_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that came without a checksum is used, and a line on standard error says that it was not checked."""
    path = tmp_path / "a.csv"
    path.write_text("x")
    refuse_damaged(path)
    refuse_damaged(path)
    assert capsys.readouterr().err == f"{path}: no checksum beside it, so damage to it would not be seen\n"


def stopped_at(moment: int, path: Path, text: str, rename: Callable[[Path, Path], None] = publish) -> None:
    """Publish a file, but stop before the rename with that number."""
    calls: list[Path] = []

    def stopping(source: Path, target: Path, plain: Callable[[Path, Path], None] = os.replace) -> None:
        calls.append(target)
        if len(calls) == moment:
            raise KeyboardInterrupt
        plain(source, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checksums.os, "replace", stopping)
        with pytest.raises(KeyboardInterrupt):
            product(path, text, rename)


@pytest.mark.parametrize("moment", [1, 2, 3])
def test_a_kill_while_replacing_leaves_a_sound_file(tmp_path: Path, moment: int) -> None:
    """Stopped before any of the three renames, there is the old or the new file and it has its checksum."""
    path = product(tmp_path / "a.csv", "old")
    stopped_at(moment, path, "new")
    refuse_damaged(path)
    assert path.read_text() == ("new" if moment == 3 else "old")


def test_a_second_kill_leaves_a_sound_file_too(tmp_path: Path) -> None:
    """Stopped twice between the checksum and the file, the old file still has its line."""
    path = product(tmp_path / "a.csv", "old")
    for text in ("new", "newer"):
        stopped_at(2, path, text)
    refuse_damaged(path)
    assert path.read_text() == "old"


def test_a_product_is_not_used_beside_another_table(tmp_path: Path) -> None:
    """What was made from a table is refused once another one lies there, and stays; without any table it is used."""
    (tmp_path / "stats").mkdir()
    table = product(tmp_path / "runs.parquet", "rows")
    path = product(tmp_path / "stats" / "a.csv", rename=made_from(table))
    subprocess.run(["sha256sum", "--strict", "-c", checksum_path(path).name], cwd=path.parent, check=True)
    refuse_damaged(path)
    product(table, "other rows")
    with pytest.raises(ConfigError, match=r"a.csv: made from another runs.parquet than is there now; delete"):
        refuse_damaged(path)
    assert path.exists()
    table.unlink()
    refuse_damaged(path)


def test_a_kill_while_replacing_keeps_the_table_of_the_old_file(tmp_path: Path) -> None:
    """The old file is not taken for one of the table that the new one was to be made from."""
    table = product(tmp_path / "runs.parquet", "rows")
    path = product(tmp_path / "a.csv", "old", made_from(table))
    product(table, "other rows")
    stopped_at(2, path, "new", made_from(table))
    with pytest.raises(ConfigError, match="made from another"):
        refuse_damaged(path)


def test_a_file_that_cannot_be_set_aside_is_still_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder that takes no changes the line says to delete the file."""
    path = product(tmp_path / "a.csv")
    path.write_text("x")

    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checksums.os, "replace", refuse)
    with pytest.raises(ConfigError, match=r"cannot be set aside \(Permission denied\): delete it"):
        refuse_damaged(path)
