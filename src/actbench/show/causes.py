"""Figures of the statistic `inside`: a diagnostic over the levels of a cause, or over training."""

from math import ceil
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from actbench.show.page import column_mm, page
from actbench.show.panels import legend_above, panel_grid
from actbench.show.study import count, seeds_behind
from actbench.show.style import MM, Look, looks, ordered

ALL, ALL_RUNS = "activation", "all runs"  # the cause that every study has, and its level as the figures call it


def widest_study(inside: pd.DataFrame, cause: str) -> pd.DataFrame:
    """Keep the rows of a cause in the study that has the most levels of it; the first by name if tied."""
    rows = inside[inside["cause"] == cause]
    if rows.empty:
        return rows
    counts = rows.groupby("study")["level"].nunique()
    return rows[rows["study"] == counts.idxmax()].reset_index(drop=True)


def over_all_runs(inside: pd.DataFrame, study: str | None = None) -> pd.DataFrame:
    """Keep the rows of all runs of each activation, in one study or in the first by name that has rows."""
    rows = inside[inside["cause"] == ALL]
    chosen = study if study is not None else rows["study"].min()
    return rows[rows["study"] == chosen].assign(level=ALL_RUNS).reset_index(drop=True)


def at_last_step(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows of each study's last step."""
    return rows[rows["step"] == rows.groupby("study")["step"].transform("max")].reset_index(drop=True)


def level_panels(data: pd.DataFrame, by: str, titles: dict[str, str]) -> Figure:
    """Draw one panel for each value of the column `by`, levels along it, one line an activation, seeds as bands."""
    present = [value for value in titles if value in set(data[by])]
    figure, axes = _row(len(present))
    strokes = looks(ordered(data["activation"]))
    for axis, value in zip(axes, present, strict=True):
        own = data[data[by] == value]
        levels = sorted(own["level"].unique(), key=_size)
        axis.set_title(own["study"].iloc[0])
        axis.set_xticks(range(len(levels)), levels)
        axis.set_xlim(-0.3, len(levels) - 0.7)
        axis.set_xlabel(titles[value])
        _lines(axis, own.assign(place=own["level"].map(levels.index)), strokes)
    legend_above(figure, _entries(strokes), "")
    return figure


def step_panel(data: pd.DataFrame) -> Figure:
    """Draw one panel with updates along it, one line an activation, seeds as bands."""
    figure, (axis,) = _row(1)
    strokes = looks(ordered(data["activation"]))
    _lines(axis, data.assign(place=data["step"]), strokes)
    axis.set_xscale("symlog", linthresh=1, linscale=0.4)
    axis.set_xlabel("step (updates)")
    legend_above(figure, _entries(strokes), "")
    return figure


def step_panels(data: pd.DataFrame) -> Figure:
    """Draw one panel a level with updates along it, one line an activation, seeds as bands; panels share their axes."""
    levels, strokes = sorted(data["level"].unique(), key=_size), looks(ordered(data["activation"]))
    figure, axes = panel_grid(len(levels), columns=3, height_mm=44, extra_mm=16)
    for axis, level in zip(axes, levels, strict=True):
        axis.set_title(level)
        own = data[data["level"] == level]
        _lines(axis, own.assign(place=own["step"]), strokes)
    axes[0].set_xscale("symlog", linthresh=1, linscale=0.4)
    figure.supxlabel("step (updates)", fontsize=8)
    legend_above(figure, _entries(strokes), "")
    return figure


def behind(data: pd.DataFrame) -> str:
    """Say what stands behind the lines: interval, runs, seeds."""
    runs = data.groupby(["study", "cause", "diagnostic", "step"])["n_runs"].sum().max()
    return (
        "Median over seeds of the mean over runs, at all learning rates, and hidden layers; bands from the lowest to"
        f" the highest seed. Up to {count(runs, 'run')} in a panel, {seeds_behind(data)}, no test, no unit."
    )


def _row(panels: int) -> tuple[Figure, list[Axes]]:
    """Put panels side by side, at most three on a page, and one below the other on a narrow page."""
    whole = page()
    across = 1 if whole.narrow else panels
    rows = ceil(panels / across)
    width_mm = column_mm(across * whole.width_mm / 3)
    layout = ConstrainedLayoutEngine(w_pad=1.2 * MM, h_pad=1.0 * MM)
    figure = Figure(figsize=(width_mm * MM, (62 + 48 * (rows - 1)) * MM), layout=layout)
    return figure, list(figure.subplots(rows, across, squeeze=False).flat)


def _lines(axis: Axes, own: pd.DataFrame, strokes: dict[str, Look]) -> None:
    for name, look in strokes.items():
        rows = own[own["activation"] == name].sort_values("place")
        axis.fill_between(rows["place"], rows["low"], rows["high"], color=look.colour, alpha=0.15, linewidth=0)
        axis.plot(rows["place"], rows["value"], color=look.colour, linestyle=look.dash, marker=look.marker)


def _entries(strokes: dict[str, Look]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (name, {"color": look.colour, "linestyle": look.dash, "marker": look.marker}) for name, look in strokes.items()
    ]


def _size(level: str) -> tuple[float, str]:
    """Sort numbers by size, and words after them by name."""
    try:
        return float(level), ""
    except ValueError:
        return float("inf"), level
