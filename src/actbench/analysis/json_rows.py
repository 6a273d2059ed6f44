"""Frames and rows as JSON has them: numbers as numbers, missing and infinite ones as null."""

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

DIGITS = 4  # a drawing shows no more, and files stay small


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


def round_digits(values: "pd.Series[Any]", digits: int = DIGITS) -> "pd.Series[Any]":
    """Round each number to `digits` significant digits; 0, nan and infinities stay what they are."""
    plain = np.isfinite(values) & (values != 0)
    scale = 10.0 ** (digits - 1 - np.floor(np.log10(values.where(plain, 1.0).abs())))
    rounded: pd.Series[Any] = (values * scale).round() / scale
    return rounded.where(plain, values)


def spans(keys: pd.DataFrame) -> Iterator[tuple[tuple[Any, ...], slice]]:
    """Yield the rows of each key, which follow one another."""
    starts = np.flatnonzero((keys != keys.shift()).any(axis=1)).tolist()
    first = keys.iloc[starts].itertuples(index=False, name=None)
    for key, (start, end) in zip(first, pairwise([*starts, len(keys)]), strict=True):
        yield key, slice(start, end)
