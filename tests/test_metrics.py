"""Metrics of a run, and the choice of the learning rate on validation data."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actbench.analysis.metrics import CONDITION, METRICS, add_metrics, choose_lr, scores_by_study, varying
from actbench.plan.config import Config
from actbench.plan.design import expand
from synthetic import CLASSES, fake_frames, fake_runs, make_config

CONFIG = make_config()


@pytest.fixture
def runs() -> pd.DataFrame:
    """Return made-up runs of which some diverged."""
    return fake_runs(expand(CONFIG))


def test_every_metric_says_what_it_is() -> None:
    """An entry has a formula and a meaning."""
    for metric in METRICS.values():
        assert metric.formula
        assert metric.meaning


def test_a_failed_run_has_the_worst_score(runs: pd.DataFrame) -> None:
    """Whatever accuracy a failed run reached before, its scores are 0, it has no loss and did not train."""
    failed = add_metrics(runs)[runs["status"] != "ok"]
    assert len(failed) > 0
    assert failed["best_test_accuracy"].min() > 0
    assert (failed["score"] == 0).all()
    assert (failed["val_score"] == 0).all()
    assert failed["failed"].all()
    assert not failed["trained"].any()
    assert failed[["loss", "gap"]].isna().all(axis=None)


def test_a_run_that_is_ok_keeps_its_numbers(runs: pd.DataFrame) -> None:
    """score, loss and gap of a run that is ok are its columns."""
    ok = add_metrics(runs)[runs["status"] == "ok"]
    np.testing.assert_array_equal(ok["score"], ok["best_test_accuracy"])
    np.testing.assert_array_equal(ok["loss"], ok["best_test_loss"])
    np.testing.assert_array_equal(ok["gap"], ok["train_accuracy"] - ok["test_accuracy"])


@pytest.mark.parametrize(("accuracy", "trained"), [(0.1, False), (0.199, False), (0.2, True), (0.9, True)])
def test_trained_means_twice_chance(runs: pd.DataFrame, accuracy: float, trained: bool) -> None:
    """With ten classes a run trained when its validation accuracy is at least 0.2."""
    assert CLASSES == 10
    assert (add_metrics(runs.assign(status="ok", best_val_accuracy=accuracy))["trained"] == trained).all()


def test_a_run_that_could_not_be_trained_has_no_classes_and_did_not_train(runs: pd.DataFrame) -> None:
    """An error before the data were read leaves 0 classes and nulls; its metrics are those of a failure."""
    broken = runs.assign(status="error", classes=0, best_val_accuracy=np.nan, best_test_accuracy=np.nan)
    metrics = add_metrics(broken)
    assert not metrics["trained"].any()
    assert (metrics["score"] == 0).all()


def test_the_learning_rate_is_the_best_on_validation_data(runs: pd.DataFrame) -> None:
    """A plain loop over conditions chooses the same rates and keeps the same runs."""
    kept = choose_lr(add_metrics(runs))
    wanted = set()
    for _, group in add_metrics(runs).groupby(CONDITION):
        means = {lr: np.mean(at["val_score"]) for lr, at in group.groupby("lr")}
        best = max(means, key=lambda lr: (means[lr], -lr))
        wanted |= set(group.loc[group["lr"] == best, "run_key"])
    assert set(kept["run_key"]) == wanted
    assert (kept["n_lr"] == 2).all()
    assert kept.groupby("condition")["seed"].apply(list).map(lambda seeds: seeds == [0, 1, 2]).all()


def test_test_data_have_no_part_in_the_choice(runs: pd.DataFrame) -> None:
    """Other test accuracies leave the chosen runs as they are."""
    kept = choose_lr(add_metrics(runs))
    turned = add_metrics(runs.assign(best_test_accuracy=1 - runs["best_test_accuracy"]))
    assert choose_lr(turned)["run_key"].tolist() == kept["run_key"].tolist()


def test_the_smallest_rate_wins_a_tie(runs: pd.DataFrame) -> None:
    """When every run of a condition failed, all rates score 0 and the smallest is kept."""
    assert (choose_lr(add_metrics(runs.assign(status="diverged")))["lr"] == 0.02).all()


def test_rounding_of_a_mean_breaks_no_tie(runs: pd.DataFrame) -> None:
    """A mean that is larger in its last bit alone, as other orders of summation make it, is no better."""
    above = np.nextafter(0.3, 1.0)
    tied = runs["lr"].map({0.02: 0.3, 0.1: above})
    assert tied.nunique() == 2
    assert (choose_lr(add_metrics(runs.assign(status="ok", best_val_accuracy=tied)))["lr"] == 0.02).all()


@settings(max_examples=4)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(random: object) -> None:
    """Shuffled runs give the same choice in the same order."""
    runs = add_metrics(fake_runs(expand(CONFIG)))
    order = random.sample(range(len(runs)), len(runs))  # type: ignore[attr-defined]
    pd.testing.assert_frame_equal(choose_lr(runs.iloc[order]), choose_lr(runs))


def test_rates_are_chosen_within_each_study() -> None:
    """A study that tries one rate keeps it, though another study has a better one for the same condition."""
    study = CONFIG.studies[0]
    narrow = type(study)("narrow", "", {**study.levels, "lr": (0.1,)})
    design = expand(Config("x", "", 60, (study, narrow)))
    frames = fake_frames(design, steps_recorded=1)
    scores = scores_by_study(frames["runs"], frames["studies"])
    assert set(scores.loc[scores["study"] == "narrow", "lr"]) == {0.1}
    assert (scores.loc[scores["study"] == "narrow", "n_lr"] == 1).all()
    assert 0.02 in set(scores.loc[scores["study"] == "main", "lr"])


def test_columns_with_one_level_do_not_vary() -> None:
    """Only columns with two levels and more part rows; one condition alone is still a condition."""
    rows = pd.DataFrame({"a": [1, 1, 2], "b": ["x", "x", "x"], "c": ["x", "y", "x"]})
    assert varying(rows, ["a", "b", "c"]) == ["a", "c"]
    assert varying(rows.iloc[:0], ["a", "b"]) == []
    runs = fake_runs(expand(make_config(activation=("relu",), depth=(2,), init=("he_normal",))))
    kept = choose_lr(add_metrics(runs))
    assert (kept["condition"] == 0).all()
    assert len(kept) == 3
