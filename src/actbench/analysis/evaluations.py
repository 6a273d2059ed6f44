"""The table `curves` as numbers: four bytes for each run at each evaluated step of each split.

Shape letters: R runs, E evaluations: a step and a split.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

Array = np.ndarray[Any, np.dtype[np.float32]]
COLUMNS = ["run_key", "step", "split", "accuracy"]
NEVER = -1.0  # in place of an accuracy where the run was not evaluated


@dataclass(frozen=True)
class Evaluations:
    """The accuracy of each run at each evaluation, NEVER where it has no row."""

    keys: "pd.Index[Any]"  # R
    at: dict[tuple[int, str], Array]  # E columns of R numbers, by step and split

    def places(self) -> pd.DataFrame:
        """Return step and split of the E evaluations in their order."""
        return pd.DataFrame(list(self.at), columns=["step", "split"])

    def of(self, keys: "pd.Series[Any]") -> Array:
        """Return the accuracies (E, R) of some runs."""
        run = self.keys.get_indexer(pd.Index(keys))
        assert (run >= 0).all(), "the runs are among those that were looked for"
        return (
            np.stack([column[run] for column in self.at.values()]) if self.at else np.empty((0, len(run)), np.float32)
        )


def evaluations_of(parts: Iterable[pd.DataFrame], keys: "pd.Index[Any]") -> Evaluations:
    """Gather the evaluations of these runs from parts of the table `curves`; other runs are left out.

    Args:
        parts: rows with COLUMNS, words as such or as categories.
        keys: of the runs that are looked for.
    """
    at: dict[tuple[int, str], Array] = {}
    for rows in parts:
        words = rows["run_key"].astype("category").cat
        run = keys.get_indexer(words.categories)[words.codes]
        accuracy = rows["accuracy"].to_numpy()
        evaluated = cast(dict[tuple[int, str], Any], rows.groupby(["step", "split"], observed=True).indices)
        for (step, split), own in evaluated.items():
            column = at.setdefault((int(step), str(split)), np.full(len(keys), NEVER, dtype=np.float32))
            known = own[run[own] >= 0]
            column[run[known]] = accuracy[known]
    return Evaluations(keys, at)
