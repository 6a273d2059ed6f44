"""When runs are evaluated."""

import pytest

from actbench.training.schedule import evaluation_steps


@pytest.mark.parametrize("steps", [1, 2, 7, 96, 500, 1000, 100_000])
def test_evaluations_run_from_start_to_end(steps: int) -> None:
    """The first evaluation is before training, the last after it, and steps increase."""
    at = evaluation_steps(steps)
    assert at[0] == 0
    assert at[-1] == steps
    assert list(at) == sorted(set(at))
    assert len(at) <= 9


def test_evaluations_are_log_spaced() -> None:
    """Steps grow by about the same factor."""
    assert evaluation_steps(500) == (0, 1, 2, 6, 14, 35, 85, 206, 500)
