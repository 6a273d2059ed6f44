"""What a figure's file declares, read from its source: no figure is imported to know its question and its inputs.

A figure is one file in `figures/` with literals at module level,

    TITLE: str, QUESTION: str            a heading of a few words; the question that the figure answers
    ORDER: int                           its place in the report
    TABLES, STATS: tuple[str, ...]       the tables and statistics it reads, and no others

and three functions: `data(inputs)` returns the numbers drawn, `draw(data)` draws them and nothing else, `caption(data)`
says in words what is shown, with the numbers of runs and seeds, the kind of interval and the units.
"""

import ast
from dataclasses import dataclass
from functools import cache

from actbench.plan.errors import ConfigError, nearest
from actbench.plan.sources import FIGURES, figure_names, figure_needs


@dataclass(frozen=True)
class Declaration:
    """The literals of one figure's file."""

    name: str
    title: str
    question: str
    order: int
    tables: tuple[str, ...]
    stats: tuple[str, ...]


@cache
def declarations() -> dict[str, Declaration]:
    """Return what every figure declares, in the order of the report."""
    declared = sorted(map(_read, figure_names()), key=lambda figure: (figure.order, figure.name))
    return {figure.name: figure for figure in declared}


def declaration(name: str) -> Declaration:
    """Return what one figure declares; raise ConfigError with the nearest names when there is none."""
    known = declarations()
    if name not in known:
        raise ConfigError("figure", f"unknown figure {name!r}; {nearest(name, list(known))}")
    return known[name]


def _read(name: str) -> Declaration:
    literals = {}
    for node in ast.parse((FIGURES / f"{name}.py").read_text(encoding="utf-8")).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if (
            isinstance(node, ast.Assign)
            and isinstance(target, ast.Name)
            and target.id in ("TITLE", "QUESTION", "ORDER")
        ):
            literals[target.id.lower()] = ast.literal_eval(node.value)
    return Declaration(name, **literals, tables=figure_needs(name, "TABLES"), stats=figure_needs(name, "STATS"))
