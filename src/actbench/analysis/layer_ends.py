"""Numbers of every layer before the first update and, of runs that are ok, after the last; their medians over runs.

Shape letters: R runs and one place more without a number, M moments, L layers, K entries of PROFILES, C cells, S runs
of a cell; in records B blocks and D diagnostics.
"""

import numpy as np
import pandas as pd

from actbench.analysis.json_rows import round_digits
from actbench.analysis.layer_records import Array, LayerRecords, diagnostics_of, flags_of

PROFILES = (
    "preactivation_std", "activation_std", "gradient_norm", "backward_norm",
    "zero_fraction", "saturated_fraction", "dead_fraction",
)  # fmt: skip
START, END = "start", "end"
MOMENTS = (END, START)  # by name


def ends_of(records: LayerRecords, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the numbers of PROFILES at both ends: run, its place in `runs`, moment, layer, diagnostic, value.

    Args:
        records: rows of `layers`.
        runs: columns steps and status of the runs that are looked for.
    """
    last = runs["steps"].where(runs["status"] == "ok", -1).to_numpy()
    at_start, at_end = records.step_B == 0, records.step_B == last[records.run_B]
    kept = records.kept((at_start | at_end)[:, None] & flags_of(PROFILES)) & (records.layer_R > 0)
    block = records.block_R[kept]
    return pd.DataFrame({
        "run": records.run_B[block].astype(np.int32),
        "moment": pd.Categorical.from_codes(at_start[block].astype(np.int8), pd.Index(MOMENTS)),
        "layer": records.layer_R[kept],
        "diagnostic": diagnostics_of(records.diagnostic_R[kept]),
        "value": records.value_R[kept],
    })  # fmt: skip


def profiles(own: pd.DataFrame, ends: pd.DataFrame, depths: Array) -> pd.DataFrame:
    """Take the median of each profile at each layer over the runs of each cell, to four digits.

    Args:
        own: columns study, cell, depth and run, its place in the frame that `ends_of` was given; in the order of cells.
        ends: from `ends_of`.
        depths: hidden layers of each run of that frame.

    Returns:
        study, cell, moment, layer, n_runs, PROFILES.
    """
    parts = []
    for depth, rows in own.groupby("depth"):
        cube_RMLK, place = _cube(ends[depths[ends["run"]] == depth], len(depths))
        for study, cells in rows.groupby("study"):
            parts.append(_medians(cube_RMLK, place[cells["run"]], cells["cell"].to_numpy()).assign(study=study))
    medians = pd.concat(parts, ignore_index=True)
    return medians.assign(**{name: round_digits(medians[name]) for name in PROFILES})


def _cube(ends: pd.DataFrame, n_runs: int) -> tuple[Array, Array]:
    """Return the numbers of all runs of a depth, nan where there is none, and the place of each run among them."""
    run, layer = ends["run"].to_numpy(), ends["layer"].to_numpy()
    recorded = np.flatnonzero(np.bincount(run, minlength=n_runs))
    place = np.full(n_runs, len(recorded))
    place[recorded] = np.arange(len(recorded))
    kind = pd.Index(PROFILES).get_indexer(ends["diagnostic"].cat.categories)[ends["diagnostic"].cat.codes]
    shape = len(recorded) + 1, len(MOMENTS), layer.max(initial=0), len(PROFILES)
    cube_RMLK = np.full(shape, np.nan)
    cube_RMLK[place[run], ends["moment"].cat.codes, layer - 1, kind] = ends["value"]
    return cube_RMLK, place


def _medians(cube_RMLK: Array, place: Array, cell: Array) -> pd.DataFrame:
    cells, first, n_C = np.unique(cell, return_index=True, return_counts=True)
    place_CS = np.full((len(cells), n_C.max()), len(cube_RMLK) - 1)
    place_CS[np.repeat(np.arange(len(cells)), n_C), np.arange(len(cell)) - np.repeat(first, n_C)] = place
    n_CML = np.any(~np.isnan(cube_RMLK[place_CS]), axis=4).sum(axis=1)
    ordered_CSMLK = np.sort(cube_RMLK[place_CS], axis=1)  # nan comes last
    n_CMLK = (~np.isnan(ordered_CSMLK)).sum(axis=1)
    low, high = (
        np.take_along_axis(ordered_CSMLK, middle[:, None], axis=1)[:, 0]
        for middle in (np.maximum(n_CMLK - 1, 0) // 2, n_CMLK // 2)
    )
    where = np.nonzero(n_CML)
    return pd.DataFrame({
        "cell": cells[where[0]],
        "moment": pd.Categorical.from_codes(where[1], pd.Index(MOMENTS)),
        "layer": where[2] + 1,
        "n_runs": n_CML[where],
        **dict(zip(PROFILES, ((low + high) / 2)[where].T, strict=True)),
    })  # fmt: skip
