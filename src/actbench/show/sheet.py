"""Tables of the report: which rows and columns of a statistic the page shows, and how their cells are written."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

import pandas as pd

MOST_ROWS = 60
WARNINGS = 6  # of each study
SMALLEST_P = 0.0001
PROBABILITIES = ("p", "p_holm", "p_adjusted")
LONG = ("question", "note", "statement")
LISTS = ("holds_under", "fails_under")  # of cases, between bars
BAR = " | "
# Letters beyond which a cell has lines, a list has lines, lists and notes are folded; letters of a folded note.
WRAPPED, CASES_WRAPPED, FOLDED, START = 40, 20, 80, 40


@dataclass(frozen=True)
class Choice:
    """What the page shows of one statistic: columns and, with `choose`, some of its rows in some order."""

    statistic: str
    title: str
    note: str
    columns: tuple[str, ...]
    choose: Callable[[pd.DataFrame], pd.DataFrame] = lambda rows: rows
    by_study: bool = True


@dataclass(frozen=True)
class Cell:
    """One cell: its text, its kind (classes: `number`, `long`, `cases` or nothing) and, if not by its text, its order.

    summary: what stands there until the reader asks for the items, or the whole text where there are none.
    """

    text: str
    kind: str = ""
    order: str = ""
    summary: str = ""
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class Heading:
    """One column's heading."""

    label: str
    number: bool


@dataclass(frozen=True)
class Sheet:
    """One table, ready to be written as HTML."""

    name: str
    title: str
    note: str
    columns: list[Heading]
    rows: list[list[Cell]]
    total: int


def _overall(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["scope"] == "overall"].sort_values("difference", ascending=False, kind="stable")


def _by_rank(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values(["rank", "activation"], kind="stable")


def _most_failed(rows: pd.DataFrame) -> pd.DataFrame:
    failed = rows[rows["n_failed"] > 0]
    return failed.sort_values(["failure_rate", "n_runs"], ascending=False, kind="stable")


def _best_warnings(rows: pd.DataFrame) -> pd.DataFrame:
    best = rows[rows["best"] == 1].sort_values("auc", ascending=False, kind="stable")
    return best.groupby("study").head(WARNINGS)


STUDIES = Choice(
    "studies",
    "Studies",
    "Runs over all learning rates, by what became of them.",
    ("study", "question", "n_runs", "n_ok", "n_diverged", "n_error", "n_seeds", "n_conditions"),
)
CHOICES = (
    Choice(
        "ranking",
        "Ranking",
        "Mean rank over blocks and seeds, 1 is best, with 95 % intervals over seeds, learning rates chosen"
        " again in each resample; failed runs rank last.",
        ("study", "activation", "rank", "low", "high", "score", "failure_rate", "n_runs", "n_seeds", "note"),
        _by_rank,
    ),
    Choice(
        "comparisons",
        "Comparisons with a reference",
        "Difference in test accuracy from the reference in the same blocks and seeds, all depths together; p by the"
        " Wilcoxon signed-rank test over blocks, after Holm's correction within a study.",
        (
            "study", "activation", "reference", "difference", "low", "high", "p_holm", "share_better",
            "failure_rate", "reference_failure_rate", "n_blocks", "n_seeds", "note",
        ),
        _overall,
    ),
    Choice(
        "by_depth",
        "Failure rates",
        "Activations and depths with the highest shares of failed runs, with Wilson's 95 % intervals.",
        (
            "study", "activation", "depth", "n_failed", "n_runs", "failure_rate", "failure_rate_low",
            "failure_rate_high", "score", "note",
        ),
        _most_failed,
        by_study=False,
    ),
    Choice(
        "early_warning",
        "Early warning",
        "How well a diagnostic of the first 2 % of the updates tells the runs that do not train: area under the ROC"
        " curve with 95 % bootstrap intervals over seeds; threshold and direction are chosen on all seeds but the one"
        " on which sensitivity and specificity are counted.",
        (
            "study", "diagnostic", "layers", "step", "direction", "auc", "low", "high", "held_out_auc", "sensitivity",
            "specificity", "n_untrained", "n_runs", "n_seeds", "note",
        ),
        _best_warnings,
    ),
)  # fmt: skip


CLAIMS = (
    "id", "statement", "source", "kind", "verdict", "effect", "low", "high", "unit", "p_adjusted", "family", "n_runs",
    "n_seeds", "holds_under", "fails_under", "figure", "note",
)  # fmt: skip
CLAIM_TESTS = (
    "id", "test", "study", "rule", "quantity", "direction", "margin", "effect", "low", "high", "unit", "p", "n_runs",
    "n_seeds", "verdict", "note",
)  # fmt: skip


def make_sheet(choice: Choice, rows: pd.DataFrame, studies: Iterable[str]) -> Sheet:
    """Choose the rows and columns of a statistic and write every cell as text; at most MOST_ROWS rows.

    Rows stand in the order of the studies in the config, or in that of `choice` alone where that cuts across studies.
    """
    chosen = choice.choose(rows)
    if choice.by_study:
        places = {name: place for place, name in enumerate(studies)}
        chosen = chosen.sort_values("study", key=lambda names: names.map(places), kind="stable")
    shown = chosen[list(choice.columns)].head(MOST_ROWS)
    left_out = f" The first {MOST_ROWS} of {len(chosen)} rows." if len(chosen) > MOST_ROWS else ""
    return frame_sheet(choice.statistic, choice.title, choice.note + left_out, shown, len(rows))


def frame_sheet(name: str, title: str, note: str, shown: pd.DataFrame, total: int) -> Sheet:
    """Write every cell of a frame as text."""
    numbers = {column: pd.api.types.is_numeric_dtype(shown[column]) for column in shown}
    headings = [Heading(str(column).replace("_", " "), numbers[column]) for column in shown]
    cells = [list(map(write_cell, shown.columns, row)) for row in shown.itertuples(index=False, name=None)]
    return Sheet(name, title, note, headings, cells, total)


def write_cell(column: str, value: Any) -> Cell:
    """Write one value: three decimals, whole numbers with separators, small p-values as a bound, nothing for none."""
    if pd.isna(value):
        return Cell("")
    if isinstance(value, str):
        return _write_words(column, value)
    exact = f"{float(value):.10g}"
    if column in PROBABILITIES:
        return Cell(f"< {SMALLEST_P}" if value < SMALLEST_P else f"{value:.4f}", "number", exact)
    whole = float(value).is_integer() and (column.startswith("n_") or column in ("depth", "runs", "numerics"))
    return Cell(f"{int(value):,}" if whole else f"{value:.3f}", "number", exact)


def _write_words(column: str, words: str) -> Cell:
    if column in LISTS:
        items = tuple(words.split(BAR)) if len(words) > FOLDED else ()
        kind = "cases" if len(words) > CASES_WRAPPED else ""
        return Cell(words, kind, words, f"{len(items)} cases", items) if len(items) > 1 else Cell(words, kind)
    if column == "note" and len(words) > FOLDED:
        return Cell(words, "cases", words, shorten(words, START, placeholder=" …"))
    if column == "verdict":
        return Cell(words, f"verdict {words}")
    return Cell(words, "long" if column in LONG and len(words) > WRAPPED else "")
