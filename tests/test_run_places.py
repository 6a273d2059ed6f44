"""Places of keys, looked up in Arrow and one by one."""

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from actbench.analysis.run_places import places_of

KEYS = st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=4), unique=True, max_size=20)


@given(KEYS, st.lists(st.integers(0, 25), max_size=30))
def test_the_place_is_that_of_a_list(among: list[str], drawn: list[int]) -> None:
    """Each key has the place that `list.index` gives, -1 where it is not there; a column, an index and Arrow alike."""
    others = [key for key in ("x", "yy", "zzzzz") if key not in among]
    keys = [[*among, *others][place % len([*among, *others])] for place in drawn]
    expected = [among.index(key) if key in among else -1 for key in keys]
    for words in (keys, pd.Series(keys, dtype="str"), pd.Index(keys, dtype="str"), pa.array(keys, pa.string())):
        for known in (among, pd.Series(among, dtype="str"), pa.array(among, pa.string())):
            found = places_of(words, known)
            assert found.dtype == np.intp
            assert found.tolist() == expected
