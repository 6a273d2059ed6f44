"""The statistics OF_LAYERS: what rests on the records of layers, and the explorer, of one activation after another."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from actbench.analysis.curves import schedule_of
from actbench.analysis.early_records import read_early
from actbench.analysis.early_warning import early_warning, facts_of
from actbench.analysis.evaluations import Evaluations
from actbench.analysis.explorer import explore, number_on
from actbench.analysis.gradients import gradient_table
from actbench.analysis.inside import Causes, causes_of, inside, levels_of
from actbench.analysis.layer_pass import Measured, measure
from actbench.analysis.layer_records import LayerRecords, read_records
from actbench.analysis.spool import Spool, spooled
from actbench.analysis.tables import RESULTS
from actbench.plan.config import Config

Frames = dict[str, pd.DataFrame]
Parts = Iterable[tuple[pd.DataFrame, pd.DataFrame]]  # runs of one activation, and the rows of `studies` that name them


def compute_of_layers(
    runs: pd.DataFrame, members: pd.DataFrame, scores: pd.DataFrame, curves: Evaluations, records: LayerRecords
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
        schedule, causes = schedule_of(scores, curves), causes_of([levels_of(runs, members)])
        frames = _of_part(runs, members, scores, curves, schedule, measured, causes)
        return number_on(frames, Counter()) | {
            "early_warning": early_warning(facts_of(runs), members, read_early(early))
        }


def of_activations(
    config: Config,
    parts: Parts,
    scores: pd.DataFrame,
    curves: Evaluations,
    early: Spool,
    causes: Causes,
    results: Path = RESULTS,
) -> Iterator[Frames]:
    """Yield all but `early_warning` of one activation after another, from the table `layers` of a config.

    Args:
        config: the config at hand.
        parts: the runs of each activation.
        scores: the runs at the chosen learning rates.
        curves: the table `curves`.
        early: where early numbers go, by the places of runs in `curves`.
        causes: from `inside.causes_of` the levels of all parts.
        results: folder of all results.
    """
    schedule, used = schedule_of(scores, curves), Counter[str]()
    for runs, members in parts:
        keys = pd.Index(runs["run_key"])
        records, place = read_records(config, keys, results), curves.keys.get_indexer(keys)
        # What was measured is held by nobody else, so it is gone before the next activation is read.
        part = _of_part(runs, members, scores, curves, schedule, measure(records, runs, early, place), causes)
        yield number_on(part, used)
        del part
        pa.default_memory_pool().release_unused()  # else the next activation comes on top of what this one has freed


def _of_part(
    runs: pd.DataFrame,
    members: pd.DataFrame,
    scores: pd.DataFrame,
    curves: Evaluations,
    schedule: pd.DataFrame,
    measured: Measured,
    causes: Causes,
) -> Frames:
    own = {
        "gradients": gradient_table(scores, runs, measured.ends),
        "inside": inside(runs, members, measured.means, causes),
    }
    return own | explore(runs, members, scores, curves, measured.ends, schedule)
