"""Numbers of every layer before the first update and, of runs that are ok, after the last; their medians over runs.

Shape letters: R runs, N those of one depth and one place more without a number, M moments, L layers, K entries of
PROFILES, C cells, S runs of a cell; in records B blocks and D diagnostics.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from actbench.analysis.json_rows import round_digits
from actbench.analysis.layer_records import Array, LayerRecords, flags_of, names

PROFILES = (
    "preactivation_std", "activation_std", "gradient_norm", "backward_norm",
    "zero_fraction", "saturated_fraction", "dead_fraction",
)  # fmt: skip
START, END = "start", "end"
MOMENTS = (END, START)  # by name


@dataclass(frozen=True)
class Ends:
    """The numbers of PROFILES at both ends, nan where none was recorded: a cube (N, M, L, K) for each depth.

    depth_R: hidden layers of each run. place_R: its place in the cube of its depth.
    """

    depth_R: Array
    place_R: Array
    cubes: dict[int, Array]


def no_ends(runs: pd.DataFrame) -> Ends:
    """Return room for the numbers of these runs, of which none is known: column depth."""
    depth_R = runs["depth"].to_numpy()
    n_runs = {int(depth): int((depth_R == depth).sum()) for depth in np.unique(depth_R)}
    cubes = {
        depth: np.full((n + 1, len(MOMENTS), depth + 1, len(PROFILES)), np.nan, dtype=np.float32)
        for depth, n in n_runs.items()
    }
    return Ends(depth_R, runs.groupby("depth").cumcount().to_numpy(), cubes)


def add_ends(ends: Ends, records: LayerRecords, runs: pd.DataFrame) -> None:
    """Add the numbers of some runs.

    Args:
        ends: of `runs`, from `no_ends`.
        records: rows of `layers`.
        runs: columns steps and status of the runs that are looked for.
    """
    last = runs["steps"].where(runs["status"] == "ok", -1).to_numpy()
    at_start, at_end = records.step_B == 0, records.step_B == last[records.run_B]
    kept = records.kept((at_start | at_end)[:, None] & flags_of(PROFILES)) & (records.layer_R > 0)
    block, layer = records.block_R[kept], records.layer_R[kept] - 1
    run, moment = records.run_B[block], at_start[block].astype(np.intp)
    kind = pd.Index(PROFILES).get_indexer(pd.Index(names()))[records.diagnostic_R[kept]]
    for depth in np.unique(ends.depth_R[run]):
        own = ends.depth_R[run] == depth
        where = ends.place_R[run[own]], moment[own], layer[own], kind[own]
        ends.cubes[int(depth)][where] = records.value_R[kept][own]


def profiles(cells: pd.DataFrame, ends: Ends) -> pd.DataFrame:
    """Take the median of each profile at each layer over the runs of each cell, to four digits.

    Args:
        cells: columns study, cell, depth and run, its place among those of `ends`; in the order of cells.
        ends: from `add_ends`.

    Returns:
        study, cell, moment, layer, n_runs, PROFILES.
    """
    parts = []
    for depth, cube_NMLK in ends.cubes.items():
        for study, rows in cells[cells["depth"] == depth].groupby("study"):
            place = ends.place_R[rows["run"]]
            parts.append(_medians(cube_NMLK, place, rows["cell"].to_numpy()).assign(study=study))
    medians = pd.concat(parts, ignore_index=True)
    return medians.assign(**{name: round_digits(medians[name]) for name in PROFILES})


def _medians(cube_NMLK: Array, place: Array, cell: Array) -> pd.DataFrame:
    cells, first, n_C = np.unique(cell, return_index=True, return_counts=True)
    place_CS = np.full((len(cells), n_C.max()), len(cube_NMLK) - 1)
    place_CS[np.repeat(np.arange(len(cells)), n_C), np.arange(len(cell)) - np.repeat(first, n_C)] = place
    n_CML = np.any(~np.isnan(cube_NMLK[place_CS]), axis=4).sum(axis=1)
    ordered_CSMLK = np.sort(cube_NMLK[place_CS], axis=1)  # nan comes last
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
        **dict(zip(PROFILES, ((low.astype(np.float64) + high) / 2)[where].T, strict=True)),
    })  # fmt: skip
