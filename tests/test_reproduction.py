"""Run by run: what is bit-equal, within tolerance, different; and the number that deviates most."""

import numpy as np
import pandas as pd
import pytest

from actbench.analysis.reproduction import DIFFERENT, EQUAL, WITHIN, compare_runs, deviations
from actbench.plan.design import expand
from synthetic import fake_frames, make_config

FRAMES = fake_frames(expand(make_config(depth=(2,), init=("he_normal",), lr=(0.1,))))


def changed(table: str, row: int, column: str, value: object) -> dict[str, pd.DataFrame]:
    """Return the tables with one cell changed."""
    frames = {name: frame.copy() for name, frame in FRAMES.items()}
    frames[table].loc[row, column] = value
    return frames


def of_run(other: dict[str, pd.DataFrame], key: str) -> pd.Series:
    """Compare the tables with changed ones and return the row of one run; all others are bit-equal."""
    rows = compare_runs(FRAMES, other).runs.set_index("run_key")
    assert (rows.drop(index=key)["verdict"] == EQUAL).all()
    return rows.loc[key]


def test_the_same_tables_are_bit_equal_in_any_order() -> None:
    """Shuffled rows are the same numbers, missing values included; where and when they were made does not count."""
    other = {name: frame.sample(frac=1, random_state=0) for name, frame in FRAMES.items()}
    other["runs"] = other["runs"].assign(seconds=9.0, commit="else", device="cuda-sm90")
    found = compare_runs(FRAMES, other)
    assert found.counts() == {EQUAL: len(FRAMES["runs"]), WITHIN: 0, DIFFERENT: 0}
    assert (found.runs["largest"] == 0).all()
    assert (found.runs["where"] == "").all()


def test_the_last_bit_counts() -> None:
    """One unit in the last place of a loss is within tolerance, not bit-equal, and named."""
    loss = FRAMES["runs"].loc[3, "test_loss"]
    row = of_run(changed("runs", 3, "test_loss", np.nextafter(loss, 10)), FRAMES["runs"].loc[3, "run_key"])
    assert row["verdict"] == WITHIN
    assert 0 < row["deviation"] < 1e-15
    assert row["where"] == "test_loss"


def test_a_recorded_layer_counts_without_judging() -> None:
    """A profile that differs makes a run within tolerance however far off it is: final numbers judge."""
    place = FRAMES["layers"].query("diagnostic == 'gradient_norm'").index[5]
    layer = FRAMES["layers"].loc[place]
    row = of_run(changed("layers", place, "value", layer["value"] * 4), layer["run_key"])
    assert row["verdict"] == WITHIN
    assert row["deviation"] == 0
    assert row["largest"] == pytest.approx(0.75)
    assert row["where"] == f"{layer['diagnostic']} of layer {layer['layer']} at step {layer['step']}"


def test_another_result_is_different() -> None:
    """A final accuracy beyond the tolerance, another fate, a missing number and a missing run are each different."""
    key, value = FRAMES["runs"].loc[0, "run_key"], FRAMES["runs"].loc[0, "val_accuracy"]
    assert of_run(changed("runs", 0, "val_accuracy", value - 0.11), key)["verdict"] == DIFFERENT
    assert of_run(changed("runs", 0, "val_accuracy", value - 0.09), key)["verdict"] == WITHIN
    assert of_run(changed("runs", 0, "status", "error"), key)["verdict"] == DIFFERENT
    lost = of_run(changed("runs", 0, "test_loss", np.nan), key)
    assert (lost["verdict"], lost["deviation"]) == (DIFFERENT, np.inf)
    fewer = {name: frame[frame["run_key"] != key] for name, frame in FRAMES.items()}
    gone = of_run(fewer, key)
    assert (gone["verdict"], gone["other_status"]) == (DIFFERENT, "missing")


def test_a_table_that_one_set_lacks_is_not_compared() -> None:
    """Without layers on either side, runs are judged by the other tables, which must still agree."""
    fewer = {name: frame for name, frame in FRAMES.items() if name != "layers"}
    for first, second in ((FRAMES, fewer), (fewer, FRAMES)):
        assert compare_runs(first, second).counts()[EQUAL] == len(FRAMES["runs"])
    worse = {**fewer, "curves": FRAMES["curves"].assign(loss=FRAMES["curves"]["loss"] + 1)}
    assert compare_runs(FRAMES, worse).counts()[EQUAL] == 0


def test_deviations() -> None:
    """Shares deviate by their distance, other numbers by it over the larger; two missing numbers agree."""
    a = pd.Series([0.5, 2.0, 0.0, np.nan, np.nan, np.inf])
    b = pd.Series([0.4, 1.0, 0.0, np.nan, 1.0, np.inf])
    shares = pd.Series([True, False, False, False, False, False])
    assert deviations(a, b, shares).tolist() == pytest.approx([0.1, 0.5, 0.0, 0.0, np.inf, 0.0])
