"""`actbench validate`: verdicts, exit codes, and the checks that need no training."""

import json
import math

import numpy as np
import pytest

from actbench.shell.cli import main
from actbench.validation import functions, networks
from actbench.validation.check import Check, verdict

PUBLISHED = ("xavier_uniform", "xavier_normal", "he_uniform", "he_normal", "lecun_normal", "torch_default")


@pytest.mark.parametrize("check", functions.FUNCTION_CHECKS, ids=lambda check: check.name)
def test_functions_are_as_published(check: Check) -> None:
    """Every closed form and constant holds, and each check names its source."""
    assert verdict(check).passed
    assert check.source


def test_initial_variances_are_as_published() -> None:
    """Every initialiser with a published variance has it."""
    for name in PUBLISHED:
        assert networks.scaled_variance(name) == pytest.approx(1, abs=0.01)


def test_a_check_passes_within_its_tolerance_only() -> None:
    """The distance counts on both sides, for a bound above only; NaN passes nothing."""
    two_sided = {1.0: True, 1.09: True, 0.91: True, 1.11: False, 0.89: False, math.nan: False, math.inf: False}
    for measured, passed in two_sided.items():
        assert verdict(Check("x", 1.0, lambda value=measured: value, 0.1, "s")).passed is passed
    for measured, passed in {0.2: True, 1.0: True, 1.01: False, math.nan: False}.items():
        assert verdict(Check("x", 1.0, lambda value=measured: value, 0.0, "s", at_most=True)).passed is passed


def test_a_wrong_constant_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """With another λ, SELU's check fails."""
    monkeypatch.setattr(functions, "SELU_SCALE", 1.05)
    failed = [check.name for check in functions.FUNCTION_CHECKS if not verdict(check).passed]
    assert failed == ["SELU's λ"]


def test_all_training_examples_are_used() -> None:
    """MNIST-1D is given with its 4000 training examples, none of them in the test split."""
    dataset = networks.mnist1d()
    assert dataset.x_train.shape == (4000, 40)
    assert len(np.unique(np.concatenate([dataset.x_train, dataset.x_test]), axis=0)) == 5000


def test_a_trained_linear_network_is_one_map_and_others_are_not() -> None:
    """After 300 updates a linear network equals the product of its weights; a ReLU one does not; untrained is NaN."""
    assert networks.collapse_error("identity") < 1e-5
    assert networks.collapse_error("relu") > 0.1
    assert math.isnan(networks.collapse_error("identity", steps=1))


@pytest.mark.parametrize("measured", [2.0, 3.0, math.nan])
def test_the_verb_says_what_failed(
    measured: float, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line a check; exit code 1 and a count when one fails; a measured value that is no number is null."""
    check = Check("the answer", 2.0, lambda: measured, 0.5, "a source")
    monkeypatch.setattr(functions, "FUNCTION_CHECKS", (check,))
    monkeypatch.setattr(networks, "NETWORK_CHECKS", ())
    code = 0 if measured == 2 else 1
    assert main(["validate"]) == code
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("failed" if code else "passed")
    assert "the answer: published 2, measured" in first
    assert first.endswith("tolerance 0.5 (a source)")
    assert last == f"1 checks, {code} failed"
    assert main(["validate", "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    assert found["failed"] == code
    assert found["checks"][0]["measured"] == (None if math.isnan(measured) else measured)
    assert found["checks"][0]["verdict"] == ("failed" if code else "passed")
