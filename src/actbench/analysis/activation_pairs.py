"""Every pair of activations of each study: effects with intervals over seeds, tests over blocks, verdicts.

Shape letters: A activations, N blocks, S seeds, P pairs.
"""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.friedman import ALPHA, nemenyi_p
from actbench.analysis.intervals import TOO_SMALL, join_notes
from actbench.analysis.metrics import ROUNDED
from actbench.analysis.multiplicity import holm
from actbench.analysis.outcome_cube import Array, Cube, choose, cubes
from actbench.analysis.paired_effects import differences_of, dominances, estimates, signed_rank
from actbench.analysis.rank_stability import block_ranks
from actbench.analysis.seed_resampling import SeedStatistic, mean_errors, seed_intervals
from actbench.analysis.settling import seeds_needed, tost_p

MARGIN = 0.01  # of accuracy: one point; smaller differences are called equivalent, and ties between blocks
NO_BLOCK = "no block in common"
MEASURES = ("effect", "cliffs_delta", "improvement")


def pairs(rows: pd.DataFrame) -> pd.DataFrame:
    """Compare every two activations of each study, paired by block and seed.

    The interval of each effect is a bootstrap over seeds that chooses the learning rates again in every resample; the
    standard error behind the test of equivalence is that of these resamples.

    Args:
        rows: the runs at every learning rate, from `outcome_cube.outcomes`.

    Returns:
        Columns of stats_schema.PAIRS, first and second in the order of the alphabet.
    """
    parts = [_of_study(cube) for cube in cubes(rows) if len(cube.activations) > 1]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _of_study(cube: Cube) -> pd.DataFrame:
    places = list(combinations(range(len(cube.activations)), 2))
    chosen_ANS = choose(cube, cube.once())
    statistic = SeedStatistic(lambda weights_S: _measures(choose(cube, weights_S), weights_S, places), len(cube.seeds))
    numbers, intervals = statistic.of(cube.once()), seed_intervals(statistic)
    frame = pd.DataFrame([_tests(chosen_ANS, first, second) for first, second in places])
    for place, name in enumerate(MEASURES):
        own = slice(place, None, len(MEASURES))
        low, high, kind = (column[own] for column in intervals)
        names = (name, "low", "high", "interval") if place == 0 else (name, f"{name}_low", f"{name}_high", "")
        frame = frame.assign(**dict(zip(names[:3], (numbers[own], low, high), strict=True)))
        frame = frame.assign(interval=kind) if place == 0 else frame
    frame = frame.assign(nemenyi_p=_nemenyi(chosen_ANS, places), **_settled(cube, places))
    frame = frame.assign(
        study=cube.study,
        family=f"{cube.study}/pairs",
        first=[cube.activations[first] for first, _ in places],
        second=[cube.activations[second] for _, second in places],
        n_seeds=len(cube.seeds),
        margin=MARGIN,
        p_holm=holm(frame["p"]),
        tost_p_holm=holm(frame["tost_p"]),
    )
    return frame.assign(verdict=[_verdict(row) for row in frame.to_dict("records")], note=_notes(frame, cube))


def _measures(chosen_ANS: Array, weights_S: Array, places: list[tuple[int, int]]) -> Array:
    """Return effect, Cliff's delta and probability of improvement of each pair, in this order, flat."""
    share_S = weights_S / weights_S.sum()
    mean_AN = np.round(chosen_ANS @ share_S, ROUNDED)
    numbers = np.full((len(places), len(MEASURES)), np.nan)
    known_AN = ~np.isnan(mean_AN)
    whole_P = known_AN.all(axis=1)[np.array(places)].all(axis=1)
    if whole_P.any() and mean_AN.shape[1]:
        numbers[whole_P] = _of_blocks(chosen_ANS, mean_AN, share_S, np.array(places)[whole_P])
    for row in np.flatnonzero(~whole_P):
        two = list(places[row])
        both = known_AN[two].all(axis=0)
        if both.any():
            numbers[row] = _of_blocks(chosen_ANS[two][:, both], mean_AN[two][:, both], share_S, np.array([[0, 1]]))
    return numbers.ravel()


def _of_blocks(chosen_ANS: Array, mean_AN: Array, share_S: Array, places_P2: Any) -> Array:
    """Return MEASURES of pairs that hold every block, (P, 3)."""
    first, second = places_P2.T
    won_PNS = (1 + np.sign(chosen_ANS[first] - chosen_ANS[second])) / 2
    effects = estimates(differences_of(mean_AN[first], mean_AN[second]))
    deltas = dominances(mean_AN, first, second).mean(axis=1)
    return np.stack([effects, deltas, (won_PNS @ share_S).mean(axis=1)], axis=1)


def _tests(chosen_ANS: Array, first: int, second: int) -> dict[str, Any]:
    one, other = chosen_ANS[first].mean(axis=1), chosen_ANS[second].mean(axis=1)
    both = ~np.isnan(one + other)
    difference = differences_of(one[both], other[both])
    p, note = signed_rank(difference) if both.any() else (np.nan, NO_BLOCK)
    wins, losses = int(np.sum(difference > MARGIN)), int(np.sum(difference < -MARGIN))
    counts = {"n_blocks": int(both.sum()), "wins": wins, "ties": int(both.sum()) - wins - losses, "losses": losses}
    return counts | {"p": p, "test_note": note}


def _settled(cube: Cube, places: list[tuple[int, int]]) -> dict[str, Array]:
    """Return p of equivalence and the number of seeds to add, from the mean difference of each seed."""

    def per_seed(weights_S: Array) -> Array:
        chosen_ANS = choose(cube, weights_S)
        return np.stack([_mean_of_blocks(chosen_ANS[first] - chosen_ANS[second]) for first, second in places])

    s = len(cube.seeds)
    differences_PS, errors_P = per_seed(cube.once()), mean_errors(per_seed, s)
    more = np.maximum(seeds_needed(differences_PS, MARGIN, errors_P) - s, 0)
    return {"tost_p": tost_p(differences_PS, MARGIN, errors_P), "more_seeds": more}


def _mean_of_blocks(difference_NS: Array) -> Array:
    known = difference_NS[~np.isnan(difference_NS).any(axis=1)]
    return known.mean(axis=0) if len(known) else np.full(difference_NS.shape[1], np.nan)


def _nemenyi(chosen_ANS: Array, places: list[tuple[int, int]]) -> Array:
    ranks_NA = block_ranks(chosen_ANS.mean(axis=2))
    if len(ranks_NA) < 2:
        return np.full(len(places), np.nan)
    first, second = np.array(places).T
    means = ranks_NA.mean(axis=0)
    return nemenyi_p(means[first] - means[second], len(means), len(ranks_NA))


def _verdict(row: dict[Any, Any]) -> str:
    if row["tost_p_holm"] < ALPHA:
        return "equivalent"
    if row["p_holm"] < ALPHA and row["effect"] != 0:
        return str(row["first"] if row["effect"] > 0 else row["second"])
    return "undecided"


def _notes(frame: pd.DataFrame, cube: Cube) -> list[str]:
    few = [TOO_SMALL if len(cube.seeds) < 2 else ""] * len(frame)
    left = [
        f"{len(cube.blocks) - n} incomplete blocks left out" if n < len(cube.blocks) else "" for n in frame["n_blocks"]
    ]
    far = ["more than 10,000 seeds would be needed" if more == np.inf else "" for more in frame["more_seeds"]]
    return join_notes(few, frame["test_note"], left, far)
