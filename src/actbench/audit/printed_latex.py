"""Tables and macros for papers against the statistics that they quote, each number to the digits that it shows."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from actbench.audit.printed_rows import differing, spelled
from actbench.audit.raw_rows import read_printed
from actbench.audit.summary_table import parse

Read = Callable[[str], pd.DataFrame]
NUMBER = re.compile(r"(?<![\w.])-?\d[\d.]*(?:e[+-]?\d+)?")
COMMAND = re.compile(r"\\newcommand\{\\(\w+)\}\{([^}]*)\}")


class Quoted(NamedTuple):
    """Where the numbers of a family stand: a statistic, its column, what names a row, the interval, other levels."""

    statistic: str
    value: str
    by: tuple[str, ...]
    low: str = ""
    high: str = ""
    where: tuple[tuple[str, str], ...] = ()


PLAIN = (("norm", "all"), ("residual", "all"))
QUOTED = {
    "runs": Quoted("studies", "n_runs", ("study",)),
    "diverged": Quoted("studies", "n_diverged", ("study",)),
    "rank": Quoted("ranking", "rank", ("study", "activation"), "low", "high"),
    "score": Quoted("cost_accuracy", "score", ("study", "activation"), "low", "high"),
    "failure_rate": Quoted(
        "ranking", "failure_rate", ("study", "activation"), "failure_rate_low", "failure_rate_high"
    ),
    "difference": Quoted(
        "comparisons", "difference", ("study", "activation"), "low", "high", (("scope", "overall"),)
    ),
    "accuracy": Quoted("by_depth", "score", ("study", "activation", "depth"), "low", "high"),
    "trained_share": Quoted(
        "trainable", "trained_share", ("study", "activation", "depth", "init"),
        "trained_share_low", "trained_share_high", PLAIN,
    ),
}  # fmt: skip
MAIN = ["rank", "rank_low", "rank_high", "score", "failure_rate", "difference", "difference_low", "difference_high"]
MAIN += ["p_holm", "n_blocks", "n_runs", "n_seeds"]
FILES = ("numbers.tex", "numbers.json", "main.tex", "main.md", "main.csv")


def audit_latex(folder: Path, stats: Path) -> tuple[int, list[str]]:
    """Compare results/<name>/latex with results/<name>/stats."""

    def read(name: str) -> pd.DataFrame:
        return read_printed(stats / f"{name}.csv")

    expected, table = dict(_quoted(read)), _main_table(read)
    found = list(_json(json.loads((folder / "numbers.json").read_text(encoding="utf-8")), expected))
    found += _macros((folder / "numbers.tex").read_text(encoding="utf-8"), expected)
    found += _main_csv(read_printed(folder / "main.csv"), table)
    for name in ("main.tex", "main.md"):
        found += _main_text(
            name, (folder / name).read_text(encoding="utf-8").replace(r"\_", "_").replace("$", ""), table
        )
    return len(found), [line for line in found if line]


def shows(text: str, value: float) -> bool:
    """Tell whether a text is the number, to the digits that it has."""
    number = parse(text, text)
    return number is not None and abs(float(number) - value) <= number.half * (1 + 1e-9) + 1e-12 * abs(value)


def _quoted(read: Read) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield each name that may be quoted and its numbers."""
    for family, quoted in QUOTED.items():
        for row in read(quoted.statistic).to_dict("records"):
            if np.isnan(row[quoted.value]) or any(row[column] != level for column, level in quoted.where):
                continue
            numbers = {"value": row[quoted.value], "low": row.get(quoted.low, np.nan)}
            numbers |= {"high": row.get(quoted.high, np.nan), "n_runs": row.get("n_runs", np.nan)}
            yield (
                "/".join([family, *spelled(row[key] for key in quoted.by)]),
                numbers | {"n_seeds": row.get("n_seeds", np.nan)},
            )


def _json(printed: dict[str, Any], expected: dict[str, dict[str, float]]) -> Iterator[str]:
    """Yield a line for each number, empty where it is right."""
    yield from (f"numbers.json: {name}: not in the statistics" for name in printed.keys() - expected.keys())
    for name, numbers in expected.items():
        row = printed.get(name)
        for key, value in numbers.items():
            found = np.nan if row is None or row[key] is None else float(row[key])
            wrong = row is None or differing(value, found)
            yield f"numbers.json: {name}: {key} is {found:.10g}, the statistics hold {value:.10g}" if wrong else ""


def _macros(text: str, expected: dict[str, dict[str, float]]) -> Iterator[str]:
    seen: dict[str, list[tuple[str, str]]] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("% ") and ": " in line:
            name = line[2:].partition(": ")[0]
        elif match := COMMAND.fullmatch(line):
            seen.setdefault(name, []).append((match[1], match[2]))
    yield from (f"numbers.tex: {name}: not in the statistics" for name in seen.keys() - expected.keys())
    for name, numbers in expected.items():
        values = [value for value in (numbers["value"], numbers["low"], numbers["high"]) if not np.isnan(value)]
        macros = seen.get(name, [])
        yield "" if len(macros) == len(values) else f"numbers.tex: {name}: {len(macros)} macros, not {len(values)}"
        for (macro, shown), value in zip(macros, values, strict=False):
            yield "" if shows(shown, value) else f"numbers.tex: \\{macro} is {shown}, the statistics hold {value:.10g}"


def _main_table(read: Read) -> pd.DataFrame:
    """Return the rows of the largest study that has ranks, by activation, beside their differences."""
    sizes, ranking = read("studies").set_index("study")["n_runs"], read("ranking")
    study = sizes[sizes.index.isin(set(ranking["study"]))].idxmax()
    ranks = ranking[ranking["study"] == study].set_index("activation")
    compared = read("comparisons")
    compared = compared[(compared["study"] == study) & (compared["scope"] == "overall")].set_index("activation")
    ranks = ranks.rename(columns={"low": "rank_low", "high": "rank_high"})
    names = {"low": "difference_low", "high": "difference_high"}
    joined = ranks.join(compared.rename(columns=names)[["difference", *names.values(), "p_holm"]])
    return joined[MAIN].astype("float64")


def _main_csv(printed: pd.DataFrame, table: pd.DataFrame) -> Iterator[str]:
    if sorted(printed["activation"]) != sorted(table.index):
        yield "main.csv: its activations are not those of the ranking"
        return
    for row in printed.to_dict("records"):
        for column, value in table.loc[row["activation"]].items():
            wrong = differing(float(value), float(row[str(column)]))
            yield (
                f"main.csv: {row['activation']}: {column} is {row[str(column)]:.10g}, not {value:.10g}" if wrong else ""
            )


def _main_text(name: str, text: str, table: pd.DataFrame) -> Iterator[str]:
    lines = {cells[0]: cells[1:] for cells in map(_cells, text.splitlines()) if cells and cells[0] in table.index}
    for activation, row in table.drop(columns="n_blocks").iterrows():
        shown = [word for cell in lines.get(str(activation), []) for word in NUMBER.findall(cell)]
        values = [value for value in row if not np.isnan(value)]
        if len(shown) != len(values):
            yield f"{name}: {activation}: {len(shown)} numbers, the statistics hold {len(values)}"
        for word, value in zip(shown, values, strict=False):
            yield "" if shows(word, value) else f"{name}: {activation}: {word}, the statistics hold {value:.10g}"


def _cells(line: str) -> list[str]:
    cells = [cell.strip() for cell in re.split(r"[|&]", line.replace("\\\\", ""))]
    return [cell for cell in cells if cell]
