"""Which diagnostic of the first updates tells the runs that will not train from those that will?

Shape letters: R rows of the statistic, B outcome (good, bad), S seeds, K distinct values.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.early_calibration import ONE_OUTCOME, Array, Signal, calibrate
from actbench.analysis.early_records import Slot
from actbench.analysis.early_warning_schema import EARLY_WARNING
from actbench.analysis.hidden_layers import REDUCTIONS
from actbench.analysis.metrics import add_metrics
from actbench.analysis.run_places import places_of
from actbench.analysis.seed_resampling import SeedStatistic, seed_intervals
from actbench.plan.registry import declared_text

FACTS = ["run_key", "depth", "steps", "seed", "trained"]
SLOT = ["diagnostic", "step"]
WHOLE = "network"  # where a diagnostic of the whole network is measured
ANY = "any"  # the one row of a study in which there is nothing to tell apart

Row = dict[str, Any]


def facts_of(runs: pd.DataFrame) -> pd.DataFrame:
    """Return what is needed of the table `runs`, in the order of the keys."""
    return add_metrics(runs)[FACTS].sort_values("run_key", ignore_index=True)


def early_warning(facts: pd.DataFrame, studies: pd.DataFrame, early: Iterable[tuple[Slot, Any]]) -> pd.DataFrame:
    """Say how well each early number foretells that a run will not train (metric `trained`).

    auc = P(number of an untrained run > that of a trained one) + P(equal) / 2 over all runs of a study that recorded
    it, at every learning rate (Mann & Whitney 1947; Hanley & McNeil 1982). Where it is below 1/2 small numbers warn:
    the direction is `lower` and the area that of the other side. Its interval is a bootstrap over seeds with the
    direction kept. The rest is calibrated on other seeds: `early_calibration.held_out`.

    Args:
        facts: from `facts_of`.
        studies: the table `studies`.
        early: from `early_records.read_early`; places of runs are those in `facts`.

    Returns:
        Columns of stats_schema.EARLY_WARNING.
    """
    own = [_Study.of(str(study), facts, keys) for study, keys in studies.groupby("study", sort=True)["run_key"]]
    for slot, numbers in early:  # those of one slot are in memory at a time
        for study in own:
            study.add(slot, numbers)
    frame = pd.concat([study.table() for study in own], ignore_index=True)
    return frame.reindex(columns=[column.name for column in EARLY_WARNING])


@dataclass
class _Study:
    """The runs of a study, and the rows found so far with the wins and pairs of their seeds."""

    name: str
    empty: Row  # of a study in which there is nothing to tell apart
    n_seeds: int
    row_of: Any  # of every run of all studies: outcome · n_seeds + seed, -1 for a run that is not of this one
    rows: list[Row] = field(default_factory=list)
    wins: list[Array] = field(default_factory=list)
    pairs: list[Array] = field(default_factory=list)

    @classmethod
    def of(cls, name: str, facts: pd.DataFrame, keys: "pd.Series[Any]") -> "_Study":
        member = places_of(facts["run_key"], keys) >= 0
        own = facts[member]
        seeds, seed = np.unique(own["seed"], return_inverse=True)
        row = np.full(len(facts), -1, dtype=np.int32)
        row[member] = (~own["trained"]).to_numpy(dtype=np.int64) * len(seeds) + seed
        told = row if own["trained"].nunique() > 1 else np.full_like(row, -1)
        return cls(name, _nothing_to_tell_apart(own), len(seeds), told)

    def add(self, slot: Slot, numbers: Any) -> None:
        for row, cell, values in _reductions(self, slot, numbers):
            self._calibrate(row, Signal.of(cell, values, self.n_seeds))  # of which one is in memory at a time

    def _calibrate(self, row: Row, signal: Signal) -> None:
        self.rows.append(row | calibrate(signal))
        self.wins.append(signal.wins)
        self.pairs.append(signal.pairs)

    def table(self) -> pd.DataFrame:
        if not self.rows:
            return pd.DataFrame([self.empty | {"study": self.name}])
        frame = pd.DataFrame(self.rows).assign(study=self.name)
        direction = frame["direction"].to_numpy()
        frame = frame.assign(**_areas(np.stack(self.wins), np.stack(self.pairs), direction))
        order = frame[frame["auc"].notna()].sort_values("auc", ascending=False, kind="stable")
        return frame.assign(best=frame.index.isin(order.drop_duplicates(SLOT).index).astype("int64"))


def _nothing_to_tell_apart(facts: pd.DataFrame) -> Row:
    counts = {"n_runs": len(facts), "n_untrained": int((~facts["trained"]).sum()), "n_seeds": facts["seed"].nunique()}
    empty = {"layers": ANY, "step": 0, "direction": "", "interval": "", "best": 0}
    return {"diagnostic": ANY, **empty, **counts, "note": ONE_OUTCOME}


def _reductions(study: _Study, slot: Slot, numbers: Any) -> Iterator[tuple[Row, Any, Any]]:
    """Yield each reduction of a diagnostic at a step: of every run that recorded it, outcome and seed, and number."""
    diagnostic, step = slot
    whole = declared_text("diagnostic", diagnostic, "where") == WHOLE
    own = study.row_of[numbers["run"]]
    for layers in REDUCTIONS[:1] if whole else REDUCTIONS:
        values = numbers[layers]
        known = (own >= 0) & ~np.isnan(values)
        if known.any():
            row = {"diagnostic": diagnostic, "layers": WHOLE if whole else layers, "step": step}
            yield row, own[known], values[known]


def _areas(wins_RSS: Array, pairs_RSS: Array, direction: Any) -> dict[str, Any]:
    """Return auc and its interval, in the direction of each row."""
    wins_RSS[direction == "lower"] = (pairs_RSS - wins_RSS)[direction == "lower"]

    def area(weights_S: Array) -> Array:
        won_R, all_R = (np.einsum("rst,s,t->r", each, weights_S, weights_S) for each in (wins_RSS, pairs_RSS))
        return np.asarray(np.divide(won_R, all_R, out=np.full(len(all_R), np.nan), where=all_R > 0))

    statistic = SeedStatistic(area, wins_RSS.shape[1])
    low, high, kind = seed_intervals(statistic)
    return {"auc": statistic.of(np.ones(wins_RSS.shape[1])), "low": low, "high": high, "interval": kind}
