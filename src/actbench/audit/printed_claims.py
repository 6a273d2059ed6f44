"""Every number of claims.csv and claim_tests.csv computed once more, from raw rows, timings and exact checks."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from actbench.audit.claim_effects import Effects
from actbench.audit.claim_rows import audit_claim_rows
from actbench.audit.claim_runs import TIMES
from actbench.audit.claim_sources import Redone, Sources, redo
from actbench.audit.claim_verdicts import interval, p_value, split, verdict
from actbench.audit.printed_rows import differing
from actbench.audit.raw_rows import Raw, read_printed
from actbench.plan.ledger import Claim, ClaimTest

SINGLE = 1e-8  # logarithms of numbers in single precision
CURVES = 1e-6  # differences of losses in single precision, between which a time is interpolated
SOURCE = {"exact": "exact.csv has", "cost": "rounds of timing give"}
COUNTED = ("runs without a value or a partner", "seeds without both outcomes", "rounds of timing")  # in notes
COPIED = ("study", "rule", "direction")  # from the ledger


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
    unchecked = [f"claims: effects of {len(names)} tests, {why}: {'; '.join(names)}" for why, names in left.items()]
    return compared, [*problems, *audit_claim_rows(ledger, claims, tests)], unchecked


def _with_words(printed: pd.DataFrame) -> pd.DataFrame:
    """Make words of the columns of words, which are read as numbers where all are empty."""
    numbers = ("margin", "effect", "low", "high", "p", "p_adjusted", "n_runs", "n_seeds")
    words = {str(name): printed[name].astype("object").fillna("") for name in printed if name not in numbers}
    return printed.assign(**words)


def _label(row: dict[Any, Any]) -> str:
    return f"claim_tests: {row['id']}, {row['test'] or 'its test'}, {row['stratum'] or 'all runs'}"


def _audit_test(
    sources: Sources, test: ClaimTest, redone: Redone, printed: list[dict[Any, Any]], name: str
) -> tuple[int, list[str]]:
    """Compare the rows of a test with what was found for it."""
    labels = {str(row["stratum"]): row for row in printed}
    part = f"claim_tests: {name}, {test.name or 'its test'}"
    whole = sum(not row["stratum"] for row in printed)
    problems = [] if whole == 1 else [f"{part}: {whole} rows"]
    problems += [] if len(labels) >= len(printed) - max(whole - 1, 0) else [f"{part}: levels stand there twice"]
    if redone.found:
        problems += [f"{part}, {label}: not there" for label in redone.found if label and label not in labels]
        problems += [f"{part}, {label}: raw rows have no such levels" for label in labels if label not in redone.found]
    expected = dict(_verdicts(sources, test, redone, labels))
    for row in printed:
        found, label = redone.found.get(str(row["stratum"])), _label(row)
        if row["verdict"] != expected[str(row["stratum"])]:
            problems.append(f"{label}: verdict {row['verdict']} is not its interval's")
        problems += [f"{label}: {line}" for line in _wrong_numbers(test, found, row)]
        problems += [f"{label}: {line}" for line in _wrong_note(sources, test, found, str(row["note"]))]
        problems += [f"{label}: {column} is not the ledger's" for column in COPIED if row[column] != vars(test)[column]]
    return sum(3 if redone.found.get(label) is None else 8 for label in labels), problems


def _wrong_numbers(test: ClaimTest, found: Effects | None, row: dict[Any, Any]) -> Iterator[str]:
    """Yield the numbers that are not those found; p follows from the interval that is printed."""
    source, loose = SOURCE.get(test.rule, "raw rows give"), CURVES if test.quantity in TIMES else SINGLE
    slack = found.slack if found else 0.0
    for column, value in _numbers(test, found):
        if differing(value, float(row[column]), loose + slack * (column in ("low", "high"))):
            yield f"{column} is {row[column]:.10g}, {source} {value:.10g}"
    # how many rounds were timed is not printed
    p = p_value(test, row, len(found.seeds) if test.rule == "cost" and found else int(row["n_seeds"]))
    if not abs(p - row["p"]) <= 2e-4 * max(p, 1e-12) and not (np.isnan(p) and np.isnan(row["p"])):
        yield f"p is {row['p']:.10g}, its interval gives {p:.10g}"


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


def _numbers(test: ClaimTest, found: Effects | None) -> Iterator[tuple[str, float]]:
    """Yield what the numbers of a row should be, but for p."""
    yield "margin", test.margin
    if found is None:
        return
    middle, low, high = interval(found.seeds, found.error)
    yield from {"effect": middle, "low": low, "high": high, "n_runs": found.n_runs}.items()
    yield "n_seeds", 0 if test.rule in ("exact", "cost") else len(found.seeds)


def _wrong_note(sources: Sources, test: ClaimTest, found: Effects | None, note: str) -> Iterator[str]:
    """Yield the numbers of a note that are not those found, and the note of an exact check that is not its detail."""
    if found is None:
        return
    if test.rule == "exact" and sources.exact is not None and found.seeds:
        if note != str(sources.exact.loc[sources.exact["check"] == test.check, "detail"].iloc[0]):
            yield "note is not that of exact.csv"
        return
    counts = (found.lost_runs, found.lost_seeds, len(found.seeds) if test.rule == "cost" else 0)
    for words, count in zip(COUNTED, counts, strict=True):
        said = re.search(rf"(\d+) {words}", note)
        if int(said[1] if said else 0) != count:
            yield f"note says {said[1] if said else 'nothing'} of {count} {words}"
