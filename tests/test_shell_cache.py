"""actbench.shell.cache: verify, merge and prune a run cache."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from actbench.plan.design import Run
from actbench.plan.numerics import NUMERICS
from actbench.plan.places import kind_place, stack_place
from actbench.shell.cli import main
from actbench.training.chunks import write_chunk
from actbench.training.process import device_kind, source_digest
from actbench.training.rows import ROWS, error_row
from test_twin import runs_of

CHECKSUM = "ab" * 32
TODAY_ALONE = {"superseded_chunks": 0, "newer_chunks": 0}


def row_of(run: Run, **changes: object) -> pa.Table:
    """Return the row of a run without training it."""
    (row,) = error_row(run).to_pylist()
    return pa.Table.from_pylist([{**row, **changes}], schema=ROWS)


def add(folder: Path, run: Run, **changes: object) -> Path:
    """Add a run to a cache and return its chunk."""
    return write_chunk(row_of(run, **changes), folder / kind_place(device_kind()) / stack_place(run, CHECKSUM))


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, object]]:
    """Return exit code and JSON of a call."""
    code = main(["cache", *words, "--json"])
    return code, dict(json.loads(capsys.readouterr().out))


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Return two caches: one with runs 0 and 1, one with runs 1 and 2; run 1 is the same but for its origin."""
    runs = runs_of()
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    add(ours, runs[0])
    add(ours, runs[1])
    add(theirs, runs[1], seconds=9.0, commit="other", version="0", torch="9")
    add(theirs, runs[2])
    return ours, theirs


def files(folder: Path) -> set[str]:
    """Return the names of all files below a folder."""
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_a_sound_cache(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """A sound cache has no problems and exit code 0; the words say the same."""
    assert call(capsys, "verify", "--folder", str(two[0])) == (
        0,
        {"chunks": 2, "runs": 2, **TODAY_ALONE, "problems": []},
    )
    assert main(["cache", "verify", "--folder", str(two[0])]) == 0
    assert capsys.readouterr().out == "2 files, 2 runs: all sound\n"


def test_verify_finds_every_fault(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """A flipped bit, strange columns, a run in the wrong folder, a false key and a conflict are one line each."""
    ours, run = two[0], runs_of()[2]
    flipped = add(ours, run)
    data = flipped.read_bytes()
    flipped.write_bytes(data[:99] + bytes([data[99] ^ 1]) + data[100:])
    write_chunk(row_of(run).drop_columns("clip_rate"), flipped.parent)
    write_chunk(row_of(dataclasses.replace(run, depth=7)), flipped.parent)
    write_chunk(row_of(run, lr=7.0), flipped.parent)
    write_chunk(row_of(run, numerics=NUMERICS + 1), flipped.parent)
    add(ours, runs_of()[0], clip_rate=0.25)
    assert main(["cache", "verify", "--folder", str(ours)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7
    text = "\n".join(lines)
    assert "wrong checksum" in text
    assert "wrong columns: clip_rate" in text
    assert text.count("does not belong here") == 2
    assert f"its runs are of numerics{NUMERICS + 1}-" in text
    assert f"conflict: run {runs_of()[0].key}: clip_rate is 0." in text


def test_merge_adds_what_is_new(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """New runs are copied byte by byte, known ones left; a second merge changes nothing, nor does one with itself."""
    ours, theirs = two
    before = files(ours)
    code, facts = call(capsys, "merge", str(theirs), "--folder", str(ours))
    expected = {"copied_chunks": 1, "new_runs": 1, "known_runs": 1, "left_out_chunks": 0, "problems": []}
    assert (code, facts) == (0, expected | TODAY_ALONE)
    (added,) = files(ours) - before
    assert (ours / added).read_bytes() == (theirs / added).read_bytes()
    after = files(ours)
    for other in (theirs, ours):
        code, facts = call(capsys, "merge", str(other), "--folder", str(ours))
        assert (code, facts["copied_chunks"], files(ours)) == (0, 0, after)


def test_a_conflict_is_reported_with_both_values(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """A run with other numbers stays out, is named with column and values, and the rest is merged."""
    ours, theirs = two
    run, curve = runs_of()[0], {"step": 0, "split": "val", "loss": 1.5, "accuracy": 0.5}
    chunk = add(theirs, run, clip_rate=0.5, curves=[curve])
    code, facts = call(capsys, "merge", str(theirs), "--folder", str(ours))
    assert (code, facts["new_runs"], facts["left_out_chunks"]) == (1, 1, 1)
    rate, curves = facts["problems"]
    assert (rate["run_key"], rate["column"], rate["value"], rate["other_value"]) == (run.key, "clip_rate", "0.5", "0.0")
    assert rate["file"] == str(chunk)
    assert (curves["column"], curves["value"], curves["other_value"]) == ("curves (entries)", "1", "0")
    assert not (ours / chunk.relative_to(theirs)).exists()
    assert main(["cache", "merge", str(theirs), "--folder", str(ours)]) == 1
    assert f"{chunk}: conflict: run {run.key}: clip_rate is 0.5 here and 0.0 in {ours}/" in capsys.readouterr().out


def test_nested_numbers_are_compared(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """A conflict within a curve names its entry; not-a-number equals itself."""
    ours, theirs = two
    run = dataclasses.replace(runs_of()[0], seed=77)
    curve = {"step": 0, "split": "val", "loss": float("nan"), "accuracy": 0.5}
    add(ours, run, curves=[curve, curve])
    add(theirs, run, curves=[curve, curve], seconds=3.0)
    assert call(capsys, "merge", str(theirs), "--folder", str(ours))[0] == 0
    add(theirs, run, curves=[curve, {**curve, "accuracy": 0.25}])
    code, facts = call(capsys, "merge", str(theirs), "--folder", str(ours))
    (problem,) = facts["problems"]
    assert (code, problem["column"], problem["value"]) == (1, "curves[1].accuracy", "0.25")


def test_damage_is_not_merged(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged chunk of the other cache stays out and is named; nothing half-written is left."""
    ours, theirs = two
    for file in theirs.rglob("*.parquet"):
        file.write_bytes(file.read_bytes()[:-3])
    before = files(ours)
    code, facts = call(capsys, "merge", str(theirs), "--folder", str(ours))
    assert (code, facts["left_out_chunks"], files(ours)) == (1, 2, before)


def test_merge_into_nothing(two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A cache that does not exist yet is made."""
    assert call(capsys, "merge", str(two[0]), "--folder", str(tmp_path / "new"))[0] == 0
    assert files(tmp_path / "new") == files(two[0])


def of_another_version(folder: Path, numerics: int) -> Path:
    """Add a chunk of another NUMERICS, whose rows lacked a column, and return it."""
    old = row_of(runs_of()[2], numerics=numerics).drop_columns("clip_rate")
    kind = kind_place(device_kind()).replace(str(NUMERICS), str(numerics), 1)
    return write_chunk(old, folder / kind / stack_place(runs_of()[2], CHECKSUM))


def test_other_versions_are_left_aside(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Verify and merge read today's NUMERICS only and say in a line how many files are of older and newer ones."""
    ours, theirs = two
    old, new = of_another_version(theirs, NUMERICS - 1), of_another_version(theirs, NUMERICS + 1)
    aside = [
        f"1 file of superseded NUMERICS left aside; `actbench cache prune --folder {theirs}` lists them for deletion",
        "1 file of a newer NUMERICS left aside, for a newer version to read",
    ]
    assert main(["cache", "verify", "--folder", str(theirs)]) == 0
    assert capsys.readouterr().out.splitlines() == ["2 files, 2 runs: all sound", *aside]
    assert main(["cache", "merge", str(theirs), "--folder", str(ours)]) == 0
    assert capsys.readouterr().out.splitlines() == ["1 run added in 1 file, 1 run known, 0 files left out", *aside]
    assert not any((ours / chunk.relative_to(theirs)).exists() for chunk in (old, new))
    code, facts = call(capsys, "verify", "--folder", str(theirs))
    assert (code, facts["superseded_chunks"], facts["newer_chunks"]) == (0, 1, 1)
    assert call(capsys, "prune", "--folder", str(theirs), "--yes")[0] == 0
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize(
    "words", [["verify", "--folder", "absent"], ["merge", "absent"], ["prune", "--folder", "absent"]]
)
def test_an_absent_folder_is_bad_input(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is not there is one line on standard error and exit code 2."""
    assert main(["cache", *words]) == 2
    assert capsys.readouterr().err.startswith("absent: no such folder")


def test_only_a_cache_is_merged(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is no cache is refused instead of adding nothing."""
    ours, theirs = two
    assert main(["cache", "merge", str(ours.parent), "--folder", str(ours)]) == 2
    assert "holds no runs; name the folder of a run cache" in capsys.readouterr().err
    assert main(["cache", "merge", str(theirs), "--folder", str(ours)]) == 0


def test_prune_lists_and_then_deletes(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Only superseded numbers, other sources' loops, damaged and old temporary files go, and only with --yes."""
    ours = two[0]
    kept = files(ours)
    chunk = next(ours.rglob("*.parquet"))
    shutil.copytree(ours / kind_place(device_kind()), ours / f"numerics{NUMERICS - 1}-cpu-avx2")
    for name in (f"compiled/{source_digest()}/a", f"numerics{NUMERICS + 1}-cpu/x", "numerics/a", "other/b"):
        (ours / name).parent.mkdir(parents=True, exist_ok=True)
        (ours / name).write_bytes(b"keep")
        kept.add(name)
    (ours / "compiled" / "old").mkdir()
    (ours / "compiled" / "old" / "a").write_bytes(b"12345")
    chunk.with_suffix(".damaged").write_bytes(b"123")
    (ours / "compiled" / source_digest() / "a.damaged").write_bytes(b"12")
    for name, age in ((".new.tmp", 60), (".old.tmp", 90_000)):
        file = chunk.with_name(name)
        file.write_bytes(b"1")
        os.utime(file, (file.stat().st_mtime - age,) * 2)
    kept.add(str(chunk.with_name(".new.tmp").relative_to(ours)))
    everything = files(ours)
    code, facts = call(capsys, "prune", "--folder", str(ours))
    assert (code, facts["deleted"], len(facts["waste"]), files(ours)) == (0, False, 5, everything)
    assert facts["bytes"] == sum((ours / name).stat().st_size for name in everything - kept)
    assert main(["cache", "prune", "--folder", str(ours)]) == 0
    assert "would go; --yes deletes them" in capsys.readouterr().out
    assert call(capsys, "prune", "--folder", str(ours), "--yes")[1]["deleted"] is True
    assert files(ours) == kept


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    """Help of the verb names its actions and an example."""
    with pytest.raises(SystemExit) as done:
        main(["cache", "--help"])
    assert done.value.code == 0
    out = capsys.readouterr().out
    assert "example: actbench cache verify" in out
    assert all(action in out for action in ("verify", "merge", "prune"))
