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


class RunIndex:
    """Keys among which others are looked up many times: sorted once, where `places_of` reads all of them each time.

    A key is a word of characters other than NUL.
    """

    def __init__(self, among: Any) -> None:
        """Sort the keys, none of which repeats."""
        words = _bytes(_words(among))
        self._order = np.argsort(words)
        self._sorted = words[self._order]

    def places_of(self, keys: Any) -> Places:
        """Return what the function of this name does."""
        words = _bytes(_words(keys))
        if not len(self._sorted):
            return np.full(len(words), -1, dtype=np.intp)
        at = np.searchsorted(self._sorted, words).clip(max=len(self._sorted) - 1)
        return np.where(self._sorted[at] == words, self._order[at], -1)


def _words(keys: Any) -> pa.Array:
    words = keys if isinstance(keys, pa.Array) else pa.array(getattr(keys, "array", keys), pa.large_string())
    return (words.combine_chunks() if isinstance(words, pa.ChunkedArray) else words).cast(pa.large_string())


def _bytes(words: pa.Array) -> Any:
    """Return the bytes of words, each filled up with NUL to the longest."""
    width = pc.max(pc.binary_length(words)).as_py() or 1
    filled = pc.ascii_rpad(words, width, "\0")
    return np.frombuffer(filled.buffers()[2] or b"", dtype=f"S{width}", count=len(words))
