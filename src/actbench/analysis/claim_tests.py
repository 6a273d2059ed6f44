"""The tests of the ledger applied to what was measured: one row for each test and each of its strata."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.claim_cells import Tried, tried
from actbench.analysis.claim_costs import cost, read_costs
from actbench.analysis.claim_laws import LAWS
from actbench.analysis.claim_rules import EFFECTS, ONE_CHOICE, matches
from actbench.analysis.claims_schema import EXACT
from actbench.analysis.metrics import METRICS, add_metrics
from actbench.analysis.row_groups import BATCH, in_levels, iterate_rows, read_rows
from actbench.analysis.run_places import places_of
from actbench.analysis.run_values import Wanted, read_diagnostics, speed, value_of_runs, wanted_of
from actbench.analysis.seed_resampling import Array, mean_of_seeds, resampled_error, resamples
from actbench.analysis.statistic_file import read_if_made, stats_path
from actbench.analysis.statistics import NEEDED
from actbench.analysis.tables import RESULTS, read_table
from actbench.analysis.verdicts import (
    CONTRADICTED,
    MISSING,
    NOT_ESTIMABLE,
    NOT_YET,
    SUPPORTED,
    Estimate,
    judge,
    unite,
)  # fmt: skip
from actbench.plan.config import Config
from actbench.plan.factors import FACTORS
from actbench.plan.ledger import CLOCK, SPEED, Claim, ClaimTest
from actbench.plan.registry import declared_text, known_levels
from actbench.plan.schema import RUNS

Row = dict[str, Any]
USED = ("steps", "seconds")  # columns of `runs` beside factors, metrics and what a test names
Rows = np.ndarray[Any, np.dtype[np.intp]]  # places of rows


@dataclass(frozen=True)
class Evidence:
    """What the ledger is judged by."""

    runs: pd.DataFrame  # with metrics
    members: pd.DataFrame  # study, run_key
    curves: pd.DataFrame
    diagnostics: dict[Wanted, "pd.Series[float]"] = field(default_factory=dict)
    exact: pd.DataFrame = field(default_factory=pd.DataFrame)
    cost: pd.DataFrame = field(default_factory=pd.DataFrame)

    @cached_property
    def places(self) -> dict[str, Rows]:
        """Return the rows of `runs` that are of each study; text is looked up once, for that takes most of the time."""
        keys = self.runs["run_key"]
        found = {str(study): places_of(own, keys) for study, own in self.members.groupby("study")["run_key"]}
        return {study: np.sort(place[place >= 0]) for study, place in found.items()}


def read_evidence(config: Config, ledger: tuple[Claim, ...], results: Path = RESULTS) -> Evidence:
    """Read from the tables what the ledger's tests need, and no more."""
    tests = [test for claim in ledger for test in claim.tests]
    members = read_table(config, "studies", results=results)
    members = members[members["study"].isin({test.study for test in tests})]
    runs = _read_runs(config, tests, members, results)
    timed = [test.study for test in tests if {SPEED, CLOCK} & {test.quantity, _of_rates(test)}]
    keys = sorted(set(members.loc[members["study"].isin(timed), "run_key"]))
    curves = read_rows(config, "curves", ["run_key", "step", "split", "loss"], [("run_key", "in", keys)], results)
    curves = curves.astype({"run_key": "str"})  # without the words of all other runs
    diagnostics = read_diagnostics(config, runs, _wanted(tests, members), results)
    exact, costs = (stats_path(config.name, name, results) for name in ("exact", "cost"))
    return Evidence(runs, members, curves, diagnostics, read_if_made(exact, EXACT), read_costs(costs))


def _read_runs(config: Config, tests: list[ClaimTest], members: pd.DataFrame, results: Path) -> pd.DataFrame:
    """Read the runs of some studies, in the order of their keys, and of their columns those that tests can need."""
    recorded = {column.name for column in RUNS}
    asked = {test.quantity for test in tests} & recorded
    kept = list(dict.fromkeys(["run_key", *FACTORS, *USED, *METRICS, *asked]))
    keys, parts = members["run_key"].unique(), []
    for runs in iterate_rows(config, "runs", list(dict.fromkeys([*NEEDED, *USED, *asked])), results, BATCH):
        own = runs[places_of(runs["run_key"], keys) >= 0]
        parts.append(add_metrics(in_levels(own, config))[kept])
    return pd.concat(parts).sort_values("run_key", ignore_index=True)


def _wanted(tests: list[ClaimTest], members: pd.DataFrame) -> dict[Wanted, "pd.Index[Any]"]:
    """Return the diagnostics that tests read, each with the runs of the studies of these tests."""
    studies: dict[Wanted, set[str]] = {}
    for test in tests:
        for item in filter(None, [wanted_of(test), *_of_law(test)]):
            studies.setdefault(item, set()).add(test.study)
    alike = {frozenset(names) for names in studies.values()}
    keys = {names: pd.Index(members.loc[members["study"].isin(names), "run_key"].unique()) for names in alike}
    return {item: keys[frozenset(names)] for item, names in studies.items()}


def _of_rates(test: ClaimTest) -> str:
    return SPEED if test.rates == "fastest" else ""


def _of_law(test: ClaimTest) -> tuple[Wanted, ...]:
    return LAWS[test.check].wanted if test.rule == "law" else ()


def rows_of_test(claim: Claim, test: ClaimTest, evidence: Evidence) -> Iterator[Row]:
    """Yield the row of a test over all its runs, and one for each stratum."""
    if test.rule == "exact":
        yield _row(claim, test, "", _exact(test, evidence.exact), 0)
        return
    if test.rule == "cost":
        yield _row(claim, test, "", _cost(test, evidence.cost), 0)
        return
    if test.study not in evidence.places:
        yield _row(claim, test, "", _not(MISSING, f"no study {test.study} in this config"), 0)
        return
    runs = tried(_select(test, evidence), test.rates == "each")
    estimates = {levels: _estimate(own, test) for levels, own in _strata(runs, test)}
    verdicts = [estimate.verdict for levels, (estimate, _) in estimates.items() if levels]
    for levels, (estimate, n_runs) in estimates.items():
        verdict = estimate.verdict if levels else unite(estimate.verdict, verdicts)
        yield _row(claim, test, levels, estimate, n_runs) | {"verdict": verdict}


def _select(test: ClaimTest, evidence: Evidence) -> pd.DataFrame:
    """Return the runs of a test with their `value`, at all rates, and by what these are chosen (`merit`).

    The merit is the validation score; of the fastest rate the fewest validation steps_to_loss.
    """
    place = evidence.places[test.study]
    kept = matches(evidence.runs[list(test.where)].take(place), test.where).to_numpy()
    rows = evidence.runs.take(place[kept]).reset_index(drop=True)
    if test.rates == "fastest" and len(rows):
        rows = rows.assign(merit=-speed(test, rows, evidence.curves, "val"))
    elif test.rates != "each":
        rows = rows.assign(merit=rows["val_score"])
    if test.rule == "law":
        return rows.assign(value=LAWS[test.check].deviation(rows, evidence.diagnostics))
    return rows.assign(value=value_of_runs(test, rows, evidence.curves, evidence.diagnostics))


def _strata(runs: Tried, test: ClaimTest) -> Iterator[tuple[str, Tried]]:
    yield "", runs
    if test.strata and len(runs.levels):
        for levels, own in runs.levels.groupby(list(test.strata)):
            words = zip(test.strata, levels, strict=True)
            yield ", ".join(f"{factor} {level}" for factor, level in words), runs.of(own.index.to_numpy())


def _estimate(runs: Tried, test: ClaimTest) -> tuple[Estimate, int]:
    if runs.levels.empty:
        return _not(NOT_ESTIMABLE, "no run with these levels in the study"), 0
    cells = runs.chosen()
    if np.isnan(cells.value_xCS).all():
        return _not(NOT_ESTIMABLE, f"{test.quantity or test.check} was recorded for none of the runs"), 0
    effects = EFFECTS[test.rule](cells, test)
    estimate = judge(effects.by_seed, test, _error_chosen_again(runs, effects.by_seed, test))
    notes = [estimate.note, effects.note, "no pair to compare" if estimate.verdict == NOT_ESTIMABLE else ""]
    return Estimate(**{**vars(estimate), "note": "; ".join(filter(None, notes))}), effects.n_runs


def _error_chosen_again(runs: Tried, by_seed: Array, test: ClaimTest) -> float | None:
    """Return the standard error of the mean effect where resamples of seeds choose other rates, else None."""
    again = None if test.rule in ONE_CHOICE else runs.chosen_again()
    if again is None:
        return None
    parts, place_M = again
    counts_MS, _ = resamples(len(by_seed))
    by_seed_US = np.concatenate([EFFECTS[test.rule](cells, test).by_seed for cells in parts])
    means_M = mean_of_seeds(by_seed_US[place_M], counts_MS)
    n = int((~np.isnan(by_seed)).sum())
    return float(resampled_error(means_M, len(by_seed))) if n > 1 else None


def _exact(test: ClaimTest, exact: pd.DataFrame) -> Estimate:
    found = exact[exact["check"] == test.check] if len(exact) else exact
    if found.empty:
        return _not_yet("run `actbench exact` first")
    row = found.iloc[0]
    verdict = SUPPORTED if row["holds"] else CONTRADICTED
    return Estimate(float(row["value"]), np.nan, np.nan, np.nan, 0, verdict, str(row["detail"]))


def _cost(test: ClaimTest, costs: pd.DataFrame) -> Estimate:
    if costs.empty:
        return _not_yet("run `actbench cost CONFIG` first")
    effects = cost(costs, test)
    estimate = judge(effects.by_seed, test)
    if estimate.verdict == NOT_ESTIMABLE:
        return _not(NOT_ESTIMABLE, "one of the sides was not timed")
    return Estimate(**{**vars(estimate), "n_seeds": 0, "note": effects.note})


def _not(verdict: str, note: str) -> Estimate:
    return Estimate(np.nan, np.nan, np.nan, np.nan, 0, verdict, note)


def _not_yet(note: str) -> Estimate:
    return _not(NOT_YET, note)


def _row(claim: Claim, test: ClaimTest, stratum: str, estimate: Estimate, n_runs: int) -> Row:
    return {
        "id": claim.id, "test": test.name, "stratum": stratum, "study": test.study, "rule": test.rule,
        "quantity": describe_quantity(test), "direction": test.direction, "margin": test.margin,
        "unit": unit_of(test), "n_runs": n_runs, **vars(estimate),
    }  # fmt: skip


def describe_quantity(test: ClaimTest) -> str:
    """Say in a few words what a test measures."""
    wanted = wanted_of(test)
    if not wanted:
        parts = [
            test.quantity or test.check,
            f"below {test.threshold:g} nats" if test.quantity in (SPEED, CLOCK) else "",
        ]
    else:
        parts = [wanted[0], f"at {wanted[1]}" if wanted[1] != "early" else "early", _where(wanted[2])]
    scale = "" if test.scale == "linear" else f"{test.scale} "
    return scale + ", ".join(filter(None, parts))


def _where(layers: str) -> str:
    words = {"network": "", "mean": "mean of layers", "spread": "spread over layers", "output": "output layer"}
    return words.get(layers, f"{layers} layer")


def unit_of(test: ClaimTest) -> str:
    """Return the unit of a test's effect."""
    if test.rule in ("auc", "interaction_share", "exact", "law", "cost"):
        return {"auc": "probability", "interaction_share": "fraction", "cost": "fraction"}.get(test.rule, "")
    unit = {"log10": "decades", "log2": "doublings", "rank": "ranks"}.get(test.scale) or _linear_unit(test)
    over = {"log10": f"decade of {test.over}", "log2": f"doubling of {test.over}"}.get(test.over_scale, test.over)
    return f"{unit} per {over}".strip() if test.rule == "slope" else unit


def _linear_unit(test: ClaimTest) -> str:
    if test.layers == "spread":
        return "decades"
    if test.quantity in METRICS:
        return METRICS[test.quantity].unit or "fraction"
    if test.quantity in known_levels("diagnostic"):
        return declared_text("diagnostic", test.quantity, "unit")
    return {SPEED: "updates", CLOCK: "s"}.get(test.quantity, "")
