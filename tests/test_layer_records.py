"""The table `layers` as numbers: the same from a file, from a frame and from rows in any order."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from actbench.analysis import layer_records, shard_file, table_file
from actbench.analysis.hidden_layers import REDUCTIONS, reduce_hidden
from actbench.analysis.layer_records import LayerRecords, flags_of, names, read_records, records_of
from actbench.plan.design import expand
from synthetic import fake_frames, make_config, write_results

CONFIG = make_config(seed=(0, 1))


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    """Make up tables; numbers differ by run."""
    frames = fake_frames(expand(CONFIG))
    noise = np.random.default_rng(0).random(len(frames["layers"]), dtype="float32")
    return {**frames, "layers": frames["layers"].assign(value=frames["layers"]["value"] * noise)}


def rows_of(records: LayerRecords, keys: pd.Index) -> pd.DataFrame:
    """Write records as rows again; those of other runs and unknown diagnostics are left out."""
    known = (records.run_B[records.block_R] >= 0) & (records.diagnostic_R < len(names()))
    columns = {
        "run_key": keys[records.run_B[records.block_R][known]],
        "step": records.step_B[records.block_R][known],
        "layer": records.layer_R[known],
        "diagnostic": np.array(names())[records.diagnostic_R[known]],
        "value": records.value_R[known],
    }
    return pd.DataFrame(columns).sort_values(["run_key", "step", "layer", "diagnostic"], ignore_index=True)


def test_records_are_the_rows_of_the_table(frames: dict[str, pd.DataFrame]) -> None:
    """Written as rows again they are the table, without another run and an unknown diagnostic that stood in it."""
    layers, keys = frames["layers"], pd.Index(frames["runs"]["run_key"].iloc[1:])
    strange = layers.iloc[5:6].assign(diagnostic="no such thing")
    found = rows_of(records_of(pd.concat([layers, strange]), keys), keys)
    kept = layers[layers["run_key"].isin(keys)].sort_values(["run_key", "step", "layer", "diagnostic"])
    pd.testing.assert_frame_equal(found, kept.reset_index(drop=True), check_dtype=False)


def test_the_order_of_the_rows_does_not_matter(frames: dict[str, pd.DataFrame]) -> None:
    """Shuffled rows give the same records, but for the order of the diagnostics of one layer."""
    keys = pd.Index(frames["runs"]["run_key"])
    first, again = (records_of(rows, keys) for rows in (frames["layers"], frames["layers"].sample(frac=1)))
    for field in fields(LayerRecords)[:4]:
        np.testing.assert_array_equal(getattr(first, field.name), getattr(again, field.name))
    pd.testing.assert_frame_equal(rows_of(first, keys), rows_of(again, keys))


@pytest.mark.parametrize("at_once", [1, 10**6])
def test_a_file_gives_the_records_of_its_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    """Read a row group at a time or together, the records of some runs are those of the table in memory."""
    monkeypatch.setattr(table_file, "GROUP_ROWS", 500)
    monkeypatch.setattr(shard_file, "RUNS_AT_ONCE", 2)
    monkeypatch.setattr(layer_records, "ROWS_AT_ONCE", at_once)
    frames = write_results(CONFIG, tmp_path)
    keys = pd.Index(frames["runs"]["run_key"].iloc[[3, 1, 17]])
    found = pd.concat(rows_of(each, keys) for each in read_records(CONFIG, keys, tmp_path))
    order = ["run_key", "step", "layer", "diagnostic"]
    expected = rows_of(records_of(frames["layers"], keys), keys)
    assert len(expected)
    pd.testing.assert_frame_equal(found.sort_values(order, ignore_index=True), expected)


def test_hidden_layers_are_reduced_as_pandas_does(frames: dict[str, pd.DataFrame]) -> None:
    """First, last, lowest, highest and mean of each run, step and diagnostic, the output layer left out."""
    runs, layers = frames["runs"], frames["layers"]
    records = records_of(layers, pd.Index(runs["run_key"]))
    wanted = flags_of({"gradient_norm", "global_gradient_norm"}) & np.ones((len(records.run_B), 1), dtype=bool)
    found = reduce_hidden(records, runs["depth"].to_numpy(), wanted)
    rows = layers.merge(runs[["run_key", "depth"]]).query("layer <= depth").sort_values("layer")
    rows = rows[rows["diagnostic"].isin(["gradient_norm", "global_gradient_norm"])].astype({"value": "float64"})
    expected = rows.groupby(["run_key", "step", "diagnostic"])["value"].agg(["first", "last", "min", "max", "mean"])
    found = found.assign(run_key=runs["run_key"].to_numpy()[found["run"]]).astype({"diagnostic": "str"})
    found = found.set_index(["run_key", "step", "diagnostic"])[[*REDUCTIONS, "mean"]].sort_index()
    np.testing.assert_array_equal(found.index, expected.index)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("shuffled", [False, True])
def test_the_first_after_the_start_is_that_of_each_diagnostic(frames: dict[str, pd.DataFrame], shuffled: bool) -> None:
    """A diagnostic that a run lacks at its next step is first seen later; blocks of a run apart lose none."""
    keys = pd.Index(frames["runs"]["run_key"])
    later = frames["layers"].eval("run_key == @keys[0] and step > 0 and diagnostic == 'gradient_norm'")
    layers = frames["layers"].assign(step=frames["layers"]["step"] + 3 * later)
    records = records_of(layers, keys)
    if shuffled:
        order = np.random.default_rng(0).permutation(len(records.run_B))
        block_R = np.argsort(order)[records.block_R]
        records = replace(records, run_B=records.run_B[order], step_B=records.step_B[order], block_R=block_R)
    block_B, place_B = np.nonzero(records.first_after_start())
    found = pd.DataFrame({
        "run_key": keys[records.run_B[block_B]],
        "diagnostic": np.array(names())[place_B],
        "step": records.step_B[block_B],
    })  # fmt: skip
    expected = layers[layers["step"] > 0].groupby(["run_key", "diagnostic"])["step"].min()
    assert expected.nunique() > 1
    pd.testing.assert_series_equal(found.groupby(["run_key", "diagnostic"])["step"].min(), expected, check_dtype=False)
    assert shuffled or len(found) == len(expected)
