"""Scores and failures computed once more, one plain loop a statistic, for the runs of a study at their chosen rates."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from actbench.audit.densities import holm, signed_rank_p, t_point
from actbench.audit.printed_rows import Numbers, Row, per_seed, rates, with_ends
from actbench.audit.raw_rows import BLOCK, CONDITION, Raw, chosen, runs_of
from actbench.audit.resampled import Ends

NOT_RANKED: Numbers = {
    **dict.fromkeys(("n_blocks", "n_seeds", "n_runs", "n_failed"), 0), "low": Ends({}), "high": Ends({}),
    **dict.fromkeys(("rank", "score", "failure_rate", "failure_rate_low", "failure_rate_high"), np.nan),
}  # fmt: skip
Unfinished = Iterator[tuple[tuple[object, ...], Numbers, list[float]]]
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

    def rows() -> Unfinished:
        for key, own in chosen(raw, study).groupby(CONDITION):
            numbers = rates(own, "failed", "failure_rate") | {"lr": float(own["lr"].iloc[0]), "n_lr": int(tried[key])}
            yield key, numbers | {"loss": float(own["loss"].mean())}, list(own.sort_values("seed")["score"])

    return with_ends(rows(), "score")


def middle_half(values: "pd.Series[float]") -> float:
    """Return the mean without the lowest and the highest quarter."""
    ordered, cut = np.sort(values.to_numpy()), len(values) // 4
    return float(ordered[cut : len(ordered) - cut].mean())


def by_depth(raw: Raw, study: str) -> Iterator[Row]:
    """Score and failures of each activation and depth."""

    def rows() -> Unfinished:
        for key, own in chosen(raw, study).groupby(["activation", "depth"]):
            numbers = {"median": float(np.median(own["score"])), "iqm": middle_half(own["score"])}
            numbers["n_conditions"] = len(own[CONDITION].drop_duplicates())
            yield key, numbers | rates(own, "failed", "failure_rate"), per_seed(own, "score")

    return with_ends(rows(), "score")


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
    runs = chosen(raw, study)
    names = sorted(runs["activation"].unique())
    kept = [(key, own) for key, own in runs.groupby([*BLOCK, "seed"]) if own["activation"].nunique() == len(names)]
    ranked = []
    for key, block in kept:
        values = np.where(block["failed"], -1.0, block["score"])
        ranks = [int((values > value).sum()) + (int((values == value).sum()) + 1) / 2 for value in values]
        ranked.append(block.assign(rank=ranks, block=str(key[:-1])))
    if not ranked:
        return iter([((name,), NOT_RANKED) for name in names])

    def rows() -> Unfinished:
        for name, own in pd.concat(ranked).groupby("activation"):
            numbers = rates(own, "failed", "failure_rate") | {"score": float(own["score"].mean())}
            yield (name,), numbers | {"n_blocks": own["block"].nunique()}, per_seed(own, "rank")

    return with_ends(rows(), "rank")


def learning_rates(raw: Raw, study: str) -> Iterator[Row]:
    """Score and failures of each activation at every learning rate, and how often the rate is the best."""
    best = chosen(raw, study).drop_duplicates(CONDITION).groupby(["activation", "lr"]).size()

    def rows() -> Unfinished:
        for key, own in runs_of(raw, study).groupby(["activation", "lr"]):
            counts = {"n_conditions": len(own[CONDITION].drop_duplicates()), "n_chosen": int(best.get(key, 0))}
            yield key, counts | rates(own, "failed", "failure_rate"), per_seed(own, "score")

    return with_ends(rows(), "score")


def comparisons(raw: Raw, study: str) -> Iterator[Row]:
    """Each activation against the reference, in the blocks and seeds that hold both."""
    runs = chosen(raw, study)
    reference = runs.loc[runs["activation"] == REFERENCE, [*BLOCK, "seed", "score", "failed"]]
    pairs = runs[runs["activation"] != REFERENCE].merge(reference, on=[*BLOCK, "seed"], suffixes=("", "_reference"))
    pairs = pairs.assign(difference=pairs["score"] - pairs["score_reference"])
    absent = sorted(set(runs["activation"]) - set(pairs["activation"]) - {REFERENCE})
    none: Numbers = {"n_blocks": 0, "n_seeds": 0, "reference": REFERENCE, "family": f"{study}/overall"}
    none |= {"low": Ends({}), "high": Ends({})} | dict.fromkeys(ESTIMATES, np.nan)
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
        yield from with_ends(rows, "difference")


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
    runs = chosen(raw, study)
    factors = [name for name in varied(runs) if name != "activation"]
    for factor in factors:
        levels = list(runs[factor].unique())
        reference = "none" if "none" in levels else min(levels)
        shared = [*(name for name in CONDITION if name != factor), "seed"]
        base = runs.loc[runs[factor] == reference, [*shared, "score", "trained"]]
        pairs = runs[runs[factor] != reference].merge(base, on=shared, suffixes=("", "_reference"))
        pairs = pairs.assign(
            difference=pairs["score"] - pairs["score_reference"],
            trained_difference=pairs["trained"].astype(float) - pairs["trained_reference"].astype(float),
            level=pairs[factor],
            all="all",
        )
        for within in ("all", *(name for name in factors if name != factor)):
            for (name, level, held), own in pairs.groupby(["activation", "level", within]):
                yield (name, factor, str(level), str(reference), within, str(held)), _over_seeds(own)


def _over_seeds(pairs: pd.DataFrame) -> Numbers:
    seeds, n = per_seed(pairs, "difference"), pairs["seed"].nunique()
    middle = float(np.mean(seeds))
    reach = t_point(0.975, n - 1) * float(np.std(seeds, ddof=1)) / np.sqrt(n) if n > 1 else np.nan
    numbers = {"n_pairs": len(pairs), "n_seeds": n, "difference": middle, "low": middle - reach, "high": middle + reach}
    return numbers | {"trained_difference": float(np.mean(per_seed(pairs, "trained_difference")))}
