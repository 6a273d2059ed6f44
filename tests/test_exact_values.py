"""actbench.audit.exact_values: the numbers of every exact check, and the draws behind them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from actbench.audit.exact_values import ROUNDING, VALUES, Draws, not_exact
from actbench.audit.printed_functions import audit_exact
from actbench.audit.raw_rows import Raw, read_printed
from actbench.plan.sources import check_names


def test_every_check_has_a_second_number() -> None:
    """A new check is either computed a second time or known to be rounding."""
    assert {*VALUES, *ROUNDING} == set(check_names("exact"))


def test_the_draws_are_those_of_torch() -> None:
    """One after another from one stream: uniform to the bit, normal to rounding."""
    theirs, own = torch.Generator().manual_seed(7), Draws(7)
    for _ in range(2):
        assert np.array_equal(torch.rand(640, generator=theirs, dtype=torch.float64).numpy(), own.uniform(640))
    drawn = torch.randn(320, generator=theirs, dtype=torch.float64).numpy()
    assert own.normal(320) == pytest.approx(drawn, rel=1e-12, abs=1e-12)


@pytest.fixture
def raw() -> Raw:
    """Return no rows: no run has a part in a check of a function."""
    return Raw(pd.DataFrame(), pd.DataFrame(), None, pd.DataFrame())


@pytest.mark.parametrize("check", [*VALUES, *ROUNDING])
def test_a_check_is_found_again_and_a_wrong_one_is_not(check: str, project_root: Path, raw: Raw) -> None:
    """What the reference result prints is found; its sixth digit changed, or an error beyond rounding, is not."""
    printed = read_printed(project_root / "results" / "reference" / "default" / "stats" / "exact.csv")
    value = float(printed.loc[printed["check"] == check, "value"].iloc[0])
    wrong = value * 1.000005 + ROUNDING.get(check, 1e-11)
    assert not_exact(check, value) == ""
    assert not_exact(check, wrong)
    printed["value"] = printed["value"].where(printed["check"] != check, wrong)
    assert any(line.startswith(f"exact: {check}: value ") for line in audit_exact(raw, printed)[1])
