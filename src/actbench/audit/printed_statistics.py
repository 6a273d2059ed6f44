"""Every statistic that is derived from the tables, the columns that name its rows, and its second derivation."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import pandas as pd

from actbench.audit import (
    printed_costs,
    printed_effects,
    printed_pairs,
    printed_records,
    printed_scores,
    printed_stability,
    printed_trainability,
    printed_warnings,
)
from actbench.audit.printed_rows import Row, compare
from actbench.audit.raw_rows import CONDITION, Raw

LAYER = ("activation", "depth", "init", "norm", "residual")
EFFECT = ("activation", "factor", "level", "reference", "within", "within_level")


@dataclass(frozen=True)
class Statistic:
    """keys: columns that name a row within its study. loose: tolerances of columns, where sums cancel."""

    keys: tuple[str, ...]
    derive: Callable[[Raw, str], Iterator[Row]]
    needs_layers: bool = False
    loose: Mapping[str, float] = field(default_factory=dict)


STATISTICS: dict[str, Statistic] = {
    "studies": Statistic((), printed_scores.studies),
    "conditions": Statistic(tuple(CONDITION), printed_scores.conditions),
    "by_depth": Statistic(("activation", "depth"), printed_scores.by_depth),
    "trainable": Statistic(LAYER, printed_scores.trainable),
    "ranking": Statistic(("activation",), printed_scores.ranking),
    "comparisons": Statistic(("activation", "scope", "depth"), printed_scores.comparisons),
    "learning_rates": Statistic(("activation", "lr"), printed_scores.learning_rates),
    "interactions": Statistic(("factor_1", "level_1", "factor_2", "level_2"), printed_scores.interactions),
    "simple_effects": Statistic(EFFECT, printed_scores.simple_effects),
    "curves": Statistic(("activation", "depth", "steps", "split", "step"), printed_records.curves),
    "gradients": Statistic((*LAYER, "moment", "layer"), printed_records.gradients, True),
    "inside": Statistic(("activation", "cause", "level", "diagnostic", "step"), printed_records.inside, True),
    "early_warning": Statistic(("diagnostic", "layers", "step"), printed_warnings.early_warning, True),
    "cost_accuracy": Statistic(("activation",), printed_costs.cost_accuracy),
    "omnibus": Statistic((), printed_pairs.omnibus),
    "pairs": Statistic(("first", "second"), printed_pairs.pairs, loose={"nemenyi_p": 1e-9}),
    "aggregates": Statistic(("activation",), printed_pairs.aggregates),
    "profiles": Statistic(("activation", "threshold"), printed_pairs.profiles),
    "rank_stability": Statistic(("activation", "resampled"), printed_stability.rank_stability),
    "factor_effects": Statistic(("response", "term"), printed_effects.factor_effects, loose={"share": 1e-11}),
    "trainability": Statistic(("term",), printed_trainability.trainability, loose={"share": 1e-9, "deviance": 1e-8}),
    "explorer": Statistic(("cell", "seed"), printed_records.explorer),
    "explorer_curves": Statistic(("cell", "split", "step"), printed_records.explorer_curves),
    "explorer_layers": Statistic(("cell", "moment", "layer"), printed_records.explorer_layers, True),
}


def audit_statistic(raw: Raw, name: str, printed: pd.DataFrame) -> tuple[int, list[str]]:
    """Compare a statistic with the raw rows; return how many numbers were compared and a line a mismatch."""
    statistic = STATISTICS[name]
    compared = 0
    problems: list[str] = []
    for study in raw.studies["study"].unique():
        found = statistic.derive(raw, str(study))
        own = printed[printed["study"] == study]
        count, lines = compare(f"{name}: {study}", statistic.keys, found, own, statistic.loose)
        compared, problems = compared + count, problems + lines
    unknown = sorted(set(printed["study"]) - set(raw.studies["study"]))
    return compared, problems + [f"{name}: study {study}: raw rows have no such study" for study in unknown]
