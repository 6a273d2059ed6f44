"""Every number of claims.csv and claim_tests.csv computed once more, from raw rows, timings and exact checks."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from actbench.audit.claim_effects import Effects, effects, strata
from actbench.audit.claim_rows import audit_claim_rows
from actbench.audit.claim_runs import TIMES, needs_layers, runs_of_test
from actbench.audit.claim_verdicts import interval, p_value, split, verdict
from actbench.audit.printed_rows import differing
from actbench.audit.raw_rows import Raw, read_printed, runs_of
from actbench.plan.ledger import Claim, ClaimTest

SINGLE = 1e-8  # logarithms of numbers in single precision
CURVES = 1e-6  # differences of losses in single precision, between which a time is interpolated
SOURCE = {"exact": "exact.csv has", "cost": "rounds of timing give"}
LAWS = ("clip_coefficient",)
COSTS = {"ns_per_element": ("forward_ns", "backward_ns"), "us_per_step": ("step_us",)}


class Sources(NamedTuple):
    """What the tests of claims are derived from; a file that is not there is None."""

    raw: Raw
    costs: pd.DataFrame | None
    exact: pd.DataFrame | None


class Redone(NamedTuple):
    """The effects of a test by stratum, how many units stand behind p, or why there are none."""

    found: dict[str, Effects]
    said: str = ""  # the verdict of a test that was not made
    why: str = ""


def audit_ledger(raw: Raw, folder: Path, ledger: tuple[Claim, ...]) -> tuple[int, list[str], list[str]]:
    """Compare claims.csv and stats/claim_tests.csv with what they follow from.

    Args:
        raw: the tables of the result.
        folder: results/<name>.
        ledger: the claims that were judged.

    Returns:
        The count of numbers compared, a line a mismatch, and a line for what this path does not redo.
    """
    if not (folder / "claims.csv").exists():
        return 0, [], ["claims: claims.csv is not there"]
    paths = {name: folder / "stats" / f"{name}.csv" for name in ("cost", "exact")}
    known = {name: read_printed(path) if path.exists() else None for name, path in paths.items()}
    claims, tests = map(read_printed, (folder / "claims.csv", folder / "stats" / "claim_tests.csv"))
    return audit_claims(Sources(raw, known["cost"], known["exact"]), ledger, claims, tests)


def audit_claims(
    sources: Sources, ledger: tuple[Claim, ...], claims: pd.DataFrame, tests: pd.DataFrame
) -> tuple[int, list[str], list[str]]:
    """Compare every effect, interval, p and count with raw rows, and every verdict with its interval."""
    claims, tests = (_with_words(frame) for frame in (claims, tests))
    known = {(claim.id, test.name) for claim in ledger for test in claim.tests}
    strange = tests[[key not in known for key in zip(tests["id"], tests["test"], strict=True)]]
    problems = [f"{_label(row)}: not in the ledger" for row in strange.to_dict("records")]
    compared, left = len(claims), defaultdict(list)
    for name, test in [(claim.id, test) for claim in ledger for test in claim.tests]:
        own = tests[(tests["id"] == name) & (tests["test"] == test.name)]
        redone = redo(sources, test)
        count, lines = _audit_test(sources, test, redone, own.to_dict("records"), name)
        compared, problems = compared + count, problems + lines
        if redone.why:
            left[redone.why].append(": ".join(filter(None, [name, test.name])))
    unchecked = [f"claims: {why}: {'; '.join(names)}" for why, names in left.items()]
    return compared, [*problems, *audit_claim_rows(ledger, claims, tests)], unchecked


def _with_words(printed: pd.DataFrame) -> pd.DataFrame:
    """Make words of the columns of words, which are read as numbers where all are empty."""
    numbers = ("margin", "effect", "low", "high", "p", "p_adjusted", "n_runs", "n_seeds")
    words = {str(name): printed[name].astype("object").fillna("") for name in printed if name not in numbers}
    return printed.assign(**words)


def _label(row: dict[Any, Any]) -> str:
    return f"claim_tests: {row['id']}, {row['test'] or 'its test'}, {row['stratum'] or 'all runs'}"


def redo(sources: Sources, test: ClaimTest) -> Redone:
    """Return the effects of a test over all its runs and in each of its strata."""
    if test.rule in ("exact", "cost"):
        table = sources.exact if test.rule == "exact" else sources.costs
        if table is None or (test.rule == "exact" and test.check not in set(table["check"])):
            return Redone({"": Effects([], 0)}, said="not yet tested")
        return Redone({"": _exact(table, test) if test.rule == "exact" else _rounds(table, test)})
    if runs_of(sources.raw, test.study).empty:
        return Redone({"": Effects([], 0)}, said="study missing")
    if needs_layers(sources.raw, test) and sources.raw.layers is None:
        return Redone({}, why="layers.parquet is not there")
    if test.rule == "law" and test.check not in LAWS:
        return Redone({}, why="laws without a second formula")
    rows = runs_of_test(sources.raw, test)
    return Redone({label: effects(own, test) for label, own in strata(rows, test)})


def _exact(checks: pd.DataFrame, test: ClaimTest) -> Effects:
    return Effects([float(checks.loc[checks["check"] == test.check, "value"].iloc[0])], 0)


def _rounds(costs: pd.DataFrame, test: ClaimTest) -> Effects:
    """Return for each round of timing how much more one side takes than the other, as a share."""
    found = []
    names = list(test.this["activation"])
    others = list(test.that.get("activation", [name for name in costs["activation"].unique() if name not in names]))
    for _, own in costs.groupby("round"):
        times = {row["activation"]: sum(row[part] for part in COSTS[test.quantity]) for row in own.to_dict("records")}
        sides = [[times[name] for name in side if name in times] for side in (names, others)]
        if all(sides):
            found.append(float(np.mean(sides[0]) / np.mean(sides[1]) - 1))
    return Effects(found, 0)


def _audit_test(
    sources: Sources, test: ClaimTest, redone: Redone, printed: list[dict[Any, Any]], name: str
) -> tuple[int, list[str]]:
    """Compare the rows of a test with what was found for it."""
    labels = {str(row["stratum"]): row for row in printed}
    whole = len(printed) - sum(bool(row["stratum"]) for row in printed)
    part = f"claim_tests: {name}, {test.name or 'its test'}"
    problems = [] if whole == 1 else [f"{part}: {whole} rows"]
    if redone.found:
        problems += [f"{part}, {label}: not there" for label in redone.found if label and label not in labels]
        problems += [f"{part}, {label}: raw rows have no such levels" for label in labels if label not in redone.found]
    expected = dict(_verdicts(sources, test, redone, labels))
    compared, source = 0, SOURCE.get(test.rule, "raw rows give")
    for row in printed:
        label = str(row["stratum"])
        lines = [] if row["verdict"] == expected[label] else [f"verdict {row['verdict']} is not its interval's"]
        found = dict(_numbers(test, redone.found.get(label)))
        loose = CURVES if test.quantity in TIMES else SINGLE
        lines += [
            f"{column} is {row[column]:.10g}, {source} {value:.10g}"
            for column, value in found.items()
            if differing(value, float(row[column]), loose)
        ]
        p = _p(test, redone.found.get(label), row)
        if not abs(p - row["p"]) <= 2e-4 * max(p, 1e-12) and not (np.isnan(p) and np.isnan(row["p"])):
            lines.append(f"p is {row['p']:.10g}, its interval gives {p:.10g}")
        compared += 2 + len(found)
        problems += [f"{_label(row)}: {line}" for line in lines]
    return compared, problems


def _verdicts(
    sources: Sources, test: ClaimTest, redone: Redone, printed: dict[str, dict[Any, Any]]
) -> Iterator[tuple[str, str]]:
    """Yield the verdict of each printed row: that of its interval, or conditional where the strata disagree."""
    if test.rule == "exact" and not redone.said:
        assert sources.exact is not None
        holds = sources.exact.loc[sources.exact["check"] == test.check, "holds"].iloc[0]
        yield from ((label, "supported" if holds else "contradicted") for label in printed)
        return
    own = {label: redone.said or verdict(test, row) for label, row in printed.items()}
    disagree = split([word for label, word in own.items() if label])
    yield from ((label, "conditional" if disagree and not label else word) for label, word in own.items())


def _p(test: ClaimTest, found: Effects | None, row: dict[Any, Any]) -> float:
    """Return p by the interval that is printed; how many rounds were timed is not."""
    return p_value(test, row, len(found.seeds) if test.rule == "cost" and found else int(row["n_seeds"]))


def _numbers(test: ClaimTest, found: Effects | None) -> Iterator[tuple[str, float]]:
    """Yield what the numbers of a row should be, but for p."""
    if found is None:
        return
    middle, low, high = interval(found.seeds)
    yield from {"effect": middle, "low": low, "high": high, "n_runs": found.n_runs}.items()
    yield "n_seeds", 0 if test.rule in ("exact", "cost") else len(found.seeds)
