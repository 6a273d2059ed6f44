"""Corrections for many tests at once, within a family that is named where it is used."""

from typing import Any

import numpy as np
import pandas as pd


def holm(p: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return p after Holm's step-down correction; a missing p is no test and stays missing.

    The i-th smallest of m becomes max over j ≤ i of min(1, (m - j + 1) p_j) (Holm 1979). statsmodels has the same, but
    collects garbage in every call, which takes longer than all else here.
    """
    adjusted = p.astype("float64").to_numpy(copy=True)
    known = np.flatnonzero(~np.isnan(adjusted))
    order = known[np.argsort(adjusted[known], kind="stable")]
    stepped = adjusted[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return pd.Series(adjusted, index=p.index, name=p.name)
