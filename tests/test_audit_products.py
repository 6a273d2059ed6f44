"""Figures, captions, papers' tables and tabulated functions: the audit finds a wrong number in each kind of file."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from actbench.analysis.stats_schema import STATS
from actbench.audit import products
from actbench.audit.caption_facts import FACTS
from actbench.audit.captions import ANY, audit_caption
from actbench.audit.figure_numbers import audit_numbers
from actbench.audit.printed_functions import audit_activations
from actbench.audit.printed_latex import FILES, audit_latex
from actbench.audit.printed_statistics import STATISTICS
from actbench.audit.products import ELSEWHERE, LEDGER, OTHERS
from actbench.audit.raw_rows import Raw, read_printed, read_raw
from actbench.plan.config import load_config
from actbench.plan.sources import figure_names, figure_needs
from actbench.show import latex
from actbench.show.contract import declaration
from actbench.show.figure_file import describe, load_source
from actbench.show.inputs import parse_csv
from actbench.show.panels import NOTHING
from drawn import draw_from, inputs_of

WRONG = {
    "activations": "derivative", "exact": "value", "boundaries": "test_accuracy", "theory": "forward_variance",
    "depth_scales": "chi",
}  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make results, papers' tables, and the numbers and captions of all figures."""
    folder = tmp_path_factory.mktemp("project")
    path = draw_from(folder)
    latex.write_latex(load_config(path), folder / "results")
    (folder / "figures").mkdir()
    for name in figure_names():
        declared, source = declaration(name), load_source(name)
        numbers = folder / "figures" / f"{name}.csv"
        source.data(inputs_of(path, declared.tables, declared.stats)).to_csv(numbers, index=False)
        numbers.with_suffix(".md").write_text(describe(declared, source, parse_csv(numbers)))
    return folder


@pytest.fixture(scope="module")
def reference(project_root: Path) -> tuple[Raw, Path]:
    """Read the reference result, whose functions were tabulated by the product itself."""
    folder = project_root / "results" / "reference" / "default"
    return read_raw(folder / "tables"), folder / "stats"


def other(number: str) -> str:
    """Return another number: its last digit is the next one."""
    return re.sub(r"\d(?=\D*$)", lambda digit: str((int(digit[0]) + 1) % 10), number.partition("e")[0])


def test_every_file_that_holds_numbers_has_an_audit(project_root: Path) -> None:
    """A new statistic, figure or table for papers is named by an audit, or it is said where else it is derived."""
    rules = (project_root / "workflow" / "rules" / "tables.smk").read_text()
    stats = {*STATS, *re.findall(r"stats/(\w+)\.csv", rules)}
    assert stats == {*STATISTICS, *OTHERS, *LEDGER, *ELSEWHERE}
    assert set(figure_names()) == set(FACTS)
    assert set(latex.FILES) == {*FILES, "actbench.bib"}  # which quotes no number


def test_a_figure_drawn_from_tables_is_said_to_be_unchecked(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a figure reads no statistic its numbers stand in none: that is no mismatch, but it is said."""
    stats = project / "results" / "drawn" / "stats"
    read = {"win_tie_loss": ("studies",)}
    monkeypatch.setattr(products, "figure_needs", lambda name, kind: read.get(name, ("studies", "ranking")))
    monkeypatch.setattr(products, "audit_numbers", lambda path, stats: (1, [f"{path.stem} was compared"]))
    found = products.Findings()
    products._audit_figures(project / "figures", stats, found, lambda part: None)
    unchecked = "figures: win_tie_loss: drawn from tables, whose numbers no statistic holds"
    assert [line for line in found.unchecked if line.startswith("figures")] == [unchecked]
    assert len([line for line in found.problems if "was compared" in line]) == len(figure_names()) - 1


FROM_STATISTICS = [name for name in figure_names() if set(figure_needs(name, "STATS")) - {"studies"}]


@pytest.mark.parametrize("name", FROM_STATISTICS)
def test_numbers_drawn_are_those_of_the_statistics(name: str, project: Path, tmp_path: Path) -> None:
    """Untouched they are all found there; a number changed in its fourth digit, in any column, is not."""
    path, stats = project / "figures" / f"{name}.csv", project / "results" / "drawn" / "stats"
    table = read_printed(path)
    assert audit_numbers(path, stats)[1] == []
    for column in table.select_dtypes("number"):
        values = table[column].astype("float64").to_numpy(copy=True)
        known = np.flatnonzero(np.isfinite(values))
        values[known[:1]] = values[known[:1]] * 1.0005 + 0.00051
        table.assign(**{str(column): values}).to_csv(tmp_path / path.name, index=False)
        if len(known):
            assert str(column) in " ".join(audit_numbers(tmp_path / path.name, stats)[1])


@pytest.mark.parametrize("name", figure_names())
def test_numbers_of_a_caption_follow_from_those_drawn(name: str, project: Path, tmp_path: Path) -> None:
    """An untouched caption is clean, and each of its numbers is found when it is another one."""
    path = project / "figures" / f"{name}.md"
    assert audit_caption(path)[1] == []
    (tmp_path / f"{name}.csv").write_bytes(path.with_suffix(".csv").read_bytes())
    text = path.read_text()
    if "There are no runs" in text:
        return
    hidden = []
    for found in ANY.finditer(text):
        (tmp_path / path.name).write_text(text[: found.start()] + other(found[0]) + text[found.end() :])
        hidden += [] if audit_caption(tmp_path / path.name)[1] else [found[0]]
    assert hidden == []


def test_a_caption_says_that_nothing_is_drawn_where_that_is_so(project: Path, tmp_path: Path) -> None:
    """The sentence beside numbers is found, and numbers beside none."""
    numbers, caption = (project / "figures" / f"activation_ranking.{suffix}" for suffix in ("csv", "md"))
    drawn, said = tmp_path / numbers.name, tmp_path / caption.name
    nothing = f"{declaration('activation_ranking').question} There are {NOTHING}."
    for rows, text, clean in ((99, nothing, False), (0, nothing, True), (0, caption.read_text(), False)):
        parse_csv(numbers).head(rows).to_csv(drawn, index=False)
        said.write_text(text)
        assert (audit_caption(said)[1] == []) == clean


@pytest.mark.parametrize("file", FILES)
def test_papers_tables_quote_the_statistics(file: str, project: Path, tmp_path: Path) -> None:
    """Tables and macros are clean as they were written, and a number with another last digit is named."""
    folder, stats = project / "results" / "drawn" / "latex", project / "results" / "drawn" / "stats"
    compared, problems = audit_latex(folder, stats)
    assert problems == []
    assert compared > 100
    for name in FILES:
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    text = (folder / file).read_text()
    number = re.search(r"(?<=[{\[ ,])\d+\.\d+(?=[\],} ]|$)", text, re.MULTILINE)
    assert number
    (tmp_path / file).write_text(text[: number.start()] + other(number[0][:5]) + text[number.end() :])
    assert any(line.startswith(file) for line in audit_latex(tmp_path, stats)[1])


def test_a_macro_that_is_gone_and_one_too_many_are_found(project: Path, tmp_path: Path) -> None:
    """The macros are those of the statistics, no more and no fewer."""
    folder, stats = project / "results" / "drawn" / "latex", project / "results" / "drawn" / "stats"
    for name in FILES:
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    lines = (folder / "numbers.tex").read_text().splitlines()
    (tmp_path / "numbers.tex").write_text(
        "\n".join([*lines[:-1], "% rank/main/swish: a rank"]) + "\n\\newcommand{\\R}{1}"
    )
    found = " ".join(audit_latex(tmp_path, stats)[1])
    assert "rank/main/swish: not in the statistics" in found
    assert re.search(r"\d macros, not \d", found)


@pytest.mark.parametrize("name", OTHERS)
def test_tabulated_functions_and_networks(name: str, reference: tuple[Raw, Path]) -> None:
    """The reference's own tables are clean, and a number changed in its fourth digit is named."""
    raw, stats = reference
    table = read_printed(stats / f"{name}.csv")
    compared, problems = OTHERS[name](raw, table)
    assert problems == []
    assert compared
    values = table[WRONG[name]].astype("float64")
    values.iloc[0] = values.iloc[0] * 1.0005 + 0.0005
    assert any(line.startswith(name) for line in OTHERS[name](raw, table.assign(**{WRONG[name]: values}))[1])


def test_a_number_deep_in_a_table_is_found(reference: tuple[Raw, Path]) -> None:
    """Each row of a boundary's grid, and a slope that is missing where the function has one."""
    raw, stats = reference
    for name, column, value in (("boundaries", "recorded_accuracy", 0.5), ("boundaries", "depth", 3),
                                ("activations", "derivative", np.nan)):  # fmt: skip
        table = read_printed(stats / f"{name}.csv")
        table.loc[77, column] = value
        assert any(line.startswith(name) for line in OTHERS[name](raw, table)[1])


def test_an_activation_without_a_formula_is_left_alone() -> None:
    """A registered activation that the audit does not know is not compared."""
    table = pd.DataFrame({"activation": ["swish_of_old"], "z": [1.0], "value": [9.0], "derivative": [9.0]})
    assert audit_activations(None, table)[1] == []  # type: ignore[arg-type]
