"""The statistics OF_LAYERS: what rests on the records of layers, and the explorer, of one activation after another."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from actbench.analysis.curves import Curves
from actbench.analysis.early_records import read_early
from actbench.analysis.early_warning import early_warning, facts_of
from actbench.analysis.explorer import explore, number_on
from actbench.analysis.gradients import deepest_of, gradient_table
from actbench.analysis.inside import Levels, causes_of, inside, levels_of
from actbench.analysis.layer_pass import Measured, measure
from actbench.analysis.layer_records import LayerRecords, read_records
from actbench.analysis.run_places import places_of
from actbench.analysis.spool import Spool, spooled
from actbench.analysis.tables import RESULTS
from actbench.plan.config import Config

Frames = dict[str, pd.DataFrame]
# Runs at all learning rates, the rows of `studies` that name them, and those at the chosen rates.
Part = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def compute_of_layers(
    runs: pd.DataFrame, members: pd.DataFrame, scores: pd.DataFrame, curves: Curves, records: LayerRecords
) -> Frames:
    """Compute the statistics from the records of all runs at once.

    Args:
        runs: rows of the table `runs`, at all learning rates, in the order of their keys.
        members: the table `studies`.
        scores: the runs at the chosen learning rates, from `metrics.scores_by_study`.
        curves: the table `curves`.
        records: the table `layers`, of these runs.

    Returns:
        A frame for each name of stats_schema.OF_LAYERS.
    """
    with spooled() as early:
        measured = measure([records], runs, early, np.arange(len(runs)))
        frames = _of_part((runs, members, scores), curves, measured, [levels_of(runs, members)])
        return number_on(frames, Counter()) | {
            "early_warning": early_warning(facts_of(runs), members, read_early(early))
        }


def of_activations(
    config: Config,
    parts: Iterable[Part],
    levels: list[Levels],
    curves: Curves,
    early: Spool,
    keys: Any,
    results: Path = RESULTS,
) -> Iterator[Frames]:
    """Yield all but `early_warning` of one activation after another, from the table `layers` of a config.

    Args:
        config: the config at hand.
        parts: the runs of each activation.
        levels: from `inside.levels_of`, of each part.
        curves: the table `curves`.
        early: where early numbers go, by the places of runs among `keys`.
        keys: all runs.
        results: folder of all results.
    """
    used = Counter[str]()
    for part in parts:
        own = pd.Index(part[0]["run_key"])
        records, place = read_records(config, own, results), places_of(own, keys)
        # What was measured is held by nobody else, so it is gone before the next activation is read.
        frames = _of_part(part, curves, measure(records, part[0], early, place), levels)
        yield number_on(frames, used)
        del frames
        pa.default_memory_pool().release_unused()  # else the next activation comes on top of what this one has freed


def _of_part(part: Part, curves: Curves, measured: Measured, levels: list[Levels]) -> Frames:
    runs, members, scores = part
    own = {
        "gradients": gradient_table(scores, runs, measured.ends, deepest_of(levels)),
        "inside": inside(runs, members, measured.means, causes_of(levels)),
    }
    return own | explore(runs, members, scores, curves, measured.ends)
