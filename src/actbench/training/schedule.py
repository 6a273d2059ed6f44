"""When to measure: a function of the number of steps, apart from what is measured."""

import math
from collections.abc import Sequence

POINTS = 8  # evaluations after the first update, evenly spaced on a log scale


def evaluation_steps(steps: int) -> tuple[int, ...]:
    """Return the steps at which a run is evaluated: 0, then log-spaced from 1 … `steps`, both ends included."""
    spaced = (round(math.exp(math.log(steps) * index / (POINTS - 1))) for index in range(POINTS))
    return (0, *sorted(set(spaced)))


def is_recorded(when: str, after: int, step: int, steps: Sequence[int]) -> bool:
    """Tell whether a diagnostic is recorded at an evaluated step: see `levels.diagnostics.Diagnostic`.

    Args:
        when: `always`, or `few`: the first, the middle and the last of `steps`.
        after: updates that must have been made before.
        step: one of `steps`.
        steps: the evaluated steps of the run, from `evaluation_steps`.
    """
    few = (steps[0], steps[len(steps) // 2], steps[-1])
    return step >= after and (when == "always" or step in few)
