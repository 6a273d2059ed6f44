"""Which networks have their decision boundary drawn."""

import pandas as pd

from actbench.analysis.metrics import add_metrics, choose_lr


def choose_boundary_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Choose one run an activation: its best condition by validation accuracy, the first seed that did not fail.

    The best condition has the highest mean of val_score over seeds, at its chosen learning rate; the lowest run key
    breaks a tie. An activation whose runs all failed is left out.

    Args:
        runs: the runs of one data set in the plane, columns of plan.schema.

    Returns:
        One row an activation, in the order of their names.
    """
    kept = choose_lr(add_metrics(runs))
    kept = kept.assign(mean=kept.groupby("condition")["val_score"].transform("mean"))
    kept = kept.assign(first_key=kept.groupby("condition")["run_key"].transform("min"))
    best = kept[~kept["failed"]].sort_values(
        ["activation", "mean", "first_key", "seed"], ascending=[True, False, True, True]
    )
    return best.drop_duplicates("activation").reset_index(drop=True)
