"""Where runs stand among others, looked up in Arrow: a Python object for each of 100,000 keys takes the memory."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Places = np.ndarray[Any, np.dtype[np.intp]]


def places_of(keys: Any, among: Any) -> Places:
    """Return the place of each key among others, none of which repeats; -1 of a key that is not there.

    Args:
        keys: words, as a column, an index, a list or of Arrow.
        among: the same.
    """
    found = pc.index_in(_words(keys), value_set=_words(among))
    return np.asarray(found.fill_null(-1).to_numpy(), dtype=np.intp)


def _words(keys: Any) -> pa.Array:
    if isinstance(keys, pa.Array):
        return keys.cast(pa.large_string())
    return pa.array(getattr(keys, "array", keys), pa.large_string())
