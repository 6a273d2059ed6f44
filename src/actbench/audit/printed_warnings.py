"""The early warnings computed once more, one diagnostic, step and seed after another."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from actbench.audit.printed_rows import Numbers, Row
from actbench.audit.raw_rows import Raw, runs_of
from actbench.audit.resampled import Ends, seed_ends

TRIED = ("threshold", "held_out_auc", "sensitivity", "specificity", "brier", "brier_base")
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


def rule(rows: pd.DataFrame) -> tuple[float, float]:
    """Return the direction, 1 or -1, and the threshold with the largest sensitivity plus specificity."""
    bad, good = np.sort(rows.loc[~rows["trained"], "x"]), np.sort(rows.loc[rows["trained"], "x"])
    sign = 1.0 if not len(bad) or not len(good) or area(bad, good) > 0.5 - EQUAL else -1.0
    values = np.unique(rows["x"])
    above_bad, above_good = (1 - np.searchsorted(part, values, "right") / max(len(part), 1) for part in (bad, good))
    gains = np.round(sign * (above_bad - above_good), 12)[:-1]
    return sign, float(values[int(np.argmax(gains))]) if len(gains) else float(values[0])


def measured(rows: pd.DataFrame) -> Numbers:
    """Return the numbers of one diagnostic, reduction and step: rows with `x`, `trained`, `seed`."""
    n_bad, seeds = int((~rows["trained"]).sum()), sorted(rows["seed"].unique())
    counts: Numbers = {"n_runs": len(rows), "n_untrained": n_bad, "n_seeds": len(seeds)}
    if n_bad in (0, len(rows)):
        return counts | NONE
    sign, threshold = rule(rows)
    found = counts | NONE | _whole(rows, seeds, sign)
    if rows["x"].nunique() < 2:
        return found
    found["threshold"] = threshold
    return found if len(seeds) < 2 else found | _left_out(rows, seeds, n_bad)


def _whole(rows: pd.DataFrame, seeds: list[Any], sign: float) -> Numbers:
    """Return the area over all runs, and what the ends of its interval may be."""
    own = [rows[rows["seed"] == seed] for seed in seeds]
    bad, good = ([sign * part.loc[part["trained"] == flag, "x"].to_numpy() for part in own] for flag in (False, True))
    pairs = np.array([[len(a) * len(b) for b in good] for a in bad], dtype=float)
    won = np.array([[len(a) * len(b) * area(a, b) if len(a) and len(b) else 0.0 for b in good] for a in bad])

    def areas(counts_MS: Any) -> Any:
        every = np.einsum("st,ms,mt->m", pairs, counts_MS, counts_MS)
        return (np.einsum("st,ms,mt->m", won, counts_MS, counts_MS) / np.where(every > 0, every, np.nan))[None, :]

    low, high = seed_ends(areas, len(seeds))[0]
    return {
        "auc": float(won.sum() / pairs.sum()),
        "direction": "higher" if sign > 0 else "lower",
        "low": low,
        "high": high,
    }


def _left_out(rows: pd.DataFrame, seeds: list[Any], n_bad: int) -> Numbers:
    hits, rejected, squares, plain, areas = 0, 0, 0.0, 0.0, []
    for seed in seeds:
        own, others = rows[rows["seed"] == seed], rows[rows["seed"] != seed]
        sign, threshold = rule(others)
        flagged, flagged_there = ((part["x"] > threshold) == (sign > 0) for part in (own, others))
        base = float((~others["trained"]).mean())
        chance = {flag: (~others.loc[flagged_there == flag, "trained"]).mean() for flag in (True, False)}
        forecast = flagged.map({flag: base if np.isnan(share) else float(share) for flag, share in chance.items()})
        bad = ~own["trained"]
        hits, rejected = hits + int((bad & flagged).sum()), rejected + int((~bad & ~flagged).sum())
        squares, plain = squares + float(((bad - forecast) ** 2).sum()), plain + float(((bad - base) ** 2).sum())
        areas.append(area(sign * own.loc[bad, "x"].to_numpy(), sign * own.loc[~bad, "x"].to_numpy()))
    known = [each for each in areas if not np.isnan(each)]
    return {
        "held_out_auc": float(np.mean(known)) if known else np.nan,
        "sensitivity": hits / n_bad,
        "specificity": rejected / (len(rows) - n_bad),
        "brier": squares / len(rows),
        "brier_base": plain / len(rows),
    }


def _numbers(layers: pd.DataFrame, runs: pd.DataFrame) -> Iterator[tuple[tuple[str, str, int], pd.DataFrame]]:
    """Yield the early numbers of the runs by diagnostic, reduction and step."""
    rows = layers.astype({"run_key": str}).merge(runs[["run_key", "depth", "steps", "seed", "trained"]], on="run_key")
    rows = rows[(rows["step"] * 50 <= rows["steps"]) & (rows["layer"] <= rows["depth"])].dropna(subset="value")
    for (diagnostic, step), own in rows.groupby(["diagnostic", "step"], observed=True):
        of_run = own.groupby("run_key", observed=True)["value"]
        edges = {"first": own[own["layer"] == 1], "last": own[own["layer"] == own["depth"]]}
        sides = {name: part.set_index("run_key")["value"] for name, part in edges.items()}
        sides |= {"lowest": of_run.min(), "highest": of_run.max()}
        if (own["layer"] == 0).all():
            sides = {"network": of_run.max()}
        facts = own.drop_duplicates("run_key").set_index("run_key")[["trained", "seed"]]
        for name, values in sides.items():
            if len(values):
                yield (str(diagnostic), name, int(str(step))), facts.join(values.rename("x"), how="inner")


def early_warning(raw: Raw, study: str) -> Iterator[Row]:
    """Yield the numbers of each diagnostic, reduction and early step; one row for a study with a single outcome."""
    assert raw.layers is not None
    runs = runs_of(raw, study)
    found = [] if runs["trained"].nunique() < 2 else [(key, measured(own)) for key, own in _numbers(raw.layers, runs)]
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
