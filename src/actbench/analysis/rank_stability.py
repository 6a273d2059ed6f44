"""Friedman's test of each study, its mean ranks, and how stable the order of activations is under resampling.

Shape letters: A activations, N blocks, L learning rates, S seeds, B resamples.
"""

from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.comparison_schema import RANK_STABILITY
from actbench.analysis.friedman import ALPHA, friedman, indistinct, rank_within
from actbench.analysis.intervals import CONFIDENCE, CONSTANT, TOO_SMALL
from actbench.analysis.outcome_cube import Array, Cube, choose, cubes
from actbench.plan.seeds import stream

RESAMPLES = 999
SCHEMES = ("seeds", "conditions", "learning_rates", "all")
TESTS = ("friedman_chi2", "friedman_p", "iman_davenport_f", "iman_davenport_p", "critical_difference")
NO_BLOCK = "no block holds every activation"


def block_ranks(mean_AN: Array) -> Array:
    """Rank the activations in each block that holds them all: (blocks, activations), 1 is best."""
    complete_NA = mean_AN.T[~np.isnan(mean_AN).any(axis=0)]
    return rank_within(np.round(complete_NA, 12)) if len(complete_NA) else np.empty((0, len(mean_AN)))


def omnibus(rows: pd.DataFrame) -> pd.DataFrame:
    """Test in each study whether activations differ in rank; blocks are the units, scores are means over seeds.

    Args:
        rows: the runs at every learning rate, from `outcome_cube.outcomes`.

    Returns:
        Columns of stats_schema.OMNIBUS, one row a study.
    """
    return pd.DataFrame([_tested(cube) for cube in cubes(rows)])


def _tested(cube: Cube) -> dict[str, Any]:
    a, n_all = len(cube.activations), len(cube.blocks)
    row: dict[str, Any] = dict.fromkeys(TESTS, np.nan)
    row |= {"study": cube.study, "n_activations": a, "n_seeds": len(cube.seeds), "alpha": ALPHA}
    if a < 2:
        return row | {"n_blocks": 0, "note": "one activation"}
    found = friedman(block_ranks(choose(cube, cube.once()).mean(axis=2)))
    notes = [
        NO_BLOCK if not found.n_blocks else TOO_SMALL if found.n_blocks < 2 else "",
        f"{n_all - found.n_blocks} incomplete blocks left out" if 0 < found.n_blocks < n_all else "",
        CONSTANT if found.n_blocks > 1 and np.isnan(found.chi2_ties) else "",
    ]
    return row | {
        "n_blocks": found.n_blocks,
        "friedman_chi2": found.chi2_ties, "friedman_p": found.p_ties,
        "iman_davenport_f": found.f_ties, "iman_davenport_p": found.f_ties_p,
        "critical_difference": found.critical_difference,
        "note": "; ".join(note for note in notes if note),
    }  # fmt: skip


def stability(rows: pd.DataFrame) -> pd.DataFrame:
    """Count how often each activation of a study has the best mean rank when what was measured is resampled.

    Each scheme draws with replacement: seeds, choosing the learning rates again; blocks (conditions without the
    activation); the learning rates to choose among; or all three at once.

    Args:
        rows: the runs at every learning rate, from `outcome_cube.outcomes`.

    Returns:
        Columns of stats_schema.RANK_STABILITY.
    """
    parts = [_of_study(cube) for cube in cubes(rows) if len(cube.activations) > 1]
    whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return whole.reindex(columns=[column.name for column in RANK_STABILITY])


def _of_study(cube: Cube) -> pd.DataFrame:
    ranks_NA = block_ranks(choose(cube, cube.once()).mean(axis=2))
    base = pd.DataFrame({"study": cube.study, "activation": cube.activations, "n_seeds": len(cube.seeds)})
    if not len(ranks_NA):
        return base.assign(resampled="seeds", n_blocks=0, n_resamples=0, bars="", note=NO_BLOCK)
    means = dict(zip(cube.activations, ranks_NA.mean(axis=0).tolist(), strict=True))
    groups = indistinct(means, friedman(ranks_NA).critical_difference) if len(ranks_NA) > 1 else []
    bars = [" ".join(str(i) for i, group in enumerate(groups, 1) if name in group) for name in cube.activations]
    base = base.assign(n_blocks=len(ranks_NA), mean_rank=list(means.values()), bars=bars)
    return pd.concat([base.assign(**_resampled(cube, scheme)) for scheme in SCHEMES])


def _resampled(cube: Cube, scheme: str) -> dict[str, Any]:
    rank_BA = _mean_ranks(cube, scheme)
    first_BA = np.isclose(rank_BA, rank_BA.min(axis=1, keepdims=True), rtol=0, atol=1e-9)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(rank_BA, [tail, 1 - tail], axis=0)
    units = {"seeds": len(cube.seeds), "conditions": len(cube.blocks), "learning_rates": len(cube.rates)}
    few = units.get(scheme, min(units.values())) < 2
    return {
        "resampled": scheme,
        "n_resamples": len(rank_BA),
        "first_share": (first_BA / first_BA.sum(axis=1, keepdims=True)).mean(axis=0),
        "rank_low": low,
        "rank_high": high,
        "note": TOO_SMALL if few else "",
    }


def _mean_ranks(cube: Cube, scheme: str) -> Array:
    """Return the mean ranks (B, A) of each resample; one that leaves no complete block is drawn again."""
    draws = np.random.default_rng(stream(0, f"rank_stability/{scheme}"))
    once_S, every_L = cube.once(), np.ones(len(cube.rates), dtype=bool)
    known: dict[bytes, tuple[Array, Array]] = {}
    kept: list[Array] = []
    for _ in range(20 * RESAMPLES):
        weights_S, rates_L = once_S, every_L
        if scheme in ("seeds", "all"):
            weights_S = _counts(draws, len(cube.seeds))
        if scheme in ("learning_rates", "all"):
            rates_L = _counts(draws, len(cube.rates)) > 0
        key = weights_S.tobytes() + rates_L.tobytes()
        if key not in known:
            chosen_ANS = choose(cube, weights_S, rates_L)
            ranks_NA = block_ranks(chosen_ANS @ (weights_S / weights_S.sum()))
            known[key] = ranks_NA, np.ones(len(ranks_NA)) @ ranks_NA / max(len(ranks_NA), 1)
        ranks_NA, mean_A = known[key]
        if not len(ranks_NA):
            continue
        if scheme in ("conditions", "all"):
            mean_A = _counts(draws, len(ranks_NA)) @ ranks_NA / len(ranks_NA)
        kept.append(mean_A)
        if len(kept) == RESAMPLES:
            break
    return np.stack(kept) if kept else np.full((1, len(cube.activations)), np.nan)


def _counts(draws: np.random.Generator, n: int) -> Array:
    return np.bincount(draws.integers(0, n, n), minlength=n).astype(np.float64)
