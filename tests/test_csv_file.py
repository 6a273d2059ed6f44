"""CSV files of statistics are those that pandas writes with ten digits."""

from pathlib import Path

import numpy as np
import pandas as pd

from actbench.analysis.csv_file import write_csv


def test_the_text_is_that_of_pandas_with_ten_digits(tmp_path: Path) -> None:
    """Repeated numbers, both zeros, infinities, missing numbers, words with commas and whole numbers, to the byte."""
    numbers = [1 / 3, 1 / 3, 0.0, -0.0, np.inf, -np.inf, np.nan, 1e-30, 123456789012.3]
    frame = pd.DataFrame({
        "word": ["a", "norm(1.0)", "a, b", "", 'say "x"', "none", "é", "b", "c"],
        "number": numbers,
        "whole": pd.array([1, None, *range(7)], dtype="Int64"),
        "n": range(9),
        "nothing": np.full(9, np.nan),
    })  # fmt: skip
    plain = frame.assign(word=frame["word"].str.replace(r'[," ]', "", regex=True))
    joined = pd.concat([plain.iloc[:0], plain.iloc[:0], plain.iloc[6:7]])  # words of it lie in chunks without rows
    written = {"some": frame, "none": frame.iloc[:0], "row": frame.iloc[6:7], "plain": plain, "joined": joined}
    for name, rows in written.items():
        write_csv(rows, tmp_path / name)
        expected = rows.to_csv(index=False, float_format="%.10g", lineterminator="\n")
        assert (tmp_path / name).read_text() == expected
