"""Every measured claim as an effect with its interval, in units of the smallest effect that matters."""

import textwrap

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from actbench.show.inputs import Inputs
from actbench.show.page import page
from actbench.show.study import count
from actbench.show.style import GREY, MM

TITLE = "Claims put to the test"
QUESTION = "Which claims about activations does this grid support, and by how much?"
ORDER = 12
TABLES = ()
STATS = ("claim_tests",)

# verdict -> colour and marker, told apart without the colour
VERDICTS = {
    "supported": ("#00543c", "o"),
    "conditional": ("#8a6d00", "D"),
    "inconclusive": ("#767676", "s"),
    "contradicted": ("#a63603", "X"),
}
ABSOLUTE = ("mean", "auc", "interaction_share", "law")  # the margin is the bound itself, so none has no place
COLUMNS = ["id", "test", "rule", "direction", "verdict", "effect", "low", "high", "margin", "unit", "n_runs", "n_seeds"]
TICKS = [sign * tick for sign in (-1, 1) for tick in (1, 3, 10, 100, 1000)] + [0]
LONGEST, LONGEST_NARROW = 58, 30  # letters of a label
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
    """Draw one line a test, in the order of the ledger."""
    layout = ConstrainedLayoutEngine(w_pad=2.0 * MM)
    figure = Figure(figsize=(page().width_mm * MM, (26 + 3.9 * len(data)) * MM), layout=layout)
    axis = figure.subplots()
    axis.axvline(0, color="black", linewidth=0.6)
    for margin in (-1, 1):
        axis.axvline(margin, color=GREY, linewidth=0.6, linestyle=":")
    columns = (data[name] for name in ("x", "x_low", "x_high", "verdict"))
    for place, (x, low, high, verdict) in enumerate(zip(*columns, strict=True)):
        colour, marker = VERDICTS[verdict]
        axis.hlines(place, low, high, color=colour, linewidth=1.3)
        axis.plot(x, place, color=colour, marker=marker, linestyle="none", markersize=4)
    axis.set_xscale("symlog", linthresh=REACH, linscale=2)
    low, high = axis.get_xlim()
    ticks = [tick for tick in TICKS if low <= tick <= high and not (page().narrow and abs(tick) == 1)]
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    joint = "\n" if page().narrow else " "
    axis.set(
        ylim=(len(data) - 0.4, -0.6), xlabel=f"effect in the claimed direction{joint}(smallest effects that matter)"
    )
    axis.set_yticks(range(len(data)), [_label(row) for row in data.to_dict("records")], fontsize=6)
    marks = [
        Line2D([], [], color=colour, marker=marker, label=verdict) for verdict, (colour, marker) in VERDICTS.items()
    ]
    figure.legend(handles=marks, loc="outside upper center", ncols=2 if page().narrow else len(marks))
    return figure


def _label(row: dict[object, object]) -> str:
    bound = {"not higher": "< 1", "not lower": "< 1"}.get(str(row["direction"]), "> 1")
    bound = "±1" if row["rule"] == "equivalence" else bound
    name = f"{row['id']}: {row['test']}" if isinstance(row["test"], str) else str(row["id"])
    longest = LONGEST_NARROW if page().narrow else LONGEST
    return f"{textwrap.shorten(name, longest, placeholder='…')} ({bound})"


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    counts = data["verdict"].value_counts()
    words = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if verdict in counts)
    return (
        f"{QUESTION} One row for each test of a claim that is a difference or a slope: the effect over the smallest one"
        f" that matters (no unit), positive in the direction that is claimed, with Student's 95 % interval over seeds."
        f" In brackets where the claim places it: beyond 1, below 1, or within ±1 for an equivalence; `not lower` is"
        f" drawn with its sign turned. Colours are verdicts: {words}. The scale is logarithmic beyond {REACH:g}."
        f" n = {count(data['n_runs'].max(), 'run')} in the largest test, {count(data['n_seeds'].max(), 'seed')}."
    )
