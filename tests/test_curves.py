"""Learning curves averaged over conditions and seeds."""

import numpy as np
import pandas as pd
import pytest

from actbench.analysis import curves as statistic
from actbench.analysis.evaluations import evaluations_of
from actbench.analysis.metrics import scores_by_study
from actbench.plan.design import expand
from synthetic import fake_frames, make_config


def made_up(**options: object) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return scores and curves of made-up results."""
    frames = fake_frames(expand(make_config()), **options)  # type: ignore[arg-type]
    return scores_by_study(frames["runs"], frames["studies"]), frames["curves"]


def curve_table(scores: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Average curves where every condition has been tried at one rate."""
    runs = scores.drop_duplicates("run_key").set_index("run_key")
    recorded = evaluations_of([curves], runs.index)
    return statistic.curve_table(
        scores, scores, statistic.Curves(statistic.schedule_of([curves], runs), lambda keys: recorded)
    )


def test_the_mean_is_over_conditions_within_seeds_and_then_over_seeds() -> None:
    """Each row's accuracy is the plain mean of means of the runs at the chosen rates, inside its interval."""
    scores, curves = made_up(diverge=lambda runs: runs["seed"] < 0)
    table = curve_table(scores, curves).set_index(["activation", "depth", "split", "step"])
    joined = curves.merge(scores[["run_key", "activation", "depth", "seed"]], on="run_key")
    seeds = (
        joined.astype({"accuracy": float}).groupby(["activation", "depth", "split", "step", "seed"])["accuracy"].mean()
    )
    expected = seeds.groupby(level=[0, 1, 2, 3]).mean()
    assert np.allclose(table["accuracy"].reindex(expected.index), expected, rtol=0, atol=1e-12)
    assert len(table) == len(expected)
    assert (table["low"] <= table["accuracy"] + 1e-12).all()
    assert (table["high"] >= table["accuracy"] - 1e-12).all()
    assert set(table["n_seeds"]) == {3}


def test_a_failed_run_counts_as_zero_from_then_on() -> None:
    """When every run diverges at update 40 the accuracy is unchanged before and 0 after it, over as many runs."""
    healthy = curve_table(*made_up(diverge=lambda runs: runs["seed"] < 0))
    failed = curve_table(*made_up(diverge=lambda runs: runs["activation"] == "relu"))
    keys = ["activation", "depth", "split", "step"]
    both = failed.merge(healthy, on=keys, suffixes=("", "_healthy"))
    relu = both[both["activation"] == "relu"]
    assert len(failed) == len(healthy)
    assert (relu.loc[relu["step"] > 40, "accuracy"] == 0).all()
    assert (relu.loc[relu["step"] <= 40, "accuracy"] > 0).all()
    assert (both["n_runs"] == both["n_runs_healthy"]).all()
    others = both[both["activation"] != "relu"]
    assert others["accuracy"].to_numpy() == pytest.approx(others["accuracy_healthy"].to_numpy())


def test_an_activation_that_always_fails_has_the_steps_of_the_others() -> None:
    """Steps after the last failure of an activation are known from the other activations: there it counts as 0."""
    table = curve_table(*made_up(diverge=lambda runs: runs["activation"] == "relu"))
    steps = table.groupby("activation")["step"].unique().map(sorted)
    assert steps["relu"] == steps["tanh"]
    assert max(steps["relu"]) == 500


def test_words_may_be_categories() -> None:
    """Curves with words as categories, as they are read for statistics, give the same table."""
    scores, curves = made_up()
    words = curves.astype({"run_key": "category", "split": "category"})
    pd.testing.assert_frame_equal(curve_table(scores, words), curve_table(scores, curves), check_exact=True)


def test_the_order_of_the_rows_changes_nothing() -> None:
    """Shuffled tables give the same bytes."""
    scores, curves = made_up()
    again = curve_table(scores.sample(frac=1, random_state=1), curves.sample(frac=1, random_state=2))
    assert again.to_csv() == curve_table(scores, curves).to_csv()


def test_the_schedule_is_that_of_the_runs_that_are_named() -> None:
    """Each length has its steps and splits, wherever a run of it was evaluated; evaluations of other runs are none."""
    rows = [("a", 0, "val"), ("b", 0, "val"), ("a", 5, "val"), ("b", 9, "train"), ("other", 7, "val")]
    curves = pd.DataFrame(rows, columns=["run_key", "step", "split"])
    runs = pd.DataFrame({"steps": [5, 9]}, index=pd.Index(["a", "b"]))
    found = statistic.schedule_of([curves.iloc[3:], curves.iloc[:3]], runs)
    listed = list(found.itertuples(index=False, name=None))
    assert listed == [(5, 0, "val"), (5, 5, "val"), (9, 0, "val"), (9, 9, "train")]


def test_lengths_are_kept_apart() -> None:
    """Runs of different lengths are evaluated at different steps and never averaged together."""
    frames = fake_frames(expand(make_config(steps=(100, 500))))
    scores = scores_by_study(frames["runs"], frames["studies"])
    table = curve_table(scores, frames["curves"])
    assert set(table.groupby("steps")["step"].max().items()) == {(100, 100), (500, 500)}
