"""Corrections for many tests at once, within a family that is named where it is used."""

from typing import Any

import pandas as pd
from statsmodels.stats.multitest import multipletests


def holm(p: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return p after Holm's step-down correction (Holm 1979); a missing p is no test and stays missing."""
    adjusted = p.astype("float64")
    known = p.notna()
    if known.any():
        adjusted[known] = multipletests(p[known].to_numpy(), method="holm")[1]
    return adjusted
