"""The names that are read from the source agree with the registries that Python imports."""

import importlib
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from actbench.plan import registry
from actbench.plan.errors import ConfigError
from actbench.plan.level import parse_level
from actbench.plan.registry import FILES, declared_text, is_declared, known_levels

every_kind = pytest.mark.parametrize("kind", list(FILES))


def imported(kind: str) -> dict[str, Any]:
    """Import the one annotated upper-case dict of a registry file."""
    module = importlib.import_module(f"actbench.levels.{FILES[kind].removesuffix('.py')}")
    names = [name for name in module.__annotations__ if name.isupper()]
    assert len(names) == 1, f"{FILES[kind]} holds {names}"
    return dict(getattr(module, names[0]))


@every_kind
def test_names_and_arguments_agree(kind: str) -> None:
    """The reader finds every level, in order, with its arguments and their defaults."""
    expected = {name: getattr(entry, "arguments", {}) for name, entry in imported(kind).items()}
    assert known_levels(kind) == expected
    assert list(known_levels(kind)) == list(expected)


@every_kind
def test_flags_agree(kind: str) -> None:
    """Every flag of an entry is read as Python sees it."""
    for name, entry in imported(kind).items():
        for field in fields(entry):
            if field.type is bool:
                assert is_declared(kind, name, field.name) == getattr(entry, field.name)


@pytest.mark.parametrize("keyword", ["where", "unit", "meaning", "when", "on"])
def test_texts_of_diagnostics_agree(keyword: str) -> None:
    """What the dictionary of the results says of a diagnostic is what Python sees."""
    for name, entry in imported("diagnostic").items():
        default = {"when": "always", "on": "probe"}.get(keyword, "")
        assert declared_text("diagnostic", name, keyword, default) == getattr(entry, keyword)


def test_the_flag_of_batchnorm_is_read() -> None:
    """Batch and layer normalisation cancel a shared bias, the others do not."""
    cancelling = [name for name in known_levels("norm") if is_declared("norm", name, "cancels_bias")]
    assert cancelling == ["batchnorm", "layernorm"]


@every_kind
def test_every_level_has_a_formula_and_a_reference(kind: str) -> None:
    """No level stands without its formula and its source, each one line of text."""
    for name, entry in imported(kind).items():
        for text in (entry.formula, entry.reference):
            assert text.strip(), name
            assert text == " ".join(text.split()), f"{name}: {text!r} has stray white space"


@pytest.mark.parametrize("kind", [kind for kind in FILES if kind != "diagnostic"])
def test_every_argument_has_bounds(kind: str) -> None:
    """Every argument has a least and a greatest value, and its default lies between them."""
    for name, entry in imported(kind).items():
        assert entry.bounds.keys() == entry.arguments.keys(), name
        for argument, (low, high) in entry.bounds.items():
            default = entry.arguments[argument]
            assert low < high, name
            assert default is None or low <= default <= high, name


def test_defaults_are_filled_in() -> None:
    """A level without numbers has the defaults of its entry; a missing one is asked for."""
    assert parse_level("optimizer", "adam").arguments == (0.9, 0.999, 1e-8)
    assert parse_level("activation", "leaky_relu(0.2)").arguments == (0.2,)
    with pytest.raises(ValueError, match=r"write it as normal\(std\)"):
        parse_level("init", "normal")


def test_all_levels_of_the_benchmark_are_there() -> None:
    """The levels that the configs and the documentation name exist."""
    wanted = {
        "activation": "identity sigmoid tanh relu leaky_relu prelu elu selu gelu silu mish softplus softsign hardtanh "
        "hard_swish",
        "init": "xavier_uniform xavier_normal he_uniform he_normal lecun_normal orthogonal torch_default "
        "variance_preserving normal",
        "norm": "none batchnorm layernorm rmsnorm",
        "residual": "none identity scaled",
        "clip": "none norm value",
        "optimizer": "sgd adam",
    }
    for kind, names in wanted.items():
        assert set(names.split()) <= set(known_levels(kind))


@every_kind
def test_names_are_words_of_a_config(kind: str) -> None:
    """Every level can be written in a config: lower-case letters, digits and _."""
    assert [name for name in known_levels(kind) if not re.fullmatch(r"[a-z][a-z0-9_]*", name)] == []


def test_a_value_that_is_no_literal_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry with a constant instead of a number is one line with file, level, keyword and remedy."""
    text = 'CLIPPING: dict[str, Clip] = {"soft": Clip(soft, formula="g", arguments={"slope": SLOPE})}\n'
    (tmp_path / FILES["clip"]).write_text(text)
    monkeypatch.setattr(registry, "LEVELS", tmp_path)
    for cached in (registry.known_levels, registry._entries):
        cached.cache_clear()
    try:
        with pytest.raises(ConfigError) as raised:
            known_levels("clip")
    finally:
        monkeypatch.undo()
        for cached in (registry.known_levels, registry._entries):
            cached.cache_clear()
    assert str(raised.value).startswith("levels/clipping.py: soft: `arguments={'slope': SLOPE}` is read without")


def test_reading_names_does_not_import_torch() -> None:
    """The plan knows all levels without loading torch or NumPy."""
    program = (
        "import sys; from actbench.plan.registry import FILES, known_levels; [known_levels(kind) for kind in FILES]; "
        "sys.exit(bool({'torch', 'numpy'} & sys.modules.keys()))"
    )
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    assert subprocess.run([sys.executable, "-c", program], check=False, env=paths).returncode == 0
