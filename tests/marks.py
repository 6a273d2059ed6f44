"""What of a figure's marks the edge of a panel cuts off."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle


def cut_marks(figure: Figure) -> list[str]:
    """Return a word for each line that has a marker whose centre is in view but not the whole of it."""
    return [
        f"{line.get_label()} in {axis.get_title() or axis.get_xlabel()}"
        for axis in figure.axes
        for line in axis.lines
        if line.get_marker() not in ("None", None, "") and line.get_clip_on() and _is_cut(axis, line)
    ]


def _is_cut(axis: Axes, line: Line2D) -> bool:
    places = axis.transData.transform(line.get_xydata())[:: line.get_markevery() or 1]  # type: ignore[arg-type,misc]
    marker, box = MarkerStyle(line.get_marker()), axis.bbox
    reach = np.abs(marker.get_path().transformed(marker.get_transform()).vertices).max()
    radius = 0.9 * reach * line.get_markersize() * axis.figure.dpi / 72  # a little less than all of it is let pass
    edges = [places[:, 0] - box.x0, box.x1 - places[:, 0], places[:, 1] - box.y0, box.y1 - places[:, 1]]
    nearest = np.min(edges, axis=0)
    return bool(((nearest > -0.5) & (nearest < radius)).any())
