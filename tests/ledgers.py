"""Ledgers and made-up rows for tests of claims: a test is written as in YAML, with defaults filled in."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.claim_cells import Cells, tried
from actbench.plan.factors import FACTORS
from actbench.plan.ledger import Claim, ClaimTest, load_ledger


def ledger_of(
    folder: Path, claims: dict[str, dict[str, Any]], studies: tuple[str, ...] = ("main", "other")
) -> tuple[Claim, ...]:
    """Write a ledger and read it as a user's file would be."""
    path = folder / "claims.yaml"
    path.write_text(json.dumps({"studies": list(studies), "claims": claims}))  # JSON is YAML
    return load_ledger(path)


def claim(**keys: Any) -> dict[str, Any]:
    """Return an entry with the keys that every claim has."""
    return {"statement": "It is so.", "source": ["A"], "kind": "measured", **keys}


def one_test(folder: Path, **keys: Any) -> ClaimTest:
    """Read a ledger of one claim of one test and return the test."""
    return ledger_of(folder, {"a-claim": claim(**keys)})[0].tests[0]


def rows(seeds: int = 5, **levels: tuple[Any, ...]) -> pd.DataFrame:
    """Make one row for each combination of levels and seed, with value 0; the other factors have their defaults."""
    frame = pd.MultiIndex.from_product([*levels.values(), range(seeds)], names=[*levels, "seed"]).to_frame(index=False)
    others = {name: factor.default for name, factor in FACTORS.items() if name not in frame}
    named = frame.assign(**others, value=0.0, failed=False, trained=True, status="ok")
    return named.assign(run_key=[f"{index:016x}" for index in range(len(named))])


def cells(frame: pd.DataFrame) -> Cells:
    """Lay rows out as the rules of claims take them, every rate a level as the others."""
    return tried(frame, rates_are_levels=True).chosen()


def noise(frame: pd.DataFrame, size: float = 0.001) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Return noise of a fixed stream, one number a row."""
    return size * np.random.default_rng(0).standard_normal(len(frame))
