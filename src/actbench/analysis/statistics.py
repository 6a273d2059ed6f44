"""All statistics of a config: computed from its tables, written as CSV."""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from actbench.analysis import activation_pairs, comparisons, estimates, rank_stability, ranking
from actbench.analysis.aggregates import aggregates
from actbench.analysis.cost_accuracy import cost_accuracy
from actbench.analysis.csv_file import add_lines, write_csv, write_lines
from actbench.analysis.curves import Curves, curve_table, curves_of, schedule_of
from actbench.analysis.early_records import read_early
from actbench.analysis.early_warning import early_warning, facts_of
from actbench.analysis.evaluations import evaluations_of
from actbench.analysis.factorial import factor_effects
from actbench.analysis.inside import Levels, levels_of
from actbench.analysis.interactions import interactions, simple_effects
from actbench.analysis.layer_records import records_of
from actbench.analysis.layer_statistics import compute_of_layers, of_activations
from actbench.analysis.learning_rates import learning_rates
from actbench.analysis.metrics import join_scores, number_conditions, scores_by_study
from actbench.analysis.outcome_cube import outcomes
from actbench.analysis.rate_choice import RateGrid, rate_grid
from actbench.analysis.row_groups import in_levels, read_rows
from actbench.analysis.run_places import places_of
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
Parts = Iterable[tuple[pd.DataFrame, pd.DataFrame]]  # runs of one activation, and the rows of `studies` that name them
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
    recorded, records = evaluations_of([tables["curves"]], keys), records_of(tables["layers"], keys)
    curves = Curves(schedule_of([tables["curves"]], runs.set_index("run_key")), lambda _: recorded)
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
    curves: Curves,
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
        "curves": curve_table(scores, rows, curves),
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
    members = _members(config, results)
    publish = made_from(table_path(config.name, "runs", results))
    written: dict[str, int] = {}
    if "scores" in kinds:
        written |= _write_of_scores(config, members, results, publish)
    if "layers" in kinds:
        written |= _write_of_layers(config, members, results, publish)
    return written


def _write_of_scores(config: Config, members: pd.DataFrame, results: Path, publish: Publish) -> dict[str, int]:
    counted, scores, rows = _read_outcomes(_runs_by_activation(config, members, results))
    curves = curves_of(config, rows[["run_key", "steps"]].drop_duplicates("run_key"), results)
    rounds = read_rounds(stats_path(config.name, "cost", results))
    return _write(config, _compute(config, counted, scores, rows, curves, rounds), results, publish)


def _read_outcomes(parts: Parts) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Count the runs, score those at the chosen learning rates, and give the outcomes of all."""
    counted, scores, rows = [], [], []
    for runs, own in parts:
        counted.append(estimates.count_statuses(runs, own))
        scores.append(_scores(runs, own))
        rows.append(outcomes(runs, own))
    return pd.concat(counted), join_scores(scores), pd.concat(rows, ignore_index=True)


def _write(config: Config, frames: Frames, results: Path, publish: Publish) -> dict[str, int]:
    with replacing(*(stats_path(config.name, name, results) for name in frames), rename=publish) as partial:
        for path, frame in zip(partial, frames.values(), strict=True):
            write_csv(frame, path)
    return {name: len(frame) for name, frame in frames.items()}


def _write_of_layers(config: Config, members: pd.DataFrame, results: Path, publish: Publish) -> dict[str, int]:
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

        facts, levels = _read_facts(_runs_by_activation(config, members, results))
        curves = curves_of(config, facts, results)
        parts = ((runs, own, _scores(runs, own)) for runs, own in _runs_by_activation(config, members, results))
        for frames in of_activations(config, parts, levels, curves, early, facts["run_key"], results):
            add(frames)
            del frames
        add({"early_warning": early_warning(facts, members, read_early(early))})
        for name, path in zip(OF_LAYERS, partial, strict=True):
            write_lines(lines, name, [column.name for column in STATS[name]], path)
    return written


def _read_facts(parts: Parts) -> tuple[pd.DataFrame, list[Levels]]:
    """Give the facts of all runs by their keys, and the levels of each part."""
    facts, levels = [], []
    for runs, own in parts:
        facts.append(facts_of(runs))
        levels.append(levels_of(runs, own))
    return pd.concat(facts).sort_values("run_key", ignore_index=True), levels


def _members(config: Config, results: Path) -> pd.DataFrame:
    members = read_table(config, "studies", results=results)
    return members.astype({"study": pd.CategoricalDtype(sorted(study.name for study in config.studies))})


def _runs_by_activation(config: Config, members: pd.DataFrame, results: Path) -> Parts:
    """Yield the runs of one activation after another, by name, and the rows of `studies` that name them."""
    n = 0
    for activation in config.names("activation"):
        runs = read_rows(config, "runs", NEEDED, [("activation", "==", activation)], results)
        if runs.empty:  # excluded from every study
            continue
        own = members[places_of(members["run_key"], runs["run_key"]) >= 0]
        n += len(own)
        yield in_levels(runs, config), own
    assert n == len(members), "the studies name runs that the table lacks"
