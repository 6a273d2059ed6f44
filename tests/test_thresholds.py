"""The threshold of each cause: that of the page that measured it, with a run just short of it and one just beyond."""

import math
import re
from pathlib import Path

import pandas as pd
import pytest

from actbench.analysis.diagnosis import FINE, ILL, walk
from actbench.analysis.evidence import Records
from actbench.analysis.illness import CAUSE
from actbench.analysis.illnesses import ILLNESSES

UPDATES, CLASSES = 10, 10
NEAR = 0.0005  # how far from its threshold a number is, as a share of it
LAYER = ["run_key", "step", "layer", "diagnostic", "value"]

# Where a rule finds its number x: diagnostic, step, and what two hidden layers have of it.
LAYERS = {
    "vanishing_gradients": ("gradient_norm", 0, lambda x: (x, 1.0)),
    "exploding_gradients": ("gradient_norm", 0, lambda x: (x, 1.0)),
    "no_norm_no_skips": ("gradient_norm", 0, lambda x: (1.0, x)),
    "signal_shrinks": ("activation_std", 0, lambda x: (1.0, x)),
    "signal_grows": ("activation_std", 0, lambda x: (1.0, x)),
    "input_forgotten": ("input_correlation", 0, lambda x: (0.5, x)),
    "saturation": ("saturated_fraction", UPDATES, lambda x: (x, 0.5)),
    "zeros": ("zero_fraction", UPDATES, lambda x: (0.5, x)),
    "dead_units": ("dead_fraction", UPDATES, lambda x: (x, 0.5)),
    "gradients_died": ("gradient_norm", UPDATES, lambda x: (x, 1.0)),
    "answers_alike": ("input_correlation", UPDATES, lambda x: (0.5, x)),
    "collapse": ("effective_rank", UPDATES, lambda x: (5.0, x)),
    "steps_too_large": ("update_ratio", UPDATES, lambda x: (0.0, x)),
    "rate_too_low": ("update_ratio", UPDATES, lambda x: (0.0, x / UPDATES)),
    "always_clipped": ("update_ratio", UPDATES, lambda x: (0.0, 0.001)),
}
# The last of two training losses, the first of which is 1.
LOSSES = {"linear_network": lambda x: x * math.log(CLASSES), "rate_too_high": lambda x: x}


@pytest.fixture(scope="module")
def page(project_root: Path) -> dict[str, tuple[str, float]]:
    """Read from benchmarks/diagnosis.md on which side of which number each cause begins."""
    text = (project_root / "benchmarks" / "diagnosis.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (above|below) (\S+) \|", text, re.MULTILINE)
    return {name: (side, float(number)) for name, side, number in rows}


def test_the_page_has_the_rules(page: dict[str, tuple[str, float]]) -> None:
    """Rates were measured of every cause, with the threshold that it has."""
    causes = {name: rule for name, rule in ILLNESSES.items() if rule.kind == CAUSE}
    assert page == {name: (rule.comparison, rule.threshold) for name, rule in causes.items()}


def failed(key: str, name: str, number: float) -> Records:
    """Make up a run that did not learn, in which a rule finds this number."""
    run = {"run_key": key, "status": "ok", "best_val_accuracy": 0.1, "val_accuracy": 0.1, "depth": 2, "norm": "none"}
    run |= {"classes": CLASSES, "steps": UPDATES, "activation": "identity", "residual": "none", "diverged_step": pd.NA}
    run |= {"clip_rate": number if name == "always_clipped" else 0.0}
    losses = {0: 1.0, UPDATES: LOSSES[name](number)} if name in LOSSES else {}
    curve = [(key, step, "train", loss) for step, loss in losses.items()]
    diagnostic, step, values = LAYERS.get(name, ("gradient_norm", 0, lambda x: (1.0, 1.0)))
    rows = [(key, step, layer, diagnostic, value) for layer, value in enumerate(values(number), 1)]
    rows += [(key, step, layer, "zero_fraction", 0.0) for layer in (1, 2) if name == "saturation"]
    curves = pd.DataFrame(curve, columns=["run_key", "step", "split", "loss"])
    return Records(pd.DataFrame([run]).astype({"diverged_step": "Int64"}), curves, pd.DataFrame(rows, columns=LAYER))


@pytest.fixture(scope="module")
def findings(page: dict[str, tuple[str, float]]) -> pd.DataFrame:
    """Judge two runs of each cause, `NAME low` just below the page's number and `NAME high` just above it."""
    shares = {"low": 1 - NEAR, "high": 1 + NEAR}
    runs = [failed(f"{name} {at}", name, page[name][1] * shares[at]) for name in (*LAYERS, *LOSSES) for at in shares]
    parts = [[getattr(run, table) for run in runs] for table in ("runs", "curves", "layers")]
    return walk(Records(*(pd.concat(part, ignore_index=True) for part in parts))).set_index(["illness", "run_key"])


@pytest.mark.parametrize("name", [*LAYERS, *LOSSES])
def test_a_cause_begins_at_its_threshold(name: str, page: dict[str, tuple[str, float]], findings: pd.DataFrame) -> None:
    """Half a thousandth short of the page's number a run is fine, half a thousandth beyond it is ill."""
    side, threshold = page[name]
    rows = findings.loc[[(name, f"{name} low"), (name, f"{name} high")]]
    assert rows["value"].tolist() == pytest.approx([threshold * (1 - NEAR), threshold * (1 + NEAR)], rel=1e-9)
    assert rows["verdict"].tolist() == ([FINE, ILL] if side == "above" else [ILL, FINE])


def test_every_cause_is_tried(page: dict[str, tuple[str, float]]) -> None:
    """A new cause needs its run here."""
    assert {*LAYERS, *LOSSES} == set(page)
