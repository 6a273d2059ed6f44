"""When to measure: a function of the number of steps, apart from what is measured."""

import math

POINTS = 8  # evaluations after the first update, evenly spaced on a log scale


def evaluation_steps(steps: int) -> tuple[int, ...]:
    """Return the steps at which a run is evaluated: 0, then log-spaced from 1 … `steps`, both ends included."""
    spaced = (round(math.exp(math.log(steps) * index / (POINTS - 1))) for index in range(POINTS))
    return (0, *sorted(set(spaced)))
