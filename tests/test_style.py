"""How figures look: sizes, fonts and the looks of activations."""

import itertools

import matplotlib as mpl

from actbench.plan.registry import known_levels
from actbench.show.style import CATEGORIES, LOOKS, SEQUENCE, SETTINGS, SPARE, looks, ordered, steps_of


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, 0 black to 1 white (WCAG 2.2)."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast_on_white(colour: str) -> float:
    """Return the contrast of a colour with white paper."""
    return 1.05 / (luminance(colour) + 0.05)


def test_settings_are_settings_of_matplotlib() -> None:
    """Every setting is one that matplotlib knows and accepts."""
    with mpl.rc_context():
        for name, value in SETTINGS.items():
            mpl.rcParams[name] = value  # type: ignore[index]


def test_text_is_readable_and_embedded() -> None:
    """Text has 7 or 8 points and PDF files carry their fonts as TrueType."""
    sizes = {
        value for name, value in SETTINGS.items() if name.endswith(("labelsize", "titlesize", "font.size", "fontsize"))
    }
    assert sizes == {7, 8}
    assert SETTINGS["pdf.fonttype"] == 42


def test_every_shipped_activation_has_its_look() -> None:
    """The fifteen activations of the registry have fixed looks."""
    assert set(LOOKS) <= set(known_levels("activation"))
    assert len(LOOKS) >= 15


def test_looks_differ_without_colour() -> None:
    """No two activations share a marker, nor colour and line style."""
    assert len({look.marker for look in LOOKS.values()}) == len(LOOKS)
    assert len({(look.colour, str(look.dash)) for look in LOOKS.values()}) == len(LOOKS)


def test_colours_stand_out_from_paper() -> None:
    """Every colour of data has a contrast of at least 3 with white, as graphics need (WCAG 2.2, 1.4.11)."""
    colours = {look.colour for look in (*LOOKS.values(), *SPARE)} | set(CATEGORIES) | set(SEQUENCE)
    assert min(map(contrast_on_white, colours)) >= 3


def test_a_look_does_not_depend_on_the_others() -> None:
    """An activation keeps its look whatever stands beside it."""
    assert looks(["gelu"])["gelu"] == looks(["relu", "gelu", "tanh"])["gelu"] == LOOKS["gelu"]
    assert looks(["leaky_relu(0.2)"]) == {
        name: look for name, look in looks(["leaky_relu(0.2)", "relu"]).items() if "(" in name
    }


def test_unknown_activations_get_distinct_looks() -> None:
    """Activations without a look of their own are told apart within a figure."""
    names = [f"new_{index}" for index in range(20)] + ["relu"]
    chosen = looks(names)
    assert set(chosen) == set(names)
    for one, other in itertools.combinations(chosen.values(), 2):
        assert one != other
    points = {look.marker for look in looks(names[:13]).values()}
    assert len(points) == 13, "thirteen have a marker each"


def test_order_keeps_families_together() -> None:
    """Panels stand in the order of LOOKS, a level with arguments beside its family, unknown ones at the end."""
    assert ordered(["zeta", "gelu", "leaky_relu(0.2)", "leaky_relu", "sigmoid"]) == [
        "sigmoid", "leaky_relu", "leaky_relu(0.2)", "gelu", "zeta",
    ]  # fmt: skip


def test_ordered_levels_run_from_light_to_dark() -> None:
    """The levels of an ordered factor get ever darker, and up to six of them differ in line style too."""
    for depths in ([2, 8], [2, 4, 8, 16], [2, 4, 8, 16, 32, 64]):
        strokes = steps_of(depths)
        shades = [luminance(colour) for colour, _ in strokes.values()]
        assert shades == sorted(shades, reverse=True)
        assert len({str(dash) for _, dash in strokes.values()}) == len(depths)
    assert steps_of([7])[7][0] == SEQUENCE[-1]
