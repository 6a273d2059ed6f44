"""All that a result prints, each file with the audit that answers for it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pandas as pd

from actbench.audit.captions import audit_captions
from actbench.audit.printed_claims import audit_claims
from actbench.audit.printed_statistics import STATISTICS, audit_statistic
from actbench.audit.printed_warnings import audit_warnings
from actbench.audit.raw_rows import Raw, read_printed, read_raw
from actbench.plan.ledger import Claim

NO_LAYERS = "layers.parquet is not there"
# Statistics that are compared in a way of their own; all of them need `layers`.
OTHERS: dict[str, Callable[[Raw, pd.DataFrame], tuple[int, list[str]]]] = {"early_warning": audit_warnings}


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


def audit_results(folder: Path, figures: Path, ledger: tuple[Claim, ...]) -> Findings:
    """Derive once more what stands under results/<name> and figures/<name>.

    Args:
        folder: results/<name>; raises ConfigError when it lacks a table other than `layers`.
        figures: figures/<name>.
        ledger: the claims that were judged.
    """
    raw, findings = read_raw(folder / "tables"), Findings()
    _audit_statistics(raw, folder / "stats", findings)
    _audit_ledger(raw, folder, ledger, findings)
    findings.add("captions", audit_captions(raw, figures))
    return findings


def _audit_statistics(raw: Raw, stats: Path, findings: Findings) -> None:
    audits = {name: partial(audit_statistic, raw, name) for name in STATISTICS}
    audits |= {name: partial(audit, raw) for name, audit in OTHERS.items()}
    of_layers = {*OTHERS, *(name for name, statistic in STATISTICS.items() if statistic.needs_layers)}
    for name, audit in audits.items():
        path = stats / f"{name}.csv"
        if not path.exists():
            findings.unchecked.append(f"{name}: {path.name} is not there")
        elif name in of_layers and raw.layers is None:
            findings.unchecked.append(f"{name}: {NO_LAYERS}")
        else:
            findings.add(name, audit(read_printed(path)))


def _audit_ledger(raw: Raw, folder: Path, ledger: tuple[Claim, ...], findings: Findings) -> None:
    paths = (folder / "claims.csv", folder / "stats" / "claim_tests.csv")
    if not paths[0].exists():
        findings.unchecked.append("claims: claims.csv is not there")
        return
    compared, problems, left = audit_claims(raw, ledger, *map(read_printed, paths))
    findings.add("claims", (compared, problems))
    if left:
        why = f" and of diagnostics: {NO_LAYERS}" if raw.layers is None else ""
        findings.unchecked.append(f"claims: the effects of {left} tests, of ranks, speeds or laws{why}")
