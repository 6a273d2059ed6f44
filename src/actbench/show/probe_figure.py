"""The figure of a probe: what each layer does to signal, gradient and activations at initialisation."""

import io
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from actbench.plan.atomic_file import replacing
from actbench.show.figure_file import FigureSource, render
from actbench.show.page import page
from actbench.show.panels import legend_above
from actbench.show.style import DOTTED, GREY, MM, SOLID, Look, looks, ordered

LEVELS = ("activation", "init", "norm", "residual", "depth", "width", "input", "examples", "seeds")
PANELS = {
    "forward_variance": "variance before φ",
    "backward_norm2": "backward norm²",
    "activation_mean": "mean of φ(z)",
    "activation_std": "deviation of φ(z)",
    "zero_fraction": "share of zeros",
    "saturated_fraction": "share saturated",
}
SHARES = ("zero_fraction", "saturated_fraction")
QUESTION = "What does each layer do to signal and gradient before any training?"
PREDICTED = {name: f"predicted_{name}" for name in ("forward_variance", "backward_norm2")}  # drawn logarithmically


def probe_rows(answers: list[dict[str, Any]]) -> pd.DataFrame:
    """Return one row for each activation and layer, from what `actbench probe --json` prints."""
    rows = [{key: answer[key] for key in LEVELS} | layer for answer in answers for layer in answer["layers"]]
    return pd.DataFrame(rows)


def draw(data: pd.DataFrame) -> Figure:
    """Draw each quantity over the layers, one line an activation; what theory predicts is dotted."""
    names = ordered(data["activation"])
    chosen = looks(names)
    layout = ConstrainedLayoutEngine(w_pad=1.2 * MM, h_pad=1.0 * MM)
    whole, across = page(), 2 if page().narrow else 3
    rows = len(PANELS) // across
    height_mm = min(rows * 42 + 18, whole.height_mm)
    figure = Figure(figsize=(whole.width_mm * MM, height_mm * MM), layout=layout)
    axes = figure.subplots(rows, across, sharex=True).flat
    for axis, (quantity, title) in zip(axes, PANELS.items(), strict=True):
        axis.set_title(title)
        axis.set_yscale("log" if quantity in PREDICTED else "linear")
        if quantity in SHARES:
            axis.set_ylim(-0.03, 1.03)
        for name in names:
            _draw_line(axis, data[data["activation"] == name], quantity, chosen[name])
    last = int(data["layer"].max())
    margin = 0.03 * max(1, last - 1)
    axis.set_xlim(1 - margin, last + margin)  # there is no layer 0
    axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    figure.supxlabel("hidden layer (1 = first)", fontsize=8)
    entries: list[tuple[str, dict[str, Any]]] = [
        (name, {"color": chosen[name].colour, "linestyle": SOLID, "marker": chosen[name].marker}) for name in names
    ]
    legend_above(figure, [*entries, ("theory", {"color": GREY, "linestyle": DOTTED, "linewidth": 1.6})], "")
    return figure


def _draw_line(axis: Axes, rows: pd.DataFrame, quantity: str, look: Look) -> None:
    every = max(1, len(rows) // 5)
    axis.plot(
        rows["layer"], rows[quantity], color=look.colour, linestyle=SOLID, marker=look.marker, markevery=every,
        markersize=2.4,
    )  # fmt: skip
    if quantity in PREDICTED:
        axis.plot(rows["layer"], rows[PREDICTED[quantity]], color=look.colour, linestyle=DOTTED, linewidth=1.8)


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    first = data.iloc[0]
    return (
        f"{QUESTION} {first['depth']} hidden layers of"
        f" {first['width']} units, init {first['init']}, norm {first['norm']}, residual {first['residual']}, input"
        f" {first['input']}, {first['examples']} examples: means over {first['seeds']} seeds (solid) and mean-field"
        " theory (dotted; the backward norm starts from the measured one near the last layer). Saturated: |φ′| below"
        " 5 % of its largest value. No runs, no interval, no test, no unit."
    )


def write_probe_table(answers: list[dict[str, Any]], path: Path) -> Path:
    """Write the rows as CSV, with a checksum beside them."""
    with replacing(path) as (partial,):
        partial.write_text(_csv(answers), encoding="utf-8", newline="\n")
    return path


def _csv(answers: list[dict[str, Any]]) -> str:
    text: str = probe_rows(answers).to_csv(index=False, float_format="%.10g", lineterminator="\n")
    return text


def write_probe_figure(answers: list[dict[str, Any]], path: Path) -> list[Path]:
    """Write the figure in the format of the path's suffix, with the numbers drawn as .csv beside it; return both."""
    beside = path.with_suffix(".csv")
    with replacing(path, beside) as (picture, numbers):
        text = _csv(answers)
        numbers.write_text(text, encoding="utf-8", newline="\n")
        drawn = pd.read_csv(io.StringIO(text), keep_default_na=False, na_values=[""])  # exactly the numbers written
        source = FigureSource(lambda inputs: drawn, draw, caption)
        picture.write_bytes(render(source, drawn)[path.suffix[1:]])
    return [path, beside]
