"""Which diagnostic of the first updates tells the runs that will not train from those that will?

Shape letters: R rows of the statistic, B outcome (good, bad), S seeds, K distinct values.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.early_calibration import ONE_OUTCOME, Array, Signal, calibrate
from actbench.analysis.early_records import Early
from actbench.analysis.early_warning_schema import EARLY_WARNING
from actbench.analysis.hidden_layers import REDUCTIONS
from actbench.analysis.metrics import add_metrics
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


def early_warning(facts: pd.DataFrame, studies: pd.DataFrame, early: Early) -> pd.DataFrame:
    """Say how well each early number foretells that a run will not train (metric `trained`).

    auc = P(number of an untrained run > that of a trained one) + P(equal) / 2 over all runs of a study that recorded
    it, at every learning rate (Mann & Whitney 1947; Hanley & McNeil 1982). Where it is below 1/2 small numbers warn:
    the direction is `lower` and the area that of the other side. Its interval is a bootstrap over seeds with the
    direction kept. The rest is calibrated on other seeds: `early_calibration.held_out`.

    Args:
        facts: from `facts_of`.
        studies: the table `studies`.
        early: from `early_records.join_early`, of the keys of these `facts`.

    Returns:
        Columns of stats_schema.EARLY_WARNING.
    """
    parts = []
    for study, keys in studies.groupby("study", sort=True)["run_key"]:
        member = pd.Index(keys).get_indexer(pd.Index(facts["run_key"])) >= 0
        place = np.where(member, np.cumsum(member) - 1, -1)
        parts.append(_of_study(facts[member], early, place).assign(study=str(study)))
    return pd.concat(parts, ignore_index=True).reindex(columns=[column.name for column in EARLY_WARNING])


def _of_study(facts: pd.DataFrame, early: Early, place: Any) -> pd.DataFrame:
    rows, wins, pairs = [], [], []
    for row, signal in _signals(facts, early, place) if facts["trained"].nunique() > 1 else ():
        rows.append(row | calibrate(signal))
        wins.append(signal.wins)
        pairs.append(signal.pairs)
    if not rows:
        return pd.DataFrame([_nothing_to_tell_apart(facts)])
    frame = pd.DataFrame(rows)
    frame = frame.assign(**_areas(np.stack(wins), np.stack(pairs), frame["direction"].to_numpy()))
    order = frame[frame["auc"].notna()].sort_values("auc", ascending=False, kind="stable")
    return frame.assign(best=frame.index.isin(order.drop_duplicates(SLOT).index).astype("int64"))


def _nothing_to_tell_apart(facts: pd.DataFrame) -> Row:
    counts = {"n_runs": len(facts), "n_untrained": int((~facts["trained"]).sum()), "n_seeds": facts["seed"].nunique()}
    empty = {"layers": ANY, "step": 0, "direction": "", "interval": "", "best": 0}
    return {"diagnostic": ANY, **empty, **counts, "note": ONE_OUTCOME}


def _signals(facts: pd.DataFrame, early: Early, place: Any) -> Iterator[tuple[Row, Signal]]:
    """Yield the numbers of each diagnostic, step and reduction that runs of the study recorded."""
    seeds, seed = np.unique(facts["seed"], return_inverse=True)
    row_of = (~facts["trained"]).to_numpy(dtype=np.int64) * len(seeds) + seed
    for (diagnostic, step), numbers in early.items():
        whole = declared_text("diagnostic", diagnostic, "where") == WHOLE
        own = place[numbers["run"].to_numpy()]
        member = np.flatnonzero(own >= 0)
        for layers in REDUCTIONS[:1] if whole else REDUCTIONS:
            values = numbers[layers].to_numpy()[member]
            known = ~np.isnan(values)
            values_K, code = np.unique(values[known], return_inverse=True)
            cell = row_of[own[member[known]]] * len(values_K) + code
            counts = np.bincount(cell, minlength=2 * len(seeds) * len(values_K)).astype(np.float64)
            row = {"diagnostic": diagnostic, "layers": WHOLE if whole else layers, "step": step}
            if len(values_K):
                yield row, Signal(values_K.astype(np.float64), counts.reshape(2, len(seeds), len(values_K)))


def _areas(wins_RSS: Array, pairs_RSS: Array, direction: Any) -> dict[str, Any]:
    """Return auc and its interval, in the direction of each row."""
    wins_RSS[direction == "lower"] = (pairs_RSS - wins_RSS)[direction == "lower"]

    def area(weights_S: Array) -> Array:
        won_R, all_R = (np.einsum("rst,s,t->r", each, weights_S, weights_S) for each in (wins_RSS, pairs_RSS))
        return np.asarray(np.divide(won_R, all_R, out=np.full(len(all_R), np.nan), where=all_R > 0))

    statistic = SeedStatistic(area, wins_RSS.shape[1])
    low, high, kind = seed_intervals(statistic)
    return {"auc": statistic.of(np.ones(wins_RSS.shape[1])), "low": low, "high": high, "interval": kind}
