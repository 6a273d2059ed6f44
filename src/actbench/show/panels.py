"""Figures as grids of small panels of one size, and the figure that says in words why there is nothing to draw."""

import textwrap
from collections.abc import Iterable
from math import ceil
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from actbench.show.page import column_mm, page
from actbench.show.style import DOUBLE_MM, GREY, MM, SINGLE_MM

LINE_MM, LETTER_MM, ROW_MM = 11.0, 1.15, 4.0  # of a legend: widths of a line and a letter, height of a row
LOWEST_MM = 18.0  # height of a row in which four tick labels find room
NOTHING = "no runs for this figure in this config"


def panel_grid(
    count: int, columns: int = 5, height_mm: float = 30.0, extra_mm: float = 12.0, narrowest_mm: float = SINGLE_MM
) -> tuple[Figure, list[Axes]]:
    """Make a grid of panels that share both axes: as wide as the page or a column, and as high as its rows.

    Args:
        count: number of panels.
        columns: most panels side by side on a page as wide as the text, fewer on a narrower one; the rows are of about
            equal length, and a grid that needs no more has one column.
        height_mm: height of one row, less where all rows would not fit the page.
        extra_mm: height for what stands above and below the grid.
        narrowest_mm: least width of the grid.
    """
    whole = page()
    columns = max(2, round(columns * whole.width_mm / DOUBLE_MM))
    while columns < count and (whole.height_mm - extra_mm) / ceil(count / columns) < LOWEST_MM:
        columns += 1
    rows = ceil(count / columns)
    across = ceil(count / rows)  # six panels stand as three and three, not as five and one
    width_mm = column_mm(max(narrowest_mm, whole.width_mm * across / columns))
    height_mm = min(rows * height_mm + extra_mm, whole.height_mm)
    layout = ConstrainedLayoutEngine(w_pad=1.2 * MM, h_pad=1.0 * MM)
    figure = Figure(figsize=(width_mm * MM, height_mm * MM), layout=layout)
    grid = figure.subplots(rows, across, sharex=True, sharey=True, squeeze=False)
    axes = list(grid.flat)
    for unused in axes[count:]:
        unused.set_axis_off()
    for axis in axes[max(count - across, 0) : count]:
        axis.tick_params(labelbottom=True)
    return figure, axes[:count]


def legend_above(figure: Figure, entries: Iterable[tuple[str, dict[str, Any]]], title: str) -> None:
    """Put one legend for all panels above them, of as many rows as it needs, which heighten the figure up to the page.

    Args:
        figure: a grid of panels, high enough for a legend of one row.
        entries: label and the properties of its line.
        title: what the labels are; may be empty.
    """
    lines = [Line2D([], [], label=label, **properties) for label, properties in entries]
    entry_mm = LINE_MM + LETTER_MM * max(len(str(line.get_label())) for line in lines)
    rows = ceil(len(lines) / max(1, figure.get_figwidth() / MM // entry_mm))
    columns = ceil(len(lines) / rows)
    height = figure.get_figheight()
    figure.set_figheight(max(height, min(height + (rows - 1) * ROW_MM * MM, page().height_mm * MM)))
    by_column = [line for column in range(columns) for line in lines[column::columns]]  # read along the rows
    figure.legend(handles=by_column, loc="outside upper center", ncols=columns, title=title, title_fontsize=7)


def sentence_figure(sentence: str = NOTHING) -> Figure:
    """Make a figure of one column that holds a sentence instead of axes."""
    figure = Figure(figsize=(column_mm(SINGLE_MM) * MM, 30 * MM))
    figure.text(0.5, 0.5, textwrap.fill(sentence, 44), ha="center", va="center", color=GREY)
    return figure
