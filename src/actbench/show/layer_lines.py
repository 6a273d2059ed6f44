"""Gradient norms over the layers of the deepest networks, which several figures of the statistic `gradients` draw."""

import itertools
from collections.abc import Iterator
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from actbench.show.panels import legend_above, panel_grid
from actbench.show.study import count
from actbench.show.style import CATEGORIES, DASHED, DOTTED, GREY, MARKERS, SOLID, ordered

LOWEST = 1e-10  # smaller norms are drawn there: a float32 update of that size changes nothing
DASHES = {"start": SOLID, "end": DASHED}
WORDS = {"start": "before training", "end": "after training"}
COLUMNS = [
    "study", "activation", "depth", "init", "norm", "residual", "moment", "layer",
    "n_runs", "n_failed", "n_seeds", "gradient_norm", "low", "high",
]  # fmt: skip


def layer_figure(data: pd.DataFrame, by: str, title: str) -> Figure:
    """Draw medians as lines and the range over seeds as bands, before training solid and after it dashed.

    Args:
        data: rows with COLUMNS; with a column theory, what it predicts is dotted.
        by: column whose levels have a colour and a marker each.
        title: of the legend.
    """
    names, levels = ordered(data["activation"]), sorted(data[by].unique())
    strokes = dict(zip(levels, _strokes(), strict=False))
    figure, axes = panel_grid(len(names), height_mm=30, extra_mm=18)
    for axis, name in zip(axes, names, strict=True):
        axis.set_title(name)
        own = data[data["activation"] == name]
        for level, moment in itertools.product(levels, DASHES):
            rows = own[(own[by] == level) & (own["moment"] == moment)].sort_values("layer")
            _draw_line(axis, rows, DASHES[moment], strokes[level])
            _draw_theory(axis, rows, strokes[level][0])
    _scale(axes[0], data)
    figure.supxlabel(f"layer (1 = first hidden, {data['layer'].max()} = output)", fontsize=8)
    figure.supylabel("gradient norm (no unit)", fontsize=8)
    legend_above(figure, _entries(strokes, "theory" in data), title)
    return figure


def _strokes() -> Iterator[tuple[str, str]]:
    """Yield colours with a marker each: first every one once, then the same colours with the next marker, and so on."""
    for turn, place in itertools.product(range(len(MARKERS)), range(len(CATEGORIES))):
        yield CATEGORIES[place], MARKERS[(place + turn) % len(MARKERS)]


def _entries(strokes: dict[str, tuple[str, str]], predicted: bool) -> list[tuple[str, dict[str, Any]]]:
    entries: list[tuple[str, dict[str, Any]]]
    entries = [(level, {"color": colour, "marker": marker}) for level, (colour, marker) in strokes.items()]
    entries += [(WORDS[moment], {"color": GREY, "linestyle": dash}) for moment, dash in DASHES.items()]
    theory = ("theory", {"color": GREY, "linestyle": DOTTED, "linewidth": 1.6})
    return [*entries, theory] if predicted else entries


def _scale(axis: Axes, data: pd.DataFrame) -> None:
    last = int(data["layer"].max())
    margin, below = 0.03 * (last - 1), 3.0  # so that no marker is cut
    positive = data["low"][data["low"] > 0]
    axis.set(yscale="log", xlim=(1 - margin, last + margin))
    axis.set_ylim(bottom=max(LOWEST, positive.min() if len(positive) else LOWEST) / below)
    axis.set_xticks(_layers_named(last))


def _layers_named(last: int) -> list[int]:
    """Return the first layer, the last, and between them at most four multiples of a power of two."""
    step = 1
    while last > 5 * step:
        step *= 2
    return [1, *(layer for layer in range(step, last, step) if layer > 1 and last - layer > step / 2), last]


def _draw_line(axis: Axes, rows: pd.DataFrame, dash: Any, stroke: tuple[str, str]) -> None:
    lifted, (colour, marker) = rows[["gradient_norm", "low", "high"]].clip(lower=LOWEST), stroke
    every = max(1, len(rows) // 5)
    axis.fill_between(rows["layer"], lifted["low"], lifted["high"], color=colour, alpha=0.2, linewidth=0)
    axis.plot(
        rows["layer"],
        lifted["gradient_norm"],
        color=colour,
        linestyle=dash,
        marker=marker,
        markevery=every,
        markersize=2.2,
    )


def _draw_theory(axis: Axes, rows: pd.DataFrame, colour: str) -> None:
    known = rows[rows["theory"].notna()] if "theory" in rows else rows.iloc[:0]
    if len(known):
        theory = known["theory"].clip(lower=LOWEST)
        axis.plot(known["layer"], theory, color=colour, linestyle=DOTTED, linewidth=1.6)


def moments(data: pd.DataFrame) -> str:
    """Say how many runs stand behind the lines before and after training."""
    first = data[data["layer"] == 1]
    before, after = (first[first["moment"] == moment]["n_runs"].sum() for moment in DASHES)
    failed = f"; the other {count(before - after, 'run')} failed" if after < before else ""
    return (
        f"Solid before the first update ({count(before, 'run')}), dashed after the last"
        f" ({count(after, 'run')}{failed}). Norms below {LOWEST:g} are drawn at it."
    )
