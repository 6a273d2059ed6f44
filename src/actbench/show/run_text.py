"""One run as text for the terminal: aligned columns, a sparkline of its curve."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.explanation import Explanation

BARS = "▁▂▃▄▅▆▇█"
MOST_LAYERS = 18  # of a profile; a deeper network shows layers evenly spaced
MOST_COLUMNS = 9  # layers beside each other
# The columns of the profile, in this order, as far as they were recorded; the JSON and the page hold them all.
PROFILED = {
    "gradient_norm": "gradient norm",
    "preactivation_std": "pre-activation std",
    "activation_mean": "activation mean",
    "activation_std": "activation std",
    "zero_fraction": "zeros",
    "saturated_fraction": "saturated",
    "dead_fraction": "dead",
}


def explanation_text(explanation: Explanation) -> str:
    """Write all sections of an explanation."""
    sections = [
        _levels(explanation),
        _outcome(explanation),
        ("curve", _curve(explanation.curve)),
        ("gradient norm over training", _gradients(explanation.gradients)),
        ("layers, first → last recorded", _profile(explanation.profile)),
        ("at initialisation: measured beside mean-field theory", _prediction(explanation)),
        (f"the same condition, {len(explanation.seeds)} seeds", _seeds(explanation)),
        ("neighbours: one factor differs, same seed", _neighbours(explanation.neighbours)),
        ("cost", _facts(explanation.cost)),
        ("made by", _facts(explanation.provenance)),
    ]
    return "\n\n".join(f"{title}\n{indent(body)}" for title, body in sections)


def _levels(explanation: Explanation) -> tuple[str, str]:
    studies = f" · {', '.join(explanation.studies)}" if explanation.studies else ""
    return f"run {explanation.run_key}{studies}", _facts(explanation.levels)


def _outcome(explanation: Explanation) -> tuple[str, str]:
    facts = {name: value for name, value in explanation.outcome.items() if value is not None}
    return "outcome", _facts(facts)


def _facts(facts: dict[str, Any]) -> str:
    """Write names and values in columns as wide as the longest, three pairs to a line."""
    words = [(name, spell_number(value)) for name, value in facts.items() if value is not None]
    if not words:
        return "not recorded"
    pairs = [f"{name} {value}" for name, value in words]
    width = max(map(len, pairs)) + 3
    across = max(1, 108 // width)
    lines = [pairs[first : first + across] for first in range(0, len(pairs), across)]
    return "\n".join("".join(f"{pair:<{width}}" for pair in line).rstrip() for line in lines)


def spell_number(value: Any) -> str:
    """Write a number with at most four digits, or a word as it is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or pd.isna(value):
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _curve(curve: pd.DataFrame) -> str:
    if curve.empty:
        return "not recorded"
    head = [str(name).replace("_", " ") for name in curve]
    drawn = [f"{name:<15} {sparkline(curve.iloc[:, place])}" for place, name in enumerate(head) if place]
    return "\n".join([*drawn, aligned(head, curve.itertuples(index=False, name=None))])


def sparkline(values: Iterable[float]) -> str:
    """Draw numbers as bars between the least and the greatest; a blank where there is none."""
    numbers = pd.Series(list(values), dtype="float64")
    finite = numbers[np.isfinite(numbers)]
    if finite.empty:
        return " " * len(numbers)
    reach = finite.max() - finite.min()
    shares = (finite - finite.min()) / (reach or 1.0) * (len(BARS) - 1)
    bars = {place: BARS[round(share)] for place, share in shares.items()}
    return "".join(bars.get(place, " ") for place in numbers.index)


def _gradients(gradients: pd.DataFrame) -> str:
    """Write one row a step and one column a layer."""
    if gradients.empty:
        return "not recorded"
    wide = gradients.pivot(index="step", columns="layer", values="gradient_norm").astype("float64")
    shown = wide[_spaced(sorted(gradients["layer"].unique()), MOST_COLUMNS)].reset_index()
    head = ["step", *(f"layer {layer}" for layer in shown.columns[1:])]
    return aligned(head, shown.itertuples(index=False, name=None))


def _profile(profile: pd.DataFrame) -> str:
    layered = profile[profile["layer"] > 0]
    names = [name for name in PROFILED if name in set(layered["diagnostic"])]
    if not names:
        return "not recorded"
    cells = {(row.layer, row.diagnostic): f"{row.start:.3g} → {row.end:.3g}" for row in layered.itertuples()}
    layers = _spaced(sorted(layered["layer"].unique()))
    rows = [(layer, *(cells.get((layer, name), "") for name in names)) for layer in layers]
    return aligned(["layer", *(PROFILED[name] for name in names)], rows)


def _prediction(explanation: Explanation) -> str:
    note = explanation.prediction_note
    if explanation.prediction.empty:
        return f"none: {note}"
    rows = explanation.prediction.set_index("layer").loc[_spaced(list(explanation.prediction["layer"]))].reset_index()
    table = aligned([str(name).replace("_", " ") for name in rows], rows.itertuples(index=False, name=None))
    return f"{table}\n{note}".rstrip()


def _spaced(layers: list[int], most: int = MOST_LAYERS) -> list[int]:
    if len(layers) <= most:
        return layers
    step = (len(layers) - 1) / (most - 1)
    return [layers[round(place * step)] for place in range(most)]


def _seeds(explanation: Explanation) -> str:
    return aligned(["seed", "run key", "status", "score"], explanation.seeds.itertuples(index=False, name=None))


def _neighbours(neighbours: pd.DataFrame) -> str:
    if neighbours.empty:
        return "none in these tables"
    columns = ["factor", "level", "run_key", "status", "score", "difference"]
    rows = [
        (factor, spell_number(level), key, status, score, f"{difference:+.3f}")
        for factor, level, key, status, score, difference in neighbours[columns].itertuples(index=False, name=None)
    ]
    return aligned([name.replace("_", " ") for name in columns], rows)


def aligned(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write rows under a head, words to the left and numbers to the right of their columns."""
    table = [list(row) for row in rows]
    right = [all(not isinstance(row[place], str) for row in table) for place in range(len(head))]
    cells = [list(head), *([spell_number(value) for value in row] for row in table)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(head))]
    lines = []
    for line in cells:
        placed = zip(line, widths, right, strict=True)
        lines.append(
            "  ".join(f"{word:>{width}}" if on_right else f"{word:<{width}}" for word, width, on_right in placed)
        )
    return "\n".join(line.rstrip() for line in lines)


def indent(text: str) -> str:
    """Move every line two places to the right."""
    return "\n".join(f"  {line}".rstrip() for line in text.split("\n"))
