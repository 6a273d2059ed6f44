"""Where a quotable number came from: the runs behind it, the config, what trained them."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from actbench.analysis.numbers import FAMILIES
from actbench.analysis.statistic_file import read_statistic
from actbench.analysis.tables import RESULTS, read_table, table_path
from actbench.plan.config import Config


def runs_behind(config: Config, number: "pd.Series[Any]", results: Path = RESULTS) -> pd.DataFrame:
    """Return the rows of runs.parquet that a number rests on, at every learning rate that was tried.

    They are the runs of its study that have the levels in its name, and those that it is compared with: of the
    reference, or for a rank of all activations. The statistic keeps of each condition those at the learning rate
    chosen on validation data.
    """
    name, *levels = number["name"].split("/")
    family = FAMILIES[name]
    wanted = {factor: {level} for factor, level in zip(family.by, levels, strict=True)}
    if family.against == "reference":
        wanted["activation"] |= set(
            read_statistic(config, family.statistic, results).query(number["rows"])["reference"]
        )
    if family.against == "all":
        del wanted["activation"]
    (study,) = wanted.pop("study")
    members = read_table(config, "studies", results=results)
    own = set(members.loc[members["study"] == study, "run_key"])
    runs = read_table(config, "runs", results=results)
    runs = runs[runs["run_key"].isin(own)]
    for factor, known in wanted.items():
        runs = runs[runs[factor].astype(str).isin(known)]
    return runs.sort_values("run_key", ignore_index=True)


def describe_origin(config: Config, number: "pd.Series[Any]", results: Path = RESULTS) -> dict[str, Any]:
    """Return everything that `actbench cite` prints of a number: value, interval, counts, rows, figure, origin.

    Returns:
        Strings, numbers, lists of strings; None where there is nothing to say.
    """
    runs = runs_behind(config, number, results)
    facts: dict[str, Any] = json.loads(number.to_json(double_precision=15))
    facts["figure"] = f"figures/{config.name}/{number['figure']}.pdf" if number["figure"] else None
    facts["main_table"] = f"results/{config.name}/latex/main.tex" if facts.pop("tabled") else None
    return facts | {
        "config": config.name,
        "table": table_path(config.name, "runs", results).as_posix(),
        "table_rows": len(runs),
        "run_keys": runs["run_key"].tolist(),
        "numerics": _numerics(config, results),
        **{column: sorted(runs[column].unique()) for column in ("commit", "version", "torch", "device")},
    }


def _numerics(config: Config, results: Path) -> int:
    metadata = pq.read_schema(table_path(config.name, "runs", results)).metadata
    return int(metadata[b"actbench.numerics"])
