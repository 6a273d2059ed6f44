"""`actbench diff A B`: say whether two result sets agree."""

import argparse
import json
from pathlib import Path
from typing import Any

EXAMPLE = "actbench diff results/reference/default results/default --json"
MOST_ROWS = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("first", type=Path, metavar="A", help="results/<name>, or a folder of tables")
    parser.add_argument("second", type=Path, metavar="B", help="another one")
    parser.add_argument("--tolerance", type=float, help="largest deviation of a run's final numbers (default: 0.1)")
    parser.add_argument("--json", action="store_true", help="print JSON, with every condition that differs")


def run(arguments: argparse.Namespace) -> int:
    """Print what differs; 1 when the sets do not agree."""
    from actbench.analysis.reproduction import TOLERANCE
    from actbench.analysis.set_difference import LEVEL, compare_sets
    from actbench.plan.errors import ConfigError

    tolerance = TOLERANCE if arguments.tolerance is None else arguments.tolerance
    if not 0 <= tolerance < float("inf"):
        raise ConfigError("--tolerance", f"{tolerance} is no number from 0 on; give the largest that may pass")
    found = compare_sets(arguments.first, arguments.second, tolerance)
    differing = found.conditions[found.conditions["p_holm"] < LEVEL].sort_values("p_holm", kind="stable")
    rows = differing.astype("object").where(differing.notna(), None).to_dict("records")
    facts = {"a": arguments.first.as_posix(), "b": arguments.second.as_posix(), **found.facts, "differing": rows}
    print(json.dumps(facts, allow_nan=False) if arguments.json else as_text(facts))
    return 0 if facts["reproduced"] else 1


def as_text(facts: dict[str, Any]) -> str:
    """Write the comparison for people."""
    lines = [
        "reproduced" if facts["reproduced"] else "not reproduced: " + "; ".join(facts["reasons"]),
        f"runs: {facts['n_runs_a']:,} and {facts['n_runs_b']:,}, {facts['n_runs_both']:,} in both, of these"
        f" {facts['n_bit_equal']:,} bit-equal, {facts['n_within_tolerance']:,} within tolerance,"
        f" {facts['n_different']:,} different ({facts['n_status_changed']:,} with another status);"
        f" largest deviation {_short(facts['largest_deviation'])}",
        f"conditions: {facts['n_conditions']:,}, {facts['n_conditions_both']:,} in both,"
        f" {facts['n_conditions_tested']:,} tested, {facts['n_conditions_differing']:,} differ after Holm's correction;"
        f" shift of all scores {_short(facts['shift'])}, p {_short(facts['shift_p'])}"
        + (f" ({facts['shift_note']})" if facts["shift_note"] else ""),
        f"claims: {facts['n_claims']}, {len(facts['verdicts_changed'])} with another verdict"
        + (f" ({facts['claims_note']})" if facts["claims_note"] else ""),
    ]
    if facts["numerics_a"] != facts["numerics_b"]:
        lines.append(f"versions of the trained numbers: {facts['numerics_a']} and {facts['numerics_b']}")
    lines += [f"  {claim['id']}: {claim['a']} → {claim['b']}" for claim in facts["verdicts_changed"]]
    for row in facts["differing"][:MOST_ROWS]:
        levels = " ".join(str(value) for name, value in row.items() if name not in NUMBERS)
        lines.append(f"  {levels}: {_short(row['score_a'])} → {_short(row['score_b'])}, p {_short(row['p_holm'])}")
    hidden = len(facts["differing"]) - MOST_ROWS
    return "\n".join([*lines, *([f"  and {hidden} more: see --json"] if hidden > 0 else [])])


NUMBERS = ("n_a", "n_b", "score_a", "score_b", "difference", "p", "p_holm")


def _short(number: float | None) -> str:
    return "–" if number is None else f"{number:.4g}"
