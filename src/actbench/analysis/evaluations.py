"""The table `curves` as numbers: four bytes for each run at each evaluated step of each split.

Shape letters: R runs, E evaluations: a step and a split.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from actbench.analysis.run_places import places_of

Array = np.ndarray[Any, np.dtype[np.float32]]
COLUMNS = ["run_key", "step", "split", "accuracy"]
NEVER = -1.0  # in place of an accuracy where the run was not evaluated


@dataclass(frozen=True)
class Evaluations:
    """The accuracy of each run at each evaluation, NEVER where it has no row."""

    keys: Any  # of R runs
    at: dict[tuple[int, str], Array]  # E columns of R numbers, by step and split

    def places_of(self, schedule: pd.DataFrame) -> list[int]:
        """Return the row of `of` in which each step and split stands."""
        row = {place: row for row, place in enumerate(self.at)}
        return [row.get(place, len(row)) for place in zip(schedule["step"], schedule["split"], strict=True)]

    def of(self, keys: "pd.Series[Any]") -> Array:
        """Return the accuracies (E + 1, R) of some runs, in the last row NEVER."""
        run = places_of(keys, self.keys)
        assert (run >= 0).all(), "the runs are among those that were looked for"
        return np.stack([*(column[run] for column in self.at.values()), np.full(len(run), NEVER, np.float32)])


def evaluations_of(parts: Iterable[pd.DataFrame], keys: Any) -> Evaluations:
    """Gather the evaluations of these runs from parts of the table `curves`; other runs are left out.

    Args:
        parts: rows with COLUMNS, words as such or as categories.
        keys: of the runs that are looked for.
    """
    at: dict[tuple[int, str], Array] = {}
    for rows in parts:
        words = rows["run_key"].astype("category").cat
        run = places_of(words.categories, keys)[words.codes]
        accuracy = rows["accuracy"].to_numpy()
        evaluated = cast(dict[tuple[int, str], Any], rows.groupby(["step", "split"], observed=True).indices)
        for (step, split), own in evaluated.items():
            column = at.setdefault((int(step), str(split)), np.full(len(keys), NEVER, dtype=np.float32))
            known = own[run[own] >= 0]
            column[run[known]] = accuracy[known]
    return Evaluations(keys, at)
