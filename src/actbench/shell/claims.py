"""`actbench claims [CONFIG] [ID]`: judge the ledger of claims, or tell the story of one claim."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actbench.plan.config import load_config
from actbench.shell.lean_process import prepare_analysis

if TYPE_CHECKING:
    import pandas as pd

EXAMPLE = "actbench claims config/smoke.yaml sigmoid-vanishing"
LEDGER, CONFIG = Path("config/claims.yaml"), "config/config.yaml"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    help_config = f"config file, a name in .yaml (default: {CONFIG}); its tables are results/<name>/tables/*.parquet"
    parser.add_argument("words", metavar="CONFIG", nargs="*", help=help_config)
    parser.add_argument(
        "--id", metavar="ID", help="tell the story of this claim, which may also follow CONFIG as a word"
    )
    parser.add_argument("--ledger", type=Path, default=LEDGER, help=f"ledger of claims (default: {LEDGER})")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results (default: results)")
    parser.add_argument("--json", action="store_true", help="print the claims as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Write results/<name>/claims.csv and stats/claim_tests.csv, or print one claim."""
    from actbench.plan.ledger import load_ledger

    _place_words(arguments)
    config = load_config(arguments.config)
    ledger = load_ledger(arguments.ledger, [study.name for study in config.studies])
    if arguments.id:
        return _tell(arguments, config, [claim.id for claim in ledger])
    prepare_analysis()
    from actbench.analysis.claims import write_claims

    claims = write_claims(config, ledger, arguments.results)
    counts = claims["verdict"].value_counts().to_dict()
    if arguments.json:
        print(json.dumps({"claims": _records(claims), "verdicts": counts}))
    else:
        print("\n".join(f"{verdict:<15} {name}" for name, verdict in zip(claims["id"], claims["verdict"], strict=True)))
        print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    return 0


def _place_words(arguments: argparse.Namespace) -> None:
    """Tell a config file, which ends in .yaml, from the id of a claim."""
    from actbench.plan.errors import ConfigError

    files = [word for word in arguments.words if word.endswith((".yaml", ".yml"))]
    ids = [word for word in arguments.words if word not in files] + ([arguments.id] if arguments.id else [])
    if len(files) > 1 or len(ids) > 1:
        raise ConfigError("actbench claims", f"one CONFIG and one ID at most, found {' '.join(files + ids)}")
    arguments.config, arguments.id = (files or [CONFIG])[0], (ids or [None])[0]


def _tell(arguments: argparse.Namespace, config: Any, known: list[str]) -> int:
    from actbench.analysis.claims import read_claims
    from actbench.plan.errors import ConfigError, nearest

    if arguments.id not in known:
        raise ConfigError(str(arguments.ledger), f"unknown claim {arguments.id!r}; {nearest(arguments.id, known)}")
    claims, tests = read_claims(config, arguments.results)
    claim, tests = claims[claims["id"] == arguments.id], tests[tests["id"] == arguments.id]
    if claim.empty:
        raise ConfigError(arguments.id, "not in claims.csv; run `actbench claims CONFIG` again")
    if arguments.json:
        print(json.dumps(_records(claim)[0] | {"tests": _records(tests)}))
    else:
        print("\n".join(_story(_records(claim)[0], _records(tests))))
    return 0


def _story(claim: dict[str, Any], tests: list[dict[str, Any]]) -> list[str]:
    lines = [f"{claim['id']}: {claim['statement']}", f"said by {claim['source']}; verdict: {claim['verdict']}"]
    for test in tests:
        name = ": ".join(filter(None, [test["test"], test["stratum"]])) or "all runs"
        lines.append(f"  {name}: {test['verdict']}")
        lines.append(
            f"    {test['rule']} of {test['quantity']}" + (f" in study {test['study']}" if test["study"] else "")
        )
        if test["effect"] is not None:
            lines.append(f"    {_numbers(test)}")
        if test["note"]:
            lines.append(f"    {test['note']}")
    for key, word in (
        ("p_adjusted", "p after Holm's correction in its family"),
        ("figure", "figure"),
        ("note", "note"),
    ):
        if claim[key] not in (None, ""):
            lines.append(f"{word}: {claim[key]:.3g}" if isinstance(claim[key], float) else f"{word}: {claim[key]}")
    return lines


def _numbers(test: dict[str, Any]) -> str:
    unit = f" {test['unit']}" if test["unit"] else ""
    text = f"{test['effect']:.4g}{unit}"
    if test["low"] is not None:
        text += f" (95 % interval {test['low']:.4g} to {test['high']:.4g})"
    if test["rule"] != "exact":
        text += f"; claimed: {_claimed(test)}"
    return text + (f"; {test['n_runs']} runs, {test['n_seeds']} seeds" if test["n_runs"] else "")


def _claimed(test: dict[str, Any]) -> str:
    """Say where the claim places the effect: within ±margin, or on a side of what would just matter."""
    from actbench.plan.ledger import bound_of

    if test["rule"] == "equivalence":
        return f"within ±{test['margin']:.4g}"
    side = "higher" if test["rule"] == "auc" else test["direction"]
    return f"{side} than {bound_of(test['rule'], test['direction'], test['margin']):.4g}"


def _records(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """Return rows as JSON has them: numbers as numbers, null for a missing one."""
    rows: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", double_precision=15))
    return rows
