"""A threshold on one early number, chosen on some seeds and tried on another.

Shape letters: S seeds, R rows that choose alone, K distinct values in rising order, B outcome (good, bad), F forecast
(not flagged, flagged).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from actbench.analysis.intervals import CONSTANT, TOO_SMALL

Array = np.ndarray[Any, np.dtype[np.float64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
Places = np.ndarray[Any, np.dtype[np.intp]]
AT_ONCE = 1 << 16  # numbers of seeds by values that are looked at together
ONE_OUTCOME = "not estimable: all runs trained, or none"


@dataclass(frozen=True)
class Signal:
    """One number of each run of a study: how many good and bad runs of each seed have each of its values."""

    values_K: Array
    counts_BSK: Array

    @classmethod
    def of(cls, cell: Places, values: Any, n_seeds: int) -> "Signal":
        """Count runs by their numbers.

        Args:
            cell: outcome · n_seeds + seed of each run.
            values: the number of each run.
            n_seeds: S.
        """
        values_K, place = np.unique(values, return_inverse=True)
        shape = 2, n_seeds, len(values_K)
        counts = np.bincount(cell * len(values_K) + place, np.ones(len(place)), minlength=int(np.prod(shape)))
        return cls(values_K.astype(np.float64), counts.reshape(shape).astype(np.float64, copy=False))

    @cached_property
    def wins(self) -> Array:
        """Return (S, S): pairs of a bad run of a seed and a good one of another in which the bad one is higher."""
        n_seeds, n_values = self.counts_BSK.shape[1:]
        wins_SS, lower_S1 = np.zeros((n_seeds, n_seeds)), np.zeros((n_seeds, 1))
        n_at_once = max(1, AT_ONCE // n_seeds)
        for start in range(0, n_values, n_at_once):
            good_SK, bad_SK = self.counts_BSK[:, :, start : start + n_at_once]
            below_SK = lower_S1 + np.cumsum(good_SK, axis=1)
            wins_SS += bad_SK @ (below_SK - 0.5 * good_SK).T
            lower_S1 = below_SK[:, -1:]
        return wins_SS

    @cached_property
    def pairs(self) -> Array:
        """Return (S, S): all such pairs."""
        good_S, bad_S = self.counts_BSK.sum(axis=2)
        return np.outer(bad_S, good_S)


@dataclass(frozen=True)
class Rules:
    """Of each row R: runs above a value are flagged if large numbers warn, else those at or below it.

    cut: the place of the value among K.
    """

    rising_R: Flags
    cut_R: Places

    def table(self, below_BRK: Array) -> Array:
        """Return (B, R, F): how many runs of each outcome are flagged, of counts added up along K."""
        below_BR = below_BRK[:, np.arange(len(self.cut_R)), self.cut_R]
        above_BR = below_BRK[:, :, -1] - below_BR
        parts = np.where(self.rising_R, below_BR, above_BR), np.where(self.rising_R, above_BR, below_BR)
        return np.stack(parts, axis=2)


def choose_rules(counts_BRK: Array, below_BRK: Array) -> Rules:
    """Choose the direction by the area under the curve and the threshold by sensitivity + specificity (Youden 1950).

    The lowest of equal thresholds is taken. Sums of whole numbers are exact, so no order of rows breaks a tie.

    Args:
        counts_BRK: how many good and bad runs have each value, one row for each choice.
        below_BRK: the same added up along K.
    """
    (good_RK, bad_RK), (below_good_RK, below_bad_RK) = counts_BRK, below_BRK
    good_R, bad_R = below_BRK[:, :, -1]
    twice_R = 2 * np.einsum("rk,rk->r", bad_RK, below_good_RK) - np.einsum("rk,rk->r", bad_RK, good_RK)
    rising_R = twice_R >= good_R * bad_R
    side_R = np.where(rising_R, 1.0, -1.0)
    gain_RK = below_good_RK * (side_R * bad_R)[:, None]
    gain_RK -= below_bad_RK * (side_R * good_R)[:, None]
    seen_RK = np.logical_or(good_RK, bad_RK)  # values that only other seeds have are no thresholds
    last_R = seen_RK.shape[1] - 1 - seen_RK[:, ::-1].argmax(axis=1)
    np.copyto(gain_RK, -np.inf, where=~seen_RK)
    gain_RK[np.arange(len(last_R)), last_R] = np.where(seen_RK.sum(axis=1) > 1, -np.inf, 0.0)
    return Rules(rising_R, gain_RK.argmax(axis=1))


def calibrate(signal: Signal) -> dict[str, Any]:
    """Return direction and threshold from all seeds, and how those of the other seeds do on each: see `held_out`."""
    runs_BS = signal.counts_BSK.sum(axis=2)
    seeds = np.flatnonzero(runs_BS.sum(axis=0))
    row: dict[str, Any] = {"n_runs": int(runs_BS.sum()), "n_untrained": int(runs_BS[1].sum()), "n_seeds": len(seeds)}
    if not runs_BS.sum(axis=1).all():
        return row | {"direction": "", "note": ONE_OUTCOME}
    all_B1K = signal.counts_BSK.sum(axis=1, keepdims=True)
    rules = choose_rules(all_B1K, np.cumsum(all_B1K, axis=2))
    row |= {"direction": "higher" if rules.rising_R[0] else "lower"}
    if len(signal.values_K) < 2:
        return row | {"note": CONSTANT}
    row |= {"threshold": float(signal.values_K[rules.cut_R[0]])}
    return row | {"note": TOO_SMALL} if len(seeds) < 2 else row | {"note": ""} | held_out(signal, seeds)


def held_out(signal: Signal, seeds: Any) -> dict[str, float]:
    """Forecast the runs of each seed from the others.

    Direction and threshold come from the others, and the forecast of a run is the share of bad ones among their runs
    on its side of the threshold. sensitivity and specificity count flagged bad and unflagged good runs; brier is the
    mean squared error of the forecast (Brier 1950), brier_base that of the share of bad runs of the others as a whole;
    held_out_auc is the mean over seeds of the area within the seed.
    """
    rising_S, other_BSF, own_BSF = _try(signal, seeds)
    outcome_B11 = np.array([[[0.0]], [[1.0]]])
    base_S1 = (other_BSF[1].sum(axis=1) / other_BSF.sum(axis=(0, 2)))[:, None]
    sizes_SF = other_BSF.sum(axis=0)
    forecast_SF = np.divide(other_BSF[1], sizes_SF, out=np.repeat(base_S1, 2, axis=1), where=sizes_SF > 0)
    squares, plain = (
        _added(own_BSF * (outcome_B11 - expected) ** 2) / own_BSF.sum() for expected in (forecast_SF, base_S1)
    )
    found_BF = own_BSF.sum(axis=1)
    rates = {
        "sensitivity": found_BF[1, 1] / found_BF[1].sum(),
        "specificity": found_BF[0, 0] / found_BF[0].sum(),
    }
    areas = _areas_within(signal, seeds, rising_S)
    return rates | {"brier": squares, "brier_base": plain, "held_out_auc": areas}


def _try(signal: Signal, seeds: Any) -> tuple[Flags, Array, Array]:
    """Return the direction that all others choose for each seed, and what they flag: of those others, of its own."""
    all_B1K = signal.counts_BSK.sum(axis=1, keepdims=True)
    rising_S = np.empty(len(seeds), dtype=bool)
    other_BSF, own_BSF = np.empty((2, 2, len(seeds), 2))
    n_parts = min(len(seeds), 1 + len(seeds) * len(signal.values_K) // AT_ONCE)
    for some in np.array_split(np.arange(len(seeds)), n_parts):
        own_BSK = signal.counts_BSK[:, seeds[some]]
        other_BSK = all_B1K - own_BSK
        below_BSK = np.cumsum(other_BSK, axis=2)
        rules = choose_rules(other_BSK, below_BSK)
        rising_S[some] = rules.rising_R
        other_BSF[:, some], own_BSF[:, some] = rules.table(below_BSK), rules.table(np.cumsum(own_BSK, axis=2))
    return rising_S, other_BSF, own_BSF


def _added(terms_BSF: Array) -> float:
    """Add up what each seed has, then one seed after another."""
    per_seed_S4 = np.ascontiguousarray(terms_BSF.transpose(1, 0, 2)).reshape(terms_BSF.shape[1], -1)
    return float(np.cumsum(per_seed_S4.sum(axis=1))[-1])


def _areas_within(signal: Signal, seeds: Any, rising_S: Flags) -> float:
    """Return the mean area within a seed, in the direction of the others; nan where no seed has both outcomes."""
    wins_S, pairs_S = (np.diagonal(both)[seeds] for both in (signal.wins, signal.pairs))
    known = pairs_S > 0
    area = wins_S[known] / pairs_S[known]
    return float(np.mean(np.where(rising_S[known], area, 1 - area))) if known.any() else np.nan
