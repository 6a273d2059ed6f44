"""What a drawn figure says, read from its lines, bars, bands and images: the way back to the numbers."""

from collections.abc import Iterator
from functools import cache
from typing import Any, cast

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D

from actbench.show.contract import declaration
from actbench.show.figure_file import load_source
from actbench.show.inputs import Inputs, parse_csv
from actbench.show.page import page_settings
from actbench.show.style import SETTINGS
from conftest import ROOT

REFERENCE = ROOT / "results" / "reference" / "default" / "stats"

Look = tuple[str, str, Any]  # colour, marker and dashes
SOLID = (0, None)  # no dashes
Ends = dict[float, tuple[float, float]]
Points = list[tuple[float, float]]


@cache
def shown(name: str) -> tuple[pd.DataFrame, Figure]:
    """Return the numbers of a figure of the reference result and the figure drawn from them."""
    source, stats = load_source(name), {one: parse_csv(REFERENCE / f"{one}.csv") for one in declaration(name).stats}
    data = source.data(Inputs({}, stats))
    with mpl.rc_context(cast(Any, SETTINGS | page_settings("double"))):
        return data, source.draw(data)


def spelled(level: Any) -> str:
    """Spell a level as ticks, titles and legends do."""
    return f"{level:g}" if isinstance(level, int | float | np.number) else str(level)


def near(found: Any, expected: Any) -> bool:
    """Tell whether lists of numbers are the same."""
    return np.shape(found) == np.shape(expected) and np.allclose(np.array(found), np.array(expected), rtol=1e-9)


def look_of(line: Line2D) -> Look:
    """Return how a line looks, whatever its width."""
    dashes = line._unscaled_dash_pattern  # type: ignore[attr-defined]
    return to_hex(line.get_color()), str(line.get_marker()), dashes if line.get_linestyle() != "None" else "no line"


def legend_of(figure: Figure) -> dict[str, Line2D]:
    """Return the lines of the legend by what is written beside them."""
    (legend,) = figure.legends
    return {text.get_text(): line for text, line in zip(legend.get_texts(), legend.get_lines(), strict=True)}


def points_of(line: Line2D) -> Points:
    """Return the points through which a line goes, without its gaps."""
    points = np.asarray(line.get_xydata(), dtype=float)
    return [(float(x), float(y)) for x, y in points if np.isfinite(x) and np.isfinite(y)]


def bars_of_error(axis: Axes, colour: str, upright: bool) -> list[tuple[float, float, float]]:
    """Return place, low end and high end of the straight lines of a colour that stand or lie."""
    found = []
    for collection in axis.collections:
        if not isinstance(collection, LineCollection) or to_hex(collection.get_color()[0]) != colour:
            continue
        for (x0, y0), (x1, y1) in collection.get_segments():
            if upright and x0 == x1 and np.isfinite([y0, y1]).all():
                found.append((float(x0), float(y0), float(y1)))
            if not upright and y0 == y1 and np.isfinite([x0, x1]).all():
                found.append((float(y0), float(x0), float(x1)))
    return sorted(found)


def bands_of(axis: Axes, colour: str) -> list[Ends]:
    """Return the lowest and highest point at each place of the bands of a colour."""
    found = []
    for collection in axis.collections:
        if isinstance(collection, PolyCollection) and to_hex(collection.get_facecolor()[0]) == colour:
            vertices = np.concatenate([path.vertices for path in collection.get_paths()] or [np.empty((0, 2))])
            places = {float(x): vertices[vertices[:, 0] == x, 1] for x in vertices[:, 0]}
            found.append({x: (float(y.min()), float(y.max())) for x, y in places.items()})
    return found


def words_along(axis: Any) -> dict[float, str]:
    """Return the words at the ticks of an axis."""
    places = axis.get_majorticklocs()
    return dict(zip(map(float, places), axis.get_major_formatter().format_ticks(places), strict=True))


def cells_of(axis: Axes) -> Iterator[tuple[str, str, float]]:
    """Yield the words below and beside every cell of the images, and its number."""
    across, down = words_along(axis.xaxis), words_along(axis.yaxis)
    for image in axis.images:
        for x, y, value in pixels_of(image):
            yield _nearest(across, x), _nearest(down, y), value


def pixels_of(image: AxesImage) -> Iterator[tuple[float, float, float]]:
    """Yield the centre of every cell of an image, and its number."""
    values = np.ma.filled(np.ma.asarray(image.get_array(), dtype=float), np.nan)
    left, right, bottom, top = image.get_extent()
    first, last = (top, bottom) if image.origin == "upper" else (bottom, top)
    rows, columns = values.shape
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            x = left + (right - left) * (column + 0.5) / columns
            yield x, first + (last - first) * (row + 0.5) / rows, float(value)


def _nearest(words: dict[float, str], place: float) -> str:
    nearest = min(words, key=lambda tick: abs(tick - place))
    assert abs(nearest - place) < 1e-6, "a cell stands beside its words"
    return words[nearest]


def marks_of(axis: Axes, colour: str) -> list[tuple[float, float, str]]:
    """Return row, number and marker of the single points of a colour, row by row."""
    lines = [line for line in axis.lines if to_hex(line.get_color()) == colour and line.get_linestyle() == "None"]
    return sorted((y, x, str(line.get_marker())) for line in lines for x, y in points_of(line))
