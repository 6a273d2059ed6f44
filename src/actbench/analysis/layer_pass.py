"""One pass over the table `layers`: all that statistics need of some runs, reduced while it is read."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from actbench.analysis.early_records import add_early, early_blocks
from actbench.analysis.hidden_layers import reduce_hidden
from actbench.analysis.inside import DIAGNOSTICS, means_of
from actbench.analysis.layer_ends import Ends, add_ends, no_ends
from actbench.analysis.layer_records import Array, LayerRecords, flags_of
from actbench.analysis.spool import Spool


@dataclass(frozen=True)
class Measured:
    """What was measured in the layers of some runs: means from `inside.means_of`, and the ends."""

    means: pd.DataFrame
    ends: Ends


def measure(parts: Iterable[LayerRecords], runs: pd.DataFrame, early: Spool, place: Array) -> Measured:
    """Reduce the records of these runs, of which each part has all or none of a run.

    Args:
        parts: records of these runs and maybe others.
        runs: columns depth, steps and status.
        early: where their early numbers go, see `early_records.add_early`.
        place: the place of each of these runs among all of which `early` is to tell.
    """
    depths = runs["depth"].to_numpy()
    means, ends = [], no_ends(runs)
    for records in parts:
        wanted_BD = early_blocks(records, runs)[:, None] | flags_of(DIAGNOSTICS)
        hidden = reduce_hidden(records, depths, wanted_BD)
        add_early(early, place, runs, hidden)
        means.append(means_of(hidden))
        add_ends(ends, records, runs)
    return Measured(pd.concat(means, ignore_index=True), ends)
