"""Holm's correction against statsmodels."""

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from actbench.analysis.multiplicity import holm


def test_holm_is_that_of_statsmodels() -> None:
    """With ties, ones and missing values between, the known p are adjusted as statsmodels does."""
    draws = np.random.default_rng(0)
    for n in (1, 2, 7, 40):
        p = draws.uniform(size=n).round(2)
        expected = multipletests(p, method="holm")[1]
        np.testing.assert_allclose(holm(pd.Series(p)), expected)
        holed = pd.Series(np.insert(p, n // 2, np.nan), index=[f"t{i}" for i in range(n + 1)])
        np.testing.assert_allclose(holm(holed).dropna(), expected)
        assert holm(holed).isna().sum() == 1


def test_no_test_needs_no_correction() -> None:
    """A family without a p stays as it is."""
    assert holm(pd.Series([], dtype=float)).empty
    assert holm(pd.Series([np.nan, np.nan])).isna().all()
