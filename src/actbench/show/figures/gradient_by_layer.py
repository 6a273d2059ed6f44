"""Gradient norm by layer before and after training, one panel an activation and one colour an initialisation."""

import itertools
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from actbench.show.inputs import Inputs
from actbench.show.panels import legend_above, panel_grid
from actbench.show.study import count, main_study, plainest, seeds_behind
from actbench.show.style import CATEGORIES, DASHED, GREY, MARKERS, SOLID, ordered

TITLE = "Gradient norm by layer"
QUESTION = "Does the gradient reach the early layers, before and after training?"
ORDER = 50
TABLES = ()
STATS = ("gradients", "studies")

LOWEST = 1e-10  # smaller norms lie on the lower edge: a float32 update of that size changes nothing
DASHES = {"start": SOLID, "end": DASHED}
COLUMNS = [
    "study", "activation", "depth", "init", "norm", "residual", "moment", "layer",
    "n_runs", "n_failed", "n_seeds", "gradient_norm", "low", "high",
]  # fmt: skip


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the deepest networks of the main study without normalisation and residual connections."""
    rows = main_study(inputs.stats["studies"], inputs.stats["gradients"])
    return plainest(plainest(rows, "norm"), "residual")[COLUMNS]


def draw(data: pd.DataFrame) -> Figure:
    """Draw medians as lines and the range over seeds as bands, before training solid and after it dashed."""
    names, inits = ordered(data["activation"]), sorted(data["init"].unique())
    strokes = dict(zip(inits, zip(CATEGORIES, MARKERS, strict=True), strict=False))
    figure, axes = panel_grid(len(names), height_mm=30, extra_mm=18)
    for axis, name in zip(axes, names, strict=True):
        axis.set_title(name)
        own = data[data["activation"] == name]
        for init, moment in itertools.product(inits, DASHES):
            rows = own[(own["init"] == init) & (own["moment"] == moment)]
            _draw_line(axis, rows, DASHES[moment], strokes[init])
    last = data["layer"].max()
    margin = 0.03 * (last - 1)  # so that no marker is cut
    positive = data["low"][data["low"] > 0]
    axes[0].set(yscale="log", xlim=(1 - margin, last + margin))
    axes[0].set_ylim(bottom=max(LOWEST, positive.min() / 2 if len(positive) else LOWEST))
    axes[0].set_xticks(_layers_named(int(last)))
    figure.supxlabel(f"layer (1 = first hidden, {last} = output)", fontsize=8)
    figure.supylabel("gradient norm (no unit)", fontsize=8)
    entries: list[tuple[str, dict[str, Any]]]
    entries = [(init, {"color": colour, "marker": marker}) for init, (colour, marker) in strokes.items()]
    words = {"start": "before training", "end": "after training"}
    entries += [(words[moment], {"color": GREY, "linestyle": DASHES[moment]}) for moment in DASHES]
    legend_above(figure, entries, "initialisation (colour) and moment (line)")
    return figure


def _layers_named(last: int) -> list[int]:
    """Return the first layer, the last, and between them at most four multiples of a power of two."""
    step = 1
    while last > 5 * step:
        step *= 2
    return [1, *(layer for layer in range(step, last, step) if layer > 1 and last - layer > step / 2), last]


def _draw_line(axis: Axes, rows: pd.DataFrame, dash: Any, stroke: tuple[str, str]) -> None:
    lifted, (colour, marker) = rows[["gradient_norm", "low", "high"]].clip(lower=LOWEST), stroke
    every = max(1, len(rows) // 5)
    axis.fill_between(rows["layer"], lifted["low"], lifted["high"], color=colour, alpha=0.2, linewidth=0)
    axis.plot(
        rows["layer"],
        lifted["gradient_norm"],
        color=colour,
        linestyle=dash,
        marker=marker,
        markevery=every,
        markersize=2.2,
    )


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    first = data[data["layer"] == 1]
    before, after = (first[first["moment"] == moment]["n_runs"].sum() for moment in DASHES)
    failed = f"; the other {count(before - after, 'run')} failed" if after < before else ""
    return (
        f"{QUESTION} Euclidean norm of each layer's weight gradient on a fixed part of the training split, networks of"
        f" {count(data['depth'].max(), 'hidden layer')}, norm {data['norm'].iloc[0]}, residual"
        f" {data['residual'].iloc[0]}, study {data['study'].iloc[0]}: median over seeds at the chosen learning rates,"
        f" bands from the lowest to the highest seed. Solid before the first update"
        f" ({count(before, 'run')}), dashed after the last ({count(after, 'run')}{failed})."
        f" Norms below {LOWEST:g} lie on the lower edge. {seeds_behind(data).capitalize()}, no unit."
    )
