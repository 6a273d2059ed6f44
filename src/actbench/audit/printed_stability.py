"""How stable the order of activations is, by resamples of this path's own, to the error of both."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from actbench.audit.densities import range_point
from actbench.audit.printed_pairs import ALPHA, complete_ranks, picked, scores, tried
from actbench.audit.printed_rows import Row
from actbench.audit.raw_rows import Raw
from actbench.audit.resampled import REACH, ROUNDED, STATISTICS, Ends

Array = np.ndarray[Any, np.dtype[np.float64]]
OWN = 1500
SCHEMES = ("seeds", "conditions", "learning_rates", "all")


def rank_stability(raw: Raw, study: str) -> Iterator[Row]:
    """Mean rank, bars, and share of resamples in which an activation is first."""
    found, chosen = tried(raw, study), scores(raw, study)
    k, _, seeds = chosen.shape
    ranks = complete_ranks(chosen.mean(axis=2))
    if k < 2:
        return
    if not len(ranks):
        none = dict.fromkeys(("mean_rank", "first_share", "rank_low", "rank_high"), np.nan)
        counts = {"n_blocks": 0, "n_seeds": seeds, "n_resamples": 0, "bars": ""}
        yield from (((name, "seeds"), counts | none) for name in found.names)
        return
    means = ranks.mean(axis=0)
    bars = _bars(means, len(ranks))
    for scheme in SCHEMES:
        drawn = _drawn(raw, study, scheme)
        first = np.abs(drawn - drawn.min(axis=1, keepdims=True)) < 1e-9
        shares = (first / first.sum(axis=1, keepdims=True)).mean(axis=0)
        for place, name in enumerate(found.names):
            low, high = (_quantile(drawn[:, place], level) for level in (0.025, 0.975))
            numbers = {"n_blocks": len(ranks), "n_seeds": seeds, "mean_rank": means[place], "bars": bars[place]}
            numbers |= {"n_resamples": STATISTICS, "first_share": _share(shares[place])}
            yield (name, scheme), numbers | {"rank_low": low, "rank_high": high}


def _bars(means: Array, n: int) -> list[str]:
    """Find the largest groups of neighbours within Nemenyi's difference, and name those of each activation."""
    k, order = len(means), np.argsort(means, kind="stable")
    reach = range_point(ALPHA, k) * np.sqrt(k * (k + 1) / (12 * n)) if n > 1 else -1.0
    spans: list[tuple[int, int]] = []
    for start in range(k):
        last = max((end for end in range(start, k) if means[order[end]] - means[order[start]] <= reach), default=start)
        if last > start and (not spans or last > spans[-1][1]):
            spans.append((start, last))
    at = {int(activation): place for place, activation in enumerate(order)}
    own = ([i for i, (start, end) in enumerate(spans, 1) if start <= at[a] <= end] for a in range(k))
    return [" ".join(map(str, numbers)) for numbers in own]


def _drawn(raw: Raw, study: str, scheme: str) -> Array:
    """Return the mean ranks (B, A) of resamples that leave a complete block."""
    found, draws = tried(raw, study), np.random.default_rng(20_260_102)
    rates, seeds = found.score_ANLS.shape[2:]
    known: dict[tuple[Any, ...], Array] = {}
    kept: list[Array] = []
    for _ in range(20 * OWN):
        counts, among = np.ones(seeds), list(range(rates))
        if scheme in ("seeds", "all"):
            counts = np.bincount(draws.integers(0, seeds, seeds), minlength=seeds).astype(float)
        if scheme in ("learning_rates", "all"):
            among = sorted(set(draws.integers(0, rates, rates).tolist()))
        key = (*counts, *among)
        if key not in known:
            known[key] = complete_ranks(picked(found, counts, among) @ (counts / counts.sum()))
        ranks = known[key]
        if len(ranks) and scheme in ("conditions", "all"):
            ranks = ranks[draws.integers(0, len(ranks), len(ranks))]
        kept += [ranks.mean(axis=0)] if len(ranks) else []
        if len(kept) == OWN:
            break
    return np.array(kept)


def _share(share: float) -> Ends:
    reach = REACH * np.sqrt(max(share * (1 - share), 1 / OWN) * (1 / STATISTICS + 1 / OWN))
    return Ends({"share": (share - reach, share + reach)})


def _quantile(ranks: Array, level: float) -> Ends:
    reach = REACH * np.sqrt(level * (1 - level) * (1 / STATISTICS + 1 / OWN))
    low, high = np.quantile(ranks, [max(0.0, level - reach), min(1.0, level + reach)])
    return Ends({"quantile": (low - ROUNDED, high + ROUNDED)})
