"""A statistic as a CSV file: numbers with ten digits, each distinct one spelled once, for spelling takes the time."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame with a header line; a missing number is an empty field."""
    numbers = map(str, frame.select_dtypes("float64"))
    spelled: dict[str, Any] = {name: _spelled(frame[name].to_numpy()) for name in numbers}
    frame.assign(**spelled).to_csv(path, index=False, lineterminator="\n")


def _spelled(values: "np.ndarray[Any, np.dtype[np.float64]]") -> "np.ndarray[Any, np.dtype[np.object_]]":
    place, bits = pd.factorize(np.ascontiguousarray(values).view(np.int64))  # 0 and -0 differ in their bits
    words = ["" if np.isnan(value) else f"{value:.10g}" for value in np.asarray(bits).view(np.float64).tolist()]
    return np.array(words, dtype=object)[place] if words else np.empty(0, dtype=object)
