"""Records of layers joined to their runs by number: joining them by key, a text, takes most of the time."""

from collections.abc import Iterable

import pandas as pd


def records_of(runs: pd.DataFrame, layers: pd.DataFrame, diagnostics: Iterable[str]) -> pd.DataFrame:
    """Return the records of these runs and diagnostics: run, its place in `runs`, step, layer, diagnostic and value.

    runs: one row for each run_key. layers: columns run_key, diagnostic, step, layer, value.
    """
    words = layers[["run_key", "diagnostic"]].astype("category")
    key, diagnostic = words["run_key"].cat, words["diagnostic"].cat
    run = pd.Index(runs["run_key"]).get_indexer(key.categories)[key.codes]
    wanted = diagnostic.categories.isin(list(diagnostics))[diagnostic.codes] & (run >= 0)
    own: pd.DataFrame = layers.loc[wanted, ["step", "layer", "value"]].astype({"value": "float64"})
    return own.assign(run=run[wanted], diagnostic=words.loc[wanted, "diagnostic"])
