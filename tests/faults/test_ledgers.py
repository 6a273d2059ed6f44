"""Bad ledgers of claims: each is one line and exit code 2, or every claim of it has a verdict; no traceback."""

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from actbench.analysis import verdicts
from actbench.analysis.claims import claims_path, read_claims
from actbench.plan.config import load_config
from actbench.shell.cli import main
from bad_configs import fuzzed
from bad_ledgers import CONFIG, HEAD, REFUSED, RULES, possible
from synthetic import write_results

LONGEST = 5.0  # seconds of processor time
VERDICTS = {
    verdicts.SUPPORTED, verdicts.CONTRADICTED, verdicts.CONDITIONAL, verdicts.INCONCLUSIVE, verdicts.NOT_YET,
    verdicts.MISSING, verdicts.TOO_SMALL, verdicts.NOT_ESTIMABLE,
}  # fmt: skip


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make up results of a small config."""
    folder = tmp_path_factory.mktemp("judged")
    (folder / "judged.yaml").write_text(CONFIG, encoding="utf-8")
    write_results(load_config(folder / "judged.yaml"), folder / "results")
    return folder


def check(folder: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> int:
    """Judge a ledger and return the exit code, having looked at what it took, what it said and what it left."""
    ledger, config = folder / "ledger.yaml", folder / "judged.yaml"
    ledger.write_bytes(content)
    claims_path("judged", folder / "results").unlink(missing_ok=True)
    began = time.process_time()
    code = main(["claims", str(config), "--ledger", str(ledger), "--results", str(folder / "results")])
    assert time.process_time() - began < LONGEST
    said = capsys.readouterr()
    assert code in (0, 2)
    if code == 2:
        assert said.err.count("\n") == 1
        assert said.err.startswith(str(ledger))
        assert said.err.strip().isprintable()
        assert len(said.err) < 700 + len(str(ledger))
        assert not claims_path("judged", folder / "results").exists()
    else:
        claims, tests = read_claims(load_config(config), folder / "results")
        assert len(claims)
        assert {*claims["verdict"], *tests["verdict"]} <= VERDICTS
    return code


def test_a_ledger_of_every_rule_is_judged(judged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The ledger that the others are made from is sound, and so is the start of the one with a single claim."""
    assert check(judged, RULES.encode(), capsys) == 0


def test_a_diagnostic_that_was_not_recorded_is_no_verdict(judged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A claim about a diagnostic of which the tables hold no row is judged: it cannot be estimated."""
    assert check(judged, (HEAD + "rule: mean, quantity: preactivation_mean}\n").encode(), capsys) == 0
    claims, _ = read_claims(load_config(judged / "judged.yaml"), judged / "results")
    assert list(claims["verdict"]) == [verdicts.NOT_ESTIMABLE]


@pytest.mark.parametrize("content", REFUSED.values(), ids=[name[:40] for name in REFUSED])
def test_bad_ledgers_made_by_hand(judged: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    """Each is refused in one line that begins with the file."""
    assert check(judged, content, capsys) == 2


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=fuzzed([RULES]))
def test_fuzzed_ledgers(judged: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    """A ledger with a few things changed is refused in one line, or all of its claims are judged."""
    check(judged, content, capsys)
    assert not Path("executed").exists()


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=possible())
def test_possible_ledgers(judged: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    """Known words in any combination are refused in one line, or judged."""
    check(judged, content, capsys)
