"""A statistic as a CSV file: numbers with ten digits, each distinct one spelled once, for spelling takes the time."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv

PLAIN = csv.WriteOptions(include_header=False, quoting_style="none")


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame with a header line; a missing number is an empty field."""
    numbers = list(map(str, frame.select_dtypes("float64")))
    spelled: dict[str, Any] = {name: _spelled(frame[name].to_numpy()) for name in numbers}
    try:
        rows = pa.table({name: spelled.get(name, pa.array(frame[name], from_pandas=True)) for name in map(str, frame)})
        with path.open("wb") as file:
            file.write(f"{','.join(rows.column_names)}\n".encode())
            if len(frame):  # of a chunk without rows Arrow 26 writes what lies in memory
                csv.write_csv(rows.combine_chunks(), file, PLAIN)
    except pa.ArrowInvalid:  # a field that must stand in quotes, which pandas sets where they are needed alone
        words: dict[str, Any] = {name: array.to_pylist() for name, array in spelled.items()}
        frame.assign(**words).to_csv(path, index=False, lineterminator="\n")


def _spelled(values: "np.ndarray[Any, np.dtype[np.float64]]") -> pa.Array:
    place, bits = pd.factorize(np.ascontiguousarray(values).view(np.int64))  # 0 and -0 differ in their bits
    words = ["" if np.isnan(value) else f"{value:.10g}" for value in np.asarray(bits).view(np.float64).tolist()]
    return pa.array(words, pa.string()).take(pa.array(place))
