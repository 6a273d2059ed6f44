"""actbench.analysis.neighbours: runs one step away in the grid."""

import pandas as pd
import pytest

from actbench.analysis.metrics import add_metrics
from actbench.analysis.neighbours import COLUMNS, neighbours, same_condition
from actbench.plan.design import expand
from actbench.plan.factors import FACTORS
from synthetic import fake_runs, make_config


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    """Make up the runs of 3 activations, 2 depths, 2 inits, 2 learning rates and 3 seeds, some of which diverge."""
    return add_metrics(fake_runs(expand(make_config())))


def test_neighbours_differ_in_one_factor_and_not_in_the_seed(runs: pd.DataFrame) -> None:
    """A loop over all pairs of runs finds the same neighbours, for every run."""
    for _, run in runs.iterrows():
        expected = set()
        for _, other in runs.iterrows():
            differing = [name for name in FACTORS if other[name] != run[name]]
            if len(differing) == 1 and differing != ["seed"]:
                expected.add((differing[0], other[differing[0]], other["run_key"]))
        found = neighbours(runs, run)
        assert list(found) == COLUMNS
        assert len(found) == len(expected) == 5
        assert set(found[["factor", "level", "run_key"]].itertuples(index=False, name=None)) == expected


def test_the_difference_is_the_neighbours_score_less_the_runs(runs: pd.DataFrame) -> None:
    """A neighbour of a run that diverged is better by all of its score, and the best of a factor stands first."""
    run = runs[runs["status"] == "diverged"].iloc[0]
    found = neighbours(runs, run)
    assert (found["difference"] == found["score"]).all()
    assert found.groupby("factor")["score"].apply(lambda scores: scores.is_monotonic_decreasing).all()


def test_a_run_alone_has_no_neighbours(runs: pd.DataFrame) -> None:
    """A table of one run gives no rows and the same columns."""
    assert list(neighbours(runs.iloc[:1], runs.iloc[0])) == COLUMNS
    assert neighbours(runs.iloc[:1], runs.iloc[0]).empty


def test_the_same_condition_has_every_seed(runs: pd.DataFrame) -> None:
    """One row for each seed, with all other levels equal."""
    run = runs.iloc[5]
    found = same_condition(runs, run)
    assert found["seed"].tolist() == [0, 1, 2]
    assert (found[[name for name in FACTORS if name != "seed"]].nunique() == 1).all()


def test_levels_that_are_missing_are_equal(runs: pd.DataFrame) -> None:
    """In a table that records a factor for some runs only, a run without it is not its own neighbour."""
    some = runs.assign(norm=runs["norm"].where(runs["activation"] == "tanh"))
    run = some[some["activation"] == "relu"].iloc[0]
    assert run["run_key"] in set(same_condition(some, run)["run_key"])
    assert run["run_key"] not in set(neighbours(some, run)["run_key"])
