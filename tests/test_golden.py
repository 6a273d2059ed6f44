"""No trained number changes under one NUMERICS.

On the processor that made the golden files every bit must be equal, whatever versions of the libraries are installed.
Another make or model of processor may have kernels that round in their own way: there the golden losses are compared
within TOLERANCE, and so are those of instructions that have no file yet.
A file made on an emulated processor says so in `processor`, so that no real one is taken for it.
"""

import itertools
import json
from pathlib import Path

import pytest

import golden
from actbench.plan.numerics import NUMERICS
from golden import CHANGED, MISSING, Content, changed_numbers, golden_runs
from instructions import KINDS, TOLERANCE, fresh_numbers, largest_difference, missing_instructions

FILES = sorted(golden.FOLDER.glob("*.json"))


def read(path: Path) -> Content:
    """Read a golden file."""
    content: Content = json.loads(path.read_text(encoding="utf-8"))
    return content


@pytest.mark.parametrize("kind", KINDS)
def test_no_trained_number_changes(kind: str) -> None:
    """Trained anew in a fresh process, the golden runs have the bits (elsewhere: the losses) on file."""
    if reason := missing_instructions(kind):
        pytest.skip(reason)
    path = golden.file_of(kind)
    expected, found = read(path if path.exists() else FILES[0]), fresh_numbers(kind)
    if any(expected[name] != found[name] for name in ("processor", "device")):
        name, difference = largest_difference(expected, found)
        assert difference <= TOLERANCE, f"{name}: a golden loss is off by {difference:.1e}"
        return
    changed = changed_numbers(expected, found)
    newer = {name: number for name, number in found["libraries"].items() if number != expected["libraries"][name]}
    assert not changed, f"{len(changed)} runs, e.g. {changed[0]}; other libraries: {newer or 'none'}; {CHANGED}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_golden_numbers_are_those_of_this_version(path: Path) -> None:
    """The files, at least one, hold the present NUMERICS and exactly the present golden runs."""
    content = read(path)
    assert content["numerics"] == NUMERICS, CHANGED
    assert content["runs"].keys() == golden_runs().keys(), MISSING


def test_the_golden_files_agree_with_each_other() -> None:
    """Final losses on file lie within the tolerance of each other, and no two kinds of device have equal bits."""
    contents = [read(path) for path in FILES]
    for one, other in itertools.combinations(contents, 2):
        name, difference = largest_difference(one, other)
        assert difference <= TOLERANCE, f"{name}: a golden loss is off by {difference:.1e}"
        assert changed_numbers(one, other), "two kinds of device, or one cache would do"


def test_the_golden_runs_see_every_level() -> None:
    """Each level of each registry is trained at least once, and one run diverges."""
    from exactness import every_level

    trained = {(name, level) for run in golden_runs().values() for name, level in vars(run).items()}
    assert set(every_level()) <= trained
    fates = [run["status"] for run in read(FILES[0])["runs"].values()]
    assert fates.count("diverged") == 1
    assert fates.count("ok") == len(fates) - 1


def test_numbers_are_not_rewritten_under_one_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The writer takes new runs and a raised NUMERICS, and refuses a changed number under the old one."""
    monkeypatch.setattr(golden, "FOLDER", tmp_path)
    content = {"device": "cpu-x", "numerics": 1, "processor": {}, "libraries": {}, "runs": {"a": {"test_loss": "0x1"}}}
    assert golden.write(content) is None
    more = {**content, "runs": {**content["runs"], "b": {"test_loss": "0x2"}}}
    assert golden.write(more) is None
    other = {**content, "runs": {"a": {"test_loss": "0x3"}}}
    assert CHANGED in (golden.write(other) or "")
    assert read(tmp_path / "cpu-x.json") == more
    assert golden.write({**other, "numerics": 2}) is None
    assert read(tmp_path / "cpu-x.json")["runs"] == other["runs"]


def test_one_changed_bit_is_seen() -> None:
    """A digest that differs in one run names that run."""
    content = read(FILES[0])
    label = next(iter(content["runs"]))
    other = {**content, "runs": {**content["runs"], label: {**content["runs"][label], "digest": "0" * 16}}}
    assert changed_numbers(content, other) == [label]
