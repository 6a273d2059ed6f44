"""Quantities derived from each run, and the learning rate of each condition chosen on validation data."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from actbench.plan.factors import FACTORS

CONDITION: list[str] = [name for name in FACTORS if name not in ("seed", "lr")]
WORST_ACCURACY = 0.0
TIMES_CHANCE = 2.0
ROUNDED = 12  # decimals of a mean val_score; beyond them the order of summation would break ties between rates


@dataclass(frozen=True)
class Metric:
    """A quantity of each run: frame of runs in, one value a row out."""

    function: Callable[[pd.DataFrame], "pd.Series[Any]"]
    dtype: Literal["float64", "bool"]
    unit: str
    formula: str
    meaning: str


def _failed(runs: pd.DataFrame) -> "pd.Series[bool]":
    return runs["status"] != "ok"


def _or_worst(column: str) -> "Callable[[pd.DataFrame], pd.Series[float]]":
    def score(runs: pd.DataFrame) -> "pd.Series[float]":
        return runs[column].where(runs["status"] == "ok", WORST_ACCURACY)

    return score


def learned(runs: pd.DataFrame) -> "pd.Series[bool]":
    """Tell which runs learned, the metric `trained`: validation accuracy at least twice that of guessing, once."""
    return (runs["status"] == "ok") & (runs["best_val_accuracy"] >= TIMES_CHANCE / runs["classes"])


def stayed(runs: pd.DataFrame) -> "pd.Series[bool]":
    """Tell which runs learned and after the last update still answer at least twice as well as guessing."""
    return learned(runs) & ~(runs["val_accuracy"] < TIMES_CHANCE / runs["classes"])


def _loss(runs: pd.DataFrame) -> "pd.Series[float]":
    return runs["best_test_loss"].where(runs["status"] == "ok")


def _gap(runs: pd.DataFrame) -> "pd.Series[float]":
    return (runs["train_accuracy"] - runs["test_accuracy"]).where(runs["status"] == "ok")


METRICS: dict[str, Metric] = {
    "score": Metric(
        _or_worst("best_test_accuracy"),
        "float64",
        "fraction",
        "best_test_accuracy if status = ok else 0",
        "test accuracy at the best validation step; a run that failed counts as the worst possible",
    ),
    "val_score": Metric(
        _or_worst("best_val_accuracy"),
        "float64",
        "fraction",
        "best_val_accuracy if status = ok else 0",
        "validation accuracy by which learning rates are chosen; a run that failed counts as the worst possible",
    ),
    "failed": Metric(_failed, "bool", "", "status != ok", "the run diverged or could not be trained"),
    "trained": Metric(
        learned,
        "bool",
        "",
        "status = ok and best_val_accuracy >= 2 / classes",
        "the run learned: validation accuracy at least twice that of guessing",
    ),
    "loss": Metric(
        _loss, "float64", "nats", "best_test_loss if status = ok else null", "test loss at the best validation step"
    ),
    "gap": Metric(
        _gap,
        "float64",
        "fraction",
        "train_accuracy - test_accuracy if status = ok else null",
        "generalisation gap after the last step",
    ),
}


def add_metrics(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with one more column for each entry of METRICS."""
    types = {name: metric.dtype for name, metric in METRICS.items()}
    scored = runs.assign(**{name: metric.function(runs) for name, metric in METRICS.items()}).astype(types)
    assert scored[["score", "val_score"]].notna().all(axis=None), "a run that is ok has scores"
    return scored


def choose_lr(runs: pd.DataFrame) -> pd.DataFrame:
    """Keep the runs of each condition at its best learning rate.

    The best rate has the highest mean validation accuracy over seeds, a failed run counting as 0; the smallest rate
    wins a tie. Test data have no part in the choice.

    Args:
        runs: columns of plan.schema and METRICS; with a column `study`, conditions are chosen within each study.

    Returns:
        The kept rows with `n_lr`, the number of rates tried, and `condition`, a whole number naming the condition,
        ordered by study, condition and seed.
    """
    numbered = runs.assign(condition=number_conditions(runs)).sort_values(["condition", "lr", "seed"])
    rates = numbered.groupby(["condition", "lr"])["val_score"].mean().round(ROUNDED).reset_index()
    rates["n_lr"] = rates.groupby("condition")["lr"].transform("size")
    best = rates.sort_values(["condition", "val_score", "lr"], ascending=[True, False, True])
    best = best.drop_duplicates("condition")[["condition", "lr", "n_lr"]]
    kept = numbered.merge(best, on=["condition", "lr"], validate="many_to_one")
    return kept.sort_values(["condition", "seed"], ignore_index=True)


def varying(rows: pd.DataFrame, names: list[str]) -> list[str]:
    """Return the columns with several levels: the others part nothing, and to group by them takes most of the time."""
    return [name for name in names if len(rows) and (rows[name] != rows[name].iloc[0]).any()]


def join_scores(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Join the scores of parts of the runs, each of which holds whole conditions, as if they had been one."""
    joined = pd.concat(parts, ignore_index=True)
    return joined.assign(condition=number_conditions(joined)).sort_values(["condition", "seed"], ignore_index=True)


def number_conditions(rows: pd.DataFrame) -> "pd.Series[int]":
    """Return for each row a whole number naming its condition, within its study if there is such a column."""
    by = varying(rows, ["study"] * ("study" in rows) + CONDITION) or ["activation"]
    return rows.groupby(by, sort=True).ngroup()


def scores_by_study(runs: pd.DataFrame, studies: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each run of each study at the learning rate chosen there, with all metrics."""
    joined = studies.merge(add_metrics(runs), on="run_key", validate="many_to_one")
    assert len(joined) == len(studies), "the studies name runs that the table lacks"
    return choose_lr(joined)
