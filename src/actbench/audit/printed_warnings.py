"""The early warnings once more, one diagnostic, step and seed after another, to be laid beside what was printed."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from actbench.audit.printed_rows import differing
from actbench.audit.raw_rows import Raw, runs_of

KEY = ["diagnostic", "layers", "step"]
COLUMNS = (
    "n_runs", "n_untrained", "n_seeds", "auc", "threshold", "held_out_auc", "sensitivity", "specificity", "brier",
    "brier_base",
)  # fmt: skip
NONE = dict.fromkeys(COLUMNS[3:], np.nan)


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
    sign = 1.0 if not len(bad) or not len(good) or area(bad, good) >= 0.5 else -1.0
    values = np.unique(rows["x"])
    above_bad, above_good = (1 - np.searchsorted(part, values, "right") / max(len(part), 1) for part in (bad, good))
    gains = np.round(sign * (above_bad - above_good), 12)[:-1]
    return sign, float(values[int(np.argmax(gains))]) if len(gains) else float(values[0])


def measured(rows: pd.DataFrame) -> dict[str, float]:
    """Return the numbers of one diagnostic, reduction and step: rows with `x`, `trained`, `seed`."""
    n_bad, seeds = int((~rows["trained"]).sum()), sorted(rows["seed"].unique())
    counts = {"n_runs": len(rows), "n_untrained": n_bad, "n_seeds": len(seeds)}
    if n_bad in (0, len(rows)):
        return counts | NONE
    sign, threshold = rule(rows)
    inside = area(sign * rows.loc[~rows["trained"], "x"].to_numpy(), sign * rows.loc[rows["trained"], "x"].to_numpy())
    if rows["x"].nunique() < 2:
        return counts | NONE | {"auc": inside}
    found = counts | NONE | {"auc": inside, "threshold": threshold}
    return found if len(seeds) < 2 else found | _left_out(rows, seeds, n_bad)


def _left_out(rows: pd.DataFrame, seeds: list[Any], n_bad: int) -> dict[str, float]:
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
            yield (str(diagnostic), name, int(str(step))), facts.join(values.rename("x"), how="inner")


def audit_warnings(raw: Raw, printed: pd.DataFrame) -> tuple[int, list[str]]:
    """Compare stats/early_warning.csv with the raw rows; return how many numbers were compared and the mismatches."""
    assert raw.layers is not None
    compared, problems = 0, []
    for study, rows in printed[printed["diagnostic"] != "any"].groupby("study"):
        at = {tuple(row[key] for key in KEY): row for row in rows.to_dict("records")}
        for key, numbers in _numbers(raw.layers, runs_of(raw, str(study))):
            row, label = at.pop(key, None), f"early_warning: {study}, {', '.join(map(str, key))}"
            if row is None:
                problems.append(f"{label}: no such row")
                continue
            for column, value in measured(numbers).items():
                compared += 1
                if differing(float(value), float(row[column])):
                    problems.append(f"{label}: {column} is {row[column]:.10g}, raw rows give {value:.10g}")
        problems += [f"early_warning: {study}, {', '.join(map(str, key))}: raw rows give no such row" for key in at]
    return compared, problems
