"""Grids of panels and the legend above them."""

from typing import Any

import matplotlib as mpl
import pytest

from actbench.show.panels import legend_above, panel_grid
from actbench.show.style import MM, SETTINGS


def legend_of(labels: list[str], panels: int = 15) -> tuple[list[list[str]], float]:
    """Return the rows of words in the legend above a grid, and by how many mm the figure grew for it."""
    with mpl.rc_context(SETTINGS):
        figure, _ = panel_grid(panels)
        before = figure.get_figheight()
        legend_above(figure, [(label, {}) for label in labels], "words")
        figure.draw_without_rendering()
    words: dict[int, list[tuple[float, str]]] = {}
    for text in figure.legends[0].get_texts():
        box: Any = text.get_window_extent()
        assert 0 <= box.x0 < box.x1 <= figure.bbox.width
        words.setdefault(round(box.y0 / 5), []).append((box.x0, text.get_text()))
    rows = [[word for _, word in sorted(row)] for _, row in sorted(words.items(), reverse=True)]
    return rows, (figure.get_figheight() - before) / MM


def test_short_labels_stand_in_one_row() -> None:
    """Six depths need one row and no more height."""
    depths = ["2", "4", "8", "16", "32", "64"]
    assert legend_of(depths) == ([depths], 0)


def test_long_labels_are_read_along_rows_of_equal_length() -> None:
    """Labels that do not fit side by side stand in rows as long as each other, in their order."""
    labels = ["he_normal", "torch_default", "variance_preserving", "xavier_normal", "before training", "after training"]
    rows, grown = legend_of(labels)
    assert rows == [labels[:3], labels[3:]]
    assert grown == pytest.approx(4)
    rows, _ = legend_of([f"initialisation_{place}" for place in range(7)])
    assert [len(row) for row in rows] == [4, 3]
    assert [word for row in rows for word in row] == [f"initialisation_{place}" for place in range(7)]


def test_a_narrow_figure_has_more_rows() -> None:
    """Above a single panel, one column wide, long labels stand in as many rows as they need."""
    rows, grown = legend_of([f"a_rather_long_label_{place}" for place in range(4)], panels=1)
    assert [len(row) for row in rows] == [2, 2]
    assert grown == pytest.approx(4)
