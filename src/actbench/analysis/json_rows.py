"""Frames and rows as JSON has them: numbers as numbers, missing and infinite ones as null."""

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd


def plain(value: Any) -> Any:
    """Return a word, number or truth value as Python has it; None for what is missing or not finite."""
    if pd.isna(value):
        return None
    held = value.item() if hasattr(value, "item") else value
    return None if isinstance(held, float) and not math.isfinite(held) else held


def plain_row(row: "pd.Series[Any]", names: Iterable[str]) -> dict[str, Any]:
    """Return some columns of a row."""
    return {name: plain(row[name]) for name in names}


def plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return each row of a frame as a mapping of its columns."""
    rows = frame.astype(object).to_dict("records")
    return [{str(name): plain(value) for name, value in row.items()} for row in rows]
