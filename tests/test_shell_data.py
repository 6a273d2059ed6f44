"""`actbench data`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from actbench.levels.datasets import fashion_mnist, mnist1d, spirals
from actbench.plan.registry import known_levels
from actbench.shell.cli import main


def test_json_has_numbers_as_numbers(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """--json prints one object with sizes as integers, the checksum and the path of the file."""
    assert main(["data", "spirals", "--folder", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "name": "spirals",
        "features": 2,
        "classes": 3,
        "train": 2048,
        "val": 512,
        "test": 512,
        "checksum": spirals.CHECKSUM,
        "path": str(tmp_path / "spirals.npz"),
    }
    assert (tmp_path / "spirals.npz").is_file()


def test_text_names_sizes_classes_checksum_and_path(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """The plain output says the same for people."""
    assert main(["data", "mnist1d", "--folder", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    for text in ("mnist1d", "3,200", "800", "1,000", "40", mnist1d.CHECKSUM, str(tmp_path / "mnist1d.npz")):
        assert text in out


def test_without_a_name_all_are_listed_and_none_is_made(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """The list tells which files are there, as text and as JSON, and writes nothing."""
    assert main(["data", "--folder", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("not made yet") == 3
    assert list(tmp_path.iterdir()) == []
    spirals.load(tmp_path)
    assert main(["data", "--folder", str(tmp_path), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    present = {row["name"]: row["present"] for row in rows}
    assert present == dict.fromkeys(known_levels("dataset"), False) | {"spirals": True}
    assert all(row["summary"] and "\n" not in row["summary"] for row in rows)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["minst1d"], "did you mean mnist1d?"),
        (["spirals", "--from", "somewhere"], "spirals is generated"),
        (["--from", "somewhere"], "name the data set"),
        (["fashion_mnist", "--from", "nowhere"], "nowhere: has no train-images-idx3-ubyte.gz"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Each mistake is answered by one line on standard error, nothing on standard output, exit code 2."""
    assert main(["data", *words, "--folder", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert message in captured.err


def test_missing_network_is_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A download that cannot be made ends with exit code 2 and a last line that says what to do."""

    def unreachable(*_: object) -> bytes:
        raise fashion_mnist.DownloadError("no route")

    monkeypatch.setattr(fashion_mnist, "DEBIAN", tmp_path / "not installed")
    monkeypatch.setattr(fashion_mnist, "download", unreachable)
    assert main(["data", "fashion_mnist", "--folder", str(tmp_path)]) == 2
    assert "--from DIR" in capsys.readouterr().err.splitlines()[-1]


def test_help_shows_the_example() -> None:
    """--help ends with an example that can be typed."""
    command = [sys.executable, "-m", "actbench", "data", "--help"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "example: actbench data mnist1d" in out
