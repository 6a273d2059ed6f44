"""Places of keys, looked up in Arrow, among keys sorted once, and one by one."""

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from actbench.analysis.run_places import RunIndex, places_of

KEYS = st.lists(
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=4), unique=True, max_size=20
)


@given(KEYS, st.lists(st.integers(0, 25), max_size=30))
def test_the_place_is_that_of_a_list(among: list[str], drawn: list[int]) -> None:
    """Each key has the place that `list.index` gives, -1 where it is not there; a column, an index and Arrow alike."""
    others = [key for key in ("x", "yy", "zzzzz") if key not in among]
    keys = [[*among, *others][place % len([*among, *others])] for place in drawn]
    expected = [among.index(key) if key in among else -1 for key in keys]
    for words in (keys, pd.Series(keys, dtype="str"), pd.Index(keys, dtype="str"), pa.array(keys, pa.string())):
        for known in (among, pd.Series(among, dtype="str"), pa.array(among, pa.string())):
            for found in (places_of(words, known), RunIndex(known).places_of(words)):
                assert found.dtype == np.intp
                assert found.tolist() == expected


def test_places_in_a_part_of_a_column() -> None:
    """Words that Arrow holds as a part of others are those of the part."""
    words = pa.array(["a", "bb", "ccc", "dd"], pa.string())
    assert RunIndex(words[1:]).places_of(words[2:4]).tolist() == [1, 2]
    assert RunIndex(words[:0]).places_of(words).tolist() == [-1] * 4


def test_places_in_a_column_of_several_pieces() -> None:
    """A column that was put together from parts lies in several pieces in memory."""
    column = pd.concat([pd.Series(["a", "bb"], dtype="str"), pd.Series(["ccc"], dtype="str")], ignore_index=True)
    assert column.array._pa_array.num_chunks == 2
    assert places_of(column, column.iloc[::-1]).tolist() == [2, 1, 0]
    assert RunIndex(column).places_of(column.iloc[1:]).tolist() == [1, 2]
