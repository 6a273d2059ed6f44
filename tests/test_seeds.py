"""actbench.plan.seeds: common random numbers."""

import inspect
import itertools

from hypothesis import given
from hypothesis import strategies as st

from actbench.plan.seeds import stream


def test_streams_are_frozen() -> None:
    """The numbers are part of every trained result, so they stand here."""
    assert stream(0, "batches") == 1729136051881207733
    assert stream(7, "weight/3") == 8534657421589346189


def test_streams_do_not_know_the_condition() -> None:
    """A stream follows from the seed and the purpose alone: all conditions share their noise."""
    assert list(inspect.signature(stream).parameters) == ["seed", "purpose"]


def test_streams_differ() -> None:
    """Seeds and purposes never share a stream, also where their digits run together."""
    names = ["weight/1", "weight/11", "bias/1", "batches", "1/weight"]
    streams = [stream(seed, name) for seed, name in itertools.product(range(200), names)]
    assert len(set(streams)) == len(streams)


@given(st.integers(0, 2**31 - 1), st.text())
def test_streams_fit_a_generator(seed: int, purpose: str) -> None:
    """Every stream is a whole number of 63 bits, which torch and numpy both take."""
    assert 0 <= stream(seed, purpose) < 2**63
