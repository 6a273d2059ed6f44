"""The page that figures are drawn for: one column of a journal, its whole text, or a slide.

Matplotlib's own `figure.figsize` holds it while a figure is drawn; figures lay themselves out within it.
"""

from dataclasses import dataclass
from typing import Any

import matplotlib as mpl

from actbench.show.style import DOUBLE_MM, HIGHEST_MM, MM, SINGLE_MM


@dataclass(frozen=True)
class Page:
    """Largest width and height of a figure, in millimetres."""

    width_mm: float
    height_mm: float

    @property
    def narrow(self) -> bool:
        """Say whether the page has room for one column only."""
        return self.width_mm < 120


# Letters have one size on all of them: 8 points read well in print and, on a slide 160 mm wide that fills a wall, too.
PAGES = {"single": Page(SINGLE_MM, HIGHEST_MM), "double": Page(DOUBLE_MM, HIGHEST_MM), "slide": Page(160.0, 90.0)}


def page_settings(width: str) -> dict[str, Any]:
    """Return the setting of matplotlib that tells figures their page: `single`, `double` or `slide`."""
    return {"figure.figsize": (PAGES[width].width_mm * MM, PAGES[width].height_mm * MM)}


def column_mm(needed_mm: float) -> float:
    """Return the width of the column that has room for so much: one of two where both fit the page, or the page."""
    whole = page().width_mm
    return SINGLE_MM if needed_mm <= SINGLE_MM and whole >= 2 * SINGLE_MM else whole


def page() -> Page:
    """Return the page that is drawn for."""
    width, height = mpl.rcParams["figure.figsize"]
    return Page(width / MM, height / MM)
