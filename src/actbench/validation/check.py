"""One check: what was published or follows from calculus, what is measured here, and how far apart they may be."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """A named comparison.

    published: the value of the source. measure: computes ours. tolerance: largest absolute difference that passes;
    `at_most`: the published value is a bound, and ours may lie anywhere below it. unit: of all three.
    """

    name: str
    published: float
    measure: Callable[[], float]
    tolerance: float
    source: str
    at_most: bool = False
    unit: str = ""


@dataclass(frozen=True)
class Verdict:
    """What came out of a check."""

    name: str
    published: float
    measured: float
    tolerance: float
    passed: bool
    source: str
    unit: str
    at_most: bool


def verdict(check: Check) -> Verdict:
    """Measure and compare; a measured value that is not a number passes nothing."""
    measured = float(check.measure())
    distance = measured - check.published
    passed = distance <= check.tolerance if check.at_most else abs(distance) <= check.tolerance
    return Verdict(
        check.name, check.published, measured, check.tolerance, passed, check.source, check.unit, check.at_most
    )
