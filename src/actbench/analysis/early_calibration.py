"""A threshold on one early number, chosen on some seeds and tried on another.

Shape letters: S seeds, K distinct values in rising order, B outcome (good, bad), F forecast (not flagged, flagged).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from actbench.analysis.intervals import CONSTANT, TOO_SMALL

Array = np.ndarray[Any, np.dtype[np.float64]]
ONE_OUTCOME = "not estimable: all runs trained, or none"


@dataclass(frozen=True)
class Signal:
    """One number of each run of a study: how many good and bad runs of each seed have each of its values."""

    values_K: Array
    counts_BSK: Array

    def wins(self) -> Array:
        """Return (S, S): pairs of a bad run of a seed and a good one of another in which the bad one is higher."""
        good_SK, bad_SK = self.counts_BSK
        return np.asarray(bad_SK @ (np.cumsum(good_SK, axis=1) - 0.5 * good_SK).T)

    def pairs(self) -> Array:
        """Return (S, S): all such pairs."""
        good_S, bad_S = self.counts_BSK.sum(axis=2)
        return np.outer(bad_S, good_S)


@dataclass(frozen=True)
class Rule:
    """Runs above a value are flagged if large numbers warn, else those at or below it. cut: its place among K."""

    rising: bool
    cut: int

    def table(self, counts_BSK: Array) -> Array:
        """Return (B, F): how many runs of each outcome are flagged."""
        below_B = counts_BSK[:, :, : self.cut + 1].sum(axis=(1, 2))
        above_B = counts_BSK[:, :, self.cut + 1 :].sum(axis=(1, 2))
        return np.stack([below_B, above_B] if self.rising else [above_B, below_B], axis=1)


def choose_rule(counts_BSK: Array) -> Rule:
    """Choose the direction by the area under the curve and the threshold by sensitivity + specificity (Youden 1950).

    The lowest of equal thresholds is taken. Sums of whole numbers are exact, so no order of rows breaks a tie.
    """
    good_K, bad_K = counts_BSK.sum(axis=1)
    rising = 2 * float(bad_K @ (np.cumsum(good_K) - 0.5 * good_K)) >= good_K.sum() * bad_K.sum()
    index_K = np.cumsum(good_K) * bad_K.sum() - np.cumsum(bad_K) * good_K.sum()
    seen = np.flatnonzero(good_K + bad_K)  # values that only other seeds have are no thresholds
    gain = (index_K if rising else -index_K)[seen[:-1]]
    return Rule(bool(rising), int(seen[np.argmax(gain)]) if len(gain) else int(seen[0]))


def calibrate(signal: Signal) -> dict[str, Any]:
    """Return direction and threshold from all seeds, and how those of the other seeds do on each: see `held_out`."""
    runs_BS = signal.counts_BSK.sum(axis=2)
    seeds = np.flatnonzero(runs_BS.sum(axis=0))
    row: dict[str, Any] = {"n_runs": int(runs_BS.sum()), "n_untrained": int(runs_BS[1].sum()), "n_seeds": len(seeds)}
    if not runs_BS.sum(axis=1).all():
        return row | {"direction": "", "note": ONE_OUTCOME}
    rule = choose_rule(signal.counts_BSK)
    row |= {"direction": "higher" if rule.rising else "lower"}
    if len(signal.values_K) < 2:
        return row | {"note": CONSTANT}
    row |= {"threshold": float(signal.values_K[rule.cut])}
    return row | {"note": TOO_SMALL} if len(seeds) < 2 else row | {"note": ""} | held_out(signal, seeds)


def held_out(signal: Signal, seeds: Any) -> dict[str, float]:
    """Forecast the runs of each seed from the others.

    Direction and threshold come from the others, and the forecast of a run is the share of bad ones among their runs
    on its side of the threshold. sensitivity and specificity count flagged bad and unflagged good runs; brier is the
    mean squared error of the forecast (Brier 1950), brier_base that of the share of bad runs of the others as a whole;
    held_out_auc is the mean over seeds of the area within the seed.
    """
    outcome_B1 = np.array([[0.0], [1.0]])
    wins, pairs = signal.wins(), signal.pairs()
    found_BF, squares, plain, areas = np.zeros((2, 2)), 0.0, 0.0, []
    for seed in seeds:
        others_BSK = np.delete(signal.counts_BSK, seed, axis=1)
        rule = choose_rule(others_BSK)
        other_BF, own_BF = rule.table(others_BSK), rule.table(signal.counts_BSK[:, [seed]])
        base, sizes_F = other_BF[1].sum() / other_BF.sum(), other_BF.sum(axis=0)
        forecast_F = np.divide(other_BF[1], sizes_F, out=np.full(2, base), where=sizes_F > 0)
        squares += float((own_BF * (outcome_B1 - forecast_F) ** 2).sum())
        plain += float((own_BF * (outcome_B1 - base) ** 2).sum())
        found_BF += own_BF
        if pairs[seed, seed]:
            area = wins[seed, seed] / pairs[seed, seed]
            areas.append(area if rule.rising else 1 - area)
    n_good, n_bad = found_BF.sum(axis=1)
    rates = {"sensitivity": found_BF[1, 1] / n_bad, "specificity": found_BF[0, 0] / n_good}
    scores = {"brier": squares / (n_good + n_bad), "brier_base": plain / (n_good + n_bad)}
    return rates | scores | {"held_out_auc": float(np.mean(areas)) if areas else np.nan}
