"""Points, intervals and cells read back: the words beside and below a mark are those of its numbers."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from actbench.show.style import looks
from read_back import (
    SOLID,
    bars_of_error,
    cells_of,
    legend_of,
    look_of,
    marks_of,
    near,
    pixels_of,
    points_of,
    shown,
    words_along,
)


def test_ranks_stand_beside_their_names() -> None:
    """Each activation's dot, interval, failure rate and its interval lie in the row of its name."""
    data, figure = shown("activation_ranking")
    ranks, failures = figure.axes
    names = words_along(ranks.yaxis)
    for place, name in names.items():
        row, look = data[data["activation"] == name].iloc[0], looks([name])[name]
        assert (place, row["rank"], look.marker) in marks_of(ranks, look.colour)
        assert bars_of_error(ranks, look.colour, upright=False) == [(place, row["low"], row["high"])]
    ordered = data.set_index("activation").loc[list(names.values())]
    black = bars_of_error(failures, "#000000", upright=False)
    assert near([ends for _, *ends in black], ordered[["failure_rate_low", "failure_rate_high"]])
    assert near([bar.get_width() for bar in failures.patches], ordered["failure_rate"])  # type: ignore[attr-defined]
    assert near([place for place, *_ in black], list(names))


def test_warnings_have_the_colour_of_their_moment() -> None:
    """Area, interval, held-out area and direction of each diagnostic and moment, as the legend says."""
    data, figure = shown("early_warning")
    (axis,), legend = figure.axes, legend_of(figure)
    names = words_along(axis.yaxis)
    markers = {word: str(legend[f"{size} numbers warn"].get_marker()) for word, size in
               (("higher", "large"), ("lower", "small"))}  # fmt: skip
    for moment, word in (("start", "before the first update"), ("later", "within the first 2 % of the updates")):
        colour, rows = to_hex(legend[word].get_color()), data[data["moment"] == moment].set_index("diagnostic")
        found = marks_of(axis, colour)
        areas = {names[round(y)]: (x, marker) for y, x, marker in found if marker != "x"}
        assert areas == {name: (row["auc"], markers[row["direction"]]) for name, row in rows.iterrows()}
        held = {names[round(y)]: x for y, x, marker in found if marker == "x"}
        assert held == rows["held_out_auc"].dropna().to_dict()
        ends = {names[round(y)]: (low, high) for y, low, high in bars_of_error(axis, colour, upright=False)}
        assert ends == {name: (row["low"], row["high"]) for name, row in rows.dropna(subset="low").iterrows()}


def test_shares_of_factors_have_the_colour_of_their_response() -> None:
    """Share and interval of each term and response, as the legend says."""
    data, figure = shown("factor_importance")
    (axis,), legend = figure.axes, legend_of(figure)
    terms = {place: word.replace(" × ", ":") for place, word in words_along(axis.yaxis).items()}
    said = {"accuracy": "accuracy", "rank of accuracy": "accuracy_rank", "trained or not": "trained"}
    assert set(legend) == set(said)
    for word, response in said.items():
        colour, rows = to_hex(legend[word].get_color()), data[data["response"] == response].set_index("term")
        found = {terms[round(y)]: (x, marker) for y, x, marker in marks_of(axis, colour)}
        assert found == {term: (share, str(legend[word].get_marker())) for term, share in rows["share"].items()}
        ends = {terms[round(y)]: (low, high) for y, low, high in bars_of_error(axis, colour, upright=False)}
        assert ends == {term: (row["low"], row["high"]) for term, row in rows.dropna(subset="low").iterrows()}


def test_claims_have_the_colour_of_their_verdict() -> None:
    """Effect, interval and verdict of each test lie in the row of its name, over the margin and as claimed."""
    data, figure = shown("claim_forest")
    (axis,), legend = figure.axes, legend_of(figure)
    words = [word.rpartition(" (")[0] for word in words_along(axis.yaxis).values()]
    first = data["id"] != data["id"].shift()
    for word, row, is_first in zip(words, data.itertuples(), first, strict=True):
        own = word.split(":")[0].removesuffix("…").strip()
        assert str(row.id if is_first else row.test).startswith(own)
    turned = np.where(data["direction"].isin(["lower", "not lower"]) & (data["rule"] != "equivalence"), -1, 1)
    over = data[["effect", "low", "high"]].mul(turned / data["margin"], axis=0)
    for verdict, line in legend.items():
        own = np.flatnonzero(data["verdict"] == verdict)
        found = marks_of(axis, to_hex(line.get_color()))
        assert near([(y, x) for y, x, _ in found], np.column_stack([own, over["effect"].iloc[own]]))
        assert {marker for *_, marker in found} <= {str(line.get_marker())}
        ends = np.sort(over[["low", "high"]].iloc[own], axis=1)
        bars = bars_of_error(axis, to_hex(line.get_color()), upright=False)
        assert near([(y, *ends) for y, *ends in bars], np.column_stack([own, ends]))


def test_cells_hold_the_share_of_their_row_and_column() -> None:
    """Each cell of a heat map, its colour and the number written in it, is that of the words beside and below it."""
    data, figure = shown("trainable_share")
    for axis in [axis for axis in figure.axes if axis.get_title()]:
        own = data[(data["activation"] == axis.get_title()) & data["trained_share"].notna()]
        expected = {(str(r.depth), r.init): r.trained_share for r in own.itertuples()}
        assert {(x, y): value for x, y, value in cells_of(axis)} == expected
        written = {(round(t.get_position()[0]), round(t.get_position()[1])): t.get_text() for t in axis.texts}
        across, down = (words_along(one) for one in (axis.xaxis, axis.yaxis))
        assert {(across[x], down[y]): text for (x, y), text in written.items()} == {
            key: f"{share:.2f}" for key, share in expected.items()
        }


def test_a_row_wins_over_its_column() -> None:
    """Share and number of wins of each row over each column are the wins of the one, or the losses of the other."""
    data, figure = shown("win_tie_loss")
    axis = figure.axes[0]
    expected = {(r.second, r.first): (r.wins, r.wins / r.n_blocks) for r in data.itertuples()}
    expected |= {(r.first, r.second): (r.losses, r.losses / r.n_blocks) for r in data.itertuples()}
    assert {(x, y): share for x, y, share in cells_of(axis)} == {key: share for key, (_, share) in expected.items()}
    names = words_along(axis.xaxis)
    assert names == words_along(axis.yaxis)
    written = {(names[text.get_position()[0]], names[text.get_position()[1]]): text.get_text() for text in axis.texts}
    assert written == {key: f"{wins:.0f}" for key, (wins, _) in expected.items()}


def test_interactions_stand_where_their_levels_meet() -> None:
    """The number of each cell is that of the levels below and beside it."""
    data, figure = shown("interaction_grid")

    def word(factor: str, level: object) -> str:
        return str(level) if factor == "activation" else f"{factor} {level}"

    expected = {(word(r.factor_1, r.level_1), word(r.factor_2, r.level_2)): r.interaction for r in data.itertuples()}
    assert {(x, y): value for x, y, value in cells_of(figure.axes[0])} == expected


def test_boundaries_lie_where_the_answers_are() -> None:
    """The class of each cell is the answer at its centre, and each class has its test examples."""
    data, figure = shown("decision_boundaries")
    points = data[data["kind"] == "test"]
    for axis in [axis for axis in figure.axes if axis.images]:
        name, accuracy = axis.get_title().rsplit("  ", 1)
        own = data[(data["kind"] == "grid") & (data["activation"] == name)]
        assert accuracy == f"{own['test_accuracy'].iloc[0]:.2f}"
        expected = own.sort_values(["x", "y"])[["x", "y", "label"]]
        found = sorted(pixels_of(axis.images[0]))
        np.testing.assert_allclose(found, expected.to_numpy(dtype=float), atol=1e-3)  # places have three decimals
        for label, marked in enumerate(axis.collections[: points["label"].nunique()]):
            assert near(marked.get_offsets(), points.loc[points["label"] == label, ["x", "y"]])


def test_depth_scales_have_the_dashes_of_the_legend() -> None:
    """Discs lie at their weight variance and depth in the colour of their share; both scales are told apart."""
    data, figure = shown("trainable_depth")
    legend = legend_of(figure)
    scales = {"correlation": "six_xi_c", "gradient": "six_xi_gradient"}
    for axis in [axis for axis in figure.axes if axis.get_title()]:
        own = data[data["activation"] == axis.get_title()]
        measured, theory = own[own["kind"] == "measured"], own[own["kind"] == "theory"]
        assert near(axis.collections[0].get_offsets(), measured[["weight_var", "depth"]])
        assert near(axis.collections[0].get_array(), measured["trained_share"])
        for word, column in scales.items():
            (sample,) = [line for label, line in legend.items() if label.endswith(word) or f"{word} of" in label]
            assert (look_of(sample)[2] == SOLID) == (word == "correlation"), "as the caption says"
            (line,) = [one for one in axis.lines if look_of(one)[2] == look_of(sample)[2]]
            assert near(points_of(line), theory[["weight_var", column]].dropna())


def test_names_are_led_to_their_rank() -> None:
    """From each name a line leads to its rank, with a mark in its look; a bar spans each group that is not parted."""
    data, figure = shown("critical_difference")
    (axis,) = figure.axes
    leads = {points_of(line)[-1]: points_of(line)[0] for line in axis.lines if len(line.get_xdata()) == 3}
    for row in data.itertuples():
        (text,) = [one for one in axis.texts if one.get_text().startswith(f"{row.activation}  ")]
        assert text.get_text() == f"{row.activation}  {row.mean_rank:.2f}, first in {100 * row.first_share:.0f} %"
        (start,) = [start for end, start in leads.items() if end[1] == text.get_position()[1] and
                    (end[0] < data["mean_rank"].min()) == (text.get_ha() == "right")]  # fmt: skip
        look = looks([row.activation])[row.activation]
        assert (start[1], start[0], look.marker) in marks_of(axis, look.colour)
        assert start[0] == row.mean_rank
    bars = [(low, high) for _, low, high in bars_of_error(axis, "#000000", upright=False)]
    numbers = data["bars"].fillna("").astype(str).str.split()
    bars_named = sorted({bar for own in numbers for bar in own})
    held = {bar: data.loc[[bar in own for own in numbers], "mean_rank"] for bar in bars_named}
    edge = 0.02 * (len(data) - 1)
    expected = sorted((ranks.min() - edge, ranks.max() + edge) for ranks in held.values())
    assert np.array(sorted(bars)) == pytest.approx(np.array(expected))
