"""All statistics of a config: computed from its tables, written as CSV."""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from actbench.analysis import activation_pairs, comparisons, estimates, rank_stability, ranking
from actbench.analysis.aggregates import aggregates
from actbench.analysis.cost_accuracy import cost_accuracy
from actbench.analysis.csv_file import add_lines, write_csv, write_lines
from actbench.analysis.curves import curve_table
from actbench.analysis.early_records import read_early
from actbench.analysis.early_warning import early_warning, facts_of
from actbench.analysis.evaluations import COLUMNS, Evaluations, evaluations_of
from actbench.analysis.factorial import factor_effects
from actbench.analysis.inside import Causes, causes_of, levels_of
from actbench.analysis.interactions import interactions, simple_effects
from actbench.analysis.layer_records import records_of
from actbench.analysis.layer_statistics import Parts, compute_of_layers, of_activations
from actbench.analysis.learning_rates import learning_rates
from actbench.analysis.metrics import join_scores, number_conditions, scores_by_study
from actbench.analysis.outcome_cube import outcomes
from actbench.analysis.rate_choice import RateGrid, rate_grid
from actbench.analysis.row_groups import in_words, iterate_rows, read_rows
from actbench.analysis.spool import spooled
from actbench.analysis.statistic_file import in_types, read_rounds, stats_path
from actbench.analysis.stats_schema import OF_LAYERS, STATS
from actbench.analysis.tables import RESULTS, read_table, table_path
from actbench.analysis.trainability import trainability
from actbench.analysis.update_times import NO_ROUNDS
from actbench.plan.atomic_file import replacing
from actbench.plan.checksums import made_from
from actbench.plan.config import Config
from actbench.plan.factors import FACTORS
from actbench.plan.sources import KINDS

NEEDED = [
    "run_key", *FACTORS, "status", "train_accuracy", "test_accuracy",
    "best_val_accuracy", "best_test_accuracy", "best_test_loss", "clip_rate", "classes",
]  # fmt: skip

Frames = dict[str, pd.DataFrame]
Publish = Callable[[Path, Path], None]


def compute_statistics(config: Config, tables: Frames, rounds: pd.DataFrame = NO_ROUNDS) -> Frames:
    """Compute every statistic from the tables; the same rows in any order give the same numbers.

    Args:
        config: gives the studies their questions.
        tables: the four tables of plan.schema.
        rounds: of timing, from `read_rounds`; without them updates are not timed.

    Returns:
        One frame for each entry of stats_schema.STATS, with its columns in its types.
    """
    runs, members = tables["runs"].sort_values("run_key", ignore_index=True), tables["studies"]
    scores, keys = _scores(runs, members), pd.Index(runs["run_key"])
    curves, records = evaluations_of([tables["curves"]], keys), records_of(tables["layers"], keys)
    counted = estimates.count_statuses(runs, members)
    frames = _compute(config, counted, scores, outcomes(runs, members), curves, rounds)
    return frames | _typed(compute_of_layers(runs, members, scores, curves, records))


def _scores(runs: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    runs = runs.sort_values("run_key", ignore_index=True)
    return scores_by_study(runs, members.sort_values(["study", "run_key"], ignore_index=True))


def _compute(
    config: Config,
    counted: pd.DataFrame,
    scores: pd.DataFrame,
    rows: pd.DataFrame,
    curves: Evaluations,
    rounds: pd.DataFrame,
) -> Frames:
    means, profiles = aggregates(rows)
    rows = rows.assign(condition=number_conditions(rows))
    grid = _grid(rows, scores)
    frames = {
        "studies": estimates.studies(config, counted, scores),
        "conditions": estimates.conditions(scores, grid),
        "by_depth": estimates.by_depth(scores, grid),
        "trainable": estimates.trainable(scores),
        "comparisons": comparisons.compare(scores, grid),
        "ranking": ranking.rank(scores, grid),
        "curves": curve_table(scores, curves, rows),
        "omnibus": rank_stability.omnibus(rows),
        "pairs": activation_pairs.pairs(rows),
        "rank_stability": rank_stability.stability(rows),
        "aggregates": means,
        "profiles": profiles,
        "cost_accuracy": cost_accuracy(scores, grid, rounds),
        "factor_effects": factor_effects(rows),
        "trainability": trainability(rows),
        "interactions": interactions(scores),
        "simple_effects": simple_effects(scores, grid),
        "learning_rates": learning_rates(rows),
    }
    assert {*frames, *OF_LAYERS} == set(STATS)
    return _typed(frames)


def _grid(rows: pd.DataFrame, scores: pd.DataFrame) -> RateGrid:
    """Lay out the runs of all studies at every rate, conditions numbered as in the scores."""
    grid = rate_grid(rows)
    chosen = grid.scores(np.ones(grid.n_seeds))
    assert np.array_equal(np.sort(chosen[~np.isnan(chosen)]), np.sort(scores["score"])), "both choose the same rates"
    return grid


def _typed(frames: Frames) -> Frames:
    return {name: in_types(frame, STATS[name]) for name, frame in frames.items()}


def write_statistics(config: Config, results: Path = RESULTS, kinds: Collection[str] = KINDS) -> dict[str, int]:
    """Write results/<name>/stats/*.csv from the tables and return the number of rows of each.

    Args:
        config: the config at hand.
        results: folder of all results.
        kinds: `scores`, `layers` (the statistics OF_LAYERS) or both, which take about as long.
    """
    members = read_table(config, "studies", results=results)
    publish = made_from(table_path(config.name, "runs", results))
    counted, scores, facts, causes = _read_scores(members, _runs_by_activation(config, members, results))
    curves = evaluations_of(iterate_rows(config, "curves", COLUMNS, results), pd.Index(facts["run_key"]))
    written: dict[str, int] = {}
    if "scores" in kinds:
        rows = pd.concat([outcomes(*part) for part in _runs_by_activation(config, members, results)], ignore_index=True)
        rounds = read_rounds(stats_path(config.name, "cost", results))
        pa.default_memory_pool().release_unused()  # what reading took
        written |= _write(config, _compute(config, counted, scores, rows, curves, rounds), results, publish)
    if "layers" in kinds:
        written |= _write_of_layers(config, members, scores, facts, causes, curves, results, publish)
    return written


def _write(config: Config, frames: Frames, results: Path, publish: Publish) -> dict[str, int]:
    with replacing(*(stats_path(config.name, name, results) for name in frames), rename=publish) as partial:
        for path, frame in zip(partial, frames.values(), strict=True):
            write_csv(frame, path)
    return {name: len(frame) for name, frame in frames.items()}


def _write_of_layers(
    config: Config,
    members: pd.DataFrame,
    scores: pd.DataFrame,
    facts: pd.DataFrame,
    causes: Causes,
    curves: Evaluations,
    results: Path,
    publish: Publish,
) -> dict[str, int]:
    """Write the statistics OF_LAYERS with what one activation has of them in memory at a time."""
    paths = [stats_path(config.name, name, results) for name in OF_LAYERS]
    written = dict.fromkeys(OF_LAYERS, 0)
    with (
        replacing(*paths, rename=publish) as partial,
        spooled(paths[0].parent) as lines,
        spooled(paths[0].parent) as early,
    ):

        def add(frames: Frames) -> None:
            for name, frame in _typed(frames).items():
                add_lines(lines, name, frame)
                written[name] += len(frame)

        parts = _runs_by_activation(config, members, results)
        for frames in of_activations(config, parts, scores, curves, early, causes, results):
            add(frames)
            del frames
        add({"early_warning": early_warning(facts, members, read_early(early))})
        for name, path in zip(OF_LAYERS, partial, strict=True):
            write_lines(lines, name, [column.name for column in STATS[name]], path)
    return written


def _read_scores(members: pd.DataFrame, parts: Parts) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, Causes]:
    """Count the runs, score those at the chosen learning rates, give the facts of all by their keys, and the causes."""
    counted, scores, facts, levels = [], [], [], []
    for runs, own in parts:
        counted.append(estimates.count_statuses(runs, own))
        scores.append(_scores(runs, own))
        facts.append(facts_of(runs))
        levels.append(levels_of(runs, own))
    whole = pd.concat(counted)
    assert whole["size"].sum() == len(members), "the studies name runs that the table lacks"
    by_key = pd.concat(facts).sort_values("run_key", ignore_index=True)
    return whole, join_scores(scores), by_key, causes_of(levels)


def _runs_by_activation(
    config: Config, members: pd.DataFrame, results: Path
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Yield the runs of one activation after another, by name, and the rows of `studies` that name them."""
    for activation in sorted({level for study in config.studies for level in study.levels["activation"]}, key=str):
        runs = read_rows(config, "runs", NEEDED, [("activation", "==", activation)], results)
        if runs.empty:  # excluded from every study
            continue
        runs = in_words(runs)
        yield runs, members[pd.Index(runs["run_key"]).get_indexer(pd.Index(members["run_key"])) >= 0]
