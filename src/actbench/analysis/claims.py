"""claims.csv: every entry of the ledger with its verdict, from the tables alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.claim_tests import Evidence, read_evidence, rows_of_test
from actbench.analysis.claims_schema import CLAIM_TESTS, CLAIMS
from actbench.analysis.multiplicity import holm
from actbench.analysis.statistic_file import in_types, read_typed, stats_path
from actbench.analysis.tables import RESULTS, check_made_from, table_path
from actbench.analysis.verdicts import CONTRADICTED, NOT_YET, SUPPORTED, conclude
from actbench.plan.atomic_file import replacing
from actbench.plan.checksums import made_from, refuse_damaged
from actbench.plan.config import Config
from actbench.plan.ledger import SOURCES, Claim

ALPHA = 0.05
REMEDY = "run `actbench claims CONFIG`"
ORDER = {CONTRADICTED: 0, SUPPORTED: 2}  # the weakest test stands for a claim of several


def claims_path(name: str, results: Path = RESULTS) -> Path:
    """Return results/<name>/claims.csv."""
    return results / name / "claims.csv"


def compute_claims(ledger: tuple[Claim, ...], evidence: Evidence) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Judge every claim and return the columns of CLAIMS and of CLAIM_TESTS."""
    tests = [row for claim in ledger for test in claim.tests for row in rows_of_test(claim, test, evidence)]
    tested = in_types(pd.DataFrame(tests, columns=[column.name for column in CLAIM_TESTS]), CLAIM_TESTS)
    claims = pd.DataFrame([_claim_row(claim, tested[tested["id"] == claim.id]) for claim in ledger])
    claims["p_adjusted"] = claims.groupby("family")["p"].transform(holm)
    weak = (claims["p"] < ALPHA) & (claims["p_adjusted"] >= ALPHA)
    claims["note"] = [
        "; ".join(filter(None, [note, "not after Holm's correction" if is_weak else ""]))
        for note, is_weak in zip(claims["note"], weak, strict=True)
    ]
    return in_types(claims, CLAIMS), tested


def _claim_row(claim: Claim, tests: pd.DataFrame) -> dict[str, object]:
    row: dict[str, object] = {
        "id": claim.id, "statement": claim.statement, "source": _spelled(claim.source), "kind": claim.kind,
        "family": claim.family, "figure": claim.figure,
    }  # fmt: skip
    if tests.empty:
        empty = dict.fromkeys(("study", "quantity", "unit", "holds_under", "fails_under"), "")
        missing = dict.fromkeys(("effect", "low", "high", "p"), np.nan)
        return row | empty | missing | {"verdict": NOT_YET, "n_runs": 0, "n_seeds": 0, "note": claim.needs}
    whole = tests[tests["stratum"] == ""]
    shown = _weakest(whole)
    several = f"numbers of its weakest test, {shown['test']}" if len(whole) > 1 else ""
    copied = {name: shown[name] for name in ("quantity", "effect", "low", "high", "unit", "p", "n_runs", "n_seeds")}
    return (
        row
        | copied
        | {
            "study": " ".join(dict.fromkeys(filter(None, whole["study"]))),
            "verdict": conclude(list(whole["verdict"])),
            "holds_under": _under(tests, SUPPORTED, len(whole) > 1),
            "fails_under": _under(tests, CONTRADICTED, len(whole) > 1),
            "note": "; ".join(filter(None, [several, str(shown["note"])])),
        }
    )


def _spelled(sources: tuple[str, ...]) -> str:
    """Write letters side by side and references behind them: `A B; He et al. 2015`."""
    letters = " ".join(word for word in sources if word in SOURCES)
    return "; ".join(filter(None, [letters, *(word for word in sources if word not in SOURCES)]))


def _weakest(whole: pd.DataFrame) -> "pd.Series[Any]":
    """Return the test that speaks most against the claim; of equals the one with the largest p."""
    order = whole["verdict"].map(ORDER).fillna(1).where(whole["effect"].notna() | whole["n_runs"].gt(0), 3)
    return whole.assign(order=order, other=-whole["p"].fillna(0)).sort_values(["order", "other"], kind="stable").iloc[0]


def _under(tests: pd.DataFrame, verdict: str, several: bool) -> str:
    """Name the tests and strata with a verdict; a claim of one test without strata holds everywhere or nowhere."""
    rows = tests[(tests["verdict"] == verdict) & ((tests["stratum"] != "") | several)]
    words = [": ".join(filter(None, [test, level])) for test, level in zip(rows["test"], rows["stratum"], strict=True)]
    return " | ".join(words)


def write_claims(config: Config, ledger: tuple[Claim, ...], results: Path = RESULTS) -> pd.DataFrame:
    """Write results/<name>/claims.csv and stats/claim_tests.csv and return the claims."""
    evidence = read_evidence(config, ledger, results)
    publish = made_from(table_path(config.name, "runs", results))
    claims, tests = compute_claims(ledger, evidence)
    paths = [claims_path(config.name, results), stats_path(config.name, "claim_tests", results)]
    with replacing(*paths, rename=publish) as partial:
        for path, frame in zip(partial, (claims, tests), strict=True):
            frame.to_csv(path, index=False, float_format="%.10g", lineterminator="\n")
    return claims


def read_claims(config: Config, results: Path = RESULTS) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read claims.csv and stats/claim_tests.csv; raise ConfigError when they are not there or of another config."""
    paths = (claims_path(config.name, results), stats_path(config.name, "claim_tests", results))
    refuse_damaged(*paths, remedy=REMEDY)
    claims, tests = (read_typed(path, of, REMEDY) for path, of in zip(paths, (CLAIMS, CLAIM_TESTS), strict=True))
    check_made_from(config, table_path(config.name, "runs", results))
    return claims, tests
