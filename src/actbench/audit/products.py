"""All that a result prints, each file with the audit that answers for it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pandas as pd

from actbench.audit.caption_facts import FACTS
from actbench.audit.captions import audit_caption
from actbench.audit.figure_numbers import audit_numbers
from actbench.audit.printed_claims import audit_ledger
from actbench.audit.printed_functions import audit_activations, audit_boundaries, audit_exact, formula
from actbench.audit.printed_latex import FILES, audit_latex
from actbench.audit.printed_scales import audit_scales
from actbench.audit.printed_statistics import STATISTICS, audit_statistic
from actbench.audit.printed_theory import audit_theory, unknown_levels
from actbench.audit.raw_rows import Raw, read_printed, read_raw
from actbench.plan.errors import ConfigError
from actbench.plan.ledger import Claim
from actbench.plan.sources import figure_names, figure_needs

NO_LAYERS = "layers.parquet is not there"
Audit = Callable[[Raw, pd.DataFrame], tuple[int, list[str]]]
Say = Callable[[str], None]  # is told what is checked next
# Files of stats/ that are compared in a way of their own.
OTHERS: dict[str, Audit] = {
    "activations": audit_activations,
    "exact": audit_exact,
    "boundaries": audit_boundaries,
    "theory": audit_theory,
    "depth_scales": audit_scales,
}
LEDGER = ("claim_tests",)
# What follows from no run, and where it is derived a second time.
ELSEWHERE = {
    "probe": "networks as they are initialised; the tests hold `actbench probe` against theory",
    "cost": "times of one machine, which nothing but that machine could measure again",
}
PARTLY = {
    "boundaries": "the classes that networks gave to points of the plane, and the points of the test set",
    "exact": "errors of rounding, which are held to their bounds only",
    "theory": "the mean square of each data set, which is taken from the variances of its first layers",
    "notes": "words beside the numbers, in the columns `note`, `question` and `detail`",
}


@dataclass
class Findings:
    """compared: numbers by part. problems: a line a mismatch. unchecked: what could not be, and why."""

    compared: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    def add(self, name: str, found: tuple[int, list[str]]) -> None:
        """Take up what an audit of one part counted and found."""
        self.compared[name] = self.compared.get(name, 0) + found[0]
        self.problems += found[1]


def audit_results(folder: Path, figures: Path, ledger: tuple[Claim, ...], say: Say = lambda part: None) -> Findings:
    """Derive once more what stands under results/<name> and figures/<name>.

    Args:
        folder: results/<name>; raises ConfigError when it lacks a table other than `layers`.
        figures: figures/<name>.
        ledger: the claims that were judged.
        say: is told the name of each part before it is checked.
    """
    say("raw rows")
    raw, findings = read_raw(folder / "tables"), Findings()
    _audit_statistics(raw, folder / "stats", findings, say)
    say("claims")
    compared, problems, unchecked = audit_ledger(raw, folder, ledger)
    findings.add("claims", (compared, problems))
    findings.unchecked += unchecked
    if all((folder / "latex" / file).exists() for file in FILES):
        findings.add("latex", tried("latex", partial(audit_latex, folder / "latex", folder / "stats")))
    else:
        findings.unchecked.append("latex: not there, or not whole")
    _audit_figures(figures, folder / "stats", findings, say)
    return findings


def tried(name: str, audit: Callable[[], tuple[int, list[str]]]) -> tuple[int, list[str]]:
    """Return what an audit counted and found; a print so strange that it cannot be compared is a mismatch itself."""
    try:
        return audit()
    except ConfigError:
        raise
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        return 1, [f"{name}: is not what this version prints ({type(error).__name__}: {said})"]


def _audit_figures(figures: Path, stats: Path, findings: Findings, say: Say) -> None:
    drawn = sorted(figures.glob("*.csv"))
    for path in drawn:
        say(f"figure {path.stem}")
        if path.stem in figure_names() and set(figure_needs(path.stem, "STATS")) <= {"studies"}:
            findings.unchecked.append(f"figures: {path.stem}: drawn from tables, whose numbers no statistic holds")
        else:
            findings.add("figures", tried(path.name, partial(audit_numbers, path, stats)))
        if path.stem in FACTS:
            caption = path.with_suffix(".md")
            findings.add("captions", tried(caption.name, partial(audit_caption, caption)))
        else:
            findings.unchecked.append(f"captions: {path.stem}: no facts of it are known")
    findings.unchecked += [] if drawn else ["figures: none has its numbers beside it"]


def _audit_statistics(raw: Raw, stats: Path, findings: Findings, say: Say) -> None:
    audits = {name: partial(audit_statistic, raw, name) for name in STATISTICS}
    audits |= {name: partial(audit, raw) for name, audit in OTHERS.items()}
    of_layers = {name for name, statistic in STATISTICS.items() if statistic.needs_layers}
    for name, audit in audits.items():
        path = stats / f"{name}.csv"
        if not path.exists():
            findings.unchecked.append(f"{name}: {path.name} is not there")
        elif name in of_layers and raw.layers is None:
            findings.unchecked.append(f"{name}: {NO_LAYERS}")
        else:
            say(f"statistic {name}")
            findings.add(name, tried(name, partial(audit, read_printed(path))))
    findings.unchecked += [f"{name}: {why}" for name, why in (ELSEWHERE | PARTLY).items()]
    findings.unchecked += _unknown(stats / "activations.csv")
    findings.unchecked += [f"theory: {level}: the audit does not know this level" for level in unknown_levels(raw)]


def _unknown(path: Path) -> list[str]:
    names: set[str] = set(read_printed(path)["activation"]) if path.exists() else set()
    return [f"activations: {name}: the audit has no formula of it" for name in sorted(names) if formula(name) is None]
