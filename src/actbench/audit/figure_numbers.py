"""The numbers drawn in a figure, its CSV file, against the statistics that the figure declares to read."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from actbench.audit.derived_numbers import audit_derived
from actbench.audit.printed_rows import spelled
from actbench.audit.raw_rows import read_printed
from actbench.plan.sources import figure_needs

WORDS = {"kind", "moment"}  # columns that a figure adds to tell its parts apart
ALL_RUNS = "all runs"  # how figures call the level of an activation's runs together


def audit_numbers(path: Path, stats: Path) -> tuple[int, list[str]]:
    """Look up every row drawn: each of its numbers stands in a row of a statistic that agrees in all they share."""
    drawn = read_printed(path)
    sources = {name: _source(stats / f"{name}.csv") for name in figure_needs(path.stem, "STATS") if name != "studies"}
    derived, found = audit_derived(path.stem, drawn)
    drawn = drawn.drop(columns=derived)
    shapes = (drawn.notna() & (drawn != "")).to_numpy()
    for shape in np.unique(shapes, axis=0):
        columns = [str(name) for name in drawn.columns[shape] if name not in WORDS]
        found += _unexplained(path.name, drawn.loc[(shapes == shape).all(axis=1), columns], sources)
    return len(drawn) * (drawn.shape[1] + len(derived)), found


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
