"""`actbench audit CONFIG`: derive printed numbers once more from raw rows, or check a published summary table."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actbench.plan.config import Config

EXAMPLE = "actbench audit config/smoke.yaml"
LEDGER, CONFIG = Path("config/claims.yaml"), "config/config.yaml"
REMEDY = "run snakemake with this config"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    whose = f"config file; its results are checked (default: {CONFIG})"
    parser.add_argument("config", metavar="CONFIG", nargs="?", help=whose)
    parser.add_argument(
        "--summary", type=Path, metavar="TABLE.csv", help="check a table of mean, sd, n, p, d, low, high"
    )
    parser.add_argument("--whole", action="store_true", help="with --summary: the means are of whole numbers")
    parser.add_argument("--ledger", type=Path, default=LEDGER, help=f"ledger of claims (default: {LEDGER})")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results (default: results)")
    parser.add_argument("--figures", type=Path, default=Path("figures"), help="folder of figures (default: figures)")
    parser.add_argument("--json", action="store_true", help="print what was compared and what was found as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print a line a mismatch and return 1 when there is one."""
    from actbench.plan.errors import ConfigError

    if arguments.config and arguments.summary:
        raise ConfigError("actbench audit", "give a CONFIG or --summary TABLE.csv, not both")
    if arguments.whole and not arguments.summary:
        raise ConfigError("--whole", "is said of a table; give --summary TABLE.csv too")
    compared, problems, unchecked = _summary(arguments) if arguments.summary else _results(arguments)
    if arguments.json:
        found = {"compared": compared, "mismatches": problems, "unchecked": unchecked}
        print(json.dumps({"ok": not problems, **found}))
    else:
        counted = ", ".join(f"{count:,} of {name}" for name, count in compared.items())
        print("\n".join([*problems, f"{len(problems)} mismatches; compared {counted}"]))
        print("\n".join(f"not checked: {line}" for line in unchecked), end="\n" if unchecked else "")
    return 1 if problems else 0


def _summary(arguments: argparse.Namespace) -> tuple[dict[str, int], list[str], list[str]]:
    from actbench.audit.summary_table import audit_summary

    rows, problems, unchecked = audit_summary(arguments.summary, arguments.whole)
    return {"rows": rows}, problems, unchecked


def _results(arguments: argparse.Namespace) -> tuple[dict[str, int], list[str], list[str]]:
    from actbench.plan.config import load_config
    from actbench.plan.ledger import load_ledger

    config = load_config(arguments.config or CONFIG)
    ledger = load_ledger(arguments.ledger, [study.name for study in config.studies])
    from actbench.audit.products import audit_results

    figures = arguments.figures / config.name
    _check_tables(config, arguments.results)
    _check_prints(arguments.results / config.name, figures)
    found = audit_results(arguments.results / config.name, figures, ledger, _say)
    return found.compared, found.problems, found.unchecked


def _say(part: str) -> None:
    print(f"checking {part}", file=sys.stderr, flush=True)


def _check_tables(config: "Config", results: Path) -> None:
    """Refuse raw rows that are damaged or of another config: nothing can be derived from them."""
    from actbench.analysis.tables import check_made_from, table_path
    from actbench.plan.schema import TABLES

    for table in TABLES:
        path = table_path(config.name, table, results)
        if table != "layers" or path.exists():
            check_made_from(config, path)


def _check_prints(folder: Path, figures: Path) -> None:
    """Refuse printed files that have other columns, or are no text; wrong numbers in them are what is looked for."""
    from actbench.analysis.claims_schema import CLAIM_TESTS, CLAIMS
    from actbench.analysis.statistic_file import read_typed
    from actbench.analysis.stats_schema import STATS
    from actbench.plan.errors import ConfigError

    columns = {f"stats/{name}.csv": of for name, of in STATS.items()}
    for name, of in (columns | {"claims.csv": CLAIMS, "stats/claim_tests.csv": CLAIM_TESTS}).items():
        if (folder / name).exists():
            read_typed(folder / name, of, REMEDY)
    for caption in sorted(figures.glob("*.md")):
        try:
            caption.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise ConfigError(str(caption), f"not a text in UTF-8; {REMEDY}") from None
