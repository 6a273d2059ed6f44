"""Formulas that recorded numbers must obey: how far each run deviates."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from actbench.analysis.run_values import NO_NUMBERS, Wanted, number_of
from actbench.plan.level import parse_level

Diagnostics = dict[Wanted, "pd.Series[float]"]


@dataclass(frozen=True)
class Law:
    """What is read of each run, and the largest deviation from the formula; missing where it does not apply."""

    wanted: tuple[Wanted, ...]
    deviation: Callable[[pd.DataFrame, Diagnostics], "pd.Series[float]"]
    formula: str


COEFFICIENT: Wanted = ("clip_coefficient", "early", "network")
NORM: Wanted = ("global_gradient_norm", "early", "network")


def _clip(rows: pd.DataFrame, diagnostics: Diagnostics) -> "pd.Series[float]":
    """Return |coefficient - min(1, threshold / (norm + 1e-6))| of runs clipped by norm (Pascanu et al. 2013)."""
    found, norm = (number_of(rows["run_key"], diagnostics.get(item, NO_NUMBERS)) for item in (COEFFICIENT, NORM))
    levels = rows["clip"].map(lambda text: parse_level("clip", str(text)))
    threshold = levels.map(lambda level: level.arguments[0] if level.name == "norm" else None).astype("float64")
    deviation: pd.Series[float] = (found - (threshold / (norm + 1e-6)).clip(upper=1)).abs()
    return deviation


LAWS: dict[str, Law] = {
    "clip_coefficient": Law((COEFFICIENT, NORM), _clip, "coefficient = min(1, threshold / (norm + 1e-6))"),
}
