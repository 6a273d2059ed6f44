"""Measure how often `actbench diagnose` is right, and write benchmarks/diagnosis.md.

    snakemake --cores 2                                             the default grid
    snakemake --cores 2 --configfile benchmarks/diagnosis.yaml      a grid on which no threshold was chosen
    python benchmarks/diagnosis.py

A rule is right where its number lies beyond the threshold in runs that fail and not in runs that learn; a named cause
is right where the change of one factor that it calls for repairs the run. The grid holds both: runs that differ in one
factor alone, with the same seed.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from actbench.analysis.diagnosis import ILL, SEEN, records_of, walk
from actbench.analysis.illness import CAUSE, SYMPTOM
from actbench.analysis.illnesses import ILLNESSES
from actbench.analysis.initial_causes import INITIAL_CAUSES
from actbench.analysis.intervals import wilson
from actbench.analysis.metrics import add_metrics
from actbench.analysis.recorded import recorded_by
from actbench.analysis.repairs import repair_pairs
from actbench.plan.config import load_config

FOLDER = Path(__file__).resolve().parent
CONFIGS = {"default": FOLDER.parent / "config" / "config.yaml", "diagnosis": FOLDER / "diagnosis.yaml"}
CHOSEN_ON = (0, 1, 2)  # seeds of the default grid
FEWEST = 10  # runs of which a share is shown

PAGE = """# How often `actbench diagnose` is right

<!-- made by `python benchmarks/diagnosis.py` -->

A run is ill if it failed: diverged, could not be trained, never reached twice the accuracy of guessing, or fell back to
it. A cause explains a failure, so a run without a symptom is never called ill; where one of its numbers lies beyond a
threshold it is "healthy, but:", with a note. Thresholds were chosen on seeds 0 to 2 of the default grid: at most 2 % of
the healthy runs that a rule speaks of lie beyond it (of `always_clipped`: beyond it and that of `rate_too_low`). Seeds
3 and 4 and the grid of `benchmarks/diagnosis.yaml` (other activations, depths, widths, inits, rates, optimisers and
seeds) had no part in that. Shares carry Wilson's 95 % interval; runs that differ only in their seed are more alike than
it assumes.

## Runs

{outcomes}

## Rules

`healthy beyond`: of the healthy runs that recorded the number, those in which it lies beyond the threshold.
`always_clipped` needs `rate_too_low` beside it: clipping all the time does no harm to weights that move, and is usual.

{rules}

## Is the named cause the right one?

The grid answers: of the ill runs of the default grid for which it also holds the run with one factor changed and the
same seed, so many were repaired by the change (they learned, with at least 0.03 more test accuracy). Causes before the
first update call for other levels, causes while training for a lower rate. No number: fewer than {fewest} such runs.

{remedies}
"""

Parts = dict[str, tuple[pd.DataFrame, pd.DataFrame]]  # name -> runs and their findings


def judge(config: Path, results: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the runs of a config, with what became of each, and the findings of all rules."""
    recorded = recorded_by(load_config(config), results)
    runs = add_metrics(recorded.runs())
    findings = walk(records_of(recorded, runs))
    ill = findings[findings["verdict"] == ILL]
    causes = ill[ill["kind"] == CAUSE]
    seen = findings.loc[findings["verdict"] == SEEN, "run_key"]
    return runs.assign(
        ill=runs["run_key"].isin(ill.loc[ill["kind"] == SYMPTOM, "run_key"]),
        caused=runs["run_key"].isin(causes["run_key"]),
        initial=runs["run_key"].isin(causes.loc[causes["illness"].isin(list(INITIAL_CAUSES)), "run_key"]),
        noted=runs["run_key"].isin(seen),
    ), findings


def split(runs: pd.DataFrame, findings: pd.DataFrame) -> Parts:
    """Part the default grid into the seeds on which thresholds were chosen and the others."""
    chosen = runs["seed"].isin(CHOSEN_ON)
    named = {"default, seeds 0 to 2": runs[chosen], "default, seeds 3 and 4": runs[~chosen]}
    return {name: (part, findings[findings["run_key"].isin(part["run_key"])]) for name, part in named.items()}


def share(part: float, whole: float) -> str:
    """Write a share with its counts and Wilson's 95 % interval."""
    if whole == 0:
        return "–"
    low, high = wilson(part, whole)
    return f"{part:,.0f} of {whole:,.0f}: {100 * part / whole:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Write a Markdown table, words to the left and numbers to the right."""
    names = list(head)
    lines = [names, ["---", *["---:"] * (len(names) - 1)], *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def outcomes(parts: Parts) -> list[str]:
    """Count for each grid the runs that learned and those that failed, and what was said of them."""
    rows = []
    for name, (runs, _) in parts.items():
        well, ill = runs[~runs["ill"]], runs[runs["ill"]]
        rows.append([name, share(well["noted"].sum(), len(well)), share(ill["caused"].sum(), len(ill))])
    head = ["runs", "healthy: with a note", "ill: with a cause"]
    return table(head, rows)


def by_rule(parts: Parts) -> list[str]:
    """Count for each cause the healthy runs beyond its threshold and the ill ones in which it is named."""
    rows = []
    for name in [name for name, rule in ILLNESSES.items() if rule.kind == CAUSE]:
        cells = [f"`{name}`", f"{ILLNESSES[name].comparison} {ILLNESSES[name].threshold:g}"]
        for runs, findings in parts.values():
            own = findings[(findings["illness"] == name) & findings["value"].notna()]
            own = own[own["verdict"] != "does not apply"].merge(runs[["run_key", "ill"]], on="run_key")
            well, ill = own[~own["ill"]], own[own["ill"]]
            cells += [
                share((well["verdict"] == SEEN).sum(), len(well)),
                f"{(ill['verdict'] == ILL).sum()} of {len(ill)}",
            ]
        rows.append(cells)
    head = [
        "cause",
        "threshold",
        *(word for name in parts for word in (f"{name}: healthy beyond", f"{name}: ill named")),
    ]
    return table(head, rows)


def _lower_rate(pairs: pd.DataFrame) -> "pd.Series[bool]":
    rates = pairs[["before", "after"]].where(pairs["factor"] == "lr").astype("float64")
    return rates["after"] < rates["before"]


REMEDIES = {
    "lower rate": _lower_rate,
    "skips": lambda pairs: (pairs["factor"] == "residual") & (pairs["before"] == "none"),
    "another init": lambda pairs: pairs["factor"] == "init",
    "another bias": lambda pairs: pairs["factor"] == "bias_offset",
}


def by_remedy(runs: pd.DataFrame, findings: pd.DataFrame) -> list[str]:
    """Count for each cause how many ill runs each change of one factor repaired, of those that the grid tried it on."""
    ill = runs[runs["ill"]]
    tried = repair_pairs(ill, runs)
    good = tried[tried["repaired"] & ~tried["other_key"].isin(ill["run_key"])]
    groups = {
        "**a cause before the first update**": ill[ill["initial"]],
        "**only causes while training**": ill[ill["caused"] & ~ill["initial"]],
        "**no cause**": ill[~ill["caused"]],
    }
    named = findings[(findings["verdict"] == ILL) & (findings["kind"] == CAUSE)]
    groups |= {f"`{name}`": named[named["illness"] == name] for name in ILLNESSES if name in set(named["illness"])}
    rows = []
    for title, group in groups.items():
        keys = [set(group["run_key"]) & set(tried.loc[of(tried), "run_key"]) for of in REMEDIES.values()]
        fixed = [set(good.loc[of(good), "run_key"]) for of in REMEDIES.values()]
        counts = [(len(one & other), len(one)) for one, other in zip(keys, fixed, strict=True)]
        rows.append([title, *(share(*pair) if pair[1] >= FEWEST else "–" for pair in counts)])
    return table(["ill runs with", *REMEDIES], rows)


def main() -> None:
    """Judge both grids and write the page."""
    parser = argparse.ArgumentParser(description="Measure how often the diagnosis is right.")
    parser.add_argument("--results", type=Path, default=FOLDER.parent / "results", help="folder of all results")
    parser.add_argument("--other", type=Path, help="folder of the results of benchmarks/diagnosis.yaml, if another")
    options = parser.parse_args()
    runs, findings = judge(CONFIGS["default"], options.results)
    parts = split(runs, findings)
    parts["other grid"] = judge(CONFIGS["diagnosis"], options.other or options.results)
    unseen = {name: part for name, part in parts.items() if name != "default, seeds 0 to 2"}
    filled = {"outcomes": outcomes(parts), "rules": by_rule(unseen), "remedies": by_remedy(runs, findings)}
    page = PAGE.format(fewest=FEWEST, **{name: "\n".join(lines) for name, lines in filled.items()})
    (FOLDER / "diagnosis.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
