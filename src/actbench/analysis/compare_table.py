"""The comparison of treatments in anybody's table: all tests together, then every pair."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.friedman import ALPHA, Friedman, friedman, indistinct, nemenyi_p, rank_within
from actbench.analysis.intervals import CONFIDENCE, CONSTANT, TOO_SMALL, wilson
from actbench.analysis.multiplicity import holm
from actbench.analysis.outside_table import OutsideTable
from actbench.analysis.paired_effects import (
    RESAMPLES,
    cliff,
    differences_of,
    effect_interval,
    estimate,
    signed_rank,
)

NOT_ESTIMABLE = "not estimable"
MOST_NAMED = 20  # incomplete blocks that are listed by name


def compare_treatments(
    table: OutsideTable, lower_is_better: bool = False, margin: float | None = None
) -> dict[str, Any]:
    """Compare the treatments of a table, paired by block.

    Friedman's test, mean ranks and Nemenyi's critical difference take the complete blocks; each pair takes every block
    that holds both. p of the pairs are adjusted by Holm's method in one family.

    Args:
        table: from `outside_table.read_outside_table`.
        lower_is_better: rank small values first, as for losses.
        margin: differences that matter no more, in the unit of the values; None: nothing is called equivalent.

    Returns:
        Plain numbers, texts and lists; None where a number does not exist, and `notes` say why.
    """
    complete = table.values.dropna()
    tested = friedman(rank_within(complete.to_numpy(), lower_is_better))
    names = [str(name) for name in table.values.columns]
    ranks = dict(zip(names, tested.mean_ranks.tolist(), strict=True))
    pairs = _pairs(table.values, ranks, tested.n_blocks, lower_is_better, margin)
    groups = indistinct(ranks, tested.critical_difference) if tested.n_blocks > 1 else []
    found: dict[str, Any] = _plain(
        _counts(table, complete)
        | {"lower_is_better": lower_is_better, "alpha": ALPHA, "margin": margin}
        | _omnibus(tested)
        | {"mean_ranks": ranks, "critical_difference": tested.critical_difference, "indistinct": groups}
        | {"family": f"all {len(pairs)} pairs of treatments", "correction": "holm", "confidence": CONFIDENCE}
        | {"resamples": RESAMPLES, "pairs": pairs, "notes": _notes(table, tested)}
    )
    return found  # fmt: skip


def _counts(table: OutsideTable, complete: pd.DataFrame) -> dict[str, Any]:
    left_out = [str(block) for block in table.values.index.difference(complete.index)]
    return {
        "rows": table.rows,
        "unnamed_rows": table.unnamed_rows,
        "missing_values": table.missing_values,
        "repeated_cells": table.repeated_cells,
        "n_treatments": table.values.shape[1],
        "n_blocks": len(table.values),
        "n_complete_blocks": len(complete),
        "incomplete_blocks": left_out[:MOST_NAMED],
    }


def _omnibus(tested: Friedman) -> dict[str, Any]:
    k, n = len(tested.mean_ranks), tested.n_blocks
    return {
        "friedman_chi2": tested.chi2,
        "friedman_df": k - 1,
        "friedman_p": tested.p,
        "friedman_chi2_ties": tested.chi2_ties,
        "friedman_p_ties": tested.p_ties,
        "iman_davenport_f": tested.f,
        "iman_davenport_df": [k - 1, (k - 1) * (n - 1)] if n > 1 else None,
        "iman_davenport_p": tested.f_p,
        "iman_davenport_f_ties": tested.f_ties,
        "iman_davenport_p_ties": tested.f_ties_p,
    }


def _pairs(
    values: pd.DataFrame, ranks: dict[str, float], n: int, lower_is_better: bool, margin: float | None
) -> list[dict[str, Any]]:
    rows = [_pair(values[[first, second]].dropna(), lower_is_better) for first, second in combinations(values, 2)]
    adjusted = holm(pd.Series([row["p"] for row in rows], dtype="float64"))
    for row, p in zip(rows, adjusted, strict=True):
        gap = np.array(ranks[row["first"]] - ranks[row["second"]])
        row |= {"p_adjusted": float(p), "nemenyi_p": float(nemenyi_p(gap, len(ranks), n))}
        row |= {"verdict": verdict(row, lower_is_better, margin)}
    return rows


def _pair(both: pd.DataFrame, lower_is_better: bool) -> dict[str, Any]:
    """Compare two treatments; `effect` and `cliffs_delta` are positive where the first has the larger values."""
    first, second = both.iloc[:, 0].to_numpy(dtype=np.float64), both.iloc[:, 1].to_numpy(dtype=np.float64)
    row: dict[str, Any] = {"first": str(both.columns[0]), "second": str(both.columns[1]), "n_blocks": len(both)}
    if not len(both):
        return row | dict.fromkeys(EMPTY, np.nan) | {"interval": "", "cliffs_interval": "", "note": "no common block"}
    differences = differences_of(first, second)
    p, note = signed_rank(differences)
    low, high, kind = effect_interval(differences)
    better = -differences if lower_is_better else differences
    won = float(np.mean(better > 0) + np.mean(better == 0) / 2)
    won_low, won_high = wilson(won * len(both), len(both))
    delta = cliff(first, second)
    notes = (TOO_SMALL if len(both) < 2 else "", CONSTANT if np.ptp(differences) == 0 else "", note)
    return row | {
        "wins": int(np.sum(better > 0)), "ties": int(np.sum(better == 0)), "losses": int(np.sum(better < 0)),
        "p": p, "effect": estimate(differences), "low": low, "high": high, "interval": kind,
        "improvement": won, "improvement_low": float(won_low), "improvement_high": float(won_high),
        "cliffs_delta": delta[0], "cliffs_low": delta[1], "cliffs_high": delta[2], "cliffs_interval": delta[3],
        "note": "; ".join(part for part in notes if part),
    }  # fmt: skip


EMPTY = ("p", "effect", "low", "high", "improvement", "improvement_low", "improvement_high",
         "cliffs_delta", "cliffs_low", "cliffs_high", "wins", "ties", "losses")  # fmt: skip


def verdict(row: dict[str, Any], lower_is_better: bool, margin: float | None) -> str:
    """Say `equivalent` where the interval lies inside ±margin, else name the better treatment or say `undecided`."""
    if margin is not None and row["low"] > -margin and row["high"] < margin:
        return "equivalent"
    if row["p_adjusted"] < ALPHA:
        return str(row["first"] if (row["effect"] < 0) == lower_is_better else row["second"])
    return "undecided"


def _notes(table: OutsideTable, tested: Friedman) -> list[str]:
    incomplete = len(table.values) - tested.n_blocks
    alike = bool(np.isinf(tested.f))
    found = {
        f"{table.unnamed_rows} rows without treatment or block left out": table.unnamed_rows > 0,
        f"{table.missing_values} missing values": table.missing_values > 0,
        f"{table.repeated_cells} cells hold the mean of several rows": table.repeated_cells > 0,
        f"{incomplete} incomplete blocks count only in pairs that they hold": incomplete > 0,
        f"friedman: {TOO_SMALL}, {tested.n_blocks} complete blocks": tested.n_blocks < 2,
        f"friedman_chi2_ties: {NOT_ESTIMABLE}, {CONSTANT}": tested.n_blocks > 1 and np.isnan(tested.chi2_ties),
        "iman_davenport_f: infinite, every block orders the treatments alike": alike,
    }
    return [text for text, holds in found.items() if holds]


def _plain(item: Any) -> Any:
    """Return the same with None for numbers that are not finite, so that any program can read it."""
    if isinstance(item, dict):
        return {key: _plain(value) for key, value in item.items()}
    if isinstance(item, list):
        return [_plain(value) for value in item]
    if isinstance(item, float):
        return float(item) if np.isfinite(item) else None
    return item
