"""An entry in its registry is all that a new level needs: every verb knows it, and every law is tried on it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from actbench.training.process import source_digest
from new_levels import NAMES, extended, run_there

CONFIG = """
name: added
defaults: {width: 16, steps: 16, batch_size: 32, lr: 0.05}
studies:
  main:
    activation: [squareplus, squareplus(1)]
    init: [he_normal, he_truncated]
    norm: [none, powernorm, powernorm(0.5)]
    residual: [none, weighted, weighted(0.9), bounded]
    seed: SEEDS
"""
RUNS = 2 * 2 * 3 * 4  # for each seed
LAWS = (
    "activations", "initializers", "normalizations", "residuals", "registry", "twin", "diagnostics", "nonlinearity",
    "saturation", "initial_pass",
)  # fmt: skip

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the copy and a config that asks for its levels."""
    folder = extended(tmp_path_factory.mktemp("added"))
    (folder / "added.yaml").write_text(CONFIG.replace("SEEDS", "0"))
    (folder / "more.yaml").write_text(CONFIG.replace("SEEDS", "[0, 1]"))
    return folder


@pytest.fixture(scope="module")
def trained(folder: Path) -> Path:
    """Train all runs of one seed and gather their tables."""
    for shard in answer(folder, "plan", "added.yaml", "--shards")["shard_list"]:
        assert answer(folder, "train", "added.yaml", "--shard", shard["id"])["trained"] == shard["runs"]
    assert answer(folder, "tables", "added.yaml")["runs"] == RUNS
    return folder


def answer(folder: Path, *words: str) -> Any:
    """Return what a verb prints as JSON."""
    done = run_there(folder, "actbench", *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_run_is_trained_and_a_seed_adds_only_its_own(trained: Path) -> None:
    """No run fails, levels with arguments differ from those without, and the plan counts exactly what is missing."""
    runs = pd.read_parquet(trained / "results" / "added" / "tables" / "runs.parquet")
    assert set(runs["status"]) == {"ok"}
    for factor, pair in (("residual", ("weighted", "weighted(0.9)")), ("norm", ("powernorm", "powernorm(0.5)"))):
        one, other = (runs[runs[factor] == level].sort_values(["activation", "init", "norm"]) for level in pair)
        assert not set(one["test_loss"]) & set(other["test_loss"])
    assert answer(trained, "plan", "more.yaml")["cached"] == RUNS
    assert answer(trained, "plan", "more.yaml")["to_train"] == RUNS


def test_the_plan_knows_that_autograd_is_slower(folder: Path) -> None:
    """A level without a compiled form is expected to take longer than one that has it, and so is its shard."""
    (folder / "long.yaml").write_text(
        "name: long\ndefaults: {steps: 100000}\nstudies: {a: {activation: [relu, squareplus]}}"
    )
    relu, squareplus = answer(folder, "plan", "long.yaml", "--shards")["shard_list"]
    assert squareplus["minutes"] > 2 * relu["minutes"]


def test_loops_that_come_with_the_package_are_not_compiled_again(folder: Path) -> None:
    """The copy with new levels looks for the machine code of the package's own loops where the package does."""
    code = "from actbench.training import process; print(process.source_digest())"
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == source_digest()


def test_theory_speaks_of_what_it_can_see(trained: Path) -> None:
    """A new activation has its fixed points, a weighted sum its forecast; of others the reason is told."""
    assert answer(trained, "theory", "--activation", "squareplus(1)")["variance_preserving_gain"] > 0
    words = ["--activation", "squareplus", "--depth", "6", "--width", "64", "--residual"]
    assert answer(trained, "probe", *words, "weighted(0.9)")["backward_factor"]["predicted"] > 0
    unseen = answer(trained, "probe", *words, "bounded")
    assert unseen["backward_factor"]["predicted"] is None
    assert "there is no theory of norm none with residual bounded" in unseen["notes"][0]


def test_a_run_is_explained(trained: Path) -> None:
    """Levels, neighbours and prediction of a run of new levels are told."""
    selector = "activation=squareplus,init=he_truncated,norm=none,residual=weighted,seed=0"
    told = answer(trained, "explain", selector, "--config", "added.yaml")
    assert told["levels"]["residual"] == "weighted"
    assert {row["factor"] for row in told["neighbours"]} >= {"activation", "init", "norm", "residual"}


def test_every_law_is_tried_on_the_new_levels(folder: Path) -> None:
    """The tests of the registries, unchanged, try each new level and find nothing wrong."""
    files = [f"tests/test_{name}.py" for name in LAWS]
    chosen = " or ".join(NAMES)
    done = run_there(folder, "pytest", "-vv", "-rN", "-p", "no:cacheprovider", *files, "-k", chosen)
    assert done.returncode == 0, done.stdout[-3000:]
    passed = "\n".join(line for line in done.stdout.splitlines() if " PASSED" in line)
    assert [name for name in NAMES if not re.search(rf"[\[-]{name}[](-]", passed)] == []
