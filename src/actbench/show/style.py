"""How every figure looks: plain dictionaries of settings, sizes and the look of each activation."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MM = 1 / 25.4  # inches in a millimetre
SINGLE_MM = 85.0  # width of one column
DOUBLE_MM = 175.0  # width of the text
HIGHEST_MM = 230.0  # height of the text, less a caption

SETTINGS: dict[str, Any] = {
    "figure.figsize": (DOUBLE_MM * MM, HIGHEST_MM * MM),  # the page that a figure is drawn for
    "font.family": "DejaVu Sans",  # comes with matplotlib, so a figure is the same on every machine
    "mathtext.fontset": "dejavusans",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "figure.titlesize": 8,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.4,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.dpi": 300,  # as they are saved: the layout is solved for letters of this width
    "savefig.dpi": 300,
    "pdf.fonttype": 42,  # fonts embedded as TrueType, which journals ask for
    "ps.fonttype": 42,
    "svg.fonttype": "path",  # letters as outlines: the page looks the same without the font
    "svg.hashsalt": "actbench",  # the same ids on every redraw
    "path.simplify": True,
    "axes.unicode_minus": True,
}
GREY = "#767676"  # for what is not data; contrast 4.5 on white
BEHIND = "#cdcdcd"  # data repeated for comparison
FAILED = "#a9a9a9"  # bars of failure rates


@dataclass(frozen=True)
class Look:
    """Colour, line style and marker of one activation; each activation is told apart without its colour."""

    colour: str
    dash: Any
    marker: str


SOLID: Any = "-"
DASHED: Any = (0, (4.5, 1.6))
DOTTED: Any = (0, (1.2, 1.3))
DASHDOTDOT: Any = (0, (5.5, 1.3, 1.2, 1.3, 1.2, 1.3))
LONG: Any = (0, (9.0, 1.6))
DASHDOT: Any = (0, (5.5, 1.3, 1.2, 1.3))

# Hue by family: saturating blue, rectifying orange to red, exponential green, gated purple; darkness differs within.
LOOKS: dict[str, Look] = {
    "identity": Look("#000000", SOLID, "x"),
    "sigmoid": Look("#08306b", SOLID, "o"),
    "tanh": Look("#0072b2", DASHED, "s"),
    "softsign": Look("#2f8fd0", DOTTED, "^"),
    "hardtanh": Look("#3c5a8f", DASHDOT, "v"),
    "relu": Look("#a63603", SOLID, "D"),
    "leaky_relu": Look("#d55e00", DASHED, "<"),
    "prelu": Look("#b8860b", DOTTED, ">"),
    "elu": Look("#00543c", SOLID, "p"),
    "selu": Look("#008f68", DASHED, "h"),
    "softplus": Look("#4f7f1c", DOTTED, "d"),
    "gelu": Look("#7b1f6f", SOLID, "P"),
    "silu": Look("#b0449a", DASHED, "X"),
    "mish": Look("#c2185b", DOTTED, "*"),
    "hard_swish": Look("#6f5bb5", DASHDOT, "+"),
}
# For activations that have no look of their own: brown, told apart by line style and marker.
SPARE = tuple(Look("#6b4c2a", dash, marker) for marker in "osD^vPX*<>phd8" for dash in (SOLID, DASHED, DOTTED, DASHDOT))

# An ordered factor such as depth: few to many from light to dark, told apart by line style in grey as well.
SEQUENCE = ("#4f94cd", "#2673ae", "#0b4f8a", "#04234d")
DASHES = (DOTTED, DASHDOTDOT, DASHDOT, DASHED, LONG, SOLID)
# An unordered factor such as the initialisation, the normalisation.
CATEGORIES = ("#000000", "#d55e00", "#0072b2", "#009e73", "#a0457e", "#8a6d00", "#5b5b5b", "#2f8fd0", "#8c2d04")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "p")
# Classes of a data set in the plane: pale areas, dark points of one marker each.
CLASS_SHADES = ("#c6dbef", "#fdd0a2", "#bfe3c8", "#e3cbe0", "#e8e3a8", "#d9d9d9")
CLASS_COLOURS = ("#08306b", "#8c2d04", "#00441b", "#5b1a55", "#5c5400", "#252525")
CLASS_MARKERS = ("o", "^", "s", "D", "v", "P")


def looks(activations: Iterable[str]) -> dict[str, Look]:
    """Give each activation its look: the fixed one, else a spare one that its name picks, distinct in one figure."""
    chosen = {name: LOOKS[name] for name in activations if name in LOOKS}
    free = list(SPARE)
    for name in sorted(set(activations) - set(chosen)):
        picked = free[int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % len(free)]
        chosen[name] = picked
        others = [look for look in free if look.marker != picked.marker]  # points have no line to tell them apart
        free = others or [look for look in SPARE if look not in chosen.values()]
    return chosen


def ordered(activations: Iterable[str]) -> list[str]:
    """Put activations in the order of LOOKS, families together; the others follow by name."""
    places = {name: place for place, name in enumerate(LOOKS)}
    return sorted(set(activations), key=lambda name: (places.get(name.split("(")[0], len(places)), name))


def steps_of(levels: list[Any]) -> dict[Any, tuple[str, Any]]:
    """Give each level of an ordered factor a colour from light to dark and a line style, up to six distinct ones."""
    last = len(levels) - 1
    strokes = {}
    for place, level in enumerate(levels):
        share = place / last if last else 1.0
        dash = DASHES[int(share * (len(DASHES) - 1) + 0.5)]
        strokes[level] = _between(SEQUENCE, share * (len(SEQUENCE) - 1)), dash
    return strokes


def _between(colours: tuple[str, ...], place: float) -> str:
    low = min(int(place), len(colours) - 2)
    pairs = zip(_channels(colours[low]), _channels(colours[low + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (place - low)):02x}" for a, b in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
