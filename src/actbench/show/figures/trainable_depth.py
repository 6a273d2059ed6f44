"""Which depths train at which weight variance, with the depth that mean-field theory allows."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from actbench.show.inputs import Inputs
from actbench.show.panels import legend_above, panel_grid
from actbench.show.study import PLAIN, count, main_study, seeds_behind
from actbench.show.style import DASHED, SOLID, ordered

TITLE = "Trainable depth and theory"
QUESTION = "Does a network train as deep as mean-field theory says, six depth scales?"
ORDER = 46
TABLES = ()
STATS = ("studies", "trainable", "theory", "depth_scales")

SCALES = 6  # depth scales: Schoenholz et al. 2017
COLOURS = "cividis"
KEYS = ["activation", "depth", "init"]
COLUMNS = [
    "kind", "study", *KEYS, "weight_var", "n_seeds", "n_runs", "n_trained", "trained_share", "xi_c", "xi_gradient",
]  # fmt: skip


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the shares of plain networks with the weight variance of each, and depth scales over weight variances.

    Networks initialised with a fixed scale, where the config has them, else those of the main study.
    """
    shares, theory, scales = (inputs.stats[name] for name in ("trainable", "theory", "depth_scales"))
    plain = shares[(shares["norm"] == PLAIN) & (shares["residual"] == PLAIN)]
    scaled = plain[plain["init"].str.startswith("normal(")]
    chosen = main_study(inputs.stats["studies"], scaled if len(scaled) else plain)
    measured = chosen.merge(_weight_variances(theory), on=KEYS, validate="many_to_one")
    lines = scales[scales["activation"].isin(measured["activation"])]
    rows = pd.concat([measured.assign(kind="measured"), lines.assign(kind="theory")]).reindex(columns=COLUMNS)
    return rows.assign(**{f"six_{name}": SCALES * rows[name] for name in ("xi_c", "xi_gradient")})


def _weight_variances(theory: pd.DataFrame) -> pd.DataFrame:
    """Return the weight variance of each condition that has a single one, whatever its width."""
    plain = theory[(theory["norm"] == PLAIN) & (theory["residual"] == PLAIN)]
    variances = plain[[*KEYS, "weight_var"]].drop_duplicates()
    return variances.drop_duplicates(subset=KEYS, keep=False)


def draw(data: pd.DataFrame) -> Figure:
    """Draw one panel an activation: a disc for each weight variance and depth, and 6ξ as lines."""
    measured = data[data["kind"] == "measured"]
    names = ordered(measured["activation"])
    figure, axes = panel_grid(len(names), columns=4, height_mm=38, extra_mm=20, narrowest_mm=130)
    for axis, name in zip(axes, names, strict=True):
        axis.set_title(name, fontsize=7)
        discs = _draw_panel(axis, data[data["activation"] == name])
    depths = sorted(measured["depth"].unique())
    axes[0].set(xscale="log", yscale="log", ylim=(depths[0] / 1.5, depths[-1] * 1.5))
    axes[0].set_xlim(measured["weight_var"].min() / 2, measured["weight_var"].max() * 2)
    axes[0].set_yticks(depths, [f"{depth:g}" for depth in depths])
    axes[0].minorticks_off()
    figure.supxlabel("variance of a weight times the width (no unit)", fontsize=8)
    figure.supylabel("depth (hidden layers)", fontsize=8)
    figure.colorbar(discs, ax=axes, label="trained share (fraction)", fraction=0.03, pad=0.01)
    entries = [
        (r"6$\xi_c$, correlation of inputs", {"color": "black", "linestyle": SOLID}),
        ("6/|ln χ|, gradient", {"color": "black", "linestyle": DASHED}),
    ]
    legend_above(figure, entries, "")
    return figure


def _draw_panel(axis: Axes, rows: pd.DataFrame) -> PathCollection:
    measured, theory = (rows[rows["kind"] == kind] for kind in ("measured", "theory"))
    for column, dash in (("six_xi_c", SOLID), ("six_xi_gradient", DASHED)):
        axis.plot(theory["weight_var"], theory[column], color="black", linestyle=dash, linewidth=1.1)
    return axis.scatter(
        measured["weight_var"], measured["depth"], c=measured["trained_share"], cmap=COLOURS, norm=Normalize(0, 1),
        s=60, edgecolors="black", linewidths=0.5, zorder=3,
    )  # fmt: skip


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    measured = data[data["kind"] == "measured"]
    low, high = int(measured["n_runs"].min()), int(measured["n_runs"].max())
    each = f"{low}" if low == high else f"{low} to {high}"
    return (
        f"{QUESTION} Discs: share of runs (fraction) without norm and skips whose best validation accuracy is at least"
        f" twice that of guessing, at the learning rate chosen for each condition, study {measured['study'].iloc[0]}."
        f" Lines: {SCALES} mean-field depth scales of the correlation between two inputs (solid) and of the gradient"
        " (dashed), for infinite width and no bias; both are infinite at the edge of chaos, and the correlation has"
        " none where the variance grows without bound."
        f" n = {count(measured['n_runs'].sum(), 'run')}, {each} a disc (clipping rules and seeds),"
        f" {seeds_behind(measured)}; no interval, no test; variances have no unit."
    )
