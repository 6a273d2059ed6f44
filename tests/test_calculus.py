"""actbench.levels.calculus: which claims arithmetic settles, and how."""

import math
from pathlib import Path

import pytest
import torch

from actbench.levels import calculus
from actbench.levels.calculus import CHECKS, Finding
from actbench.plan.ledger import load_ledger

FALSE = {"linear_derivative"}  # the one that is wrong as written


@pytest.fixture(scope="module")
def findings() -> dict[str, Finding]:
    """Make every check once."""
    return {name: check() for name, check in CHECKS.items()}


def test_what_holds_and_what_does_not(findings: dict[str, Finding]) -> None:
    """All hold but one: the derivative of a linear activation is its slope, not 0."""
    assert {name for name, found in findings.items() if not found.holds} == FALSE
    assert findings["linear_derivative"].value == 1.0


def test_the_numbers_are_those_of_the_textbook(findings: dict[str, Finding]) -> None:
    """Peaks, products and limits, worked out once more by hand."""
    assert findings["sigmoid_derivative_peak"].value == pytest.approx(0.25, abs=1e-15)
    s = [0.5, 1 / (1 + math.exp(-0.5))]
    third = 1 / (1 + math.exp(-s[1]))
    slopes = [s[0] * (1 - s[0]), s[1] * (1 - s[1]), third * (1 - third)]
    assert findings["three_layer_example"].value == pytest.approx(math.prod(slopes), rel=0.02)
    assert findings["three_layer_example"].value < 0.25**3
    assert findings["ten_layer_bound"].value < findings["ten_layer_bound"].expected == 0.25**10
    assert findings["elu_limit"].value == pytest.approx(-1, abs=1e-12)


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_a_range_is_missed_by_a_function_that_leaves_it(name: str) -> None:
    """ReLU has neither the range of sigmoid nor that of tanh: the check can fail."""
    assert not calculus._range("relu", 0.0 if name == "sigmoid" else -1.0, 1.0).holds


def test_clipping_that_also_stretches_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that scales gradients below the threshold too breaks the law."""

    def stretched(gradient_PN: torch.Tensor, threshold: float) -> None:
        gradient_PN.mul_(threshold / (gradient_PN.norm(dim=1, keepdim=True) + 1e-6))

    monkeypatch.setattr(calculus, "clip_by_norm", stretched)
    assert not calculus.clip_law().holds


def test_every_check_that_the_ledger_names_is_there(project_root: Path) -> None:
    """The shipped ledger names checks that exist."""
    ledger = load_ledger(project_root / "config" / "claims.yaml")
    assert {test.check for claim in ledger for test in claim.tests if test.rule == "exact"} <= set(CHECKS)
