"""How much each activation depends on the learning rate: its scores at every rate that was tried."""

import pandas as pd

from actbench.analysis.intervals import over_seeds, shares
from actbench.analysis.metrics import CONDITION, choose_lr


def learning_rates(rows: pd.DataFrame) -> pd.DataFrame:
    """Average the scores of each activation at each learning rate over all conditions, and count where it is best.

    Args:
        rows: the runs at every learning rate, from `outcome_cube.outcomes`.

    Returns:
        Columns of stats_schema.LEARNING_RATES.
    """
    by = ["study", "activation", "lr"]
    per_seed = rows.groupby([*by, "seed"])["score"].mean().reset_index()
    joined = over_seeds(per_seed, by, "score").rename(columns={"mean": "score"})
    joined = joined.merge(shares(rows, by, "failed", "failure_rate"), on=by, validate="one_to_one")
    chosen = choose_lr(rows).drop_duplicates("condition").groupby(by).size().rename("n_chosen")
    tried = rows.drop_duplicates(["study", *CONDITION, "lr"]).groupby(by).size().rename("n_conditions")
    joined = joined.join(tried, on=by).join(chosen, on=by)
    return joined.assign(n_chosen=joined["n_chosen"].fillna(0).astype("int64"))
