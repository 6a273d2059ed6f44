"""Which depths train at which weight variance, with the depth that mean-field theory allows."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from actbench.show.inputs import Inputs
from actbench.show.panels import legend_above, panel_grid
from actbench.show.style import DASHED, SOLID, ordered

TITLE = "Trainable depth and theory"
QUESTION = "Does a network train as deep as mean-field theory says, six depth scales?"
ORDER = 45
TABLES = ()
STATS = ("trainable", "theory", "depth_scales")

SCALES = 6  # depth scales: Schoenholz et al. 2017
COLOURS = "cividis"


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the shares of plain networks initialised with a fixed scale, and the depth scales beside them."""
    shares, theory = inputs.stats["trainable"], inputs.stats["theory"]
    plain = shares[(shares["norm"] == "none") & (shares["residual"] == "none")]
    measured = plain[plain["init"].str.startswith("normal(")]
    variances = theory[["activation", "depth", "init", "norm", "residual", "weight_var"]].drop_duplicates()
    measured = measured.merge(variances, on=["activation", "depth", "init", "norm", "residual"])
    scales = inputs.stats["depth_scales"]
    columns = ["kind", "activation", "weight_var", "depth", "trained_share", "n_runs", "xi_c", "xi_gradient"]
    rows = [
        measured.assign(kind="measured"),
        scales[scales["activation"].isin(measured["activation"])].assign(kind="theory"),
    ]
    return pd.concat(rows, ignore_index=True).reindex(columns=columns)


def draw(data: pd.DataFrame) -> Figure:
    """Draw one panel an activation: a disc for each weight variance and depth, and 6ξ as lines."""
    measured = data[data["kind"] == "measured"]
    names = ordered(measured["activation"])
    figure, axes = panel_grid(len(names), columns=3, height_mm=46, extra_mm=20, narrowest_mm=130)
    for axis, name in zip(axes, names, strict=True):
        axis.set_title(name)
        discs = _draw_panel(axis, data[data["activation"] == name])
    depths = sorted(measured["depth"].unique())
    axes[0].set(xscale="log", yscale="log", ylim=(depths[0] / 1.5, depths[-1] * 1.5))
    axes[0].set_xlim(measured["weight_var"].min() / 2, measured["weight_var"].max() * 2)
    axes[0].set_yticks(depths, [f"{depth:g}" for depth in depths])
    axes[0].minorticks_off()
    figure.supxlabel("weight variance σ_w² (variance of a weight times the width, no unit)", fontsize=8)
    figure.supylabel("hidden layers", fontsize=8)
    figure.colorbar(discs, ax=axes, label="share that trained", fraction=0.03, pad=0.01)
    entries = [
        ("6ξ_c, correlation of inputs", {"color": "black", "linestyle": SOLID}),
        ("6/|ln χ|, gradient", {"color": "black", "linestyle": DASHED}),
    ]
    legend_above(figure, entries, "")
    return figure


def _draw_panel(axis: Axes, rows: pd.DataFrame) -> PathCollection:
    measured, theory = (rows[rows["kind"] == kind] for kind in ("measured", "theory"))
    for column, dash in (("xi_c", SOLID), ("xi_gradient", DASHED)):
        axis.plot(theory["weight_var"], SCALES * theory[column], color="black", linestyle=dash, linewidth=1.1)
    return axis.scatter(
        measured["weight_var"], measured["depth"], c=measured["trained_share"], cmap=COLOURS, norm=Normalize(0, 1),
        s=60, edgecolors="black", linewidths=0.5, zorder=3,
    )  # fmt: skip


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    measured = data[data["kind"] == "measured"]
    low, high = int(measured["n_runs"].min()), int(measured["n_runs"].max())
    runs = f"{low}" if low == high else f"{low} to {high}"
    return (
        f"{QUESTION} Share of networks without norm and skips that trained (best validation accuracy at least twice that"
        f" of guessing, at the learning rate chosen there), by weight variance and depth, {runs} runs a disc. Lines:"
        f" {SCALES} depth scales of the correlation between two inputs (solid) and of the gradient (dashed) in networks of"
        " infinite width without bias; each is infinite at the edge of chaos, and the correlation has none where the"
        " variance grows without bound. No unit."
    )
