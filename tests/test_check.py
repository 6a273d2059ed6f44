"""actbench.shell.check: what a config would train, in words and as JSON."""

import json
from pathlib import Path

import pytest

from actbench.shell.check import as_text
from actbench.shell.cli import main
from tiny import write_config


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints one object with numbers as numbers."""
    assert main(["check", str(write_config(tmp_path)), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts == {"name": "tiny", "runs": 8, "studies": {"main": 8}, "shards": 2, "largest_shard": 4}


def test_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json there is one fact to a line, numbers aligned."""
    assert main(["check", str(write_config(tmp_path))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["name", "tiny"], ["runs", "8"], ["studies", "8", "main"], ["shards", "2"], ["largest", "shard", "4"],
    ]  # fmt: skip
    assert len({line.index(line.split()[-1]) for line in lines if line.endswith(("8", "2", "4"))}) == 1


def test_too_many_jobs_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The verb expands and shards the config, so faults beyond single keys are found too."""
    seeds = ", ".join(map(str, range(501)))
    path = write_config(tmp_path, f"name: x\nshard_minutes: 1e-6\nstudies: {{a: {{seed: [{seeds}]}}}}")
    assert main(["check", str(path)]) == 2
    assert capsys.readouterr().err == f"{path}: shard_minutes: 501 jobs, more than 500; raise shard_minutes\n"


def test_long_numbers_stay_aligned() -> None:
    """The column of numbers is as wide as its longest."""
    lines = as_text({"name": "a", "runs": 12345678, "studies": {"one": 1, "other": 22}}).splitlines()
    assert lines == [
        "name                    a",
        "runs           12,345,678",
        "studies                 1  one",
        "                       22  other",
    ]


def test_words_do_not_push_the_numbers_away() -> None:
    """A long note stands where it begins; the numbers above it keep their column."""
    numbers = {"runs": 12, "shards": 3}
    assert as_text({**numbers, "note": "a long word of advice"}).splitlines()[:2] == as_text(numbers).splitlines()
