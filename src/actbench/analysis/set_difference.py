"""Do two result sets say the same? Run by run, condition by condition beyond seed noise, and verdict by verdict.

`reproduced` means: both hold the same conditions, no condition's mean score differs after Holm's correction, the scores
as a whole have not shifted by a margin that matters, and no claim has another verdict. Where seeds are too few for a
test, the runs that both hold must agree.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind_from_stats

from actbench.analysis.metrics import CONDITION, add_metrics
from actbench.analysis.multiplicity import holm
from actbench.analysis.paired_effects import differences_of, hodges_lehmann, signed_rank
from actbench.analysis.recorded import Recorded, recorded_in
from actbench.analysis.reproduction import TOLERANCE, compare_runs
from actbench.plan.errors import ConfigError

LEVEL = 0.05
MARGIN = 0.005  # accuracy; a smaller shift of all scores together matters to nobody
MOST_CONDITIONS = 2000  # of which the median of pairwise means is taken; more are thinned evenly
CELL = [*CONDITION, "lr"]


@dataclass(frozen=True)
class SetDifference:
    """What differs between two result sets: facts as plain words and numbers, and one row for each condition."""

    facts: dict[str, Any]
    conditions: pd.DataFrame


def compare_sets(first: Path, second: Path, tolerance: float = TOLERANCE) -> SetDifference:
    """Compare two folders of results, each results/<name> or its tables; raise ConfigError when one holds none."""
    a, b = open_set(first), open_set(second)
    runs_a, runs_b = a.runs(), b.runs()
    both = sorted(set(runs_a["run_key"]) & set(runs_b["run_key"]))
    shared = [{"runs": runs[runs["run_key"].isin(both)]} for runs in (runs_a, runs_b)]
    found = compare_runs(shared[0], shared[1], tolerance)
    conditions = compare_conditions(runs_a, runs_b)
    facts = {
        "n_runs_a": len(runs_a), "n_runs_b": len(runs_b), "n_runs_both": len(both),
        **{f"n_{word.replace('-', '_').replace(' ', '_')}": count for word, count in found.counts().items()},
        "n_status_changed": int((found.runs["status"] != found.runs["other_status"]).sum()),
        "largest_deviation": _finite(found.runs["deviation"].max()),
        "numerics_a": sorted(map(int, runs_a["numerics"].dropna().unique())),
        "numerics_b": sorted(map(int, runs_b["numerics"].dropna().unique())),
        **_summary(conditions),
        **_verdicts(_claims(a), _claims(b)),
    }  # fmt: skip
    reasons = _reasons(facts)
    return SetDifference({"reproduced": not reasons, "reasons": reasons, **facts}, conditions)


def open_set(folder: Path) -> Recorded:
    """Return the tables in a folder or in `tables` within it."""
    if not folder.is_dir():
        raise ConfigError(str(folder), "no such folder; give results/<name> or a folder of tables")
    inside = folder / "tables"
    return recorded_in(inside if inside.is_dir() else folder)


def compare_conditions(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Test for every condition, at each learning rate, whether the mean score over seeds differs.

    Welch's t-test (Welch 1947) on the scores of single seeds, a failed run scoring 0; p after Holm's correction among
    the conditions tested. With one seed on a side there is no test. Where no side varies p is 1 if the means are equal
    and 0 if not.

    Returns:
        One row for each condition of either set: CELL, n_a, n_b, score_a, score_b, difference (b - a), p, p_holm.
    """
    sides = [_by_condition(runs).add_suffix(f"_{side}") for side, runs in (("a", first), ("b", second))]
    joined = sides[0].join(sides[1], how="outer").reset_index()
    tested = (joined["n_a"] > 1) & (joined["n_b"] > 1)
    rows = joined[tested]
    mean_a, std_a, n_a, mean_b, std_b, n_b = (
        rows[f"{column}_{side}"].to_numpy(dtype="float64") for side in "ab" for column in ("score", "std", "n")
    )
    still = (std_a == 0) & (std_b == 0)
    p = ttest_ind_from_stats(mean_a, np.where(still, 1.0, std_a), n_a, mean_b, std_b, n_b, equal_var=False).pvalue
    p = np.where(still, mean_a == mean_b, p)
    joined["p"] = pd.Series(p, index=rows.index).reindex(joined.index)
    joined["p_holm"] = holm(joined["p"])
    counts = {"n_a": joined["n_a"].fillna(0).astype("int64"), "n_b": joined["n_b"].fillna(0).astype("int64")}
    joined = joined.assign(difference=joined["score_b"] - joined["score_a"], **counts)
    return joined[[*CELL, "n_a", "n_b", "score_a", "score_b", "difference", "p", "p_holm"]]


def _by_condition(runs: pd.DataFrame) -> pd.DataFrame:
    grouped = add_metrics(runs).groupby(CELL, dropna=False)["score"]
    return pd.DataFrame({"n": grouped.size(), "score": grouped.mean(), "std": grouped.std()})


def _summary(conditions: pd.DataFrame) -> dict[str, Any]:
    shared = conditions.dropna(subset=["score_a", "score_b"])
    differing = conditions[conditions["p_holm"] < LEVEL]
    differences = differences_of(shared["score_b"].to_numpy(), shared["score_a"].to_numpy())
    p, note = signed_rank(differences) if len(differences) else (np.nan, "no condition stands in both")
    every = max(1, -(-len(differences) // MOST_CONDITIONS))
    return {
        "n_conditions": len(conditions),
        "n_conditions_both": len(shared),
        "n_conditions_tested": int(conditions["p"].notna().sum()),
        "n_conditions_differing": len(differing),
        "shift": _finite(hodges_lehmann(np.sort(differences)[::every])) if len(differences) else None,
        "shift_p": _finite(p),
        "shift_note": note,
    }


def _claims(recorded: Recorded) -> "pd.Series[str] | None":
    for folder in (recorded.folder, recorded.folder.parent):
        path = folder / "claims.csv"
        if path.is_file():
            try:
                rows = pd.read_csv(path, keep_default_na=False, dtype="str")
                rows = rows[rows["kind"] != "cost"] if "kind" in rows else rows  # times belong to a machine
                verdicts = pd.Series(rows["verdict"].to_numpy(), pd.Index(rows["id"], name="id"))
                if verdicts.index.has_duplicates:
                    raise ValueError("an id stands twice")
                return verdicts
            except (KeyError, ValueError) as error:
                raise ConfigError(str(path), f"no table of claims ({error}); run `actbench claims` again") from None
    return None


def _verdicts(first: "pd.Series[str] | None", second: "pd.Series[str] | None") -> dict[str, Any]:
    """List the claims whose verdict changed, and say where there are none to compare."""
    if first is None or second is None:
        return {"n_claims": 0, "verdicts_changed": [], "claims_note": "claims.csv is not in both"}
    joined = pd.concat({"a": first, "b": second}, axis=1).fillna("missing")
    changed = joined[joined["a"] != joined["b"]].rename_axis("id").reset_index()
    return {"n_claims": len(joined), "verdicts_changed": changed.to_dict("records"), "claims_note": ""}


def _reasons(facts: dict[str, Any]) -> list[str]:
    """Say in words why a set is not reproduced; nothing when it is."""
    reasons = []
    if facts["n_conditions_both"] < facts["n_conditions"]:
        alone = facts["n_conditions"] - facts["n_conditions_both"]
        reasons.append(f"{alone} of {facts['n_conditions']} conditions stand in one set only")
    if facts["n_conditions_differing"]:
        reasons.append(f"{facts['n_conditions_differing']} conditions differ beyond seed noise")
    untested = facts["n_conditions_both"] - facts["n_conditions_tested"]
    if untested and facts["n_different"]:
        told = f"{facts['n_different']} of {facts['n_runs_both']} runs in both are different"
        reasons.append(f"{told}, and {untested} conditions have too few seeds for a test")
    elif untested and not facts["n_runs_both"]:
        reasons.append(f"{untested} conditions cannot be compared: too few seeds for a test, and no run is in both")
    if facts["shift"] is not None and abs(facts["shift"]) > MARGIN and (facts["shift_p"] or 0.0) < LEVEL:
        reasons.append(f"scores have shifted by {facts['shift']:+.4f} as a whole")
    if facts["verdicts_changed"]:
        reasons.append(f"{len(facts['verdicts_changed'])} of {facts['n_claims']} claims have another verdict")
    return reasons


def _finite(number: Any) -> float | None:
    return float(number) if np.isfinite(number) else None
