"""Claims whose learning rates are chosen: effects and intervals by plain loops over every draw of seeds."""

from itertools import combinations_with_replacement, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata, t

from actbench.analysis.claim_rules import difference
from actbench.analysis.claim_tests import Evidence, rows_of_test
from ledgers import cells, claim, ledger_of, one_test, rows

RATES, SEEDS = (0.1, 0.2, 0.4), range(5)
PAIR: dict[str, Any] = {"this": {"activation": "tanh"}, "that": {"activation": "relu"}}


def tried() -> pd.DataFrame:
    """Make runs of two activations, three depths and three rates that validation data can hardly tell apart."""
    frame = rows(activation=("relu", "tanh"), depth=(2, 4, 8), lr=RATES).assign(steps=1000)
    draws = np.random.default_rng(4).standard_normal((2, len(frame)))
    return frame.assign(val_score=0.5 + 0.02 * draws[0], score=0.5 + frame["lr"] / 10 + 0.01 * (draws[0] + draws[1]))


def expected(frame: pd.DataFrame, merit: str) -> tuple[float, float, float]:
    """Return effect and ends: t(4) times √(5/4) times the deviation of the effect over all 5⁵ draws."""
    seen = {
        key: tuple(dict(zip(own["seed"], own[column], strict=True)) for column in (merit, "score"))
        for key, own in frame.groupby(["activation", "depth", "lr"])
    }

    def effect(draw: tuple[int, ...]) -> float:
        apart = []
        for depth, sign in product((2, 4, 8), (("tanh", 1.0), ("relu", -1.0))):
            means = {lr: sum(seen[sign[0], depth, lr][0][seed] for seed in draw) for lr in RATES}
            best = min(RATES, key=lambda lr, means=means: (-round(means[lr] / len(draw), 12), lr))  # type: ignore[misc]
            apart.append(sign[1] * np.mean([seen[sign[0], depth, best][1][seed] for seed in draw]))
        return float(np.sum(apart) / 3)

    known = {draw: effect(draw) for draw in combinations_with_replacement(SEEDS, 5)}
    every = [known[tuple(sorted(draw))] for draw in product(SEEDS, repeat=5)]  # type: ignore[index]
    middle, reach = effect(tuple(SEEDS)), t.ppf(0.975, 4) * np.sqrt(5 / 4) * np.std(every)
    return middle, middle - reach, middle + reach


def judged(frame: pd.DataFrame, folder: Path, **keys: Any) -> dict[str, Any]:
    """Judge a claim on made-up runs and return the row of its test."""
    entry = ledger_of(folder, {"a-claim": claim(study="main", rule="difference", quantity="score", **PAIR, **keys)})[0]
    evidence = Evidence(frame, frame[["run_key"]].assign(study="main"), pd.DataFrame())
    return next(rows_of_test(entry, entry.tests[0], evidence))


def test_the_error_has_the_choice_of_rates_in_it(tmp_path: Path) -> None:
    """Effect and interval of chosen rates are those of every draw; of all rates as levels that of the seeds alone."""
    frame = tried()
    found = judged(frame, tmp_path)
    assert (found["effect"], found["low"], found["high"]) == pytest.approx(expected(frame, "val_score"))
    each = judged(frame, tmp_path, rates="each")
    means = frame.groupby(["activation", "seed"])["score"].mean().unstack("activation")
    apart = means["tanh"] - means["relu"]
    assert each["high"] - each["effect"] == pytest.approx(t.ppf(0.975, 4) * apart.sem())


def test_choices_taken_together_or_apart_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many choices of rates are in memory at once changes nothing."""
    whole = judged(tried(), tmp_path)
    monkeypatch.setattr("actbench.analysis.claim_cells.NUMBERS_AT_ONCE", 1)
    assert judged(tried(), tmp_path) == whole


def test_a_rate_that_always_wins_leaves_students_interval(tmp_path: Path) -> None:
    """Where every resample chooses alike the interval is that of the runs at that rate."""
    frame = tried()
    clear = frame.assign(val_score=np.where(frame["lr"] == 0.2, 0.9, 0.1))
    alone = judged(clear[clear["lr"] == 0.2].reset_index(drop=True), tmp_path)
    found = judged(clear, tmp_path)
    assert {name: found[name] for name in ("effect", "low", "high", "p")} == {
        name: alone[name] for name in ("effect", "low", "high", "p")
    }


def test_ranks_are_those_of_scipy(tmp_path: Path) -> None:
    """Within each block and seed, ties shared, with three activations of which two stand on one side."""
    frame = rows(activation=("relu", "tanh", "gelu"), depth=(2, 4))
    frame["value"] = np.random.default_rng(5).integers(0, 3, len(frame)).astype(float)
    keys = {"study": "main", "rule": "difference", "quantity": "score", "scale": "rank", "direction": "lower"}
    found = difference(cells(frame), one_test(tmp_path, this={"activation": ["tanh"]}, that={}, **keys))
    for seed, own in frame.groupby("seed"):
        ranks = [dict(zip(one["activation"], rankdata(-one["value"]), strict=True)) for _, one in own.groupby("depth")]
        apart = np.mean([rank["tanh"] - (rank["relu"] + rank["gelu"]) / 2 for rank in ranks])
        assert found.by_seed[int(str(seed))] == pytest.approx(apart)
