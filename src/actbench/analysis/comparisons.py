"""Each activation against a reference, paired by condition and seed.

A block is a condition without its activation; both activations stand in it at their own chosen learning rate and
with the same seeds, which give them the same data order and the same weight noise.
"""

import numpy as np
import pandas as pd

from actbench.analysis.intervals import join_notes, mean_over_seeds
from actbench.analysis.metrics import CONDITION, ROUNDED
from actbench.analysis.multiplicity import holm
from actbench.analysis.paired_effects import signed_rank
from actbench.analysis.rate_choice import RateGrid, chosen_again

REFERENCE = "relu"
BLOCK: list[str] = [name for name in CONDITION if name != "activation"]


def compare(scores: pd.DataFrame, grid: RateGrid, reference: str = REFERENCE) -> pd.DataFrame:
    """Compare each activation with the reference, in each study: overall and at each depth.

    difference = mean over seeds of (mean over blocks of (score - score of reference)), its interval Student's over
    seeds, in whose resamples both choose their learning rates again; p by the Wilcoxon signed-rank test (Wilcoxon
    1945) over blocks, each averaged over its seeds; p_holm after Holm's correction (Holm 1979) among the tests of one
    study and scope.

    Args:
        scores: the runs at the chosen learning rates, from `metrics.scores_by_study`.
        grid: the runs at all learning rates, from `rate_choice.rate_grid`.
        reference: activation to compare with.

    Returns:
        Columns of stats_schema.COMPARISONS; a row that cannot be computed says why in `note`.
    """
    blocks = scores.assign(block=scores.groupby(["study", *BLOCK]).ngroup())
    pairs = _pair(blocks, reference)
    parts = [_estimate(pairs, grid, ["study", "activation"], "overall")]
    parts.append(_estimate(pairs, grid, ["study", "activation", "depth"], "by_depth"))
    compared = pd.concat([*parts, _absent(scores, pairs, reference)], ignore_index=True)
    compared = compared.assign(reference=reference, family=compared["study"].astype("str") + "/" + compared["scope"])
    order = compared["scope"].map({"overall": 0, "by_depth": 1})
    compared = compared.assign(order=order).sort_values(["study", "order", "depth", "activation"], ignore_index=True)
    return compared.assign(p_holm=compared.groupby("family")["p"].transform(holm))


def _pair(blocks: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Put each run beside the run of the reference in its block with its seed."""
    kept = blocks[["study", "block", "depth", "seed", "activation", "condition", "score", "failed"]]
    own = kept[kept["activation"] != reference]
    other = kept[kept["activation"] == reference][["block", "seed", "condition", "score", "failed"]]
    pairs = own.merge(other, on=["block", "seed"], suffixes=("", "_reference"), validate="many_to_one")
    return pairs.assign(difference=pairs["score"] - pairs["score_reference"])


def _estimate(pairs: pd.DataFrame, grid: RateGrid, by: list[str], scope: str) -> pd.DataFrame:
    per_seed = pairs.groupby([*by, "seed"])["difference"].mean().reset_index()
    seeds = mean_over_seeds(per_seed, by, "difference").rename(columns={"mean": "difference"})
    seeds = seeds.merge(chosen_again(grid, pairs, by), on=by, validate="one_to_one")
    rates = pairs.groupby(by, as_index=False).agg(
        failure_rate=("failed", "mean"), reference_failure_rate=("failed_reference", "mean")
    )
    per_block = pairs.groupby([*by, "block"])["difference"].mean().reset_index()
    tests = [_test(group["difference"].to_numpy()) for _, group in per_block.groupby(by)]
    columns = ["n_blocks", "share_better", "p", "test_note"]
    tested = pd.DataFrame(tests, columns=columns).astype({"n_blocks": "int64", "p": "float64"})
    joined = pd.concat([seeds.merge(rates, on=by, validate="one_to_one"), tested], axis=1)
    return joined.assign(scope=scope, note=join_notes(joined["note"], joined["test_note"]))


def _test(differences: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> tuple[int, float, float, str]:
    differences = differences.round(ROUNDED)  # beyond it the order of summation breaks ties between blocks
    better = float(np.mean(differences > 0) + np.mean(differences == 0) / 2)
    return len(differences), better, *signed_rank(differences)


def _absent(scores: pd.DataFrame, pairs: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Make a row with a note for each activation that has no pair in its study."""
    wanted = scores.loc[scores["activation"] != reference, ["study", "activation"]].drop_duplicates()
    paired = pairs[["study", "activation"]].drop_duplicates()
    left = wanted.merge(paired, how="left", on=["study", "activation"], indicator=True)
    left = left.loc[left["_merge"] == "left_only", ["study", "activation"]]
    has_reference = set(scores.loc[scores["activation"] == reference, "study"])
    notes = [
        f"no block in common with {reference}" if study in has_reference else f"{reference} is not in this study"
        for study in left["study"]
    ]
    return left.assign(scope="overall", n_blocks=0, n_seeds=0, interval="", note=notes)
