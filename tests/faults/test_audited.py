"""The audit on results that are damaged, strange, or of another config: a finding or one line; no traceback."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from actbench.analysis.claims import write_claims
from actbench.analysis.statistics import write_statistics
from actbench.audit.printed_latex import QUOTED
from actbench.plan.config import load_config
from actbench.plan.sources import figure_needs
from actbench.shell.cli import main
from actbench.show.figure_file import write_figure
from actbench.show.latex import write_latex
from injuries import DAMAGES
from ledgers import ledger_of
from synthetic import write_results
from test_audit import CLAIMS, CONFIG

PRINTED = ("claims.csv", "stats/ranking.csv")
DRAWN = ("results/synthetic/latex/numbers.json", "results/synthetic/latex/main.csv", "results/synthetic/latex/main.md",
         "figures/synthetic/accuracy_by_depth.csv", "figures/synthetic/accuracy_by_depth.md")  # fmt: skip
# The statistics that what is damaged rests on: the audits of the others, most of the time, see nothing of it.
BEHIND = {
    "ranking",
    "claim_tests",
    *figure_needs("accuracy_by_depth", "STATS"),
    *(q.statistic for q in QUOTED.values()),
}
TABLES = ("tables/runs.parquet", "tables/curves.parquet", "tables/layers.parquet", "tables/studies.parquet")
CHANGES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "no rows": lambda rows: rows.iloc[:0],
    "words for numbers": lambda rows: rows.assign(**dict.fromkeys(rows, "x")),
    "infinite": lambda rows: rows.assign(**{name: float("inf") for name in rows.select_dtypes("float")}),
    "every row twice": lambda rows: pd.concat([rows, rows]),
    "other columns": lambda rows: rows.rename(columns={name: f"<b>{name}" for name in rows}),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make results with statistics, claims and a caption."""
    folder = tmp_path_factory.mktemp("audited")
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    config = load_config(folder / "config.yaml")
    write_results(config, folder / "results")
    write_statistics(config, folder / "results")
    write_claims(config, ledger_of(folder, CLAIMS), folder / "results")
    write_latex(config, folder / "results")
    write_figure("accuracy_by_depth", config, folder / "results", folder / "figures")
    (folder / "figures" / "synthetic" / "ranking.md").write_text("What? n = 120 runs, 5 seeds.\n", encoding="utf-8")
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the results and go there."""
    folder = shutil.copytree(made, tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def part(project: Path) -> Path:
    """Leave of the statistics those BEHIND what is damaged."""
    for file in (project / "results" / "synthetic" / "stats").glob("*.csv"):
        if file.stem not in BEHIND:
            file.unlink()
    return project


def audit(capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Call the verb; what stops it is one line."""
    capsys.readouterr()
    code = main(["audit", "config.yaml", "--ledger", "claims.yaml"])
    said = capsys.readouterr()
    progress = ("checking ", "no checksum beside it")
    errors = [line for line in said.err.splitlines() if not any(words in line for words in progress)]
    assert len(errors) == (code == 2), said.err
    assert all(line.isprintable() for line in errors)
    return code, said.out + said.err


@pytest.mark.parametrize("whole", ["project", "part"])
def test_untouched_results_are_clean(
    whole: str, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    """What the others damage is sound, and all of it is looked at."""
    request.getfixturevalue(whole)
    code, said = audit(capsys)
    assert code == 0
    assert all(f"of {name}" in said for name in ("ranking", "claims", "latex", "figures", "captions"))


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", TABLES)
def test_damaged_tables_stop_the_audit(
    project: Path, capsys: pytest.CaptureFixture[str], file: str, damage: str
) -> None:
    """Raw rows that are not as they were written are named and nothing is compared with them."""
    path, other = (project / "results" / "synthetic" / name for name in (file, TABLES[file == TABLES[0]]))
    DAMAGES[damage](path, other, random.Random(damage))
    code, said = audit(capsys)
    assert code == 2
    assert "changed since it was written" in said


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", PRINTED)
def test_damaged_prints_are_found(part: Path, capsys: pytest.CaptureFixture[str], file: str, damage: str) -> None:
    """A printed file that is damaged is a mismatch or one line; only a bit may be below what is compared."""
    path, other = (part / "results" / "synthetic" / name for name in (file, PRINTED[file == PRINTED[0]]))
    DAMAGES[damage](path, other, random.Random(damage))
    assert audit(capsys)[0] in ((1, 2) if damage != "flip a bit" else (0, 1, 2))


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", DRAWN)
def test_damaged_figures_and_papers_are_found(
    part: Path, capsys: pytest.CaptureFixture[str], file: str, damage: str
) -> None:
    """What was drawn or written for papers and is damaged is a mismatch or one line, never a traceback."""
    DAMAGES[damage](part / file, part / DRAWN[file == DRAWN[0]], random.Random(damage))
    assert audit(capsys)[0] in ((1, 2) if damage != "flip a bit" else (0, 1, 2))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("file", [*PRINTED, "stats/claim_tests.csv"])
def test_strange_prints_are_found(part: Path, capsys: pytest.CaptureFixture[str], file: str, change: str) -> None:
    """Printed files with odd rows and columns are a mismatch or one line."""
    path = part / "results" / "synthetic" / file
    CHANGES[change](pd.read_csv(path)).to_csv(path, index=False)
    assert audit(capsys)[0] in (1, 2)


def test_a_caption_that_is_no_text_is_one_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A caption of bytes that are no UTF-8 stops the audit with its name."""
    (project / "figures" / "synthetic" / "ranking.md").write_bytes(b"\xff\xfe n = 3 runs")
    code, said = audit(capsys)
    assert code == 2
    assert "ranking.md" in said


@pytest.mark.parametrize("words", [["audit"], ["claims"], ["claims", "better"], ["stats"], ["report"]])
def test_an_edited_config_is_noticed(project: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    """Once the config is edited, no verb takes the results of the old one for those of the new one."""
    text = CONFIG.replace("seed: [0, 1, 2, 3, 4]", "seed: [0, 1]")
    (project / "config.yaml").write_text(text, encoding="utf-8")
    ledger = ["--ledger", "claims.yaml"] if words[0] in ("audit", "claims") else []
    assert main([words[0], "config.yaml", *words[1:], *ledger]) == 2
    said = capsys.readouterr().err
    assert "made from another config than the one given" in said
    assert said.count("\n") == 1
