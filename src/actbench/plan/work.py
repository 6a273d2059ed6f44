"""How much arithmetic a run needs, for estimates of the time left."""

from actbench.plan.design import Run


def run_work(run: Run) -> float:
    """Return the multiply-adds of one run's training, forward and backward: 3 · steps · batch · (depth + 1) · width².

    The first and the last layer are counted like a hidden one: the plan knows neither inputs nor classes.
    """
    return 3.0 * run.steps * run.batch_size * (run.depth + 1) * run.width**2
