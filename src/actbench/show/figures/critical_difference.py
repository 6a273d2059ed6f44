"""Critical-difference diagram: mean ranks on a line, bars over activations that the test does not part."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from actbench.show.inputs import Inputs
from actbench.show.page import page
from actbench.show.study import count, main_study, seeds_behind
from actbench.show.style import GREY, MM, looks

TITLE = "Critical differences"
QUESTION = "Which activations differ in rank by more than chance, and how often would each come first again?"
ORDER = 16
TABLES = ()
STATS = ("omnibus", "rank_stability", "studies")

SCHEME = "all"
COLUMNS = ["study", "activation", "n_blocks", "n_seeds", "mean_rank", "bars", "first_share", "n_resamples"]
TESTED = ["study", "iman_davenport_f", "iman_davenport_p", "critical_difference", "alpha"]
ROW_MM, NARROW_ROW_MM = 4.2, 7.2


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the mean ranks of the main study with the tests, best first."""
    rows = main_study(inputs.stats["studies"], inputs.stats["rank_stability"])
    rows = rows[(rows["resampled"] == SCHEME) & rows["mean_rank"].notna()][COLUMNS]
    joined = rows.merge(inputs.stats["omnibus"][TESTED], on="study", how="left")
    return joined.sort_values(["mean_rank", "activation"], ignore_index=True)


def draw(data: pd.DataFrame) -> Figure:
    """Draw the ranks on a line above, names at the sides, bars between."""
    k, groups = len(data), _groups(data)
    half = (k + 1) // 2
    top = 0.8 + 0.55 * len(groups)
    height = (16 + (NARROW_ROW_MM if page().narrow else ROW_MM) * (half + top)) * MM
    figure = Figure(figsize=(page().width_mm * MM, height), layout=ConstrainedLayoutEngine(w_pad=1.5 * MM))
    axis = figure.subplots()
    span = max(k - 1, 1)
    margin = 0.55 * span
    axis.set(xlim=(1 - margin, k + margin), ylim=(top + half, -0.2))
    axis.set_xticks(range(1, k + 1, 2 if page().narrow and k > 10 else 1))
    axis.xaxis.set_ticks_position("top")
    axis.xaxis.set_label_position("top")
    axis.set_xlabel("mean rank (1 = best)")
    axis.grid(visible=False)
    axis.set_yticks([])
    for spine in ("left", "bottom"):
        axis.spines[spine].set_visible(False)
    axis.spines["top"].set_visible(True)
    axis.spines["top"].set_bounds(1, k)
    for place, (low, high) in enumerate(groups):
        level = 0.45 + 0.55 * place
        axis.hlines(level, low - 0.02 * span, high + 0.02 * span, color="black", linewidth=2.4)
    _names(axis, data, half, top)
    return figure


def _groups(data: pd.DataFrame) -> list[tuple[float, float]]:
    """Return the lowest and highest rank of each bar, from the numbers of the bars that hold each activation."""
    held = data.assign(bar=data["bars"].astype("str").str.replace("nan", "").str.replace(".0", "").str.split())
    each = held.explode("bar").dropna(subset="bar")
    ends = each.assign(bar=pd.to_numeric(each["bar"])).dropna(subset="bar").groupby("bar")["mean_rank"]
    return [(float(low), float(high)) for low, high in ends.agg(["min", "max"]).to_numpy()]


def _names(axis: Axes, data: pd.DataFrame, half: int, top: float) -> None:
    chosen, k = looks(data["activation"]), len(data)
    margin = 0.02 * max(k - 1, 1)
    columns = (data[name] for name in ("activation", "mean_rank", "first_share"))
    for place, (name, rank, first) in enumerate(zip(*columns, strict=True)):
        left = place < half
        level = top + (place if left else k - 1 - place) + 0.4
        end = 1 - margin if left else k + margin
        axis.plot([rank, rank, end], [-0.2, level, level], color=GREY, linewidth=0.6)
        axis.plot(rank, -0.2, color=chosen[name].colour, marker=chosen[name].marker, clip_on=False, linestyle="none")
        joint = "\n" if page().narrow else ", "
        words = f"{name}  {rank:.2f}{joint}first in {100 * first:.0f} %"
        side, edge = ("right", end - margin) if left else ("left", end + margin)
        axis.text(edge, level, words, ha=side, va="center", fontsize=7)


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    one = data.iloc[0]
    tested = "Too few blocks for a test."
    if pd.notna(one["critical_difference"]):
        p = one["iman_davenport_p"]
        f = f"F = {one['iman_davenport_f']:.3g}, " if np.isfinite(one["iman_davenport_f"]) else ""
        said = f + ("p < 0.001" if p < 0.001 else f"p = {p:.3f}")
        tested = (
            "Bars join activations whose ranks differ by less than Nemenyi's critical difference,"
            f" {one['critical_difference']:.2f} at {one['alpha']:g}; Friedman's test in Iman and Davenport's form:"
            f" {said}."
        )
    return (
        f"{QUESTION} Mean rank (no unit, 1 is best of {len(data)}) of the mean test accuracy over seeds, over"
        f" {count(one['n_blocks'], 'block')} (conditions without the activation), study {one['study']}, each condition"
        f" at the learning rate chosen on validation data. {tested} Percentages: share of"
        f" {count(one['n_resamples'], 'resample')} of seeds, conditions and learning rates in which the activation has"
        f" the best rank, no interval. n = {count(one['n_blocks'] * one['n_seeds'] * len(data), 'run')},"
        f" {seeds_behind(data)}."
    )
