"""Anybody's table of results: read from CSV as strictly as it must be, with what was mended counted."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from actbench.plan.errors import ConfigError, nearest

MISSING = ("", "NA", "N/A", "na", "n/a", "NaN", "nan", "null", "None", "-")

LARGEST = 1e150  # of a value; sums and products of larger ones may not be finite


@dataclass(frozen=True)
class OutsideTable:
    """Values by block (rows) and treatment (columns), and what was found on the way."""

    values: pd.DataFrame
    rows: int
    unnamed_rows: int
    missing_values: int
    repeated_cells: int


def read_outside_table(path: Path, treatment: str, block: Sequence[str], value: str) -> OutsideTable:
    """Read a CSV file with one row a measurement.

    Rows without a treatment or block, and missing values, are counted and left out; several values of one treatment in
    one block are averaged and counted.

    Args:
        path: the file; comma, semicolon or tab between the fields.
        treatment: column of what is compared.
        block: columns that together name what the treatments share: a data set, a seed.
        value: column of the measured numbers.

    Raises:
        ConfigError: the file or a column is missing, a value is no finite number, or there are no two treatments.
    """
    rows = _read(path)
    for name in (treatment, *block, value):
        if name not in rows:
            raise ConfigError(str(path), f"has no column {name!r}; {nearest(name, [str(c) for c in rows.columns])}")
    if len({treatment, *block, value}) < len(block) + 2:
        raise ConfigError(str(path), "treatment, block and value must be different columns")
    rows = rows[[treatment, *block, value]].apply(lambda column: column.str.strip())
    missing = rows.isin(MISSING)
    named = ~missing[[treatment, *block]].any(axis=1)
    numbers = _numbers(path, value, rows[value], missing[value])
    blocks = [" / ".join(cells) for cells in zip(*(rows[name] for name in block), strict=True)]
    kept = pd.DataFrame({"treatment": rows[treatment], "block": blocks, "value": numbers})[named]
    measured = kept.dropna(subset="value")
    repeated = measured.groupby(["treatment", "block"]).size()
    values = kept.pivot_table(index="block", columns="treatment", values="value", aggfunc="mean", dropna=False)
    if values.shape[1] < 2:
        raise ConfigError(str(path), f"column {treatment!r} names {values.shape[1]} treatment(s) with values; needs 2")
    found = int((~named).sum()), int((missing[value] & named).sum()), int((repeated > 1).sum())
    return OutsideTable(values, len(rows), *found)


def _read(path: Path) -> pd.DataFrame:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            lines = [line for line in csv.reader(file, delimiter=max(",;\t", key=first.count), strict=True) if line]
    except FileNotFoundError:
        raise ConfigError(str(path), "no such file; give the path of a CSV file") from None
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(str(path), f"cannot be read as CSV: {error}") from None
    if not lines:
        raise ConfigError(str(path), "is empty; the first line names the columns")
    head = [name.strip() for name in lines[0]]
    if len(set(head)) < len(head):
        raise ConfigError(str(path), "names a column twice in its first line")
    for place, line in enumerate(lines[1:], 1):
        if len(line) != len(head):
            raise ConfigError(f"{path}: row {place}", f"has {len(line)} fields, the first line has {len(head)}")
    return pd.DataFrame(lines[1:], columns=head, dtype="str")


def _numbers(path: Path, name: str, cells: "pd.Series[str]", missing: "pd.Series[bool]") -> "pd.Series[float]":
    numbers = pd.to_numeric(cells.where(~missing), errors="coerce").astype("float64")
    wrong = ~(numbers.abs() < LARGEST) & ~missing
    if wrong.any():
        line = int(np.flatnonzero(wrong)[0])
        remedy = "leave it empty if missing, or give a failed run the worst possible number"
        raise ConfigError(
            f"{path}: row {line + 1} of {name}",
            f"{cells.iloc[line]!r} is no finite number below 1e150; {remedy}",
        )
    return numbers
