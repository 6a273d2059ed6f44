"""`actbench validate`: check the product against closed forms and published figures."""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from actbench.training.process import cache_folder, one_core, prepare_process

if TYPE_CHECKING:
    from actbench.validation.check import Verdict

EXAMPLE = "actbench validate"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="print JSON, an object a check")


def run(arguments: argparse.Namespace) -> int:
    """Print one line a check; return 1 when one fails."""
    prepare_process(cache_folder())
    one_core()
    from actbench.validation.check import verdict
    from actbench.validation.functions import FUNCTION_CHECKS
    from actbench.validation.networks import NETWORK_CHECKS

    verdicts = []
    for check in (*FUNCTION_CHECKS, *NETWORK_CHECKS):
        verdicts.append(verdict(check))
        if not arguments.json:
            print(as_line(verdicts[-1]), flush=True)
    failed = sum(not item.passed for item in verdicts)
    if arguments.json:
        print(json.dumps({"checks": [_facts(item) for item in verdicts], "failed": failed}, allow_nan=False))
    else:
        print(f"{len(verdicts)} checks, {failed} failed")
    return 1 if failed else 0


def _facts(item: "Verdict") -> dict[str, str | float | bool | None]:
    finite = item.measured == item.measured and abs(item.measured) != float("inf")
    return asdict(item) | {"measured": item.measured if finite else None, "verdict": _word(item)}


def _word(item: "Verdict") -> str:
    return "passed" if item.passed else "failed"


def as_line(item: "Verdict") -> str:
    """Write published, measured, tolerance, verdict and source in one line."""
    unit = f" {item.unit}" if item.unit else ""
    published = f"at most {item.published:.6g}" if item.at_most else f"published {item.published:.6g}"
    numbers = f"{published}{unit}, measured {item.measured:.6g}{unit}, tolerance {item.tolerance:.2g}{unit}"
    return f"{_word(item):<8}{item.name}: {numbers} ({item.source})"
