"""actbench.plan.factors: one level of one factor, checked and brought to its canonical form."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.plan.errors import ConfigError
from actbench.plan.factors import FACTORS, check_value


@pytest.mark.parametrize("name", FACTORS)
def test_defaults_are_levels(name: str) -> None:
    """Every default is a canonical level of its factor."""
    default = FACTORS[name].default
    assert check_value(name, default, "here") == default
    assert FACTORS[name].meaning


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("depth", -1, "-1 is outside 1 … 1000"),
        ("depth", 0, "0 is outside 1 … 1000"),
        ("depth", 2.0, "expected a whole number of layers, found 2.0"),
        ("depth", "2", "expected a whole number of layers, found '2'"),
        ("depth", True, "expected a whole number of layers, found True"),
        ("depth", None, "expected a whole number of layers, found None"),
        ("depth", [2], "expected a whole number of layers, found [2]"),
        ("depth", 10**400, "outside 1 … 1000"),
        ("width", 0, "0 is outside 1 … 65536"),
        ("batch_size", 48, "48 is not a multiple of 32"),
        ("batch_size", 0, "0 is outside 32 … 65536"),
        ("seed", -1, "-1 is outside 0 … 2.14748e+09"),
        ("lr", float("nan"), "nan is outside"),
        ("lr", float("inf"), "inf is outside"),
        ("lr", 10**400, "is outside"),
        ("lr", 0, "0 is outside"),
        ("lr", False, "expected a number, found False"),
        ("lr", "fast", "expected a number, found 'fast'"),
        ("bias_offset", float("nan"), "nan is outside"),
        ("activation", 3, "expected a name, found 3"),
        ("norm", False, "found False"),
        ("norm", None, "found None"),
    ],
)
def test_bad_values(name: str, value: Any, problem: str) -> None:
    """A wrong type or a value out of range is an error of one short line with the place and the value."""
    with pytest.raises(ConfigError) as caught:
        check_value(name, value, "file: place")
    message = str(caught.value)
    assert message.startswith("file: place: ")
    assert problem in message
    assert len(message.splitlines()) == 1
    assert len(message) < 600


def test_numbers_have_one_form() -> None:
    """1 and 1.0 are one learning rate, 0.0 and -0.0 one offset, so neither makes two runs of one network."""
    assert repr(check_value("lr", 1, "here")) == "1.0"
    assert repr(check_value("bias_offset", -0.0, "here")) == "0.0"


@given(
    st.sampled_from(sorted(FACTORS)),
    st.deferred(lambda: st.from_type(object)) | st.text() | st.integers() | st.floats(),
)
def test_anything_is_a_level_or_an_error(name: str, value: Any) -> None:
    """No value does anything but give a level in range or a ConfigError."""
    factor = FACTORS[name]
    try:
        level = check_value(name, value, "here")
    except ConfigError as error:
        level = str(error)
    if isinstance(level, str):
        assert level.isprintable()
        assert level.startswith("here: ") or factor.kind == "level"
    else:
        assert factor.low <= level <= factor.high
