"""The statistics OF_LAYERS: what rests on the records of layers, and the explorer, of one activation after another."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from actbench.analysis.curves import schedule_of
from actbench.analysis.early_records import Found, add_early, join_early
from actbench.analysis.early_warning import early_warning, facts_of
from actbench.analysis.explorer import NAMES, explore, join_parts
from actbench.analysis.gradients import gradient_table, join_gradients
from actbench.analysis.inside import inside, join_inside
from actbench.analysis.layer_pass import Measured, measure
from actbench.analysis.layer_records import read_records
from actbench.analysis.tables import RESULTS
from actbench.plan.config import Config

Frames = dict[str, pd.DataFrame]
Parts = list[tuple[pd.DataFrame, pd.DataFrame]]  # runs of one activation, and the rows of `studies` that name them


def compute_of_layers(
    runs: pd.DataFrame, members: pd.DataFrame, scores: pd.DataFrame, curves: pd.DataFrame, measured: Measured
) -> Frames:
    """Compute the statistics from the records of all runs at once.

    Args:
        runs: rows of the table `runs`, at all learning rates, in the order of their keys.
        members: the table `studies`.
        scores: the runs at the chosen learning rates, from `metrics.scores_by_study`.
        curves: the table `curves`.
        measured: the records of these runs.

    Returns:
        A frame for each name of stats_schema.OF_LAYERS.
    """
    found: Found = {}
    add_early(found, pd.Index(runs["run_key"]), runs, measured.hidden)
    frames = _join([_of_part(runs, members, scores, curves, schedule_of(scores, curves), measured)])
    return frames | {"early_warning": early_warning(facts_of(runs), members, join_early(found))}


def compute_by_activation(
    config: Config,
    parts: Parts,
    scores: pd.DataFrame,
    facts: pd.DataFrame,
    members: pd.DataFrame,
    curves: pd.DataFrame,
    results: Path = RESULTS,
) -> Frames:
    """Compute the same from the table `layers` of a config, with the records of one activation in memory at a time.

    Args:
        config: the config at hand.
        parts: the runs of each activation.
        scores: the runs at the chosen learning rates.
        facts: all runs, from `early_warning.facts_of`.
        members: the table `studies`.
        curves: the table `curves`.
        results: folder of all results.
    """
    found: Found = {}
    keys = pd.Index(facts["run_key"])
    schedule = schedule_of(scores, curves)

    def tables() -> Iterator[Frames]:
        for runs, own in parts:
            measured = measure(read_records(config, pd.Index(runs["run_key"]), results), runs)
            add_early(found, keys, runs, measured.hidden)
            yield _of_part(runs, own, scores, curves, schedule, measured)

    frames = _join(list(tables()))
    return frames | {"early_warning": early_warning(facts, members, join_early(found))}


def _of_part(
    runs: pd.DataFrame,
    members: pd.DataFrame,
    scores: pd.DataFrame,
    curves: pd.DataFrame,
    schedule: pd.DataFrame,
    measured: Measured,
) -> Frames:
    own = {"gradients": gradient_table(scores, runs, measured.ends), "inside": inside(runs, members, measured.hidden)}
    return own | explore(runs, members, scores, curves, measured.ends, schedule)


def _join(parts: Iterable[Frames]) -> Frames:
    parts = list(parts)
    joined = {
        "gradients": join_gradients(part["gradients"] for part in parts),
        "inside": join_inside(part["inside"] for part in parts),
    }
    return joined | join_parts({name: part[name] for name in NAMES} for part in parts)
