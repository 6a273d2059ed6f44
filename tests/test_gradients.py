"""Gradient norms by layer over seeds."""

import numpy as np
import pandas as pd

from actbench.analysis.gradients import deepest_of, gradient_table
from actbench.analysis.inside import levels_of
from actbench.analysis.layer_ends import END, MOMENTS, PROFILES, START, Ends, add_ends, no_ends
from actbench.analysis.layer_records import records_of
from actbench.analysis.metrics import scores_by_study
from actbench.plan.design import expand
from synthetic import fake_frames, make_config


def ends_of(layers: pd.DataFrame, runs: pd.DataFrame) -> Ends:
    """Return the numbers at both ends of these runs."""
    ends = no_ends(runs)
    add_ends(ends, records_of(layers, pd.Index(runs["run_key"])), runs)
    return ends


def recorded(**options: object) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Return the tables of made-up results, and layers whose norms differ by seed."""
    frames = fake_frames(expand(make_config(clip=("none", "norm(1.0)"))), **options)  # type: ignore[arg-type]
    layers = frames["layers"].merge(frames["runs"][["run_key", "seed"]], on="run_key")
    layers["value"] = (layers["value"] * (1 + layers["seed"])).astype("float32")
    return frames, layers


def made_up(**options: object) -> tuple[pd.DataFrame, pd.DataFrame, Ends, dict[str, int]]:
    """Return scores, runs, their layers at both ends and the largest depth of each study."""
    frames, layers = recorded(**options)
    runs, studies = frames["runs"], frames["studies"]
    return scores_by_study(runs, studies), runs, ends_of(layers, runs), deepest_of([levels_of(runs, studies)])


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
    """Activations taken one after another and joined give the table of all at once, also where one is nowhere deep."""
    frames, layers = recorded()
    runs = frames["runs"].query("activation != 'tanh' or depth < 8")
    studies = frames["studies"][frames["studies"]["run_key"].isin(runs["run_key"])]
    scores, deepest = scores_by_study(runs, studies), deepest_of([levels_of(runs, studies)])
    parts = [
        gradient_table(scores[scores["activation"] == activation], own, ends_of(layers, own), deepest)
        for activation, own in runs.groupby("activation")
    ]
    whole = gradient_table(scores, runs, ends_of(layers, runs), deepest)
    assert set(whole["activation"]) == set(runs["activation"]) - {"tanh"}
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)


def test_each_number_is_in_its_place() -> None:
    """The cube of each depth holds the rows of the table at step 0 and, of runs that are ok, at the last; else nan."""
    frames, layers = recorded()
    ends, place = ends_of(layers, frames["runs"]), pd.Index(frames["runs"]["run_key"])
    rows = layers.merge(frames["runs"][["run_key", "depth", "steps", "status"]], on="run_key")
    last = (rows["step"] == rows["steps"]) & (rows["status"] == "ok")
    rows = rows[((rows["step"] == 0) | last) & rows["diagnostic"].isin(PROFILES) & (rows["layer"] > 0)]
    for row in rows.sample(200, random_state=0).itertuples():
        run, kind = ends.place_R[place.get_loc(row.run_key)], PROFILES.index(row.diagnostic)
        assert (
            ends.cubes[row.depth][run, MOMENTS.index(START if row.step == 0 else END), row.layer - 1, kind] == row.value
        )
    assert sum(int((~np.isnan(cube)).sum()) for cube in ends.cubes.values()) == len(rows)
