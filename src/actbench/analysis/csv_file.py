"""A statistic as a CSV file: numbers with ten digits, each distinct one spelled once, for spelling takes the time."""

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from actbench.analysis.spool import Spool

PLAIN = csv.WriteOptions(include_header=False, quoting_style="none")


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame with a header line; a missing number is an empty field."""
    path.write_bytes(_header(frame) + _lines(frame))


def add_lines(spool: Spool, statistic: str, frame: pd.DataFrame) -> None:
    """Add some rows of a statistic, which wait until those of all parts are known; the parts come in their order."""
    for study, own in frame.groupby("study", sort=False):
        spool.add((statistic, study), _lines(own))


def write_lines(spool: Spool, statistic: str, columns: Iterable[str], path: Path) -> None:
    """Write the CSV file of a statistic: a header line and what was added, study by study."""
    with path.open("wb") as file:
        file.write(_header(columns))
        for key in sorted(key for key in spool.parts if key[0] == statistic):
            file.writelines(spool.read(key))


def _header(columns: Iterable[Any]) -> bytes:
    return f"{','.join(map(str, columns))}\n".encode()


def _lines(frame: pd.DataFrame) -> bytes:
    numbers = list(map(str, frame.select_dtypes("float64")))
    spelled: dict[str, Any] = {name: _spelled(frame[name].to_numpy()) for name in numbers}
    text = BytesIO()
    try:
        rows = pa.table({name: spelled.get(name, pa.array(frame[name], from_pandas=True)) for name in map(str, frame)})
        if len(frame):  # of a chunk without rows Arrow 26 writes what lies in memory
            csv.write_csv(rows.combine_chunks(), text, PLAIN)
        return text.getvalue()
    except pa.ArrowInvalid:  # a field that must stand in quotes, which pandas sets where they are needed alone
        words: dict[str, Any] = {name: array.to_pylist() for name, array in spelled.items()}
        return frame.assign(**words).to_csv(index=False, header=False, lineterminator="\n").encode()


def _spelled(values: "np.ndarray[Any, np.dtype[np.float64]]") -> pa.Array:
    place, bits = pd.factorize(np.ascontiguousarray(values).view(np.int64))  # 0 and -0 differ in their bits
    words = ["" if np.isnan(value) else f"{value:.10g}" for value in np.asarray(bits).view(np.float64).tolist()]
    return pa.array(words, pa.string()).take(pa.array(place))
