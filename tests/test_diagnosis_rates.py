"""benchmarks/diagnosis.md: its counts of the rules that need no layers, from the committed reference result."""

from pathlib import Path

import pandas as pd
import pytest

from actbench.analysis.diagnosis import ILL, records_of, walk
from actbench.analysis.illness import CAUSE, SYMPTOM
from actbench.analysis.metrics import add_metrics
from actbench.analysis.recorded import Recorded, recorded_in
from actbench.plan.factors import FACTORS

RULE = "rate_too_high"


@pytest.fixture(scope="module")
def recorded(project_root: Path) -> Recorded:
    """Open the tables of the reference result."""
    return recorded_in(project_root / "results" / "reference" / "default" / "tables")


@pytest.fixture(scope="module")
def runs(recorded: Recorded) -> pd.DataFrame:
    """Say of each run by plain arithmetic whether it is ill and whether its loss went uphill."""
    runs, curves = recorded.runs().set_index("run_key", drop=False), recorded.read("curves")
    losses = curves[curves["split"] == "train"].sort_values("step").groupby("run_key")["loss"]
    good = 2 / runs["classes"]
    ok = (runs["status"] == "ok") & (runs["best_val_accuracy"] >= good) & (runs["val_accuracy"] >= good)
    uphill = (runs["status"] == "diverged") | (losses.last() / losses.first() > 1.2).reindex(runs.index)
    return runs.assign(ill=~ok, uphill=uphill)


@pytest.fixture(scope="module")
def findings(recorded: Recorded) -> pd.DataFrame:
    """Walk the rules over all runs."""
    return walk(records_of(recorded, add_metrics(recorded.runs())))


@pytest.fixture(scope="module")
def page(project_root: Path) -> dict[str, list[list[str]]]:
    """Read the cells of the page's tables, by the title of their section."""
    sections = (project_root / "benchmarks" / "diagnosis.md").read_text(encoding="utf-8").split("\n## ")[1:]
    return {
        section.split("\n")[0]: [line.strip("| ").split(" | ") for line in section.split("\n") if line.startswith("|")]
        for section in sections
    }


def row(table: list[list[str]], title: str) -> dict[str, str]:
    """Return a row by its title, under the table's head."""
    (cells,) = [cells for cells in table if cells[0] == title]
    return dict(zip(table[0], cells, strict=True))


def test_ill_is_what_failed_and_nothing_else(runs: pd.DataFrame, findings: pd.DataFrame) -> None:
    """A symptom, and any illness at all, is found in the runs that did not learn or fell back, and in no other."""
    ill = findings[findings["verdict"] == ILL]
    expected = set(runs.index[runs["ill"]])
    assert 1000 < len(expected) < len(runs) / 2
    assert set(ill.loc[ill["kind"] == SYMPTOM, "run_key"]) == expected
    assert set(ill["run_key"]) == expected
    named = set(ill.loc[(ill["kind"] == CAUSE) & (ill["illness"] == RULE), "run_key"])
    assert named == set(runs.index[runs["ill"] & runs["uphill"]])


def test_the_page_counts_runs_beyond_the_threshold(runs: pd.DataFrame, page: dict[str, list[list[str]]]) -> None:
    """Of seeds 3 and 4: healthy runs, and ill ones, that diverged or whose loss ended a fifth above its start."""
    held = runs[runs["seed"] >= 3]
    well, ill = held[~held["ill"]], held[held["ill"]]
    cells = row(page["Rules"], f"`{RULE}`")
    beyond, named = (cells[f"default, seeds 3 and 4: {what}"] for what in ("healthy beyond", "ill named"))
    assert beyond.startswith(f"{well['uphill'].sum()} of {len(well):,}: ")
    assert named == f"{ill['uphill'].sum()} of {len(ill)}"


def test_the_page_counts_what_a_lower_rate_repaired(runs: pd.DataFrame, page: dict[str, list[list[str]]]) -> None:
    """A loop over the runs that name the rate, and those that differ in a lower rate alone, gives the page's counts."""
    score = runs["best_test_accuracy"].where(runs["status"] == "ok", 0.0)
    facts = list(zip(runs[[*FACTORS, "ill", "uphill"]].to_dict("records"), score, strict=True))
    by_levels: dict[tuple[object, ...], list[tuple[float, bool, float]]] = {}
    for run, own in facts:
        others = tuple(run[name] for name in FACTORS if name != "lr")
        by_levels.setdefault(others, []).append((run["lr"], run["ill"], own))
    tried = repaired = 0
    for run, own in facts:
        if run["ill"] and run["uphill"]:
            others = by_levels[tuple(run[name] for name in FACTORS if name != "lr")]
            lower = [(ill, score) for lr, ill, score in others if lr < run["lr"]]
            tried += bool(lower)
            repaired += any(not ill and score - own >= 0.03 for ill, score in lower)
    cells = row(page["Is the named cause the right one?"], f"`{RULE}`")
    assert cells["lower rate"].startswith(f"{repaired:,} of {tried:,}: ")
