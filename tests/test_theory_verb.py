"""`actbench theory`: exact names, valid JSON in odd cases, bad input in one line."""

import json
import math

import pytest

from actbench.plan.registry import known_levels
from actbench.shell.cli import main


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    """Return what the verb prints as JSON, which may hold no NaN or infinity."""
    assert main(["theory", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


def test_the_ordinary_case(capsys: pytest.CaptureFixture[str]) -> None:
    """Tanh at σ_w² = 1.3, σ_b² = 0.05: a stable fixed point in the ordered phase, depth scales from its slopes."""
    facts = answer(capsys, "--activation", "tanh", "--weight-var", "1.3", "--bias-var", "0.05")
    assert facts["q_star"] == pytest.approx(0.3153164775, abs=1e-9)
    assert facts["chi"] == pytest.approx(0.8801635099, abs=1e-9)
    assert facts["xi_c"] == pytest.approx(-1 / math.log(facts["chi"]), rel=1e-12)
    assert facts["xi_q"] == pytest.approx(-1 / math.log(facts["variance_slope"]), rel=1e-12)
    assert facts["trainable_depth"] == pytest.approx(6 * facts["xi_c"])
    assert facts["stable"] is True
    assert (facts["phase"], facts["c_star"]) == ("ordered", 1)


def test_the_edge_of_chaos(capsys: pytest.CaptureFixture[str]) -> None:
    """The edge's weight variance, given back to the verb, has χ = 1."""
    edge = answer(capsys, "--activation", "tanh", "--bias-var", "0.05", "--edge-of-chaos")
    weight_var = repr(edge["weight_var"])
    facts = answer(capsys, "--activation", "tanh", "--bias-var", "0.05", "--weight-var", weight_var)
    assert facts["chi"] == pytest.approx(1, abs=1e-9)
    assert facts["phase"] == "edge_of_chaos"
    assert answer(capsys, "--activation", "softplus", "--edge-of-chaos")["weight_var"] is None


@pytest.mark.parametrize(("off", "phase"), [(-1.25e-8, "ordered"), (-8e-9, "edge_of_chaos"),
                                            (8e-9, "edge_of_chaos"), (1.25e-8, "chaotic")])  # fmt: skip
def test_the_edge_is_a_hundred_millionth_wide(off: float, phase: str, capsys: pytest.CaptureFixture[str]) -> None:
    """ReLU without bias has χ = σ_w²/2 at q = 0: off 1 by more than 1e-8 there are phases and scales, by less none."""
    facts = answer(capsys, "--activation", "relu", "--weight-var", repr(2 * (1 + off)))
    at_edge = phase == "edge_of_chaos"
    assert (facts["phase"], facts["stable"]) == (phase, off < 0)
    if off < 0:
        scale = None if at_edge else pytest.approx(-1 / math.log1p(off), rel=1e-3)
        assert (facts["xi_q"], facts["xi_c"]) == (scale, scale)


ODD = {
    ("relu", "2", "0"): {"q_star": None, "every_q_is_fixed": True, "xi_c": None, "phase": "edge_of_chaos"},
    ("relu", "2", "0.1"): {"q_star": None, "every_q_is_fixed": False, "fixed_points": [], "stable": False},
    ("relu", "3", "0"): {"q_star": 0.0, "stable": False, "phase": "chaotic", "xi_q": None},
    ("tanh", "0.5", "0"): {"q_star": 0.0, "stable": True, "chi": 0.5, "c_star": None},
    ("tanh", "1", "0"): {"q_star": 0.0, "stable": True, "xi_q": None, "xi_c": None},
    ("tanh", "4", "0"): {"stable": True, "c_star": 0.0, "phase": "chaotic"},
}


@pytest.mark.parametrize("case", ODD, ids=" ".join)
def test_odd_cases_are_null_and_say_why(case: tuple[str, str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """A number that does not exist is null, and a note names it."""
    activation, weight_var, bias_var = case
    facts = answer(capsys, "--activation", activation, "--weight-var", weight_var, "--bias-var", bias_var)
    assert {key: facts[key] for key in ODD[case]} == ODD[case]
    for key in ("q_star", "xi_q", "xi_c"):
        if facts[key] is None:
            assert any(note.startswith(f"{key}: ") for note in facts["notes"]), key


@pytest.mark.parametrize("name", known_levels("activation"))
def test_every_activation_has_an_answer(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Any registered activation is answered at its own gain, with numbers or null."""
    facts = answer(capsys, "--activation", name)
    assert facts["weight_var"] == pytest.approx(facts["variance_preserving_gain"] ** 2)
    assert facts["weight_var"] * facts["at_q_1"]["mean_square"] == pytest.approx(1, rel=1e-11)


def test_the_correlation_map_is_given_where_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """C(1) = 1, and for people the same facts stand one to a line."""
    words = ["--activation", "tanh", "--weight-var", "1.3", "--bias-var", "0.05"]
    points = answer(capsys, *words, "--correlation", "0.5", "1")["correlation_map"]
    assert [point["correlation"] for point in points] == [0.5, 1]
    assert points[1]["next"] == pytest.approx(1)
    assert main(["theory", *words]) == 0
    assert "q star                          0.3153164775" in capsys.readouterr().out


BAD = {
    "--activation reluu": "--activation: unknown activation 'reluu'; did you mean relu",
    "--activation relu --weight-var nan": "--weight-var: nan is outside",
    "--activation relu --weight-var 0": "--weight-var: 0.0 is outside",
    "--activation relu --bias-var -1": "--bias-var: -1.0 is outside",
    "--activation tanh --edge-of-chaos --correlation 0.5": "--correlation: has no map at the edge alone",
    "--activation relu --weight-var 2 --edge-of-chaos": "--weight-var: the edge of chaos is what is looked for",
    "--activation relu --correlation 2": "--correlation: 2.0 is outside",
}


@pytest.mark.parametrize("words", BAD)
def test_bad_input_is_one_line(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Bad input ends with exit code 2 and one line that names the argument."""
    assert main(["theory", *words.split()]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(BAD[words])
    assert captured.err.count("\n") == 1
