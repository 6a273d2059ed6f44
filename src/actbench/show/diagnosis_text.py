"""A diagnosis as text for the terminal: what was seen, what it means, and what repaired runs like it."""

import textwrap
from typing import Any

import pandas as pd

from actbench.analysis.diagnosis import FINE, ILL, NOT_RECORDED, SEEN, Diagnosis
from actbench.analysis.illness import CAUSE, SYMPTOM
from actbench.analysis.illnesses import ILLNESSES
from actbench.analysis.json_rows import plain_rows
from actbench.analysis.repairs import that_helped
from actbench.plan.factors import FACTORS
from actbench.show.run_text import aligned, indent, spell_number
from actbench.show.study import count

MOST_ROWS, MOST_REPAIRS = 40, 12  # shown; the JSON holds them all
WIDTH = 110  # letters of a line


def diagnosis_text(diagnosis: Diagnosis) -> str:
    """Write the diagnosis of one run in sentences, that of several as tables."""
    if diagnosis.runs.empty:
        return "no run has this status"
    return _one(diagnosis) if len(diagnosis.runs) == 1 else _several(diagnosis)


def _one(diagnosis: Diagnosis) -> str:
    rows = plain_rows(diagnosis.findings)
    ill = [row for row in rows if row["verdict"] == ILL]
    seen = [row for row in rows if row["verdict"] == SEEN]
    parts = [_head(diagnosis.runs.iloc[0]), *(_sentence(row, diagnosis) for row in ill)]
    if not ill:
        parts.append("healthy, but:" if seen else "healthy: no rule finds an illness")
    elif all(row["kind"] == SYMPTOM for row in ill):
        parts.append("no rule names a cause")
    if ill and seen:
        parts.append("seen, but no cause:")
    parts += [_wrapped(f"  {row['illness']}: {_cited(row)}", "    ") for row in seen]
    causes = [row for row in rows if row["kind"] == CAUSE]
    fine = [f"{row['illness']} {spell_number(row['value'])}" for row in causes if row["verdict"] == FINE]
    parts += [_wrapped(f"fine: {', '.join(fine)}")] if fine else []
    missing = [str(row["illness"]) for row in causes if row["verdict"] == NOT_RECORDED]
    parts += [_wrapped(f"not recorded: {', '.join(missing)}")] if missing else []
    return "\n".join([*parts, *(_repairs(diagnosis) if ill else [])])


def _wrapped(text: str, indented: str = "  ") -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent=indented, break_long_words=False)


def _head(run: "pd.Series[Any]") -> str:
    named = [f"{name}={spell_number(run[name])}" for name in FACTORS if not pd.isna(run[name])]
    levels = _wrapped(", ".join(named))
    outcome = f"{run['status']}, {'learned' if run['trained'] else 'did not learn'}"
    return f"run {run['run_key']}: {outcome}, test accuracy {run['score']:.2f}\n{indent(levels)}"


def _sentence(row: dict[str, Any], diagnosis: Diagnosis) -> str:
    rule = ILLNESSES[row["illness"]]
    told = [_cited(row), rule.meaning, f"source: {rule.source}"]
    lines = [f"ill: {row['illness']} ({rule.kind})", *(_wrapped(f"  {text}", "    ") for text in told)]
    if row["illness"] == "non_finite":
        lines[1] = f"  after {spell_number(row['step'])} updates{_last_seen(diagnosis, row['run_key'])}"
    return "\n".join(lines)


def _cited(row: dict[str, Any]) -> str:
    """Say what a rule saw, where, and its threshold; a number beyond it that is not there is infinite."""
    rule = ILLNESSES[row["illness"]]
    value = "infinite" if row["value"] is None else spell_number(row["value"])
    verdict = "; ill" if row["verdict"] == ILL else ","
    return f"{rule.shown} {value}{_place(row)}{verdict} {rule.comparison} {rule.threshold:g}"


def _place(row: dict[str, Any]) -> str:
    layer = "" if row["layer"] is None else f" in layer {row['layer']:.0f}"
    return layer + ("" if row["step"] is None else f" at step {row['step']:.0f}")


def _last_seen(diagnosis: Diagnosis, key: str) -> str:
    rows = diagnosis.last_seen[diagnosis.last_seen["run_key"] == key]
    if rows.empty:
        return ""
    seen = rows.iloc[0]
    norm = (
        ""
        if pd.isna(seen["layer"])
        else f", largest gradient norm {seen['gradient_norm']:.3g} in layer {seen['layer']:.0f}"
    )
    return f"; last recorded at step {seen['step']:.0f}: training loss {seen['train_loss']:.3g}{norm}"


def _repairs(diagnosis: Diagnosis) -> list[str]:
    """Say which changes repaired runs, in how many seeds, and how often in the whole grid."""
    helped = that_helped(diagnosis.repairs)
    if helped.empty:
        tried = len(diagnosis.repairs)
        return [f"no change of one factor repaired it; this grid has {tried} to compare with"]
    lines = ["what repaired runs like it in this grid (one factor changed, same seed)"]
    for row in plain_rows(helped.head(MOST_REPAIRS)):
        before, after = (_level(row["factor"], row[moment]) for moment in ("before", "after"))
        counted = f"{row['n_repaired']} of {count(row['n_pairs'], 'seed')}"
        effect = f"test accuracy {row['score_before']:.2f} → {row['score_after']:.2f} in {counted}"
        grid = f"everywhere: {row['grid_repaired']} of {row['grid_pairs']} ill runs with {before}"
        lines.append(f"  {after}: {effect}; {grid}")
    return lines


def _level(factor: Any, level: Any) -> str:
    return f"{factor}={spell_number(level)}"


def _several(diagnosis: Diagnosis) -> str:
    findings, ill = diagnosis.findings, diagnosis.illnesses()
    verdicts = pd.crosstab(findings["illness"], findings["verdict"]).reindex(index=list(ILLNESSES), columns=[ILL, SEEN])
    counts = verdicts.fillna(0).astype(int)
    found = [(name, rule.kind, counts.loc[name, ILL], counts.loc[name, SEEN]) for name, rule in ILLNESSES.items()]
    rows = [row for row in found if row[2] or row[3]]
    parts = [_summary(diagnosis)]
    parts += [indent(aligned(["illness", "kind", "ill", "seen"], rows))] if rows else []
    return "\n".join([*parts, "", *_listed(diagnosis), "", *_repaired(diagnosis)] if len(ill) else parts)


def _summary(diagnosis: Diagnosis) -> str:
    """Count the runs: ill, ill without a cause, healthy though a number lies beyond its threshold."""
    findings, ill = diagnosis.findings, set(diagnosis.illnesses()["run_key"])
    noted = set(findings.loc[findings["verdict"] == SEEN, "run_key"]) - ill
    told = [f"{len(diagnosis.runs)} runs", f"{len(ill)} of them ill"]
    told += [f"{len(diagnosis.without_cause())} of those without a cause"] if diagnosis.without_cause() else []
    return ", ".join(told) + (f"; {len(noted)} healthy, but with numbers beyond a threshold" if noted else "")


def _listed(diagnosis: Diagnosis) -> list[str]:
    """List the conditions of the ill runs by the levels on which they differ, and what their runs have."""
    ill = diagnosis.illnesses()
    runs = diagnosis.runs[diagnosis.runs["run_key"].isin(ill["run_key"])]
    differing = [name for name in FACTORS if name != "seed" and runs[name].nunique() > 1]
    conditions = list(runs.groupby(differing, sort=False, dropna=False)) if differing else [((), runs)]
    rows = [
        (own["run_key"].iloc[0], len(own), *map(spell_number, levels), _named(ill, own))
        for levels, own in conditions[:MOST_ROWS]
    ]
    more = (
        [f"  … and {len(conditions) - MOST_ROWS} more; --json lists every run"] if len(conditions) > MOST_ROWS else []
    )
    return [indent(aligned(["run key", "runs", *differing, "illnesses"], rows)), *more]


def _named(ill: pd.DataFrame, runs: pd.DataFrame) -> str:
    """Name the illnesses of some runs, with their number where not all have it."""
    counts = ill.loc[ill["run_key"].isin(runs["run_key"]), "illness"].value_counts()
    found = [(name, counts[name]) for name in ILLNESSES if name in counts]
    return ", ".join(name if n == len(runs) else f"{name} ({n})" for name, n in found)


def _repaired(diagnosis: Diagnosis) -> list[str]:
    helped = that_helped(diagnosis.repairs).head(MOST_REPAIRS)
    if helped.empty:
        return ["no change of one factor repaired any of them"]
    columns = ["factor", "before", "after", "n_repaired", "n_pairs", "score_before", "score_after"]
    rows = helped[columns].itertuples(index=False, name=None)
    cells = [(str(a), spell_number(b), spell_number(c), *rest) for a, b, c, *rest in rows]
    head = ["factor", "before", "after", "repaired", "of", "accuracy before", "after "]
    return ["what repaired them in this grid (one factor changed, same seed)", indent(aligned(head, cells))]
