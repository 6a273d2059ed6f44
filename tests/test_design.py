"""actbench.plan.design: from studies to runs."""

import dataclasses
import hashlib
import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.plan.config import Config, Study
from actbench.plan.design import Design, Run, expand
from actbench.plan.errors import ConfigError
from actbench.plan.factors import FACTORS
from tiny import tiny_design

DEFAULTS = {name: (factor.default,) for name, factor in FACTORS.items()}
DEFAULT_RUN = Run(**{name: factor.default for name, factor in FACTORS.items()})  # type: ignore[arg-type]


def design_of(*studies: Study) -> Design:
    """Expand studies without a file."""
    return expand(Config("x", "", 300, studies))


def test_full_factorial(tmp_path: Path) -> None:
    """A study is every combination of its levels, each once."""
    design = tiny_design(tmp_path)
    found = {(run.activation, run.depth, run.seed) for run in design.runs}
    assert found == set(itertools.product(["relu", "tanh"], [1, 2], [0, 1]))
    assert len(design.runs) == 8
    assert design.members == {"main": tuple(run.key for run in design.runs)}


def test_exclusions_take_out_what_they_name(tmp_path: Path) -> None:
    """A run goes when one exclusion names a level of it for every factor that the exclusion names."""
    text = """
    name: x
    studies:
      a:
        activation: [relu, tanh]
        depth: [1, 2, 3]
        exclude: [{activation: relu, depth: [2, 3]}, {depth: 1}]
    """
    runs = tiny_design(tmp_path, text).runs
    assert {(run.activation, run.depth) for run in runs} == {("tanh", 2), ("tanh", 3)}


def test_shared_runs_are_trained_once(tmp_path: Path) -> None:
    """Studies that overlap share runs, and each study lists all of its own."""
    text = "name: x\nstudies: {a: {depth: [1, 2]}, b: {depth: [2, 3]}}"
    design = tiny_design(tmp_path, text)
    assert sorted(run.depth for run in design.runs) == [1, 2, 3]
    assert {study: len(keys) for study, keys in design.members.items()} == {"a": 2, "b": 2}
    assert len(set(design.members["a"]) & set(design.members["b"])) == 1


def test_spelling_makes_no_new_run(tmp_path: Path) -> None:
    """A level in another spelling is the same run."""
    text = "name: x\nstudies: {a: {clip: norm(1), lr: 1}, b: {clip: norm(1.0), lr: 1.0, optimizer: sgd(0.9)}}"
    assert len(tiny_design(tmp_path, text).runs) == 1


def test_key_is_frozen() -> None:
    """The key of the default run stands here: stored results are found by it."""
    assert DEFAULT_RUN.key == "a3baa1149752e366"


def test_key_depends_on_every_factor() -> None:
    """Changing the level of any factor changes the key."""
    keys = {DEFAULT_RUN.key}
    for name, factor in FACTORS.items():
        other = f"{factor.default}x" if isinstance(factor.default, str) else factor.default + 32
        keys.add(dataclasses.replace(DEFAULT_RUN, **{name: other}).key)
    assert len(keys) == len(FACTORS) + 1


LEVEL = {str: st.text(), int: st.integers(), float: st.floats(allow_nan=False, allow_infinity=False)}


@given(st.fixed_dictionaries({name: LEVEL[type(factor.default)] for name, factor in FACTORS.items()}))
def test_key_is_a_hash_of_json(levels: dict[str, str | int | float]) -> None:
    """The first 16 digits of the SHA-256 of what `json` writes of the factors, sorted by name."""
    text = json.dumps(levels, sort_keys=True)
    assert Run(**levels).key == hashlib.sha256(text.encode()).hexdigest()[:16]  # type: ignore[arg-type]


def test_key_is_the_same_in_every_process() -> None:
    """Keys do not depend on Python's random hashing of text."""
    code = "from actbench.plan.design import *; from actbench.plan.factors import FACTORS as F;"
    code += "print(Run(**{name: f.default for name, f in F.items()}).key)"
    for seed in ("0", "1"):
        command = [sys.executable, "-c", code]
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)}
        assert (
            subprocess.run(command, env=environment, capture_output=True, text=True).stdout.strip() == DEFAULT_RUN.key
        )


def test_order_of_levels_does_not_matter(tmp_path: Path) -> None:
    """The same levels in another order are the same set of runs."""
    forward = tiny_design(tmp_path, "name: x\nstudies: {a: {activation: [relu, tanh], depth: [1, 2]}}")
    backward = tiny_design(tmp_path, "name: x\nstudies: {a: {depth: [2, 1], activation: [tanh, relu]}}")
    assert set(forward.runs) == set(backward.runs)


@pytest.mark.parametrize("norm", ["batchnorm", "layernorm"])
def test_bias_under_a_norm_that_cancels_it(tmp_path: Path, norm: str) -> None:
    """A bias offset that a norm takes out again is refused, and can be excluded."""
    text = f"name: x\nstudies: {{a: {{bias_offset: [0.0, -1.0], norm: [none, {norm}]}}}}"
    with pytest.raises(ConfigError, match=f"has no effect under norm {norm}"):
        tiny_design(tmp_path, text)
    exclusion = f", exclude: [{{bias_offset: -1.0, norm: {norm}}}]}}}}"
    assert len(tiny_design(tmp_path, text.replace("]}}", "]" + exclusion)).runs) == 3


@given(
    st.lists(st.sampled_from(["relu", "tanh", "gelu"]), min_size=1, unique=True),
    st.lists(st.integers(1, 9), min_size=1, max_size=4, unique=True),
    st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True),
)
def test_number_of_runs_is_the_product(activations: list[str], depths: list[int], seeds: list[int]) -> None:
    """A study without exclusions has as many runs as the product of its numbers of levels."""
    levels = {**DEFAULTS, "activation": tuple(activations), "depth": tuple(depths), "seed": tuple(seeds)}
    design = design_of(Study("a", "", levels), Study("b", "", levels))
    assert len(design.runs) == len(activations) * len(depths) * len(seeds)
    assert len({run.key for run in design.runs}) == len(design.runs)
