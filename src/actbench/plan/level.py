"""A level written as one word, `relu` or `norm(1.0)`: parsing and the canonical spelling."""

import math
import re
from dataclasses import dataclass
from functools import cache

from actbench.plan.errors import ConfigError, nearest
from actbench.plan.registry import argument_bounds, known_levels

FORM = re.compile(r"([a-z][a-z0-9_]*)(?:\(([^()]*)\))?")


@dataclass(frozen=True)
class Level:
    """A named level and the values of all its arguments, defaults filled in."""

    name: str
    arguments: tuple[float, ...] = ()


@cache
def parse_level(kind: str, text: str, where: str = "level") -> Level:
    """Parse `name` or `name(number, …)`; raise ConfigError when the name or the arguments are not known."""
    match = FORM.fullmatch(text.strip())
    name = match[1] if match else text
    known = known_levels(kind)
    if match is None or name not in known:
        raise ConfigError(where, f"unknown {kind} {text!r}; {nearest(name, list(known))}")
    arguments = _fill(text, known[name], match[2], where)
    _check_bounds(kind, name, dict(zip(known[name], arguments, strict=True)), where)
    return Level(name, arguments)


def canonical(kind: str, text: str, where: str = "level") -> str:
    """Spell a level in its one canonical way: `norm(1)` -> `norm(1.0)`, `sgd(0.9)` -> `sgd`."""
    level = parse_level(kind, text, where)
    defaults = tuple(known_levels(kind)[level.name].values())
    if level.arguments == defaults:
        return level.name
    return f"{level.name}({','.join(repr(value) for value in level.arguments)})"


def _fill(text: str, declared: dict[str, float | None], given: str | None, where: str) -> tuple[float, ...]:
    try:
        values = [float(word) for word in given.split(",")] if given else []
    except ValueError:
        raise ConfigError(where, f"{text!r}: arguments are numbers ({_form(text, declared)})") from None
    defaults = list(declared.values())
    filled = values + defaults[len(values) :]
    if len(values) > len(defaults) or None in filled or not all(math.isfinite(v) for v in values):
        raise ConfigError(where, f"{text!r}: write it as {_form(text, declared)}")
    return tuple(value + 0.0 for value in filled if value is not None)  # -0.0 and 0.0 are one level


def _check_bounds(kind: str, name: str, arguments: dict[str, float], where: str) -> None:
    for argument, (low, high) in argument_bounds(kind, name).items():
        if not low <= arguments[argument] <= high:
            problem = f"{argument} of {kind} {name} is {arguments[argument]!r}, outside {low:g} … {high:g}"
            raise ConfigError(where, problem)


def _form(text: str, declared: dict[str, float | None]) -> str:
    name = text.split("(")[0]
    return f"{name}({', '.join(declared)})" if declared else name
