"""actbench.analysis.run_values: the one number of a run that a claim is about."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from actbench.analysis.run_values import (
    LAYERS,
    NO_NUMBERS,
    number_of,
    read_diagnostics,
    reduce_layers,
    rescale,
    steps_to_loss,
    value_of_runs,
)
from actbench.plan.ledger import CHOICES
from ledgers import one_test
from synthetic import make_config, write_results

CONFIG = make_config(steps=(64,))


def layers(values: dict[int, float], step: int = 0, steps: int = 64, depth: int = 3) -> pd.DataFrame:
    """Make the rows of one run at one step."""
    frame = pd.DataFrame({"layer": values.keys(), "value": values.values()})
    return frame.assign(run_key="a", step=step, steps=steps, depth=depth, diagnostic="gradient_norm")


@pytest.mark.parametrize(
    ("where", "value"),
    [("first", 1.0), ("last", 4.0), ("output", 8.0), ("mean", 7 / 3), ("largest", 4.0), ("network", 16.0)],
)
def test_layers_become_one_number(where: str, value: float) -> None:
    """Hidden layers are 1 … depth, the output is depth + 1, the whole network 0."""
    rows = layers({0: 16.0, 1: 1.0, 2: 2.0, 3: 4.0, 4: 8.0})
    assert reduce_layers(rows, ("gradient_norm", "start", where)).to_list() == [pytest.approx(value)]


def test_the_spread_is_in_decades() -> None:
    """log10 of the largest over the smallest hidden layer."""
    found = reduce_layers(layers({1: 0.01, 2: 1.0, 3: 10.0}), ("gradient_norm", "start", "spread"))
    assert found.to_list() == [pytest.approx(3.0)]
    assert set(LAYERS) == set(CHOICES["layers"])


def test_the_moment_is_the_first_the_next_or_the_last() -> None:
    """Early is the first record after the first update; the end is the last step and no earlier one."""
    rows = pd.concat([layers({1: float(step)}, step) for step in (0, 1, 7, 64)])
    found = {at: reduce_layers(rows, ("gradient_norm", at, "first")).to_list() for at in CHOICES["moment"]}
    assert found == {"start": [0.0], "early": [1.0], "end": [64.0]}
    stopped = pd.concat([layers({1: 1.0}, step) for step in (0, 1, 7)])
    assert reduce_layers(stopped, ("gradient_norm", "end", "first")).empty


def test_the_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Every run has its number, the same as from the frame; words are not categories."""
    frames = write_results(CONFIG, tmp_path)
    wanted = ("gradient_norm", "start", "first")
    found = read_diagnostics(CONFIG, frames["runs"], {wanted: pd.Index(frames["runs"]["run_key"])}, tmp_path)[wanted]
    rows = frames["layers"].query("diagnostic == 'gradient_norm' and step == 0 and layer == 1")
    pd.testing.assert_series_equal(
        found.sort_index(), rows.set_index("run_key")["value"].astype("float64").sort_index(), check_names=False
    )
    assert len(found) == len(frames["runs"])


@pytest.mark.parametrize("moment", CHOICES["moment"])
def test_row_groups_are_reduced_together_or_apart(moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many rows are reduced at once changes nothing, also where no row group has the diagnostic."""
    runs = write_results(CONFIG, tmp_path)["runs"]
    keys = pd.Index(runs["run_key"])
    wanted = {("gradient_norm", moment, "largest"): keys, ("dead_fraction", moment, "mean"): keys[3:]}
    together = read_diagnostics(CONFIG, runs, wanted, tmp_path)
    monkeypatch.setattr("actbench.analysis.run_values.ROWS_AT_ONCE", 1)
    apart = read_diagnostics(CONFIG, runs, wanted, tmp_path)
    assert [len(numbers) for numbers in together.values()] == [len(keys), len(keys) - 3]
    for item in wanted:
        pd.testing.assert_series_equal(together[item].sort_index(), apart[item].sort_index())


@pytest.mark.parametrize("layers", CHOICES["layers"])
def test_numbers_are_those_of_the_whole_table(layers: str, tmp_path: Path) -> None:
    """Rows that no number needs are left out before any is reduced; all at once give the same numbers."""
    frames = write_results(CONFIG, tmp_path)
    rows = frames["layers"].merge(frames["runs"][["run_key", "depth", "steps"]], on="run_key")
    keys = pd.Index(frames["runs"]["run_key"])
    parts = {"start": keys[2:], "early": keys[:-1], "end": keys[::2]}
    wanted = {("gradient_norm", moment, layers): own for moment, own in parts.items()}
    for item, numbers in read_diagnostics(CONFIG, frames["runs"], wanted, tmp_path).items():
        expected = reduce_layers(rows, item).reindex(numbers.index)
        assert len(numbers) == len(wanted[item])
        pd.testing.assert_series_equal(numbers, expected, check_names=False, check_dtype=False)


def test_a_number_is_found_by_its_key() -> None:
    """Runs have their numbers in their own order and under their own index; one without a number has nan."""
    keys = pd.Series(["b", "none", "a"], index=[7, 5, 3])
    found = number_of(keys, pd.Series([1.0, 2.0], index=pd.Index(["a", "b"])))
    pd.testing.assert_series_equal(found, pd.Series([2.0, np.nan, 1.0], index=[7, 5, 3]))
    assert number_of(keys, NO_NUMBERS).isna().all()


def test_steps_to_a_loss_lie_between_two_evaluations() -> None:
    """Half way down in loss is half way in log(1 + step); a run that never gets there counts twice its steps."""
    curves = pd.DataFrame(
        {"run_key": ["a"] * 3 + ["b"] * 2 + ["c"], "step": [0, 3, 15, 0, 64, 0], "loss": [3.0, 2.0, 1.0, 3, 2.5, 0.5]}
    )
    found = steps_to_loss(curves, 1.5, pd.Series({"a": 64, "b": 64, "c": 64}))
    assert found["a"] == pytest.approx(np.sqrt(4 * 16) - 1)
    assert found["b"] == 128
    assert found["c"] == 1  # already there: the smallest number that has a logarithm


def test_seconds_to_a_loss_are_steps_at_the_speed_of_the_run(tmp_path: Path) -> None:
    """A run of 64 updates in 32 s that needs 7 of them needs 3.5 s; one that never gets there counts 64 s."""
    test = one_test(tmp_path, study="main", rule="mean", quantity="seconds_to_loss", threshold=1.5)
    curves = pd.DataFrame(
        {"run_key": ["a"] * 3 + ["b"] * 2, "step": [0, 3, 15, 0, 64], "loss": [3.0, 2.0, 1.0, 3, 2.5]}
    )
    runs = pd.DataFrame({"run_key": ["a", "b"], "steps": 64, "seconds": 32.0, "failed": False})
    assert value_of_runs(test, runs, curves.assign(split="train"), {}).to_list() == pytest.approx([3.5, 64.0])


@pytest.mark.parametrize(("quantity", "never"), [("steps_to_loss", 128.0), ("seconds_to_loss", 64.0)])
def test_a_run_that_failed_never_got_there(quantity: str, never: float, tmp_path: Path) -> None:
    """However low its loss was before it diverged, a run counts as one that never falls to the threshold."""
    test = one_test(tmp_path, study="main", rule="mean", quantity=quantity, threshold=1.5)
    curves = pd.DataFrame({"run_key": ["a"] * 2 + ["b"] * 2, "step": [0, 3, 0, 3], "loss": [3.0, 0.5, 3.0, 0.5]})
    runs = pd.DataFrame({"run_key": ["a", "b"], "steps": 64, "seconds": 32.0, "failed": [False, True]})
    found = value_of_runs(test, runs, curves.assign(split="train"), {})
    assert found[0] < 4
    assert found[1] == never


def test_zero_has_a_logarithm() -> None:
    """A gradient that vanished to 0 counts as 1e-38."""
    assert rescale(pd.Series([0.0, 0.1]), "log10").to_list() == pytest.approx([-38.0, -1.0])
    assert rescale(pd.Series([8.0]), "log2").to_list() == [3.0]
    assert rescale(pd.Series([8.0]), "rank").to_list() == [8.0]
