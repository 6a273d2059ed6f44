"""actbench.analysis.json_rows: what JSON can hold."""

import json

import numpy as np
import pandas as pd

from actbench.analysis.json_rows import plain, plain_row, plain_rows


def test_values_are_those_of_python() -> None:
    """Numpy's numbers become Python's, and what JSON has no word for becomes null."""
    for value, held in ((np.float32(0.5), 0.5), (np.int64(3), 3), (np.True_, True), ("word", "word"), (pd.NA, None)):
        assert plain(value) == held
        assert type(plain(value)) is type(held)
    assert [plain(value) for value in (float("nan"), np.inf, -np.inf, None)] == [None] * 4


def test_rows_of_mixed_columns_keep_their_types() -> None:
    """Whole numbers that may be missing stay whole, also beside words and in a frame of one row."""
    frame = pd.DataFrame({"step": pd.array([1, pd.NA], dtype="Int64"), "loss": [np.inf, 0.5], "word": ["a", "b"]})
    rows = plain_rows(frame)
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert rows == [{"step": 1, "loss": None, "word": "a"}, {"step": None, "loss": 0.5, "word": "b"}]
    assert type(rows[0]["step"]) is int
    assert plain_row(frame.iloc[1], ["word", "step"]) == {"word": "b", "step": None}
