"""The rows of claims.csv against the tests behind them: verdicts, the test that speaks for each, Holm's correction."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pandas as pd

from actbench.audit.claim_verdicts import of_claim
from actbench.audit.densities import holm
from actbench.audit.printed_rows import differing
from actbench.plan.ledger import Claim

COPIED = ("effect", "low", "high", "p", "n_runs", "n_seeds")
WORDS = ("quantity", "unit")  # copied from a test as well
OF_LEDGER = ("statement", "kind", "family", "figure")
PLACE = {"contradicted": 0, "supported": 2}  # the test that speaks most against a claim stands for it


def audit_claim_rows(ledger: tuple[Claim, ...], claims: pd.DataFrame, tests: pd.DataFrame) -> Iterator[str]:
    """Yield the claims whose numbers and verdict are not those of their tests, and p that Holm does not give."""
    yield from _not_once(ledger, claims)
    yield from _not_the_ledgers({claim.id: claim for claim in ledger}, claims)
    for row in claims.to_dict("records"):
        own = tests[tests["id"] == row["id"]]
        label, whole = f"claims: {row['id']}", own[own["stratum"] == ""]
        expected = of_claim(list(whole["verdict"]))
        if row["verdict"] != expected:
            yield f"{label}: verdict {row['verdict']} is not that of its tests, {expected}"
        for word, column in (("supported", "holds_under"), ("contradicted", "fails_under")):
            if str(row[column]) != _under(own, word, several=len(whole) > 1):
                yield f"{label}: {column} is not where its tests say {word}"
        yield from (f"{label}: {line}" for line in _not_its_test(row, whole))
    yield from _not_holm(claims)


def _not_once(ledger: tuple[Claim, ...], claims: pd.DataFrame) -> Iterator[str]:
    rows = Counter(claims["id"])
    for name in dict.fromkeys([*(claim.id for claim in ledger), *rows]):
        if rows[name] != 1:
            yield f"claims: {name}: {rows[name]} rows"


def _not_the_ledgers(ledger: dict[str, Claim], claims: pd.DataFrame) -> Iterator[str]:
    """Yield the claims that are not worded, sourced, classed or shown as in the ledger."""
    for row in claims.to_dict("records"):
        claim = ledger.get(str(row["id"]))
        if claim is not None:
            wrong = [column for column in OF_LEDGER if str(row[column]) != getattr(claim, column)]
            wrong += [] if _sources(str(row["source"])) == set(claim.source) else ["source"]
            yield from (f"claims: {claim.id}: {column} is not the ledger's" for column in wrong)


def _sources(text: str) -> set[str]:
    """Read sources as they are printed: letters side by side, then references: `A B; He et al. 2015`."""
    first, *others = text.split("; ")
    letters = set(first.split())
    return {*others, *(letters if letters <= {"A", "B", "C"} else {first})}


def _under(tests: pd.DataFrame, verdict: str, several: bool) -> str:
    rows = tests[tests["verdict"] == verdict]
    named = [(test, levels) for test, levels in zip(rows["test"], rows["stratum"], strict=True) if several or levels]
    return " | ".join(f"{test}: {levels}" if test and levels else f"{test}{levels}" for test, levels in named)


def _not_its_test(row: dict[object, object], whole: pd.DataFrame) -> Iterator[str]:
    """Yield the numbers that are not those of the claim's weakest test, of several as weak the one with largest p."""
    if whole.empty:
        yield from (f"{column} of no test" for column in COPIED[:4] if not np.isnan(float(str(row[column]))))
        return
    order = [
        (3 if np.isnan(effect) and not n_runs else PLACE.get(verdict, 1), -(0.0 if np.isnan(p) else p))
        for effect, n_runs, verdict, p in zip(*(whole[c] for c in ("effect", "n_runs", "verdict", "p")), strict=True)
    ]
    weakest = whole.iloc[order.index(min(order))]
    if str(weakest["note"]) not in str(row["note"]):
        yield f"note is without that of its weakest test, {weakest['note']}"
    yield from (f"{column} is not that of its weakest test" for column in WORDS if row[column] != weakest[column])
    if str(row["study"]).split() != list(dict.fromkeys(filter(None, whole["study"]))):
        yield "study is not that of its tests"
    for column in COPIED:
        found, shown = float(weakest[column]), float(str(row[column]))
        if differing(found, shown):
            yield f"{column} {shown:.10g} is not that of its weakest test, {found:.10g}"


def _not_holm(claims: pd.DataFrame) -> Iterator[str]:
    for family, rows in claims.groupby("family"):
        expected = holm(rows["p"].to_numpy(dtype=float))
        for name, adjusted, value in zip(rows["id"], rows["p_adjusted"], expected, strict=True):
            if differing(value, adjusted):
                yield f"claims: {name}: p_adjusted is {adjusted:.10g}, Holm within {family} gives {value:.10g}"
