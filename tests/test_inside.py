"""The statistic `inside` is the plain median over seeds of means over runs and hidden layers."""

import numpy as np
import pandas as pd
import pytest

from actbench.analysis import inside as statistic
from actbench.analysis.hidden_layers import reduce_hidden
from actbench.analysis.inside import BY, DIAGNOSTICS, causes_of, inside, levels_of, means_of
from actbench.analysis.layer_records import names, records_of
from actbench.plan.design import expand
from synthetic import fake_frames, make_config


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    """Make up tables in which some runs diverge."""
    frames = fake_frames(expand(make_config(clip=("none", "norm(1.0)"))))
    layers = frames["layers"].merge(frames["runs"][["run_key", "seed"]], on="run_key")
    layers["value"] = (layers["value"] * (1 + layers["seed"])).astype("float32")
    return {**frames, "layers": layers.drop(columns="seed")}


def table_of(
    runs: pd.DataFrame, members: pd.DataFrame, layers: pd.DataFrame, whole: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Make the statistic of some runs from the tables."""
    records = records_of(layers, pd.Index(runs["run_key"]))
    wanted = np.ones((len(records.run_B), len(names()) + 1), dtype=bool)
    means = means_of(reduce_hidden(records, runs["depth"].to_numpy(), wanted))
    return inside(runs, members, means, causes_of([levels_of(runs if whole is None else whole, members)]))


def test_a_row_is_the_median_over_seeds(frames: dict[str, pd.DataFrame]) -> None:
    """Every row agrees with a slow computation from the tables, row by row."""
    runs, members, layers = frames["runs"], frames["studies"], frames["layers"]
    table = table_of(runs, members, layers)
    assert {"activation", "depth", "init", "lr"} <= set(table["cause"])
    for row in table.sample(25, random_state=0).itertuples():
        keys = members[members["study"] == row.study]["run_key"]
        own = runs[runs["run_key"].isin(keys) & (runs["activation"] == row.activation)]
        own = own[own[row.cause].map(str) == row.level]
        seeds = []
        for _, of_seed in own.groupby("seed"):
            values = [value for run in of_seed.itertuples() if (value := of_run(run, row, layers)) is not None]
            if values:
                seeds.append(np.mean(values))
        assert row.value == pytest.approx(np.median(seeds))
        assert (row.low, row.high, row.n_seeds) == (pytest.approx(min(seeds)), pytest.approx(max(seeds)), len(seeds))


def of_run(run: object, row: object, layers: pd.DataFrame) -> float | None:
    """Return a run's number at the row's step."""
    if row.diagnostic in ("failed", "clip_rate"):
        return float(run.status != "ok") if row.diagnostic == "failed" else run.clip_rate
    at = (layers["run_key"] == run.run_key) & (layers["step"] == row.step) & (layers["layer"] <= run.depth)
    values = layers[at & (layers["diagnostic"] == row.diagnostic)]["value"]
    return float(values.mean()) if len(values) else None


def test_parts_by_activation_give_the_same_rows(frames: dict[str, pd.DataFrame]) -> None:
    """Activations one after another give the rows of all at once, also where one has a single level of a factor."""
    every, layers = frames["runs"], frames["layers"]
    every = every[(every["activation"] != "tanh") | (every["lr"] == 0.02)].reset_index(drop=True)
    members = frames["studies"][frames["studies"]["run_key"].isin(every["run_key"])]
    whole = table_of(every, members, layers)
    assert "lr" in set(whole.loc[whole["activation"] == "tanh", "cause"])
    parts = [table_of(runs, members, layers, every) for _, runs in every.groupby("activation")]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole, check_exact=True)
    assert not whole.duplicated(BY).any()
    assert set(whole["diagnostic"]) <= {*DIAGNOSTICS, "failed", "clip_rate"}


@pytest.mark.parametrize("at_once", [1, 7, 10_000])
def test_groups_taken_together_or_apart_give_the_same_bits(
    at_once: int, frames: dict[str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many runs are in memory at once changes nothing."""
    whole = table_of(frames["runs"], frames["studies"], frames["layers"])
    monkeypatch.setattr(statistic, "ROWS_AT_ONCE", at_once)
    pd.testing.assert_frame_equal(
        table_of(frames["runs"], frames["studies"], frames["layers"]), whole, check_exact=True
    )
