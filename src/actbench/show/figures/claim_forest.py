"""Every measured claim as an effect with its interval, in units of the smallest effect that matters."""

import textwrap
from math import ceil
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from actbench.plan.ledger import ABSOLUTE
from actbench.show.inputs import Inputs
from actbench.show.page import page
from actbench.show.study import count
from actbench.show.style import GREY, MM

TITLE = "Claims put to the test"
QUESTION = "Which claims about activations does this grid support, and by how much?"
ORDER = 12
TABLES = ()
STATS = ("claim_tests",)

# told apart without the colour
VERDICTS: dict[str, dict[str, Any]] = {
    "supported": {"color": "#00543c", "marker": "o"},
    "conditional": {"color": "#8a6d00", "marker": "D"},
    "inconclusive": {"color": "#767676", "marker": "s", "markerfacecolor": "white"},
    "contradicted": {"color": "#a63603", "marker": "X"},
}
COLUMNS = ["id", "test", "rule", "direction", "verdict", "effect", "low", "high", "margin", "unit", "n_runs", "n_seeds"]
TICKS = [sign * tick for sign in (-1, 1) for tick in (1, 3, 10, 100, 1000)] + [0]
LONGEST, LONGEST_NARROW, HEAD = 60, 36, 6  # letters of a label, and of its claim at least
ROW_MM, LOWEST_ROW_MM, AROUND_MM = 3.9, 2.4, 22.0  # heights: of a row, and of what stands around them
REACH = 10.0  # margins; beyond them the scale is logarithmic


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the tests with an interval and a distance from none; x = 1 is the margin, on the side that is claimed."""
    rows = inputs.stats["claim_tests"]
    kept = rows["low"].notna() & rows["stratum"].isna() & ~rows["rule"].isin(ABSOLUTE) & (rows["margin"] > 0)
    drawn = rows[kept & rows["verdict"].isin(VERDICTS)][COLUMNS].reset_index(drop=True)
    sign = (
        drawn["direction"].map({"higher": 1.0, "not higher": 1.0, "lower": -1.0, "not lower": -1.0}).astype("float64")
    )
    sign = sign.where(drawn["rule"] != "equivalence", 1.0)
    ends = pd.DataFrame({name: sign * drawn[name] / drawn["margin"] for name in ("low", "high")})
    x = sign * drawn["effect"] / drawn["margin"]
    return drawn.assign(
        test=drawn["test"].astype("object").fillna(""), x=x, x_low=ends.min(axis=1), x_high=ends.max(axis=1)
    )


def draw(data: pd.DataFrame) -> Figure:
    """Draw one line a test, in the order of the ledger, in as many columns as the height of the page needs."""
    whole = page()
    most = int((whole.height_mm - AROUND_MM) // LOWEST_ROW_MM)
    parts = max(1, ceil(len(data) / most))
    rows = ceil(len(data) / parts)
    height = min(AROUND_MM + 4 + ROW_MM * rows, whole.height_mm)
    layout = ConstrainedLayoutEngine(w_pad=2.0 * MM)
    figure = Figure(figsize=(whole.width_mm * MM, height * MM), layout=layout)
    axes = figure.subplots(1, parts, sharex=True, squeeze=False)[0]
    small = whole.narrow or parts > 1
    for part, axis in enumerate(axes):
        _draw_rows(axis, data.iloc[part * rows : (part + 1) * rows], LONGEST_NARROW if small else LONGEST)
        axis.set_ylim(rows - 0.4, -0.6)
    axes[0].margins(x=0.1 if small else 0.05)
    axes[0].set_xscale("symlog", linthresh=REACH, linscale=2)
    low, high = data["x_low"].min(), data["x_high"].max()
    ticks = [tick for tick in TICKS if min(low, -1) <= tick <= max(high, 1) and not (small and abs(tick) == 1)]
    axes[0].set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    joint = "\n" if whole.narrow else " "
    label = f"effect in the claimed direction{joint}(smallest effects that matter)"
    _ = figure.supxlabel(label, fontsize=8) if small else axes[0].set_xlabel(label)
    marks = [Line2D([], [], label=verdict, **look) for verdict, look in VERDICTS.items()]
    figure.legend(handles=marks, loc="outside upper center", ncols=2 if whole.narrow else len(marks))
    return figure


def _draw_rows(axis: Axes, rows: pd.DataFrame, longest: int) -> None:
    axis.axvline(0, color="black", linewidth=0.6)
    for margin in (-1, 1):
        axis.axvline(margin, color=GREY, linewidth=0.6, linestyle=":")
    columns = (rows[name] for name in ("x", "x_low", "x_high", "verdict"))
    for place, (x, low, high, verdict) in enumerate(zip(*columns, strict=True)):
        look = VERDICTS[verdict]
        axis.hlines(place, low, high, color=look["color"], linewidth=1.3)
        axis.plot(x, place, linestyle="none", markersize=4, **look)
    first = (rows["id"] != rows["id"].shift()).tolist()
    for place in (place for place, new in enumerate(first) if new and place):
        axis.axhline(place - 0.5, color=GREY, linewidth=0.3)
    names = [_name(row, new, longest) for row, new in zip(rows.to_dict("records"), first, strict=True)]
    axis.set_yticks(range(len(rows)), names, fontsize=6)
    axis.grid(visible=False, axis="y")


def _name(row: dict[object, object], first: bool, longest: int) -> str:
    """Write a test and the side it claims, behind the name of its claim if it is the claim's first of this column."""
    bound = {"not higher": "< 1", "not lower": "< 1"}.get(str(row["direction"]), "> 1")
    bound = "±1" if row["rule"] == "equivalence" else bound
    claim, test = str(row["id"]), row["test"] if isinstance(row["test"], str) else ""
    name = _whole_name(claim, test, longest) if first else textwrap.shorten(test, longest, placeholder="…")
    return f"{name} ({bound})"


def _whole_name(claim: str, test: str, longest: int) -> str:
    """Write claim and test, cutting the claim first."""
    if not test:
        return claim
    room = max(longest - len(test) - 2, HEAD)
    head = claim if len(claim) <= room else f"{claim[: room - 1]}…"
    return textwrap.shorten(f"{head}: {test}", longest, placeholder="…")


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    counts = data["verdict"].value_counts()
    words = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if verdict in counts)
    return (
        f"{QUESTION} One row for each test of a claim that is a difference or a slope, those of one claim between two"
        " lines and the first behind the claim's name: the effect over the smallest one that matters (no unit),"
        " positive in the direction that is claimed, with Student's 95 % interval over seeds,"
        f" with the choice of learning rates in its error, of a cost over rounds of timing. In brackets where the claim"
        f" places it: beyond 1, below 1, or within ±1 for an equivalence; `not lower` is drawn with its sign turned."
        f" Colours are verdicts: {words}. The scale is logarithmic beyond {REACH:g}."
        f" n = {count(data['n_runs'].max(), 'run')} in the largest test, {count(data['n_seeds'].max(), 'seed')};"
        " tests in claim_tests.csv."
    )
