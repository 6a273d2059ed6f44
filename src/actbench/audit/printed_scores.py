"""Scores and failures computed once more, one plain loop a statistic, for the runs of a study at their chosen rates."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from actbench.audit.chosen_again import (
    Array,
    Resampled,
    intervals_again,
    laid,
    placed,
    redrawn,
    scores_again,
    seeds_of,
)
from actbench.audit.densities import holm, signed_rank_p
from actbench.audit.printed_rows import Numbers, Row, Unfinished, per_seed, rates, with_ends, with_these_ends
from actbench.audit.raw_rows import BLOCK, CONDITION, Raw, chosen, runs_of

NOT_RANKED: Numbers = {
    **dict.fromkeys(("n_blocks", "n_seeds", "n_runs", "n_failed"), 0), "low": np.nan, "high": np.nan, "interval": "",
    **dict.fromkeys(("rank", "score", "failure_rate", "failure_rate_low", "failure_rate_high"), np.nan),
}  # fmt: skip
REFERENCE = "relu"
ESTIMATES = ("difference", "share_better", "p", "p_holm", "failure_rate", "reference_failure_rate")


def studies(raw: Raw, study: str) -> Iterator[Row]:
    """Count the runs of a study by status, its seeds and its conditions."""
    runs = runs_of(raw, study)
    counts = {f"n_{status}": int((runs["status"] == status).sum()) for status in ("ok", "diverged", "error")}
    yield (
        (),
        {"n_runs": len(runs), "n_seeds": runs["seed"].nunique(), **counts}
        | {"n_conditions": len(runs[CONDITION].drop_duplicates())},
    )


def conditions(raw: Raw, study: str) -> Iterator[Row]:
    """Score, loss and failures of each condition."""
    tried = dict(runs_of(raw, study).groupby(CONDITION)["lr"].nunique().items())
    found = list(placed(raw, study).groupby(CONDITION))

    def rows() -> Iterator[Unfinished]:
        for key, own in found:
            numbers = rates(own, "failed", "failure_rate") | {"lr": float(own["lr"].iloc[0]), "n_lr": int(tried[key])}
            yield key, numbers | {"loss": float(own["loss"].mean())}, list(own.sort_values("seed")["score"])

    groups = [own["place"].unique() for _, own in found]
    return with_these_ends(rows(), "score", _ends_of_scores(raw, study, groups))


def _ends_of_scores(raw: Raw, study: str, groups: list[Array]) -> list[Numbers]:
    return intervals_again(scores_again(raw, study), groups, seeds_of(raw, study), (0.0, 1.0))


def middle_half(values: "pd.Series[float]") -> float:
    """Return the mean without the lowest and the highest quarter."""
    ordered, cut = np.sort(values.to_numpy()), len(values) // 4
    return float(ordered[cut : len(ordered) - cut].mean())


def by_depth(raw: Raw, study: str) -> Iterator[Row]:
    """Score and failures of each activation and depth."""
    found = list(placed(raw, study).groupby(["activation", "depth"]))

    def rows() -> Iterator[Unfinished]:
        for key, own in found:
            numbers = {"median": float(np.median(own["score"])), "iqm": middle_half(own["score"])}
            numbers["n_conditions"] = len(own[CONDITION].drop_duplicates())
            yield key, numbers | rates(own, "failed", "failure_rate"), per_seed(own, "score")

    groups = [own["place"].unique() for _, own in found]
    return with_these_ends(rows(), "score", _ends_of_scores(raw, study, groups))


def trainable(raw: Raw, study: str) -> Iterator[Row]:
    """Count what trained, for each norm and residual and for all of them together."""
    runs = chosen(raw, study)
    for norm in ("", "all"):
        for residual in ("", "all"):
            named = runs.assign(**({"norm": norm} if norm else {}), **({"residual": residual} if residual else {}))
            for key, rows in named.groupby(["activation", "depth", "init", "norm", "residual"]):
                yield key, rates(rows, "trained", "trained_share") | {"n_seeds": len(set(rows["seed"]))}


def ranking(raw: Raw, study: str) -> Iterator[Row]:
    """Mean rank over the blocks that hold every activation; failed runs last, ties shared."""
    runs = placed(raw, study)
    names = sorted(runs["activation"].unique())
    kept = [(key, own) for key, own in runs.groupby([*BLOCK, "seed"]) if own["activation"].nunique() == len(names)]
    ranked = []
    for key, block in kept:
        ranks = places_among(np.where(block["failed"], -1.0, block["score"]))
        ranked.append(block.assign(rank=ranks, block=str(key[:-1])))
    if not ranked:
        return iter([((name,), NOT_RANKED) for name in names])

    def rows() -> Iterator[Unfinished]:
        for name, own in pd.concat(ranked).groupby("activation"):
            numbers = rates(own, "failed", "failure_rate") | {"score": float(own["score"].mean())}
            yield (name,), numbers | {"n_blocks": own["block"].nunique()}, per_seed(own, "rank")

    blocks = [own.drop_duplicates("activation").sort_values("activation")["place"] for _, own in runs.groupby(BLOCK)]
    whole = [own.to_numpy() for own in blocks if len(own) == len(names)]
    groups = [np.arange(place, len(whole) * len(names), len(names)) for place in range(len(names))]
    again = _ranks_again(raw, study, whole)
    ends = intervals_again(again, groups, seeds_of(raw, study), (1.0, float(len(names))))
    return with_these_ends(rows(), "rank", ends)


def places_among(values: Array) -> Array:
    """Return the rank of each of the values along the first axis, the highest first; nan where one of them is."""
    ahead = (values[None] > values[:, None]).sum(axis=1) + ((values[None] == values[:, None]).sum(axis=1) + 1) / 2
    return np.where(np.isnan(values).any(axis=0), np.nan, ahead)


def _ranks_again(raw: Raw, study: str, blocks: list[Array]) -> Resampled:
    """Return what gives the ranks within each block, one after another, at the rates of each resample."""
    found = laid(raw, study)

    def ranks(counts_MS: Array) -> Array:
        values = redrawn(found.val_CLS, found.ranked_CLS, counts_MS)
        return np.concatenate([places_among(values[block]) for block in blocks])

    return ranks


def learning_rates(raw: Raw, study: str) -> Iterator[Row]:
    """Score and failures of each activation at every learning rate, and how often the rate is the best."""
    best = chosen(raw, study).drop_duplicates(CONDITION).groupby(["activation", "lr"]).size()

    def rows() -> Iterator[Unfinished]:
        for key, own in runs_of(raw, study).groupby(["activation", "lr"]):
            counts = {"n_conditions": len(own[CONDITION].drop_duplicates()), "n_chosen": int(best.get(key, 0))}
            yield key, counts | rates(own, "failed", "failure_rate"), per_seed(own, "score")

    return with_ends(rows(), "score")


def comparisons(raw: Raw, study: str) -> Iterator[Row]:
    """Each activation against the reference, in the blocks and seeds that hold both."""
    runs = placed(raw, study)
    reference = runs.loc[runs["activation"] == REFERENCE, [*BLOCK, "seed", "place", "score", "failed"]]
    pairs = runs[runs["activation"] != REFERENCE].merge(reference, on=[*BLOCK, "seed"], suffixes=("", "_reference"))
    pairs = pairs.assign(difference=pairs["score"] - pairs["score_reference"])
    absent = sorted(set(runs["activation"]) - set(pairs["activation"]) - {REFERENCE})
    none: Numbers = {"n_blocks": 0, "n_seeds": 0, "reference": REFERENCE, "family": f"{study}/overall"}
    none |= {"low": np.nan, "high": np.nan, "interval": ""} | dict.fromkeys(ESTIMATES, np.nan)
    yield from (((name, "overall", np.nan), none) for name in absent)
    for scope, by in (("overall", ["activation"]), ("by_depth", ["activation", "depth"])):
        groups = [(key, own) for key, own in pairs.groupby(by)]
        tests = [np.round([rows["difference"].mean() for _, rows in own.groupby(BLOCK)], 12) for _, own in groups]
        p = np.array([signed_rank_p(differences) for differences in tests])
        rows = []
        for (key, own), differences, tested, adjusted in zip(groups, tests, p, holm(p), strict=True):
            place = (key[0], scope, key[1] if len(key) > 1 else np.nan)
            numbers = {"n_blocks": len(differences), "p": tested, "p_holm": adjusted, "reference": REFERENCE}
            numbers["family"] = f"{study}/{scope}"
            numbers["share_better"] = float(np.mean((np.sign(differences) + 1) / 2))
            numbers["failure_rate"] = float(own["failed"].mean())
            numbers["reference_failure_rate"] = float(own["failed_reference"].mean())
            rows.append((place, numbers, per_seed(own, "difference")))
        ends = _ends_of_pairs(raw, study, [own for _, own in groups])
        yield from with_these_ends(rows, "difference", ends)


def _ends_of_pairs(raw: Raw, study: str, groups: list[pd.DataFrame]) -> list[Numbers]:
    of, places = _differences_again(raw, study, groups)
    return intervals_again(of, places, seeds_of(raw, study))


def _differences_again(raw: Raw, study: str, groups: list[pd.DataFrame]) -> tuple[Resampled, list[Array]]:
    """Return what gives score less score of reference of all pairs at the rates of each resample; those of a group."""
    pairs = [own[["place", "place_reference"]].drop_duplicates().to_numpy() for own in groups]
    known = np.unique(np.concatenate([np.empty((0, 2), dtype=int), *pairs]), axis=0)
    at = {(int(first), int(second)): place for place, (first, second) in enumerate(known)}
    scores = scores_again(raw, study)

    def differences(counts_MS: Array) -> Array:
        values = scores(counts_MS)
        return np.asarray(values[known[:, 0]] - values[known[:, 1]])

    return differences, [np.array([at[int(first), int(second)] for first, second in own]) for own in pairs]


def varied(runs: pd.DataFrame) -> list[str]:
    """Return the factors, but lr and seed, that have several levels."""
    return [name for name in CONDITION if runs[name].nunique() > 1]


def interactions(raw: Raw, study: str) -> Iterator[Row]:
    """Mean of every two levels, and how far it is from what the two means add up to."""
    runs = chosen(raw, study)
    for first, second in combinations(varied(runs), 2):
        for (one, other), own in runs.groupby([first, second]):
            alone = runs[runs[first] == one]["score"].mean() + runs[runs[second] == other]["score"].mean()
            numbers = {"n_runs": len(own), "n_seeds": runs["seed"].nunique(), "score": own["score"].mean()}
            numbers["interaction"] = own["score"].mean() - alone + runs["score"].mean()
            yield (first, str(one), second, str(other)), numbers | {"trained_share": own["trained"].mean()}


def simple_effects(raw: Raw, study: str) -> Iterator[Row]:
    """Each level against the reference of its factor, between runs that share all else, within each other level."""
    runs = placed(raw, study)
    factors = [name for name in varied(runs) if name != "activation"]
    keys, groups = [], []
    for factor in factors:
        levels = list(runs[factor].unique())
        reference = "none" if "none" in levels else min(levels)
        shared = [*(name for name in CONDITION if name != factor), "seed"]
        base = runs.loc[runs[factor] == reference, [*shared, "place", "score", "trained"]]
        pairs = runs[runs[factor] != reference].merge(base, on=shared, suffixes=("", "_reference"))
        pairs = pairs.assign(
            difference=pairs["score"] - pairs["score_reference"],
            trained_difference=pairs["trained"].astype(float) - pairs["trained_reference"].astype(float),
            level=pairs[factor],
            all="all",
        )
        for within in ("all", *(name for name in factors if name != factor)):
            for (name, level, held), own in pairs.groupby(["activation", "level", within]):
                keys.append((name, factor, str(level), str(reference), within, str(held)))
                groups.append(own)
    for key, own, ends in zip(keys, groups, _ends_of_pairs(raw, study, groups), strict=True):
        numbers: Numbers = {"n_pairs": len(own), "n_seeds": own["seed"].nunique()}
        numbers |= {name: ends[name] for name in ("low", "high")}
        for name in ("difference", "trained_difference"):
            numbers[name] = float(np.mean(per_seed(own, name)))
        yield key, numbers
