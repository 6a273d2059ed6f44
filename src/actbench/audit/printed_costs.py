"""Time beside score computed once more: a loop over the blocks of a study that hold every activation."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from actbench.audit.printed_rows import Row, per_seed, with_ends
from actbench.audit.raw_rows import BLOCK, Raw, chosen
from actbench.audit.resampled import mean_ends


def cost_accuracy(raw: Raw, study: str) -> Iterator[Row]:
    """Time of 1,000 updates, over the mean of the block's activations too, and score."""
    runs = chosen(raw, study)
    names = sorted(runs["activation"].unique())
    kept = [own for _, own in runs.groupby(BLOCK) if own["activation"].nunique() == len(names)]
    if not kept:
        return iter(())
    whole = pd.concat(kept)
    whole = whole.assign(time=1000 * whole["seconds"] / whole["steps"])
    ratios = np.array([_ratios(own, names) for own in kept]).T
    numbers = {
        name: {"relative": float(own.mean()), "relative_low": low, "relative_high": high, "n_blocks": len(kept)}
        for name, own, (low, high) in zip(names, ratios, mean_ends(ratios), strict=True)
    }
    rows = [
        ((name,), numbers[str(name)] | {"n_runs": len(own), "seconds": own["time"].mean()}, per_seed(own, "score"))
        for name, own in whole.groupby("activation")
    ]
    return with_ends(rows, "score")


def _ratios(block: pd.DataFrame, names: list[str]) -> list[float]:
    times = [float((block["seconds"] / block["steps"])[block["activation"] == name].mean()) for name in names]
    middle = sum(times) / len(times)
    return [time / middle if middle > 0 else 1.0 for time in times]
