"""actbench.plan.level: `name(number, …)` and its canonical spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.plan.errors import ConfigError
from actbench.plan.level import Level, canonical, parse_level
from actbench.plan.registry import FILES, FOLDERS, known_levels

KINDS = [*FILES, *FOLDERS]


@pytest.mark.parametrize(
    ("kind", "text", "spelled"),
    [
        ("clip", "norm(1)", "norm(1.0)"),
        ("clip", " norm( 1.0 ) ", "norm(1.0)"),
        ("optimizer", "sgd(0.9)", "sgd"),
        ("optimizer", "sgd(0)", "sgd(0.0)"),
        ("optimizer", "sgd(-0.0)", "sgd(0.0)"),
        ("optimizer", "adam(0.9,0.99)", "adam(0.9,0.99,1e-08)"),
        ("activation", "leaky_relu()", "leaky_relu"),
        ("activation", "relu", "relu"),
    ],
)
def test_one_spelling_for_one_level(kind: str, text: str, spelled: str) -> None:
    """All ways to write a level have one canonical spelling, which is its own canonical spelling."""
    assert canonical(kind, text) == spelled
    assert canonical(kind, spelled) == spelled


def test_arguments_are_filled_in() -> None:
    """Defaults stand for the arguments that are left out."""
    assert parse_level("optimizer", "adam(0.5)") == Level("adam", (0.5, 0.999, 1e-08))


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        ("activation", "reluu", "unknown activation 'reluu'; did you mean relu"),
        ("activation", "Tanh", "did you mean tanh"),
        ("activation", "", "unknown activation ''; known: "),
        ("activation", "relu(1)", "write it as relu"),
        ("activation", "relu\n", None),
        ("dataset", "../mnist1d", "unknown dataset '../mnist1d'; did you mean mnist1d?"),
        ("dataset", "__init__", "unknown dataset '__init__'"),
        ("clip", "norm", "write it as norm(threshold)"),
        ("clip", "norm(1, 2)", "write it as norm(threshold)"),
        ("clip", "norm(x)", "arguments are numbers (norm(threshold))"),
        ("clip", "norm(1", "unknown clip 'norm(1'"),
        ("clip", "norm(1))", "unknown clip"),
        ("clip", "norm(nan)", "write it as norm(threshold)"),
        ("clip", "norm(1e999)", "write it as norm(threshold)"),
        ("clip", "norm(-1)", "threshold of clip norm is -1.0, outside 1e-09 … 1e+09"),
        ("optimizer", "sgd(1.0)", "momentum of optimizer sgd is 1.0, outside 0 … 0.999999"),
        ("init", "normal(-0.1)", "std of init normal is -0.1, outside 0 … 1e+06"),
    ],
)
def test_bad_levels(kind: str, text: str, problem: str | None) -> None:
    """What is not a level is an error that says what would be; white space around a level is no fault."""
    if problem is None:
        assert canonical(kind, text) == text.strip()
        return
    with pytest.raises(ConfigError) as caught:
        canonical(kind, text, "file: place")
    assert str(caught.value).startswith("file: place: ")
    assert problem in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_every_level_parses(kind: str) -> None:
    """Every known level is its own spelling, or says which arguments it wants."""
    for name, arguments in known_levels(kind).items():
        if None in arguments.values():
            with pytest.raises(ConfigError, match=f"write it as {name}\\("):
                canonical(kind, name)
        else:
            assert canonical(kind, name) == name


@given(st.sampled_from(KINDS), st.text(max_size=30))
def test_any_text_is_a_level_or_an_error(kind: str, text: str) -> None:
    """No text does anything but give a known name or a ConfigError of one line."""
    try:
        answer = parse_level(kind, text).name
    except ConfigError as error:
        answer = str(error)
    assert answer in known_levels(kind) or (answer.startswith("level: ") and answer.isprintable())


@given(st.floats(1e-9, 1e9))
def test_arguments_survive_to_the_last_bit(threshold: float) -> None:
    """The canonical spelling holds the number exactly."""
    assert parse_level("clip", canonical("clip", f"norm({threshold!r})")).arguments == (threshold,)
