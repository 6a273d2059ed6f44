"""The study that figures and the main table show."""

from typing import Any

import pandas as pd


def largest_study(studies: pd.DataFrame, present: "pd.Series[Any]") -> str | None:
    """Return the study with the most runs among those present, the first in the config if tied; None without any.

    studies: the statistic of that name. present: names of studies that have rows.
    """
    found = studies[studies["study"].isin(present)].sort_values("n_runs", ascending=False, kind="stable")
    return None if found.empty else str(found["study"].iloc[0])
