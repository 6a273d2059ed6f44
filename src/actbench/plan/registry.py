"""The names of all levels, read from the registries' source without importing them (they need torch).

A registry is a dict literal in one file, `REGISTRY = {"name": Entry(..., arguments={...}), ...}`. Data sets and
model families are one file each. A test compares what is read here with the imported registries.
"""

import ast
from functools import cache
from pathlib import Path
from typing import Any

from actbench.plan.errors import ConfigError

LEVELS = Path(__file__).resolve().parent.parent / "levels"

FILES = {
    "activation": "activations.py",
    "init": "initializers.py",
    "norm": "normalizations.py",
    "residual": "residuals.py",
    "clip": "clipping.py",
    "optimizer": "optimizers.py",
    "diagnostic": "diagnostics.py",
}
FOLDERS = {"dataset": "datasets", "model": "models"}

Arguments = dict[str, float | None]  # argument -> default; None: it must be given


@cache
def known_levels(kind: str) -> dict[str, Arguments]:
    """Return every level of a factor such as `activation`, with its arguments and their defaults."""
    if kind in FOLDERS:
        files = sorted((LEVELS / FOLDERS[kind]).glob("*.py"))
        return {file.stem: {} for file in files if not file.stem.startswith("_")}
    return {name: _keyword(kind, name, "arguments", {}) for name in _entries(kind)}


def argument_bounds(kind: str, name: str) -> dict[str, tuple[float, float]]:
    """Return the least and the greatest value of each bounded argument of a level."""
    bounds: dict[str, tuple[float, float]] = {} if kind in FOLDERS else _keyword(kind, name, "bounds", {})
    return bounds


def description(kind: str, name: str) -> str:
    """Return the formula of a level, or the first line of the file that is the level."""
    if kind in FOLDERS:
        return (ast.get_docstring(_module(kind, name)) or "").split("\n")[0]
    return declared_text(kind, name, "formula")


def declared_constant(kind: str, name: str, word: str) -> Any:
    """Return a constant of the file that is a level, e.g. `declared_constant("dataset", "spirals", "CLASSES")`.

    Raises ConfigError when the file has no such constant, or one that is not written out.
    """
    place = f"levels/{FOLDERS[kind]}/{name}.py"
    for node in _module(kind, name).body:
        if isinstance(node, ast.Assign) and word in [target.id for target in node.targets if hasattr(target, "id")]:
            return _literal(node.value, place, word)
    raise ConfigError(place, f"has no {word} = …, which the plan reads; the other {FOLDERS[kind]} show how")


def declared_text(kind: str, name: str, keyword: str, default: str = "") -> str:
    """Return a text that an entry declares, e.g. `declared_text("diagnostic", "gradient_norm", "meaning")`."""
    return str(_keyword(kind, name, keyword, default))


def declares(kind: str, name: str, word: str) -> bool:
    """Tell whether an entry gives a keyword, whatever its value, e.g. `declares("activation", "relu", "compiled")`."""
    return word in [keyword.arg for keyword in getattr(_entries(kind)[name], "keywords", [])]


def is_declared(kind: str, name: str, flag: str) -> bool:
    """Tell whether an entry declares a flag, e.g. `is_declared("norm", "batchnorm", "cancels_bias")`."""
    return bool(_keyword(kind, name, flag, False))


@cache
def _module(kind: str, name: str) -> ast.Module:
    return ast.parse((LEVELS / FOLDERS[kind] / f"{name}.py").read_text(encoding="utf-8"))


@cache
def _entries(kind: str) -> dict[str, ast.expr]:
    tree = ast.parse((LEVELS / FILES[kind]).read_text(encoding="utf-8"))
    for node in tree.body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        if node.target.id.isupper() and isinstance(node.value, ast.Dict):
            pairs = zip(node.value.keys, node.value.values, strict=True)
            return {ast.literal_eval(key): entry for key, entry in pairs if key is not None}
    raise AssertionError("a registry file holds one annotated upper-case dict literal")


def _keyword(kind: str, name: str, word: str, default: Any) -> Any:
    for keyword in getattr(_entries(kind)[name], "keywords", []):
        if keyword.arg == word:
            return _literal(keyword.value, f"levels/{FILES[kind]}: {name}", word)
    return default


def _literal(value: ast.expr, where: str, word: str) -> Any:
    try:
        return ast.literal_eval(value)
    except ValueError:
        found = f"`{word}={ast.unparse(value)}` is read without importing the file; write the value itself"
        raise ConfigError(where, found) from None
