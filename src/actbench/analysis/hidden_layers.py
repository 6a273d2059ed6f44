"""Each diagnostic of each run at each step as a few numbers over the hidden layers.

Shape letters: R rows, B blocks (one run at one step), D diagnostics, C cells: a diagnostic in a block.
"""

from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.layer_records import Array, LayerRecords, diagnostics_of

REDUCTIONS = ("first", "last", "lowest", "highest")  # of the hidden layers 1 … depth


def reduce_hidden(records: LayerRecords, depths: Array, wanted_BD: Array) -> pd.DataFrame:
    """Reduce each wanted diagnostic of each block to its first, last, lowest and highest hidden layer and their mean.

    Of a diagnostic of the whole network (layer 0) all are the number itself. What was not recorded has no row.

    Args:
        records: rows of `layers`.
        depths: hidden layers of each run that is looked for.
        wanted_BD: which diagnostics of which blocks.

    Returns:
        run, step, diagnostic, REDUCTIONS, mean.
    """
    depth_R = depths[records.run_B][records.block_R]
    kept = records.kept(wanted_BD) & (records.layer_R <= depth_R) & ~np.isnan(records.value_R)
    cell, layer, value = records.cell_R()[kept], records.layer_R[kept], records.value_R[kept]
    n_R = np.bincount(cell, minlength=wanted_BD.size)
    found = np.flatnonzero(n_R)
    block, diagnostic = np.divmod(found, wanted_BD.shape[1])
    columns: dict[str, Any] = {
        "run": records.run_B[block].astype(np.int32),
        "step": records.step_B[block],
        "diagnostic": diagnostics_of(diagnostic),
    }
    columns |= _ends(cell, layer, value, depth_R[kept], wanted_BD.size, found)
    columns["mean"] = np.bincount(cell, weights=value, minlength=wanted_BD.size)[found] / n_R[found]
    return pd.DataFrame(columns)


def _ends(cell: Array, layer: Array, value: Array, depth: Array, size: int, found: Array) -> dict[str, Array]:
    first, last = (np.full(size, np.nan, dtype=np.float32) for _ in range(2))
    for column, chosen in ((first, layer <= 1), (last, (layer == depth) | (layer == 0))):
        column[cell[chosen]] = value[chosen]
    lowest, highest = (np.full(size, end, dtype=np.float32) for end in (np.inf, -np.inf))
    np.minimum.at(lowest, cell, value)
    np.maximum.at(highest, cell, value)
    return dict(zip(REDUCTIONS, (column[found] for column in (first, last, lowest, highest)), strict=True))
