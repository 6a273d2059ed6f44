"""`actbench boundaries CONFIG`: tabulate decision boundaries on the spirals, so that drawing them needs no torch."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from actbench.plan.config import load_config
from actbench.plan.design import Run, expand
from actbench.training.process import cache_folder, one_core, prepare_process

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from actbench.levels.dataset import Dataset

EXAMPLE = "actbench boundaries config/smoke.yaml"
DATASET = "spirals"  # two inputs, so that a boundary can be seen
SIDE = 60  # points of the grid along each axis
POINTS = 240  # test examples drawn
COLUMNS = ["run_key", "activation", "depth", "seed", "test_accuracy", "recorded_accuracy", "kind", "x", "y", "label"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("config", metavar="CONFIG", help="config file; its tables are results/<name>/tables/*.parquet")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the data sets (default: data)")
    parser.add_argument("--json", action="store_true", help="print the written file and its networks as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Train one network an activation again and write results/<name>/stats/boundaries.csv; no spirals, no rows.

    kind: grid, the answers of a network; test, examples with their labels; failed, an activation without a network.
    """
    prepare_process(cache_folder())  # before torch is imported: the trained numbers are those of `actbench train`
    import pandas as pd

    from actbench.analysis.boundary_runs import choose_boundary_runs
    from actbench.analysis.statistic_file import stats_path
    from actbench.analysis.tables import read_table, table_path
    from actbench.plan.checksums import made_from

    config = load_config(arguments.config)
    trained = read_table(config, "runs", filters=[("dataset", "==", DATASET)])
    publish = made_from(table_path(config.name, "runs"))
    chosen = choose_boundary_runs(trained)
    failed = sorted(set(trained["activation"]) - set(chosen["activation"]))
    runs = {item.key: item for item in expand(config, arguments.config).runs}
    pairs = [(runs[row["run_key"]], float(row["best_test_accuracy"])) for _, row in chosen.iterrows()]
    frames = _tabulate(pairs, arguments.data) if pairs else []
    frames.append(pd.DataFrame({"activation": failed, "kind": "failed"}, columns=COLUMNS))
    path = stats_path(config.name, "boundaries")
    _write(path, pd.concat(frames)[COLUMNS], publish)
    answer = {"file": path.as_posix(), "networks": len(pairs)}
    print(json.dumps(answer) if arguments.json else f"{answer['file']}: {answer['networks']} networks")
    return 0


def _write(path: Path, rows: "pd.DataFrame", publish: Callable[[Path, Path], None]) -> None:
    from actbench.plan.atomic_file import replacing

    with replacing(path, rename=publish) as (partial,):
        whole = dict.fromkeys(("depth", "seed", "label"), "Int64")
        rows.astype(whole).to_csv(partial, index=False, float_format="%.6g", lineterminator="\n")


def _tabulate(pairs: list[tuple[Run, float]], folder: Path) -> "list[pd.DataFrame]":
    """Return the answers of each run on the grid, and once the test examples with their labels."""
    import numpy as np

    from actbench.levels.dataset import load_dataset
    from actbench.training.boundaries import answers

    one_core()
    dataset = load_dataset(DATASET, folder)
    grid = _grid(dataset)
    asked = np.concatenate([grid, dataset.x_test])
    frames = []
    for run_, recorded in pairs:
        given = answers(run_, dataset, asked)
        accuracy = float((given[len(grid) :] == dataset.y_test).mean())
        rows = _rows("grid", grid, given[: len(grid)])
        frames.append(
            rows.assign(
                run_key=run_.key, activation=run_.activation, depth=run_.depth, seed=run_.seed,
                test_accuracy=accuracy, recorded_accuracy=recorded,
            )
        )  # fmt: skip
    points = _rows("test", dataset.x_test[:POINTS], dataset.y_test[:POINTS])
    return [*frames, points.reindex(columns=COLUMNS)]


def _grid(dataset: "Dataset") -> "NDArray[np.float32]":
    """Return SIDE x SIDE points over a square that holds all training examples: (SIDE², 2)."""
    import numpy as np

    reach = float(np.ceil(np.abs(dataset.x_train).max() * 10) / 10)
    along = np.linspace(-reach, reach, SIDE).round(3)
    return np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2).astype(np.float32)


def _rows(kind: str, x_BI: "NDArray[np.float32]", label_B: "NDArray[np.int64]") -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame({"kind": kind, "x": x_BI[:, 0], "y": x_BI[:, 1], "label": label_B})
