"""Quotable numbers: every number that a text may cite has a name, an interval, counts, and rows that it came from.

A family names one column of one statistic; each row of the statistic gives one number. `numbers.tex` has a macro for
each, and `actbench cite NAME` says where it came from.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from actbench.analysis.largest_study import largest_study
from actbench.analysis.statistic_file import read_statistic, stats_path
from actbench.analysis.stats_schema import STATS
from actbench.analysis.tables import RESULTS
from actbench.plan.config import Config
from actbench.plan.errors import ConfigError, nearest

DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


@dataclass(frozen=True)
class Family:
    """The numbers in one column of a statistic.

    statistic, value, low, high: the file and its columns; without low and high there is no interval.
    by: columns whose levels name the number, beside the family. where: column -> level of the rows that count.
    against: whose runs the number rests on beside those of its levels: of the `reference` in its row, of `all`
    activations of the study, or of nobody.
    unit: as the column's. figure: which one shows it, of the study that it draws. tabled: whether the main table does.
    meaning: what is quoted, in one phrase.
    """

    statistic: str
    value: str
    by: tuple[str, ...]
    unit: str
    meaning: str
    low: str = ""
    high: str = ""
    figure: str = ""
    tabled: bool = False
    where: Mapping[str, str] = field(default_factory=dict)
    against: str = ""


FAMILIES: dict[str, Family] = {
    "runs": Family("studies", "n_runs", ("study",), "runs", "runs of the study, at all learning rates"),
    "diverged": Family("studies", "n_diverged", ("study",), "runs", "runs of the study that diverged"),
    "rank": Family(
        "ranking", "rank", ("study", "activation"), "", "mean rank over blocks and seeds, 1 is best",
        "low", "high", "activation_ranking", tabled=True, against="all",
    ),
    "score": Family(
        "cost_accuracy", "score", ("study", "activation"), "fraction",
        "mean test accuracy over the ranked blocks and seeds", "low", "high", "cost_accuracy", tabled=True,
    ),
    "failure_rate": Family(
        "ranking", "failure_rate", ("study", "activation"), "fraction", "share of the ranked runs that failed",
        "failure_rate_low", "failure_rate_high", "activation_ranking", tabled=True,
    ),
    "difference": Family(
        "comparisons", "difference", ("study", "activation"), "fraction",
        "mean test accuracy less that of the reference, paired by block and seed",
        "low", "high", where={"scope": "overall"}, tabled=True, against="reference",
    ),
    "accuracy": Family(
        "by_depth", "score", ("study", "activation", "depth"), "fraction", "mean test accuracy at one depth",
        "low", "high", "accuracy_by_depth",
    ),
    "trained_share": Family(
        "trainable", "trained_share", ("study", "activation", "depth", "init"), "fraction",
        "share of the runs that trained, all norms and skips together",
        "trained_share_low", "trained_share_high", where={"norm": "all", "residual": "all"},
    ),
}  # fmt: skip

COLUMNS = [
    "name", "macro", "value", "low", "high", "unit", "meaning", "n_runs", "n_seeds", "n_blocks", "statistic", "rows",
    "figure", "tabled",
]  # fmt: skip


def quotable_numbers(config: Config, results: Path = RESULTS) -> pd.DataFrame:
    """Return one row for each quotable number of a config's statistics, in the order of FAMILIES.

    Returns:
        name (`rank/main/relu`), macro (`RankMainRelu`, letters only, as TeX wants), value, low and high (NaN where
        there is no interval), unit, meaning, n_runs, n_seeds and n_blocks (NA where the statistic does not say),
        statistic (the CSV file), rows (a pandas query that finds the row there), figure (empty where none draws it:
        figures and the main table show the study with the most runs) and tabled.
    """
    frames = {
        name: read_statistic(config, name, results) for name in {family.statistic for family in FAMILIES.values()}
    }
    studies = frames["studies"]
    numbers = pd.concat(
        [_numbers(name, family, frames[family.statistic], studies) for name, family in FAMILIES.items()]
    )
    numbers = numbers.assign(statistic=[stats_path(config.name, s, results).as_posix() for s in numbers["statistic"]])
    assert numbers["macro"].is_unique, "two numbers would have one macro"
    return numbers[COLUMNS].reset_index(drop=True)


def _numbers(name: str, family: Family, frame: pd.DataFrame, studies: pd.DataFrame) -> pd.DataFrame:
    shown = largest_study(studies, frame["study"])
    for column, level in family.where.items():
        frame = frame[frame[column] == level]
    frame = frame[frame[family.value].notna()]
    words = [[str(level) for level in levels] for levels in frame[list(family.by)].itertuples(index=False)]
    return pd.DataFrame(
        {
            "name": ["/".join([name, *own]) for own in words],
            "macro": [macro(name, *own) for own in words],
            "value": frame[family.value].astype("float64").to_numpy(),
            "low": _column(frame, family.low).astype("float64"),
            "high": _column(frame, family.high).astype("float64"),
            "unit": family.unit,
            "meaning": family.meaning,
            "n_runs": _column(frame, "n_runs").astype("Int64"),
            "n_seeds": _column(frame, "n_seeds").astype("Int64"),
            "n_blocks": _column(frame, "n_blocks").astype("Int64"),
            "statistic": family.statistic,
            "rows": [_query(family, levels) for levels in frame[list(family.by)].itertuples(index=False)],
            "figure": [family.figure if own else "" for own in frame["study"] == shown],
            "tabled": [family.tabled and own for own in frame["study"] == shown],
        }
    )


def _column(frame: pd.DataFrame, column: str) -> "pd.Series[Any]":
    """Return a column, or one of nothing but NaN where the statistic has none."""
    missing = pd.Series(float("nan"), index=frame.index)
    return frame.get(column, missing).reset_index(drop=True)


def _query(family: Family, levels: tuple[object, ...]) -> str:
    pairs = [*zip(family.by, levels, strict=True), *family.where.items()]
    return " and ".join(f"{column} == {level!r}" for column, level in pairs)


def macro(*words: str) -> str:
    """Spell a name in letters alone: `accuracy`, `main`, `relu`, `16` -> `AccuracyMainReluAtOneSix`."""
    marked = " ".join(f"At {word}" if word.isdecimal() else word for word in words)
    spelled = re.sub(r"\d", lambda digit: f" {DIGITS[int(digit[0])]} ", marked).replace(".", " Point ")
    spelled = spelled.replace("-", " Minus ")
    return "".join(word[0].upper() + word[1:] for word in re.split(r"[^A-Za-z]+", spelled) if word)


def find_number(numbers: pd.DataFrame, name: str) -> "pd.Series[Any]":
    """Return the number of a name or a macro; raise ConfigError with the nearest names."""
    wanted = name.removeprefix("\\")
    found = numbers[(numbers["name"] == wanted) | (numbers["macro"] == wanted)]
    if found.empty:
        raise ConfigError("cite", f"no number {name!r}; {nearest(wanted, [*numbers['name'], *numbers['macro']])}")
    return found.iloc[0]


assert all(family.statistic in STATS for family in FAMILIES.values()), "a family names a statistic"
