"""When runs are evaluated."""

import pytest

from actbench.training.schedule import evaluation_steps, is_recorded


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


def test_few_moments_are_the_first_the_middle_and_the_last() -> None:
    """Of nine evaluations three are left, and what needs updates waits for them."""
    steps = evaluation_steps(1000)
    assert [step for step in steps if is_recorded("few", 0, step, steps)] == [0, 19, 1000]
    assert [step for step in steps if is_recorded("few", 1, step, steps)] == [19, 1000]
    assert [step for step in steps if is_recorded("always", 2, step, steps)] == list(steps[2:])
    assert [step for step in (0, 1) if is_recorded("few", 0, step, (0, 1))] == [0, 1]
