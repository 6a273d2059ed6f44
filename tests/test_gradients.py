"""Gradient norms by layer over seeds."""

import numpy as np
import pandas as pd

from actbench.analysis.gradients import gradient_table
from actbench.analysis.layer_ends import END, START, ends_of
from actbench.analysis.layer_records import records_of
from actbench.analysis.metrics import scores_by_study
from actbench.plan.design import expand
from synthetic import fake_frames, make_config


def made_up(**options: object) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return scores, runs and layers at both ends of made-up results whose norms differ by seed and clipping rule."""
    frames = fake_frames(expand(make_config(clip=("none", "norm(1.0)"))), **options)  # type: ignore[arg-type]
    layers = frames["layers"].merge(frames["runs"][["run_key", "seed"]], on="run_key")
    layers["value"] = (layers["value"] * (1 + layers["seed"])).astype("float32")
    runs = frames["runs"]
    ends = ends_of(records_of(layers, pd.Index(runs["run_key"])), runs)
    return scores_by_study(runs, frames["studies"]), runs, ends


def test_median_and_range_are_over_seeds() -> None:
    """With norms in proportion to 1, 2 and 3 over seeds the median is twice and the highest three times the lowest."""
    table = gradient_table(*made_up(diverge=lambda runs: runs["seed"] < 0))
    assert np.allclose(table["gradient_norm"] / table["low"], 2, rtol=1e-6)
    assert np.allclose(table["high"] / table["low"], 3, rtol=1e-6)
    assert set(table["n_seeds"]) == {3}
    assert set(table["n_runs"]) == {6}
    assert set(table["n_failed"]) == {0}


def test_only_the_deepest_networks_and_all_their_layers_stand_there() -> None:
    """The table has the layers 1 to 9 of the networks of 8 hidden layers, at both moments."""
    table = gradient_table(*made_up(diverge=lambda runs: runs["seed"] < 0))
    assert set(table["depth"]) == {8}
    assert set(table["layer"]) == set(range(1, 10))
    assert set(table["moment"]) == {START, END}
    assert len(table) == 3 * 2 * 9 * 2


def test_failed_runs_count_before_training_only() -> None:
    """Where seed 2 fails its norms stand in the median before training and are missing after it."""
    table = gradient_table(*made_up(diverge=lambda runs: runs["seed"] == 2))
    counts = table.groupby("moment")["n_seeds"].unique().map(list).to_dict()
    assert counts == {START: [3], END: [2]}
    assert set(table["n_failed"]) == {2}


def test_parts_by_activation_give_the_same_rows() -> None:
    """Activations taken one after another and joined give the table of all at once."""
    scores, runs, ends = made_up()
    parts = []
    for _, own in runs.groupby("activation"):
        place = pd.Series(range(len(own)), index=own.index)
        kept = ends[ends["run"].isin(own.index)]
        parts.append(gradient_table(scores, own, kept.assign(run=kept["run"].map(place))))
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), gradient_table(scores, runs, ends))
