"""The drawings of one run: its learning curve, its gradients over training, its signal and units by layer, theory."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator, NullLocator

from actbench.analysis.explanation import Explanation
from actbench.show.figure_metadata import BLANK
from actbench.show.style import CATEGORIES, DASHED, DOTTED, DOUBLE_MM, MARKERS, MM, SETTINGS, SOLID

SIZES = ("gradient_norm", "backward_norm", "preactivation_std", "activation_std")  # of layers, on a log scale
SHARES = ("zero_fraction", "saturated_fraction", "dead_fraction", "sign_coherence")  # of layers, between 0 and 1
MOMENTS = {"start": SOLID, "end": DASHED}
PREDICTED = ("forward_variance", "backward_norm")
LOWEST = 1e-12  # smaller sizes lie on the lower edge
HEIGHT_MM = 62.0


@dataclass(frozen=True)
class Drawing:
    """A drawing as SVG text with its heading and what it shows in one sentence."""

    heading: str
    shown: str
    svg: bytes


def drawings(explanation: Explanation) -> list[Drawing]:
    """Draw what was recorded of a run; a drawing whose numbers were not recorded is left out."""
    layered = explanation.profile[explanation.profile["layer"] > 0]
    recorded = set(layered["diagnostic"])
    moments = "First recorded step solid, last recorded step dashed; layer 1 is the first hidden layer."
    made = []
    if len(explanation.curve):
        shown = "Loss and accuracy at each evaluated step: training split solid, validation split dashed."
        made.append(Drawing("Learning curve", shown, _svg(partial(draw_curve, explanation.curve))))
    if len(explanation.gradients):
        shown = "Euclidean norm of each layer's weight gradient at each evaluated step; the first layer is darkest."
        drawing = partial(draw_gradients, explanation.gradients)
        made.append(Drawing("Gradient norm over training", shown, _svg(drawing)))
    for heading, known, log in (("Signal and gradient by layer", SIZES, True), ("Units by layer", SHARES, False)):
        names = [name for name in known if name in recorded]
        if names:
            made.append(Drawing(heading, moments, _svg(partial(draw_profile, layered, names, log))))
    if len(explanation.prediction):
        shown = (
            "Before the first update: measured solid, mean-field theory dotted, which starts from the measured variance"
        )
        shown += " of the first layer and the measured backward norm of the last hidden one."
        drawing = partial(draw_prediction, explanation.prediction)
        made.append(Drawing("Measured beside mean-field theory", shown, _svg(drawing)))
    return made


def _svg(draw: Callable[[], Figure]) -> bytes:
    """Draw under the settings of all figures, without a date: the same numbers give the same bytes."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(cast(Any, SETTINGS))
        buffer = io.BytesIO()
        draw().savefig(buffer, format="svg", metadata=BLANK["svg"])
        return buffer.getvalue()


def draw_curve(curve: pd.DataFrame) -> Figure:
    """Draw loss and accuracy over updates side by side."""
    figure, axes = _panels(2)
    for axis, score, unit in zip(axes, ("loss", "accuracy"), ("nats", "fraction"), strict=True):
        for split, dash, colour in (("train", SOLID, CATEGORIES[0]), ("val", DASHED, CATEGORIES[1])):
            axis.plot(curve["step"], curve[f"{split}_{score}"], color=colour, linestyle=dash, marker="o", label=split)
        axis.set_xscale("symlog", linthresh=1, linscale=0.7)
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set(xlabel="updates (log scale after 1)", ylabel=f"{score} ({unit})", xlim=(0, None))
        axis.legend()
    return figure


def draw_gradients(gradients: pd.DataFrame) -> Figure:
    """Draw the gradient norm over updates, one line a layer."""
    figure, (axis,) = _panels(1)
    layers = sorted(gradients["layer"].unique())
    named = {layers[0], layers[len(layers) // 2], layers[-1]}
    for place, layer in enumerate(layers):
        rows = gradients[gradients["layer"] == layer]
        colour = mpl.colormaps["viridis"](0.85 * place / max(1, len(layers) - 1))
        label = f"layer {layer}" if layer in named else None
        axis.plot(rows["step"], rows["gradient_norm"].clip(lower=LOWEST), color=colour, marker="o", label=label)
    axis.set_xscale("symlog", linthresh=1, linscale=0.7)
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set(xlabel="updates (log scale after 1)", ylabel="gradient norm (no unit)", xlim=(0, None), yscale="log")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def draw_prediction(prediction: pd.DataFrame) -> Figure:
    """Draw forward variance and backward norm over the hidden layers, measured and predicted."""
    figure, axes = _panels(len(PREDICTED))
    for place, (axis, name) in enumerate(zip(axes, PREDICTED, strict=True)):
        for column, dash, label in ((name, SOLID, "measured"), (f"predicted_{name}", DOTTED, "theory")):
            marker = MARKERS[place] if dash == SOLID else None
            values = prediction[column].clip(lower=LOWEST)
            axis.plot(prediction["layer"], values, color=CATEGORIES[place], linestyle=dash, marker=marker, label=label)
        _finish(axis, name, log=True)
    return figure


def draw_profile(layered: pd.DataFrame, names: Sequence[str], log: bool) -> Figure:
    """Draw diagnostics over layers, a panel each, the first recorded step solid and the last dashed."""
    figure, axes = _panels(len(names))
    for place, (axis, name) in enumerate(zip(axes, names, strict=True)):
        rows = layered[layered["diagnostic"] == name].sort_values("layer")
        for moment, dash in MOMENTS.items():
            values = rows[moment].clip(lower=LOWEST) if log else rows[moment]
            style = {"color": CATEGORIES[place], "marker": MARKERS[place], "linestyle": dash}
            axis.plot(rows["layer"], values, label=moment, **style)
        _finish(axis, name, log)
    return figure


def _finish(axis: Axes, name: str, log: bool) -> None:
    axis.set(title=name.replace("_", " "), xlabel="layer")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    if log:
        axis.set_yscale("log")
    else:
        axis.set_ylim(-0.03, 1.03)
    axis.legend()


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(DOUBLE_MM * MM, HEIGHT_MM * MM), layout=ConstrainedLayoutEngine(w_pad=1.2 * MM))
    return figure, list(figure.subplots(1, count, squeeze=False).flat)
