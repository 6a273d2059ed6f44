"""The library as text: its files, their syntax trees and what each imports. Nothing of it is imported."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src"
FILES = sorted(SRC.rglob("*.py"))


def spelled(file: Path) -> str:
    """Return a file's path as read from the root of the project."""
    return file.relative_to(ROOT).as_posix()


@cache
def tree(file: Path) -> ast.Module:
    """Parse a file."""
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


@cache
def imports(file: Path, at_the_top: bool = False) -> frozenset[str]:
    """Return the full names of all imported modules, or of those that importing the file imports at once.

    `from a.b import c` gives both a.b and a.b.c, because c may be a module.
    """
    names: set[str] = set()
    for node in _at_once(tree(file)) if at_the_top else ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def _at_once(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or _for_types_only(child):
            continue
        yield child
        yield from _at_once(child)


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def foreign(names: frozenset[str]) -> set[str]:
    """Return the top-level packages among imported names that are not this one."""
    return {name.split(".")[0] for name in names} - {"actbench"}


def files_of(module: str) -> list[Path]:
    """Return the files that importing a module of this library runs: its parents' `__init__.py` and its own."""
    words = module.split(".")
    parents = [SRC.joinpath(*words[: end + 1], "__init__.py") for end in range(len(words))]
    return [file for file in (*parents, SRC.joinpath(*words).with_suffix(".py")) if file.is_file()]


def reached_at_once(file: Path) -> set[str]:
    """Return the foreign packages that importing a file brings in, through the library's own modules too."""
    seen: set[Path] = set()
    waiting, found = [file], set()
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            names = imports(current, at_the_top=True)
            found |= foreign(names)
            waiting += [other for name in names if name.startswith("actbench") for other in files_of(name)]
    return found
