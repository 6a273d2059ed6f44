"""`actbench probe`: exact names, one object or a list, the table, the figure, bad input."""

import csv
import json
import re
from pathlib import Path

import pytest

from actbench.shell.cli import main

SMALL = ["--depth", "6", "--width", "32", "--examples", "16"]


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> dict | list:
    """Return what the verb prints as JSON, which may hold no NaN or infinity."""
    assert main(["probe", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


def test_one_activation_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    """Layers 1 … depth with measured and predicted numbers, and the factor with its interval."""
    found = answer(capsys, "--activation", "relu", *SMALL)
    assert [layer["layer"] for layer in found["layers"]] == [1, 2, 3, 4, 5, 6]
    assert {"forward_variance", "backward_norm2"} <= set(found["layers"][0])
    factor = found["backward_factor"]
    assert factor["low"] < factor["value"] < factor["high"]
    assert factor["predicted"] == pytest.approx(1)
    assert (found["depth"], found["init"], found["seeds"]) == (6, "he_normal", 3)


def test_several_activations_are_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    """In the order asked for; an activation with arguments is spelled canonically."""
    found = answer(capsys, "--activation", "tanh", "leaky_relu(0.20)", *SMALL)
    assert [item["activation"] for item in found] == ["tanh", "leaky_relu(0.2)"]


def test_what_does_not_exist_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    """One layer has no factor, one seed no interval; the notes say so."""
    found = answer(capsys, "--activation", "relu", "--depth", "1", "--width", "8", "--seeds", "1")
    assert found["backward_factor"] == {"value": None, "low": None, "high": None, "predicted": None}
    assert found["theory_applies"] is False
    assert any(note.startswith("backward_factor: ") for note in found["notes"])
    single = answer(capsys, "--activation", "relu", *SMALL, "--seeds", "1")
    assert single["backward_factor"]["value"] is not None
    assert single["backward_factor"]["low"] is None


def test_theory_says_from_which_width_it_applies(capsys: pytest.CaptureFixture[str]) -> None:
    """Where the width is too small the note names one that is enough, and half of it is not."""
    words = ["--activation", "gelu", "--depth", "6", "--seeds", "1", "--examples", "16", "--width"]
    found = answer(capsys, *words, "64")
    assert found["theory_applies"] is False
    (enough,) = (int(units.replace(",", "")) for units in re.findall(r"about ([\d,]+) units", str(found["notes"])))
    assert answer(capsys, *words, str(enough * 5 // 4))["theory_applies"] is True
    assert answer(capsys, *words, str(enough // 2))["theory_applies"] is False


def test_a_data_set_is_an_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With MNIST-1D the first layer sees its training examples."""
    found = answer(capsys, "--activation", "tanh", *SMALL, "--input", "spirals", "--folder", str(tmp_path))
    first = found["layers"][0]
    assert first["forward_variance"] == pytest.approx(first["predicted_forward_variance"], rel=0.5)


def test_the_table_and_the_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row for each activation, and a figure with exactly the numbers drawn beside it."""
    path = tmp_path / "ten.svg"
    assert main(["probe", "--activation", "sigmoid", "relu", *SMALL, "--figure", str(path)]) == 0
    out = capsys.readouterr().out
    assert {"sigmoid", "relu"} <= {line.split()[0] for line in out.splitlines()}
    assert path.read_bytes().startswith(b"<?xml")
    with path.with_suffix(".csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["activation"], row["layer"]) for row in rows] == [
        (name, str(layer)) for name in ("sigmoid", "relu") for layer in range(1, 7)
    ]


BAD = {
    "--activation reluu": "--activation: unknown activation 'reluu'; did you mean relu",
    "--activation relu relu": "--activation: a level stands there twice",
    "--activation relu --init he": "--init: unknown init 'he'",
    "--activation relu --depth 0": "--depth: 0 is outside 1",
    "--activation relu --seeds 0": "--seeds: 0 is outside 1",
    "--activation relu --examples 1": "--examples: 1 is outside 2",
    "--activation relu --width 60000": "--width: 30 layers of 60000 units have more than",
    "--activation relu --examples 65536 --depth 100": "--examples: 65536 examples in 100 layers of 512 units have",
    "--activation relu --input mnist": "--input: unknown input 'mnist'; did you mean mnist1d",
    "--activation relu --input normal": "--input: unknown input 'normal'; known: ",
    "--activation relu --depth 2.5": "actbench probe: argument --depth: invalid int value: '2.5'",
    "--init he_normal": "actbench probe: the following arguments are required: --activation",
    "--activation relu --figure x.gif": "--figure: 'x.gif' must end in .png, .pdf or .svg",
    "--activation relu --norm batch": "--norm: unknown norm 'batch'; did you mean batchnorm",
}


@pytest.mark.parametrize("words", BAD)
def test_bad_input_is_one_line(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Bad input ends with exit code 2 and one line that names the argument."""
    assert main(["probe", *words.split()]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(BAD[words])
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("norm", ["none", "batchnorm"])
def test_huge_signals_are_answered(norm: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Variances up to 1e300 and beyond are numbers or null, without a warning; theory ends before its squares do."""
    words = "--activation leaky_relu(1000) --init normal(1000000) --depth 40 --width 8 --examples 4 --seeds 1"
    assert main(["probe", *words.split(), "--norm", norm, "--json"]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert len(found["layers"]) == 40
    assert (found["backward_factor"]["predicted"] is None) == (norm == "none")
