"""`actbench claims ID`: the story of a claim says where the claim places the effect."""

from pathlib import Path

import pytest

from actbench.analysis.claims import write_claims
from actbench.plan.config import load_config
from actbench.shell.cli import main
from ledgers import claim, ledger_of
from synthetic import write_results

CONFIG = """
name: told
studies: {main: {activation: [relu, tanh], depth: [2, 8], init: [he_normal, xavier_normal], lr: [0.02, 0.1],
  seed: [0, 1, 2]}}
"""
PAIR = {"study": "main", "quantity": "score", "this": {"activation": "tanh"}, "that": {"activation": "relu"}}
PLACES = {
    "same": ({**PAIR, "rule": "equivalence", "margin": 0.1}, "claimed: within ±0.1; "),
    "more": ({**PAIR, "rule": "difference", "margin": 0.1}, "claimed: higher than 0.1; "),
    "less": ({**PAIR, "rule": "difference", "margin": 0.1, "direction": "lower"}, "claimed: lower than -0.1; "),
    "kept": ({**PAIR, "rule": "difference", "margin": 0.1, "direction": "not lower"}, "claimed: not lower than -0.1; "),
    "mean": (
        {"study": "main", "quantity": "score", "rule": "mean", "margin": 0.2, "direction": "lower"},
        "claimed: lower than 0.2; ",
    ),
    "area": (
        {"study": "main", "quantity": "score", "rule": "auc", "outcome": "failed", "margin": 0.7,
         "direction": "lower", "rates": "each"},
        "claimed: higher than 0.7; ",
    ),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make up the results of a small config."""
    (tmp_path / "told.yaml").write_text(CONFIG, encoding="utf-8")
    write_results(load_config(tmp_path / "told.yaml"), tmp_path / "results")
    return tmp_path


def test_the_margin_stands_on_the_side_that_is_claimed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An equivalence lies within ±margin, `lower` below -margin, a mean below the margin itself, an area above it."""
    config = load_config(folder / "told.yaml")
    write_claims(
        config, ledger_of(folder, {name: claim(**keys) for name, (keys, _) in PLACES.items()}), folder / "results"
    )
    for name, (_, words) in PLACES.items():
        asked = ["claims", str(folder / "told.yaml"), name, "--ledger", str(folder / "claims.yaml")]
        assert main([*asked, "--results", str(folder / "results")]) == 0
        told = capsys.readouterr().out
        assert words in told
        assert "3 seeds" in told
