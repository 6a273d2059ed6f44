"""One pass over the table `layers`: all that statistics need of some runs, reduced while it is read."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from actbench.analysis.early_records import early_blocks
from actbench.analysis.hidden_layers import reduce_hidden
from actbench.analysis.inside import DIAGNOSTICS
from actbench.analysis.layer_ends import ends_of
from actbench.analysis.layer_records import LayerRecords, flags_of


@dataclass(frozen=True)
class Measured:
    """What was measured in the layers of some runs.

    hidden: from `hidden_layers.reduce_hidden`, early numbers and those of `inside`. ends: from `layer_ends.ends_of`.
    """

    hidden: pd.DataFrame
    ends: pd.DataFrame


def measure(parts: Iterable[LayerRecords], runs: pd.DataFrame) -> Measured:
    """Reduce the records of these runs, of which each part has all or none of a run."""
    depths = runs["depth"].to_numpy()
    hidden, ends = [], []
    for records in parts:
        wanted_BD = early_blocks(records, runs)[:, None] | flags_of(DIAGNOSTICS)
        hidden.append(reduce_hidden(records, depths, wanted_BD))
        ends.append(ends_of(records, runs))
    return Measured(pd.concat(hidden, ignore_index=True), pd.concat(ends, ignore_index=True))
