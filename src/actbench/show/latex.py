"""For papers: the main table as LaTeX, Markdown and CSV, one macro a quotable number, and how to cite it all."""

import json
import math
import re
from pathlib import Path

import pandas as pd

from actbench.analysis.numbers import quotable_numbers
from actbench.analysis.run_origin import made_by
from actbench.analysis.statistic_file import read_statistic
from actbench.analysis.tables import RESULTS, table_path
from actbench.plan.atomic_file import replacing
from actbench.plan.checksums import made_from
from actbench.plan.config import Config
from actbench.show.citation import bibtex
from actbench.show.study import main_study

FILES = ("numbers.tex", "numbers.json", "main.tex", "main.md", "actbench.bib", "main.csv")
DASH = "–"


def latex_folder(name: str, results: Path = RESULTS) -> Path:
    """Return results/<name>/latex."""
    return results / name / "latex"


def write_latex(config: Config, results: Path = RESULTS) -> list[Path]:
    """Write results/<name>/latex/{numbers.*,main.*,actbench.bib} and return the paths."""
    numbers, table = quotable_numbers(config, results), main_table(config, results)
    paths = [latex_folder(config.name, results) / file for file in FILES]
    commits = made_by(config, results)["commit"].split(",")
    texts = (
        numbers_tex(numbers),
        numbers_json(numbers),
        table_tex(table),
        table_md(table),
        bibtex(commits) + "\n",
        None,
    )
    with replacing(*paths, rename=made_from(table_path(config.name, "runs", results))) as partial:
        for path, text in zip(partial, texts, strict=True):
            if text is None:
                table.to_csv(path, index=False, float_format="%.10g", lineterminator="\n")
            else:
                path.write_text(text, encoding="utf-8", newline="\n")
    return paths


def numbers_tex(numbers: pd.DataFrame) -> str:
    r"""Write `\newcommand{\RankMainRelu}{3.2}` for each number, with `…Low` and `…High` where there is an interval."""
    lines = ["% made by `actbench latex`; `actbench cite NAME` says where a number came from"]
    for row in numbers.to_dict("records"):
        lines.append(f"% {row['name']}: {row['meaning']}" + (f" ({row['unit']})" if row["unit"] else ""))
        lines.append(_command(row["macro"], row["value"]))
        if not math.isnan(row["low"]):
            lines += [_command(f"{row['macro']}{end}", row[end.lower()]) for end in ("Low", "High")]
    return "\n".join(lines) + "\n"


def _command(macro: str, value: float) -> str:
    return f"\\newcommand{{\\{macro}}}{{{printed(value)}}}"


def printed(value: float) -> str:
    """Print a number as a text quotes it: whole, or with three significant digits and at most 4 decimals.

    A figure is never rounded to 0 while it is not 0.
    """
    if value == round(value) and abs(value) < 1e15:
        return f"{value:.0f}"
    if abs(value) >= 100:
        return f"{value:.1f}"
    decimals = 2 - math.floor(math.log10(abs(value)))
    return f"{value:.{min(decimals, 4)}f}" if abs(value) >= 1e-4 else f"{value:.1e}"


def numbers_json(numbers: pd.DataFrame) -> str:
    """Write the same numbers as JSON: name -> value, low, high, unit, n_runs, n_seeds, …; null where there is none."""
    records = json.loads(numbers.to_json(orient="records", double_precision=15))
    return json.dumps({record.pop("name"): record for record in records}, indent=1, sort_keys=True) + "\n"


def main_table(config: Config, results: Path = RESULTS) -> pd.DataFrame:
    """Return the main results, a row an activation, best rank first: rank, accuracy, failures, difference, p.

    Columns: activation, rank, rank_low, rank_high, score, failure_rate, difference, difference_low, difference_high,
    p_holm, n_blocks, n_runs, n_seeds; the difference is to the reference activation, which has none.
    """
    studies = read_statistic(config, "studies", results)
    ranks = main_study(studies, read_statistic(config, "ranking", results))
    compared = main_study(studies, read_statistic(config, "comparisons", results))
    compared = compared[compared["scope"] == "overall"][["activation", "difference", "low", "high", "p_holm"]]
    ranks = ranks.rename(columns={"low": "rank_low", "high": "rank_high"})
    compared = compared.rename(columns={"low": "difference_low", "high": "difference_high"})
    table = ranks.merge(compared, how="left", on="activation", validate="one_to_one")
    columns = ["activation", "rank", "rank_low", "rank_high", "score", "failure_rate"]
    columns += ["difference", "difference_low", "difference_high", "p_holm", "n_blocks", "n_runs", "n_seeds"]
    return table.sort_values(["rank", "activation"], ignore_index=True)[columns]


def table_tex(table: pd.DataFrame) -> str:
    """Write the main table as a booktabs `tabular`."""
    spelled = _spelled(table).map(_in_tex)
    text: str = spelled.to_latex(index=False, escape=False, column_format="l" + "r" * (spelled.shape[1] - 1))
    return "% made by `actbench latex`; needs \\usepackage{booktabs}\n" + text


def _in_tex(cell: str) -> str:
    """Spell underscores, dashes and the signs of numbers as TeX wants them."""
    return re.sub(r"(?<!\w)-(?=\d)", "$-$", cell.replace("_", r"\_")).replace(DASH, "--")


def table_md(table: pd.DataFrame) -> str:
    """Write the main table in Markdown."""
    spelled = _spelled(table)
    rows = [list(spelled.columns), ["---"] * spelled.shape[1], *spelled.to_numpy().tolist()]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def _spelled(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "activation": row["activation"],
                "mean rank": _within(row["rank"], row["rank_low"], row["rank_high"]),
                "accuracy": _within(row["score"]),
                "failed": _within(row["failure_rate"]),
                "difference": _within(row["difference"], row["difference_low"], row["difference_high"]),
                "p (Holm)": DASH if math.isnan(row["p_holm"]) else f"{row['p_holm']:.2g}",
                "runs": str(row["n_runs"]),
                "seeds": str(row["n_seeds"]),
            }
            for row in table.to_dict("records")
        ]
    )


def _within(value: float, low: float = math.nan, high: float = math.nan) -> str:
    if math.isnan(value):
        return DASH
    return printed(value) + ("" if math.isnan(low) else f" [{printed(low)}, {printed(high)}]")
