"""One number of each run that a claim is about: a metric, a diagnostic at one moment, or the speed of learning."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.layer_records import Array, LayerRecords, diagnostics_of, names, read_records
from actbench.analysis.run_places import places_of
from actbench.analysis.tables import RESULTS
from actbench.plan.config import Config
from actbench.plan.ledger import CLOCK, SPEED, ClaimTest
from actbench.plan.registry import declared_text, known_levels

SMALLEST = 1e-38  # about the smallest normal float32; smaller numbers were flushed to zero while training
WHOLE = {"network": "network", "weights": "mean", "hidden": "mean"}  # what a diagnostic is measured on -> layers

ROWS_AT_ONCE = 250_000  # rows of `layers` that are reduced together, of 40 bytes: few calls of pandas, little memory

Wanted = tuple[str, str, str]  # diagnostic, moment, layers
NO_NUMBERS: "pd.Series[float]" = pd.Series(index=pd.Index([], dtype="str"), dtype="float64")


def wanted_of(test: ClaimTest) -> Wanted | None:
    """Return which diagnostic, at which moment, of which layers a test reads; None when it reads none."""
    if test.quantity not in known_levels("diagnostic") or test.rule == "cost":
        return None
    on = declared_text("diagnostic", test.quantity, "where")
    return test.quantity, test.moment, test.layers or WHOLE[on]


def _largest(rows: pd.DataFrame) -> "pd.Series[float]":
    return rows.groupby("run_key", observed=True)["value"].max()


def _mean(rows: pd.DataFrame) -> "pd.Series[float]":
    return rows.groupby("run_key", observed=True)["value"].mean()


def _spread(rows: pd.DataFrame) -> "pd.Series[float]":
    """Return log10 of the largest over the smallest layer."""
    grouped = rows.groupby("run_key", observed=True)["value"]
    high, low = grouped.max().clip(lower=SMALLEST), grouped.min().clip(lower=SMALLEST)
    return pd.Series(np.log10(high / low), index=high.index)


# layers -> (which of a run's layers, given its number and the depth, how they become one number)
LAYERS: dict[str, tuple[Callable[..., Any], Callable[[pd.DataFrame], "pd.Series[float]"]]] = {
    "network": (lambda layer, depth: layer == 0, _mean),
    "first": (lambda layer, depth: layer == 1, _mean),
    "last": (lambda layer, depth: layer == depth, _mean),
    "output": (lambda layer, depth: layer == depth + 1, _mean),
    "mean": (lambda layer, depth: (layer >= 1) & (layer <= depth), _mean),
    "largest": (lambda layer, depth: (layer >= 1) & (layer <= depth), _largest),
    "spread": (lambda layer, depth: (layer >= 1) & (layer <= depth), _spread),
}


def read_diagnostics(
    config: Config, runs: pd.DataFrame, wanted: Mapping[Wanted, "pd.Index[Any]"], results: Path = RESULTS
) -> dict[Wanted, "pd.Series[float]"]:
    """Read what tests need of the table `layers`, with few row groups in memory at a time.

    Args:
        config: the config at hand.
        runs: columns run_key, depth, steps; other runs are left out.
        wanted: diagnostic, moment and layers of each number, and the keys of the runs of which it is needed.
        results: folder of all results.

    Returns:
        One number for each of those keys; of a run without the diagnostic at that moment it is nan.
    """
    facts = runs[["run_key", "depth", "steps"]].drop_duplicates("run_key")
    keys = pd.Index(facts["run_key"])
    alike = {id(own): places_of(keys, own).astype(np.int32) for own in wanted.values()}  # few: numbers share runs
    places = {item: alike[id(own)] for item, own in wanted.items()}
    found = {item: np.full(len(own), np.nan) for item, own in wanted.items()}
    for rows in _batches(read_records(config, keys, results), facts, places) if wanted else ():
        of_diagnostic = {name: rows[rows["diagnostic"] == name] for name, _, _ in wanted}
        for item, place in places.items():
            reduced = reduce_layers(of_diagnostic[item[0]], item)
            row = place[reduced.index]
            found[item][row[row >= 0]] = reduced[row >= 0]
    return {item: pd.Series(values, index=wanted[item], copy=False) for item, values in found.items()}


def number_of(keys: "pd.Series[str]", numbers: "pd.Series[float]") -> "pd.Series[float]":
    """Return the number of each run, by key; nan where there is none."""
    known = np.append(numbers.to_numpy(dtype=np.float64), np.nan)
    return pd.Series(known[places_of(keys, numbers.index)], index=keys.index)


def _batches(
    records: Iterable[LayerRecords], runs: pd.DataFrame, places: Mapping[Wanted, Array]
) -> Iterator[pd.DataFrame]:
    """Yield the rows of diagnostics and moments that are wanted, some parts of the table at once; all of a run.

    places: for each number, the place of each of `runs` among those of which it is wanted; -1 of another.
    """
    depth, steps = (runs[name].to_numpy() for name in ("depth", "steps"))
    held: list[pd.DataFrame] = []
    for each in records:
        kept = each.kept(_wanted_blocks(each, steps, places))
        run = each.run_B[each.block_R[kept]]
        held.append(pd.DataFrame({
            "run_key": run, "depth": depth[run], "steps": steps[run], "step": each.step_B[each.block_R[kept]],
            "layer": each.layer_R[kept], "diagnostic": diagnostics_of(each.diagnostic_R[kept]),
            "value": each.value_R[kept].astype(np.float64),
        }))  # fmt: skip
        if sum(map(len, held)) >= ROWS_AT_ONCE:
            yield pd.concat(held, ignore_index=True)
            held = []
    if held:
        yield pd.concat(held, ignore_index=True)


def _wanted_blocks(records: LayerRecords, steps: Array, places: Mapping[Wanted, Array]) -> Array:
    """Tell for each block and diagnostic (B, D) whether a number needs it: at its moment, of a run of which it is."""
    first_BD = records.first_after_start()
    at = {"start": records.step_B == 0, "end": records.step_B == steps[records.run_B]}
    wanted_BD = np.zeros_like(first_BD)
    for (name, moment, _), place in places.items():
        column = names().index(name)
        chosen_B = first_BD[:, column] if moment == "early" else at[moment]
        wanted_BD[:, column] |= chosen_B & (place[records.run_B] >= 0)
    return wanted_BD


def reduce_layers(rows: pd.DataFrame, wanted: Wanted) -> "pd.Series[float]":
    """Reduce rows of `layers`, with the depth and steps of their runs, to one number for each `run_key`."""
    diagnostic, moment, layers = wanted
    chosen, reduce = LAYERS[layers]
    own = rows[(rows["diagnostic"] == diagnostic) & chosen(rows["layer"], rows["depth"])]
    if moment == "early":
        own = own[own["step"] > 0]
        own = own[own["step"] == own.groupby("run_key", observed=True)["step"].transform("min")]
    else:
        own = own[own["step"] == (own["steps"] if moment == "end" else 0)]
    return reduce(own)


def steps_to_loss(curves: pd.DataFrame, threshold: float, steps: "pd.Series[int]") -> "pd.Series[float]":
    """Return after how many updates each run's loss first falls to the threshold.

    Between two evaluations the loss is taken as linear in log(1 + step), on which the evaluations are evenly spaced. A
    run that never gets there counts twice its number of steps: worse than every run that does.

    Args:
        curves: run_key, step, loss of one split.
        threshold: loss, nats.
        steps: updates of each run, by run_key.
    """
    ordered = curves.sort_values(["run_key", "step"])
    before = ordered.groupby("run_key")[["step", "loss"]].shift()
    ordered = ordered.assign(step0=before["step"], loss0=before["loss"])
    reached = ordered[ordered["loss"] <= threshold].drop_duplicates("run_key").set_index("run_key")
    start, end = np.log1p(reached["step0"]), np.log1p(reached["step"])
    share = ((reached["loss0"] - threshold) / (reached["loss0"] - reached["loss"])).clip(0, 1)
    at = np.expm1(start + share * (end - start)).fillna(reached["step"].astype("float64"))
    filled: pd.Series[float] = at.reindex(steps.index).fillna(2.0 * steps).clip(lower=1.0)
    return filled


def rescale(values: "pd.Series[float]", scale: str) -> "pd.Series[float]":
    """Take the logarithm that a test asks for; ranks are taken later, within blocks."""
    if scale in ("linear", "rank"):
        return values
    taken = np.log10 if scale == "log10" else np.log2
    return pd.Series(taken(values.clip(lower=SMALLEST)), index=values.index)


def value_of_runs(
    test: ClaimTest,
    runs: pd.DataFrame,
    curves: pd.DataFrame,
    diagnostics: dict[Wanted, "pd.Series[float]"],
) -> "pd.Series[float]":
    """Return the number that a test is about for each row of `runs`, missing where there is none."""
    wanted = wanted_of(test)
    if wanted:
        values = number_of(runs["run_key"], diagnostics.get(wanted, NO_NUMBERS))
    elif test.quantity == SPEED:
        values = speed(test, runs, curves, "train")
    elif test.quantity == CLOCK:
        values = speed(test, runs, curves, "train") * runs["seconds"] / runs["steps"]
    else:
        values = runs[test.quantity]
    return rescale(values.astype("float64").replace([np.inf, -np.inf], np.nan), test.scale)


def speed(test: ClaimTest, runs: pd.DataFrame, curves: pd.DataFrame, split: str) -> "pd.Series[float]":
    """Return steps_to_loss of each row of `runs` on one split; a failed run counts as one that never got there."""
    own = curves[(curves["split"] == split) & curves["run_key"].isin(runs["run_key"])]
    steps = runs.drop_duplicates("run_key").set_index("run_key")["steps"]
    at = number_of(runs["run_key"], steps_to_loss(own, test.threshold, steps))
    return at.where(~runs["failed"], 2.0 * runs["steps"])
