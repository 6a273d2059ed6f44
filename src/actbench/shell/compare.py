"""`actbench compare`: compare treatments in anybody's table of results."""

import argparse
import json
from pathlib import Path
from typing import Any

EXAMPLE = (
    "actbench compare results/reference/default/stats/cost.csv --treatment activation --block round --value step_us"
    " --lower-is-better"
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("table", type=Path, metavar="TABLE.csv", help="CSV file with one measurement a row")
    parser.add_argument("--treatment", required=True, metavar="COL", help="column of what is compared")
    parser.add_argument("--block", required=True, nargs="+", metavar="COL", help="columns of what treatments share")
    parser.add_argument("--value", required=True, metavar="COL", help="column of the measured numbers")
    parser.add_argument("--lower-is-better", action="store_true", help="small values rank first, as for losses")
    parser.add_argument("--margin", type=float, help="differences within ±MARGIN do not matter; finds equivalence")
    parser.add_argument("--json", action="store_true", help="print all numbers as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the tests over all treatments, mean ranks and every pair."""
    from actbench.analysis.compare_table import compare_treatments
    from actbench.analysis.outside_table import read_outside_table
    from actbench.plan.errors import ConfigError

    if arguments.margin is not None and not arguments.margin > 0:
        raise ConfigError("--margin", f"{arguments.margin} is not above 0; give it in the unit of the values")
    table = read_outside_table(arguments.table, arguments.treatment, arguments.block, arguments.value)
    found = compare_treatments(table, arguments.lower_is_better, arguments.margin)
    columns = {name: getattr(arguments, name) for name in ("treatment", "block", "value")}
    named = {"table": arguments.table.as_posix(), **columns, **found}
    print(json.dumps(named, ensure_ascii=False) if arguments.json else as_text(named))
    return 0


def as_text(found: dict[str, Any]) -> str:
    """Write the comparison for people."""
    lines = [
        f"{found['n_treatments']} treatments, {found['n_complete_blocks']} complete blocks of {found['n_blocks']}",
        f"Friedman chi2 {_short(found['friedman_chi2'])}, p {_short(found['friedman_p'])}; "
        f"Iman-Davenport F {_short(found['iman_davenport_f'])}, p {_short(found['iman_davenport_p'])}",
        f"mean ranks (1 = best; critical difference {_short(found['critical_difference'])}):",
    ]
    ranks = found["mean_ranks"].items()
    lines += [f"  {_short(rank):>8}  {name}" for name, rank in sorted(ranks, key=lambda item: (item[1] or 0, item[0]))]
    lines.append(f"pairs (difference of values, {found['confidence']:.0%} interval; p by Holm over {found['family']}):")
    for pair in found["pairs"]:
        interval = f"[{_short(pair['low'])}, {_short(pair['high'])}]"
        within = f" within ±{_short(found['margin'])}" if pair["verdict"] == "equivalent" else ""
        lines.append(
            f"  {pair['first']} - {pair['second']}: {_short(pair['effect'])} {interval},"
            f" p {_short(pair['p_adjusted'])}, Cliff's delta {_short(pair['cliffs_delta'])},"
            f" n {pair['n_blocks']}: {pair['verdict']}{within}" + (f" ({pair['note']})" if pair["note"] else "")
        )
    return "\n".join([*lines, *(f"note: {note}" for note in found["notes"])])


def _short(number: float | None) -> str:
    return "–" if number is None else f"{number:.4g}"
