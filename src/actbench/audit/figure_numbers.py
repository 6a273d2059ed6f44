"""The numbers drawn in a figure, its CSV file, against the statistics that the figure declares to read."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from actbench.audit.printed_rows import differing, spelled
from actbench.audit.raw_rows import read_printed
from actbench.plan.sources import figure_needs

WORDS = {"kind", "moment"}  # columns that a figure adds to tell its parts apart
ALL_RUNS = "all runs"  # how figures call the level of an activation's runs together


def audit_numbers(path: Path, stats: Path) -> tuple[int, list[str]]:
    """Look up every row drawn: each of its numbers stands in a row of a statistic that agrees in all they share."""
    drawn = read_printed(path)
    sources = {name: _source(stats / f"{name}.csv") for name in figure_needs(path.stem, "STATS") if name != "studies"}
    found: list[str] = []
    if path.stem == "claim_forest":
        found += _derived(drawn)
        drawn = drawn.drop(columns=["x", "x_low", "x_high"])
    shapes = (drawn.notna() & (drawn != "")).to_numpy()
    for shape in np.unique(shapes, axis=0):
        columns = [str(name) for name in drawn.columns[shape] if name not in WORDS]
        found += _unexplained(path.name, drawn.loc[(shapes == shape).all(axis=1), columns], sources)
    return len(drawn) * drawn.shape[1] + len(found), found


def _source(path: Path) -> pd.DataFrame:
    frame = read_printed(path)
    if "cause" in frame and "level" in frame:
        together = frame[frame["cause"] == "activation"]
        return pd.concat([frame, together.assign(level=ALL_RUNS)])
    return frame


def _unexplained(name: str, rows: pd.DataFrame, sources: dict[str, pd.DataFrame]) -> Iterator[str]:
    """Yield the rows with a column that no statistic holds beside the row's other numbers."""
    explained = [set[str]() for _ in range(len(rows))]
    for source in sources.values():
        shared = [str(column) for column in rows if column in source]
        held = set(map(spelled, source[shared].itertuples(index=False)))
        for place, key in enumerate(map(spelled, rows[shared].itertuples(index=False))):
            explained[place] |= set(shared) if key in held else set()
    for index, known in zip(rows.index, explained, strict=True):
        unknown = [str(column) for column in rows if column not in known]
        if unknown:
            yield f"{name}: row {index + 2}: {', '.join(unknown)}: not in {', '.join(sources)}"


def _derived(drawn: pd.DataFrame) -> Iterator[str]:
    """Yield where the forest's places are not effects in units of the margin, turned to the claimed side."""
    for index, row in enumerate(drawn.to_dict("records")):
        turned = row["rule"] != "equivalence" and row["direction"] in ("lower", "not lower")
        unit = -row["margin"] if turned else row["margin"]
        places = sorted([row["low"] / unit, row["high"] / unit])
        for column, value in zip(("x", "x_low", "x_high"), (row["effect"] / unit, *places), strict=True):
            if differing(float(value), float(row[column])):
                yield f"claim_forest.csv: row {index + 2}: {column} is {row[column]:.10g}, not {value:.10g}"
