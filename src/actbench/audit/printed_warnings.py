"""The early warnings computed once more, one diagnostic, step and seed after another."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from actbench.audit.printed_rows import Numbers, Row
from actbench.audit.raw_rows import Raw, runs_of
from actbench.audit.resampled import Ends, seed_ends

TRIED = ("threshold", "held_out_auc", "sensitivity", "specificity", "brier", "brier_base")
Array = np.ndarray[Any, Any]
NONE: Numbers = {"auc": np.nan, "direction": "", "low": Ends({}), "high": Ends({})} | dict.fromkeys(TRIED, np.nan)
EQUAL = 1e-9  # areas that differ by less are equal: of these the first reduction is the best


def area(bad: Any, good: Any) -> float:
    """Return the share of pairs in which the bad number is higher, equal ones counting half."""
    if not len(bad) or not len(good):
        return np.nan
    ordered = np.sort(good)
    return float(
        (np.searchsorted(ordered, bad, "left") + np.searchsorted(ordered, bad, "right")).mean() / 2 / len(good)
    )


def rule(x: Array, bad: Array) -> tuple[float, float]:
    """Return the direction, 1 or -1, and the threshold with the largest sensitivity plus specificity."""
    lost, good = np.sort(x[bad]), np.sort(x[~bad])
    sign = -1.0 if area(lost, good) <= 0.5 - EQUAL else 1.0
    values = np.unique(x)
    if not len(lost) or not len(good):
        return sign, float(values[0])  # all thresholds do equally well: the lowest is taken
    above_lost, above_good = (1 - np.searchsorted(part, values, "right") / len(part) for part in (lost, good))
    gains = np.round(sign * (above_lost - above_good), 12)[:-1]
    return sign, float(values[int(np.argmax(gains))]) if len(gains) else float(values[0])


def measured(x: Array, bad: Array, seed: Array) -> Numbers:
    """Return the numbers of one diagnostic, reduction and step: of each run its number, whether it failed, its seed."""
    n_bad, seeds = int(bad.sum()), np.unique(seed)
    counts: Numbers = {"n_runs": len(x), "n_untrained": n_bad, "n_seeds": len(seeds)}
    if n_bad in (0, len(x)):
        return counts | NONE
    sign, threshold = rule(x, bad)
    found = counts | NONE | _whole(sign * x, bad, [seed == one for one in seeds], sign)
    if x.min() == x.max():
        return found
    found["threshold"] = threshold
    return found if len(seeds) < 2 else found | _left_out(x, bad, [seed == one for one in seeds])


def _whole(x: Array, bad: Array, of_seed: list[Array], sign: float) -> Numbers:
    """Return the area over all runs, and what the ends of its interval may be."""
    lost, good = ([x[own & flag] for own in of_seed] for flag in (bad, ~bad))
    pairs = np.array([[len(a) * len(b) for b in good] for a in lost], dtype=float)
    won = np.array([[len(a) * len(b) * area(a, b) if len(a) and len(b) else 0.0 for b in good] for a in lost])

    def areas(counts_MS: Array) -> Array:
        every, higher = (((counts_MS @ each) * counts_MS).sum(axis=1) for each in (pairs, won))
        return np.asarray(higher / np.where(every > 0, every, np.nan))[None, :]

    low, high = seed_ends(areas, len(of_seed))[0]
    word = "higher" if sign > 0 else "lower"
    return {"auc": float(won.sum() / pairs.sum()), "direction": word, "low": low, "high": high}


def _left_out(x: Array, bad: Array, of_seed: list[Array]) -> Numbers:
    hits, rejected, squares, plain, areas = 0, 0, 0.0, 0.0, []
    for own in of_seed:
        sign, threshold = rule(x[~own], bad[~own])
        flagged, base = (x > threshold) == (sign > 0), float(bad[~own].mean())
        sides = {flag: bad[~own & (flagged == flag)] for flag in (True, False)}
        chance = {flag: float(side.mean()) if len(side) else base for flag, side in sides.items()}
        forecast = np.where(flagged[own], chance[True], chance[False])
        hits, rejected = hits + int((bad & flagged & own).sum()), rejected + int((~bad & ~flagged & own).sum())
        squares, plain = squares + ((bad[own] - forecast) ** 2).sum(), plain + ((bad[own] - base) ** 2).sum()
        areas.append(area(sign * x[own & bad], sign * x[own & ~bad]))
    known = [each for each in areas if not np.isnan(each)]
    return {
        "held_out_auc": float(np.mean(known)) if known else np.nan,
        "sensitivity": hits / int(bad.sum()),
        "specificity": rejected / int((~bad).sum()),
        "brier": float(squares) / len(x),
        "brier_base": float(plain) / len(x),
    }


@cache
def _numbers(raw: Raw) -> dict[tuple[str, int], pd.DataFrame]:
    """Return, by diagnostic and step, the early numbers of every run: a column a reduction, a row a run."""
    assert raw.layers is not None
    runs = raw.runs[["run_key", "depth", "steps"]]
    rows = raw.layers[raw.layers["step"] * 50 <= runs["steps"].max()].astype({"run_key": str, "diagnostic": str})
    rows = rows.merge(runs, on="run_key")
    rows = rows[(rows["step"] * 50 <= rows["steps"]) & (rows["layer"] <= rows["depth"])].dropna(subset="value")
    return {(str(name), int(step)): _reduced(own) for (name, step), own in rows.groupby(["diagnostic", "step"])}


def _reduced(rows: pd.DataFrame) -> pd.DataFrame:
    of_run = rows.groupby("run_key")["value"]
    if (rows["layer"] == 0).all():
        return pd.DataFrame({"network": of_run.max()}).astype("float64")
    edges = {"first": rows[rows["layer"] == 1], "last": rows[rows["layer"] == rows["depth"]]}
    sides = {name: part.set_index("run_key")["value"] for name, part in edges.items()}
    return pd.DataFrame(sides | {"lowest": of_run.min(), "highest": of_run.max()}).astype("float64")


def _tried(raw: Raw, runs: pd.DataFrame) -> Iterator[tuple[tuple[str, str, int], Numbers]]:
    """Yield the numbers of each diagnostic, reduction and step that runs of a study recorded."""
    bad, seed = ~runs["trained"].to_numpy(dtype=bool), runs["seed"].to_numpy()
    for (diagnostic, step), numbers in _numbers(raw).items():
        own = numbers.reindex(runs["run_key"])
        for name in own:
            x = own[name].to_numpy()
            known = ~np.isnan(x)
            if known.any():
                yield (diagnostic, str(name), step), measured(x[known], bad[known], seed[known])


def early_warning(raw: Raw, study: str) -> Iterator[Row]:
    """Yield the numbers of each diagnostic, reduction and early step; one row for a study with a single outcome."""
    runs = runs_of(raw, study)
    found = [] if runs["trained"].nunique() < 2 else list(_tried(raw, runs))
    if not found:
        counts = {"n_runs": len(runs), "n_untrained": int((~runs["trained"]).sum()), "n_seeds": runs["seed"].nunique()}
        found = [(("any", "any", 0), counts | NONE)]
    largest: dict[tuple[str, int], tuple[float, str]] = {}
    for (diagnostic, layers, step), numbers in found:
        if numbers["auc"] > largest.get((diagnostic, step), (0.0, ""))[0] + EQUAL:
            largest[diagnostic, step] = numbers["auc"], layers
    for (diagnostic, layers, step), numbers in found:
        best = largest.get((diagnostic, step), (0.0, ""))[1] == layers
        yield (diagnostic, layers, step), numbers | {"best": int(best)}
