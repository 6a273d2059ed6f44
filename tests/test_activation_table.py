"""The activation functions as numbers."""

import csv
import math
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pytest

from actbench.levels.activation_table import activation_rows
from actbench.plan.registry import known_levels
from actbench.shell import activations
from drawn import write_config


def table_of(name: str, *also: str) -> np.ndarray:
    """Return z, value and derivative of one activation, shape (n, 3)."""
    return np.array([row[1:] for row in activation_rows(also) if row[0] == name])


def test_every_activation_is_tabulated_once() -> None:
    """The table holds all registered activations over the whole range, and further levels that are asked for."""
    names = [row[0] for row in activation_rows(["leaky_relu(0.2)", "relu"])]
    assert set(names) == {*known_levels("activation"), "leaky_relu(0.2)"}
    for name in set(names):
        z = table_of(name, "leaky_relu(0.2)")[:, 0]
        assert (z[0], z[-1]) == (-5, 5)
        assert (np.diff(z) > 0).all()


def test_values_are_those_of_the_formula() -> None:
    """The values of tanh are those of numpy, and leaky_relu(0.2) has the slope 0.2 on the negative side."""
    z, value, slope = table_of("tanh").T
    assert value == pytest.approx(np.tanh(z), abs=1e-15)
    assert slope == pytest.approx(1 - np.tanh(z) ** 2, abs=1e-15)
    z, value, slope = table_of("leaky_relu(0.2)", "leaky_relu(0.2)").T
    assert value[z < 0] == pytest.approx(0.2 * z[z < 0])
    assert set(slope[z < 0].round(12)) == {0.2}


def test_a_kink_is_a_gap_with_both_sides() -> None:
    """At 0 relu has no derivative; just beside it the table has 0 and 1."""
    z, _, slope = table_of("relu").T
    at = int(np.flatnonzero(z == 0)[0])
    assert math.isnan(slope[at])
    assert (slope[at - 1], slope[at + 1]) == (0, 1)
    assert z[at + 1] - z[at - 1] < 1e-8


def test_derivatives_are_slopes_of_the_values() -> None:
    """Between neighbouring points away from kinks the tabulated derivative is the slope of the tabulated value."""
    for name in known_levels("activation"):
        z, value, slope = table_of(name).T
        whole = np.isclose(np.diff(z), 0.05) & ~np.isnan(slope[:-1] + slope[1:])
        rise = np.diff(value)[whole] / np.diff(z)[whole]
        assert np.abs(rise - (slope[:-1] + slope[1:])[whole] / 2).max() < 2e-3, name


def test_the_verb_writes_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`actbench activations` writes a CSV file whose gaps are empty fields."""
    config = write_config(tmp_path, activation=("relu", "leaky_relu(0.2)"))
    parser = ArgumentParser()
    activations.configure(parser)
    assert activations.run(parser.parse_args([str(config), "--results", str(tmp_path / "results")])) == 0
    path = tmp_path / "results" / "drawn" / "stats" / "activations.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["activation"] for row in rows} == {*known_levels("activation"), "leaky_relu(0.2)"}
    assert [row["derivative"] for row in rows if row["activation"] == "relu" and row["z"] == "0.0"] == [""]
    assert str(len(rows)) in capsys.readouterr().out
