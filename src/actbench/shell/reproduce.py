"""`actbench reproduce CONFIG`: train some runs of a result set again, here, and compare every number."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actbench.training.process import cache_folder, device_kind, one_core, prepare_process
from actbench.training.stopping import stop_on_signals

if TYPE_CHECKING:
    from actbench.analysis.reproduction import Reproduction

EXAMPLE = "actbench reproduce config/smoke.yaml --sample 5 --seed 1"
CONFIG = "config/config.yaml"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    whose = f"config file whose results are reproduced (default: {CONFIG})"
    parser.add_argument("config", nargs="?", default=CONFIG, help=whose)
    parser.add_argument("--sample", type=int, required=True, metavar="K", help="number of runs, picked at random")
    parser.add_argument("--seed", type=int, default=0, help="which runs are picked (default: 0)")
    parser.add_argument("--tolerance", type=float, help="largest deviation of a final number (default: 0.1)")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results (default: results)")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the data sets (default: data)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Train the picked runs without the cache; 1 when one of them comes out different."""
    prepare_process(cache_folder())  # before numpy, torch and numba are imported
    stop_on_signals()
    from actbench.analysis.reproduction import COMPARED, DIFFERENT, TOLERANCE, compare_runs
    from actbench.analysis.shard_file import split_shard
    from actbench.analysis.tables import read_table, table_path
    from actbench.plan.config import load_config
    from actbench.plan.design import expand, sample_runs
    from actbench.plan.errors import ConfigError
    from actbench.training.device import use_device

    config = load_config(arguments.config)
    tolerance = TOLERANCE if arguments.tolerance is None else arguments.tolerance
    if not 0 <= tolerance < float("inf"):
        raise ConfigError("--tolerance", f"{tolerance} is no number from 0 on; give the largest that may pass")
    picked = sample_runs(expand(config, arguments.config), arguments.sample, arguments.seed)
    chosen = [("run_key", "in", [item.key for item in picked])]
    recorded = {
        table: read_table(config, table, filters=chosen, results=arguments.results)
        for table in COMPARED
        if table == "runs" or table_path(config.name, table, arguments.results).exists()
    }
    use_device(config.device)
    one_core()
    fresh = {name: table.to_pandas() for name, table in split_shard(_train(picked, arguments.data)).items()}
    found = compare_runs(recorded, fresh, tolerance)
    facts = {
        "tables": list(recorded),
        "tables_lacking": [table for table in COMPARED if table not in recorded],
        **_facts(found, sorted(set(recorded["runs"]["device"])), tolerance),
    }
    print(json.dumps(facts, allow_nan=False) if arguments.json else _text(facts))
    return 1 if found.counts()[DIFFERENT] else 0


def _train(picked: list[Any], data: Path) -> Any:
    """Train the runs in an empty cache that is thrown away: nothing finished before is taken for fresh."""
    from tempfile import TemporaryDirectory

    from actbench.levels.dataset import load_dataset
    from actbench.plan.shards import Shard
    from actbench.training.shard import train_shard

    datasets = {name: load_dataset(name, data) for name in {item.dataset for item in picked}}
    with TemporaryDirectory() as empty:
        return train_shard(Shard("reproduction", tuple(picked)), datasets, Path(empty), _quiet)


def _quiet(runs: Any, trained: bool) -> None:
    assert trained or not runs, "the cache was empty"


def _facts(found: "Reproduction", recorded_on: list[str], tolerance: float) -> dict[str, Any]:
    rows = found.runs.astype("object").where(found.runs.notna(), None)
    rows = rows.replace({float("inf"): None})
    counts = {verdict.replace("-", "_").replace(" ", "_"): count for verdict, count in found.counts().items()}
    largest = found.runs["deviation"].max()
    return {
        "n_runs": len(rows),
        **{f"n_{word}": count for word, count in counts.items()},
        "tolerance": tolerance,
        "largest_deviation": float(largest) if 0 <= largest < float("inf") else None,
        "recorded_on": recorded_on,
        "trained_on": device_kind(),
        "runs": rows.to_dict("records"),
    }


def _text(facts: dict[str, Any]) -> str:
    largest = facts["largest_deviation"]
    lines = [
        f"{facts['n_runs']} runs trained again on {facts['trained_on']}, recorded on {', '.join(facts['recorded_on'])}:"
        f" {facts['n_bit_equal']} bit-equal, {facts['n_within_tolerance']} within tolerance"
        f" ({facts['tolerance']:g}), {facts['n_different']} different",
        f"largest deviation of a final loss (relative) or accuracy: {'–' if largest is None else f'{largest:.3g}'}",
    ]
    if facts["tables_lacking"]:
        lines.append(f"not compared, because the result set lacks them: {', '.join(facts['tables_lacking'])}")
    for row in facts["runs"]:
        if row["verdict"] != "bit-equal":
            status = " → ".join(dict.fromkeys([row["status"], row["other_status"]]))
            most = "" if row["largest"] is None else f", most of all {row['where']}: {row['largest']:.3g}"
            lines.append(f"  {row['run_key']} {row['verdict']} ({status}){most}")
    return "\n".join(lines)
