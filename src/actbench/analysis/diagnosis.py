"""Diagnose runs: what the rules find, and which change of one factor repaired runs like them in the same grid."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from actbench.analysis.evidence import Records, at_moment, measure, needed
from actbench.analysis.illness import ABOVE, CAUSE, END, SYMPTOM, Illness
from actbench.analysis.illnesses import ILLNESSES
from actbench.analysis.json_rows import plain, plain_rows
from actbench.analysis.metrics import add_metrics, stayed
from actbench.analysis.neighbours import same_condition
from actbench.analysis.recorded import Recorded
from actbench.analysis.repairs import BY, repair_pairs, repairs

ILL, SEEN, FINE, NOT_RECORDED, NOT_APPLICABLE = "ill", "seen", "fine", "not recorded", "does not apply"
COLUMNS = ["run_key", "illness", "kind", "verdict", "value", "layer", "step"]
GRADIENT = "gradient_norm"


@dataclass(frozen=True)
class Diagnosis:
    """What was found in some runs.

    runs: the diagnosed runs with their metrics. findings: columns COLUMNS, one row for each run and rule;
    `seen` is a number beyond its threshold that explains no failure: the run did not fail, or what the rule needs
    beside it is not there.
    last_seen: run_key, step, train_loss, gradient_norm and its layer, of runs that diverged, when last recorded.
    repairs: columns of repairs.COLUMNS over the ill runs (of a single run: over all seeds of its condition), and
    grid_pairs, grid_repaired: the same change over all runs of the grid that did not learn or fell back.
    """

    runs: pd.DataFrame
    findings: pd.DataFrame
    last_seen: pd.DataFrame
    repairs: pd.DataFrame

    def illnesses(self) -> pd.DataFrame:
        """Return the findings that are ill."""
        return self.findings[self.findings["verdict"] == ILL]

    def without_cause(self) -> list[str]:
        """Return the keys of the ill runs in which no rule names a cause."""
        ill = self.illnesses()
        caused = ill.groupby("run_key", sort=False)["kind"].agg(lambda kinds: CAUSE in set(kinds))
        return [str(key) for key, named in caused.items() if not named]


def diagnose(recorded: Recorded, runs: pd.DataFrame, keys: list[str]) -> Diagnosis:
    """Walk the rules over the runs with these keys and look for repairs among all runs of the table."""
    runs = add_metrics(runs)
    chosen = runs[runs["run_key"].isin(keys)].reset_index(drop=True)
    records = records_of(recorded, chosen)
    findings = walk(records)
    ill = chosen[chosen["run_key"].isin(findings.loc[findings["verdict"] == ILL, "run_key"])]
    like = same_condition(runs, ill.iloc[0]) if len(chosen) == 1 and len(ill) else ill
    return Diagnosis(chosen, findings, last_seen(records), _repairs(like, runs.assign(trained=stayed(runs))))


def _repairs(like: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    found = repairs(repair_pairs(like, runs))
    everywhere = repairs(repair_pairs(runs[~runs["trained"]], runs)) if len(found) else found
    grid = everywhere.rename(columns={"n_pairs": "grid_pairs", "n_repaired": "grid_repaired"})
    joined = found.merge(grid[[*BY, "grid_pairs", "grid_repaired"]], on=BY, how="left")
    return joined.fillna({"grid_pairs": 0, "grid_repaired": 0}).astype({"grid_pairs": int, "grid_repaired": int})


def records_of(recorded: Recorded, runs: pd.DataFrame) -> Records:
    """Read what the rules need of some runs."""
    keys = list(runs["run_key"])
    layers = recorded.records("layers", keys, [("diagnostic", "in", needed())])
    return Records(runs, recorded.records("curves", keys), layers)


def walk(records: Records) -> pd.DataFrame:
    """Judge every run by every rule; columns COLUMNS, runs in their order and rules in that of ILLNESSES."""
    parts = [_judge(name, rule, records) for name, rule in ILLNESSES.items()]
    places = {key: place for place, key in enumerate(records.runs["run_key"])}
    joined = _excuse(pd.concat(parts, ignore_index=True))
    return joined.sort_values("run_key", key=lambda keys: keys.map(places), kind="stable", ignore_index=True)


def _judge(name: str, rule: Illness, records: Records) -> pd.DataFrame:
    rows = records.runs[["run_key"]].merge(measure(rule, records), on="run_key", how="left", validate="one_to_one")
    beyond = rows["value"] > rule.threshold if rule.comparison == ABOVE else rows["value"] < rule.threshold
    verdict = pd.Series(FINE, index=rows.index).mask(beyond, ILL).mask(rows["value"].isna(), NOT_RECORDED)
    verdict = verdict.mask(~_applies(rule, records.runs).to_numpy(), NOT_APPLICABLE)
    return rows.assign(illness=name, kind=rule.kind, verdict=verdict)[COLUMNS]


def _excuse(findings: pd.DataFrame) -> pd.DataFrame:
    """Call a cause only `seen` in a run without a symptom, and where the rule that it needs found nothing."""
    found = findings["verdict"] == ILL
    failed = findings.loc[found & (findings["kind"] == SYMPTOM), "run_key"]
    excused = (findings["kind"] == CAUSE) & ~findings["run_key"].isin(failed)
    for name, rule in ILLNESSES.items():
        if rule.given:
            met = findings.loc[found & (findings["illness"] == rule.given), "run_key"]
            excused |= (findings["illness"] == name) & ~findings["run_key"].isin(met)
    return findings.assign(verdict=findings["verdict"].mask(found & excused, SEEN))


def _applies(rule: Illness, runs: pd.DataFrame) -> "pd.Series[bool]":
    """Tell which runs have the levels that a rule speaks of; a level's arguments do not matter."""
    applies = pd.Series(True, index=runs.index)
    for factor, levels in rule.levels.items():
        applies &= runs[factor].astype("string").str.split("(").str[0].isin(levels)
    return applies


def last_seen(records: Records) -> pd.DataFrame:
    """Return what was last recorded of runs that diverged: training loss, largest gradient norm and its layer."""
    diverged = records.runs.loc[records.runs["status"] == "diverged", ["run_key"]]
    losses = at_moment(records.curves[records.curves["split"] == "train"], END)[["run_key", "step", "loss"]]
    norms = records.layers[(records.layers["diagnostic"] == GRADIENT) & (records.layers["layer"] > 0)]
    norms = at_moment(norms.dropna(subset="value"), END).sort_values(["value", "layer"], ascending=[False, True])
    worst = norms.drop_duplicates("run_key").rename(columns={"value": GRADIENT})[["run_key", "layer", GRADIENT]]
    seen = diverged.merge(losses, on="run_key").merge(worst, on="run_key", how="left")
    return seen.rename(columns={"loss": "train_loss"})[["run_key", "step", "train_loss", GRADIENT, "layer"]]


def as_facts(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return a diagnosis as JSON has it: numbers as numbers, missing and infinite ones as null.

    Of one run it holds every finding, of several those that are ill or seen.
    """
    ill, told = diagnosis.illnesses(), diagnosis.findings
    if len(diagnosis.runs) > 1:
        told = told[told["verdict"].isin((ILL, SEEN))]
    findings = {str(key): _rows(rows) for key, rows in told.groupby("run_key", sort=False)}
    counts = ill["illness"].value_counts()
    return {
        "healthy": ill.empty,
        "n_runs": len(diagnosis.runs),
        "n_ill": int(ill["run_key"].nunique()),
        "n_without_cause": len(diagnosis.without_cause()),
        "counts": {name: int(counts.get(name, 0)) for name in ILLNESSES},
        "runs": [
            {
                "run_key": run.run_key,
                "status": run.status,
                "score": plain(run.score),
                "illnesses": [row["illness"] for row in findings.get(str(run.run_key), []) if row["verdict"] == ILL],
                "findings": findings.get(str(run.run_key), []),
            }
            for run in diagnosis.runs.itertuples()
        ],
        "last_seen": plain_rows(diagnosis.last_seen),
        "repairs": plain_rows(diagnosis.repairs),
    }


def _rows(findings: pd.DataFrame) -> list[dict[str, Any]]:
    """Put the rule beside each finding of a run."""
    rows = plain_rows(findings.drop(columns="run_key"))
    for row in rows:
        rule = ILLNESSES[row["illness"]]
        told = ("comparison", "threshold", "diagnostic", "moment", "shown", "meaning", "source")
        row.update({name: getattr(rule, name) for name in told})
    return rows
