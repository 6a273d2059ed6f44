"""A diagnosis as text for the terminal: what was seen, what it means, and what repaired runs like it."""

import textwrap
from typing import Any

import pandas as pd

from actbench.analysis.diagnosis import FINE, ILL, NOT_RECORDED, SEEN, Diagnosis
from actbench.analysis.illnesses import CAUSE, ILLNESSES, SYMPTOM
from actbench.analysis.json_rows import plain_rows
from actbench.plan.factors import FACTORS
from actbench.show.run_text import aligned, indent, spell_number
from actbench.show.study import count

MOST_RUNS, MOST_REPAIRS = 40, 12  # shown; the JSON holds them all
WIDTH = 110  # letters of a line


def diagnosis_text(diagnosis: Diagnosis) -> str:
    """Write the diagnosis of one run in sentences, that of several as tables."""
    if diagnosis.runs.empty:
        return "no run has this status"
    return _one(diagnosis) if len(diagnosis.runs) == 1 else _several(diagnosis)


def _one(diagnosis: Diagnosis) -> str:
    rows = plain_rows(diagnosis.findings)
    ill = [row for row in rows if row["verdict"] == ILL]
    parts = [_head(diagnosis.runs.iloc[0]), *(_sentence(row, diagnosis) for row in ill)]
    if not ill:
        parts.append("healthy: no rule finds an illness")
    elif all(row["kind"] == SYMPTOM for row in ill):
        parts.append("no rule names a cause")
    causes = [row for row in rows if row["kind"] == CAUSE]
    for verdict, title in ((SEEN, "seen, though the run learned"), (FINE, "fine")):
        numbers = [f"{row['illness']} {spell_number(row['value'])}" for row in causes if row["verdict"] == verdict]
        parts += [_wrapped(f"{title}: {', '.join(numbers)}")] if numbers else []
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
    seen = f"{rule.shown} {spell_number(row['value'])}{_place(row)}; ill {rule.comparison} {rule.threshold:g}"
    source = _wrapped(f"  source: {rule.source}", "    ")
    lines = [f"ill: {row['illness']} ({rule.kind})", f"  {seen}", f"  {rule.meaning}", source]
    if row["illness"] == "non_finite":
        lines[1] = f"  after {spell_number(row['step'])} updates{_last_seen(diagnosis, row['run_key'])}"
    return "\n".join(lines)


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
    """Say which changes repaired at least one run, in how many seeds, and how often in the whole grid."""
    helped = diagnosis.repairs[diagnosis.repairs["n_repaired"] > 0]
    if helped.empty:
        tried = len(diagnosis.repairs)
        return [f"no change of one factor repaired it; this grid has {tried} to compare with"]
    lines = ["what repaired runs like it in this grid (one factor changed, same seed)"]
    for row in plain_rows(helped.head(MOST_REPAIRS)):
        before, after = (_level(row["factor"], row[moment]) for moment in ("before", "after"))
        counted = f"{row['n_repaired']} of {count(row['n_pairs'], 'seed')}"
        effect = f"test accuracy {row['score_before']:.2f} → {row['score_after']:.2f} in {counted}"
        grid = f"everywhere: {row['grid_repaired']} of {row['grid_pairs']} that did not learn with {before}"
        lines.append(f"  {after}: {effect}; {grid}")
    return lines


def _level(factor: Any, level: Any) -> str:
    return f"{factor}={spell_number(level)}"


def _several(diagnosis: Diagnosis) -> str:
    ill = diagnosis.illnesses()
    counts = ill["illness"].value_counts().reindex(list(ILLNESSES)).dropna()
    head = f"{len(diagnosis.runs)} runs, {ill['run_key'].nunique()} of them ill"
    counted = aligned(
        ["illness", "kind", "runs"], [(name, ILLNESSES[name].kind, int(counts[name])) for name in counts.index]
    )
    parts = [head, indent(counted)] if len(counts) else [head]
    parts += ["", *_listed(diagnosis), "", *_repaired(diagnosis)]
    return "\n".join(parts)


def _listed(diagnosis: Diagnosis) -> list[str]:
    """List the runs with the levels on which they differ."""
    runs, ill = diagnosis.runs, diagnosis.illnesses()
    differing = [name for name in FACTORS if runs[name].nunique() > 1]
    named = ill.groupby("run_key")["illness"].agg(", ".join)
    rows = [
        (run["run_key"], *(spell_number(run[name]) for name in differing), named.get(run["run_key"], "healthy"))
        for _, run in runs.head(MOST_RUNS).iterrows()
    ]
    more = [f"  … and {len(runs) - MOST_RUNS} more; --json lists all"] if len(runs) > MOST_RUNS else []
    return [indent(aligned(["run key", *differing, "illnesses"], rows)), *more]


def _repaired(diagnosis: Diagnosis) -> list[str]:
    helped = diagnosis.repairs[diagnosis.repairs["n_repaired"] > 0].head(MOST_REPAIRS)
    if helped.empty:
        return ["no change of one factor repaired any of them"]
    columns = ["factor", "before", "after", "n_repaired", "n_pairs", "score_before", "score_after"]
    rows = helped[columns].itertuples(index=False, name=None)
    cells = [(str(a), spell_number(b), spell_number(c), *rest) for a, b, c, *rest in rows]
    head = ["factor", "before", "after", "repaired", "of", "accuracy before", "after "]
    return ["what repaired them in this grid (one factor changed, same seed)", indent(aligned(head, cells))]
