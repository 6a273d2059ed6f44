"""Lines, bands and intervals read back: what legend, titles and ticks say of a line are the numbers it goes through."""

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from actbench.analysis.stats_schema import STATS
from actbench.show.layer_lines import LOWEST
from actbench.show.style import looks
from read_back import SOLID, bands_of, bars_of_error, legend_of, look_of, near, points_of, shown, spelled, words_along


class Lines(NamedTuple):
    """How the lines of a figure tell what they are.

    x: column, by the words at the ticks where `worded`. panel: column whose level an axis says, by its title or as in
    `said`. label: column whose level the legend says; none where each panel has one line in the look of its activation.
    The intervals low to high are `bands`, or straight lines.
    """

    x: str
    y: str
    panel: str = ""
    label: str = ""
    said: Callable[[Axes], str] = Axes.get_title
    worded: bool = False
    bands: bool = True


QUANTITIES = {"gradient norm before (log)": "global_gradient_norm", "updates clipped (fraction)": "clip_rate",
              "runs failed (fraction)": "failed"}  # fmt: skip
CAUSES = {
    "learning rate (no unit)": "lr",
    "bias offset (no unit)": "bias_offset",
    "input scale (no unit)": "input_scale",
}
FIGURES: dict[str, Lines] = {
    "accuracy_by_depth": Lines("depth", "score", "activation", worded=True, bands=False),
    "learning_rate_sensitivity": Lines("lr", "score", "activation", worded=True, bands=False),
    "performance_profiles": Lines("threshold", "share_above", "activation"),
    "learning_curves": Lines("step", "accuracy", "activation", "depth"),
    "saturation": Lines("step", "value", label="activation"),
    "sign_coherence": Lines("step", "value", label="activation"),
    "clipping_over_training": Lines("step", "value", "level", "activation"),
    "clipping": Lines("level", "value", "diagnostic", "activation", worded=True,
                      said=lambda axis: QUANTITIES[axis.get_ylabel()]),
    "dead_units": Lines("level", "value", "cause", "activation", worded=True,
                        said=lambda axis: CAUSES[axis.get_xlabel()]),
    "cost_accuracy": Lines("step_us", "score", label="activation", bands=False),
}  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
def test_each_line_is_that_of_its_label(name: str) -> None:
    """A line that looks as the legend says of a level goes through that level's rows; its interval is theirs."""
    how, (data, figure) = FIGURES[name], shown(name)
    panels = {how.said(axis): axis for axis in figure.axes if axis.lines} if how.panel else {"": figure.axes[0]}
    keys = {spelled(level) for level in data[how.panel]} if how.panel else {""}
    assert set(panels) == keys
    legend = legend_of(figure) if how.label else {}
    assert set(legend) == ({spelled(level) for level in data[how.label]} if how.label else set())
    for key, axis in panels.items():
        own = data[data[how.panel].map(spelled) == key] if how.panel else data
        for label, rows in own.groupby(how.label or how.panel):
            sample = legend.get(spelled(label))
            check_line(axis, rows, how, look_of(sample)[0] if sample else looks([str(label)])[str(label)].colour)
            drawn = [line for line in axis.lines if sample and look_of(line) == look_of(sample)]
            assert len(drawn) == bool(sample)


def check_line(axis: Axes, rows: pd.DataFrame, how: Lines, colour: str) -> None:
    """Compare the last line of a colour in a panel, and its interval, with rows."""
    places = {word: place for place, word in words_along(axis.xaxis).items()} if how.worded else {}
    x = [places[spelled(level)] if how.worded else float(level) for level in rows[how.x]]
    rows = rows.assign(at=x).dropna(subset=how.y).sort_values("at")
    line = [line for line in axis.lines if to_hex(line.get_color()) == colour][-1]
    assert near(points_of(line), rows[["at", how.y]])
    ends = rows.dropna(subset="low")[["at", "low", "high"]]
    if how.bands:
        assert has_band(axis, colour, ends)
    else:
        assert near(bars_of_error(axis, colour, upright=True), ends)


def has_band(axis: Axes, colour: str, ends: pd.DataFrame) -> bool:
    """Tell whether a band of a colour lies between the ends: columns place, low, high."""
    expected = {at: (low, high) for at, low, high in ends.itertuples(index=False)}
    found = [band for band in bands_of(axis, colour) if band.keys() == expected.keys()]
    return any(all(near(band[at], expected[at]) for at in band) for band in found)


@pytest.mark.parametrize(("name", "by"), [("gradient_by_layer", "init"), ("residual_gradients", "residual")])
def test_gradients_are_those_of_their_level_and_moment(name: str, by: str) -> None:
    """The colour is the level's, the dashes are the moment's as the legend says; the band is the range over seeds."""
    data, figure = shown(name)
    legend = legend_of(figure)
    dashes = {
        moment: look_of(legend[f"{word} training"])[2] for moment, word in (("start", "before"), ("end", "after"))
    }
    assert dashes["start"] == SOLID, "as the caption says"
    for axis in figure.axes[: data["activation"].nunique()]:
        own = data[data["activation"] == axis.get_title()]
        for (level, moment), rows in own.groupby([by, "moment"]):
            colour, marker, _ = look_of(legend[str(level)])
            lifted = rows.sort_values("layer")[["layer", "gradient_norm", "low", "high"]].clip(lower=LOWEST)
            (line,) = [one for one in axis.lines if look_of(one) == (colour, marker, dashes[moment])]
            assert near(points_of(line), lifted[["layer", "gradient_norm"]])
            assert has_band(axis, colour, lifted[["layer", "low", "high"]])
            if "theory" in rows and rows["theory"].notna().any():
                dotted = [one for one in axis.lines if look_of(one) == (colour, "None", look_of(legend["theory"])[2])]
                predicted = rows.dropna(subset="theory").sort_values("layer")[["layer", "theory"]].clip(lower=LOWEST)
                assert near(points_of(*dotted), predicted)


def test_a_probe_shows_what_its_titles_say() -> None:
    """Each panel has the quantity of its title, each line that of its activation; theory is dotted."""
    data, figure = shown("ten_layers")
    titled = {
        "variance before φ": "forward_variance", "backward norm²": "backward_norm2", "mean of φ(z)": "activation_mean",
        "deviation of φ(z)": "activation_std", "share of zeros": "zero_fraction",
        "share saturated": "saturated_fraction",
    }  # fmt: skip
    legend = legend_of(figure)
    assert {axis.get_title() for axis in figure.axes} == set(titled)
    for axis in figure.axes:
        quantity = titled[axis.get_title()]
        for name, rows in data.groupby("activation"):
            looks_like = look_of(legend[str(name)])
            (line,) = [one for one in axis.lines if look_of(one) == looks_like]
            assert near(points_of(line), rows[["layer", quantity]])
            theory = [
                one for one in axis.lines if look_of(one) == (looks_like[0], "None", look_of(legend["theory"])[2])
            ]
            if f"predicted_{quantity}" in data:
                assert near(points_of(*theory), rows[["layer", f"predicted_{quantity}"]].dropna())
            else:
                assert theory == []


def test_functions_are_solid_and_slopes_are_dashed() -> None:
    """The dashes of φ and of φ′ are those of the legend, and each goes through its own numbers."""
    data, figure = shown("activation_functions")
    legend = legend_of(figure)
    assert look_of(legend["φ(z)"])[2] == SOLID, "as the caption says"
    for axis in [axis for axis in figure.axes if axis.get_title()]:
        rows = data[data["activation"] == axis.get_title()]
        for word, column in (("φ(z)", "value"), ("φ′(z)", "derivative")):
            curves = [line for line in axis.lines if len(line.get_xdata()) > 2]
            (line,) = [one for one in curves if look_of(one)[2] == look_of(legend[word])[2]]
            assert near(points_of(line), rows[["z", column]].dropna())


UNITS = {column.name: column.unit for columns in STATS.values() for column in columns}


@pytest.mark.parametrize("name", FIGURES)
def test_axes_have_the_units_of_what_is_drawn(name: str) -> None:
    """The brackets of an axis label hold the unit that the schema gives the column, and a share is no percentage."""
    how, (_, figure) = FIGURES[name], shown(name)
    whole = [label.get_text() if label else "" for label in (figure._supxlabel, figure._supylabel)]  # type: ignore[attr-defined]
    each = [{axis.get_xlabel() for axis in figure.axes}, {axis.get_ylabel() for axis in figure.axes}]
    for column, own, others in zip((how.x, how.y), whole, each, strict=True):
        unit = UNITS.get(column, "")
        for label in {own} if own else others:
            assert label
            assert "%" not in label
            assert unit in label or unit == "see diagnostic"
