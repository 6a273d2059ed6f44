"""The formula that a level declares, read as arithmetic: what users are told is then what a test computes."""

import math
import re
from itertools import accumulate
from typing import Any

WORDS = {name: getattr(math, name) for name in ("exp", "erf", "tanh", "sinh", "cosh", "sin", "cos", "atan", "sqrt")}
WORDS |= {"ln": math.log, "abs": abs, "min": min, "max": max, "π": math.pi}
# What a formula writes otherwise than Python does, in this order.
SPELLINGS = (
    (r"\|([^|]+)\|", r"abs(\1)"),
    (r"√\(", "sqrt("),
    (r"√(\w+)", r"sqrt(\1)"),
    ("²", "**2"),
    ("·", "*"),
    (r"(?<![\w.])(\d+)(?!e[-+])([^\W\d_])(?!\w)", r"\1*\2"),  # 2z, not 1e-3
)


def evaluate(formula: str, **values: float) -> float:
    """Return the value of a formula such as `λ·(z if z > 0 else α·(exp(z) - 1)), λ = 1.05, α = 1.67`.

    Behind a comma stand the constants, and words about them, which are passed over. Raises AssertionError with what to
    write where it is no arithmetic of the given names.
    """
    text, *rest = _clauses(formula)
    pairs = filter(None, (re.fullmatch(r"(\w+) = ([-\d.e]+)", part) for part in rest))
    constants = {pair[1]: float(pair[2]) for pair in pairs}
    return arithmetic(text, formula, {**constants, **values})


def _clauses(formula: str) -> list[str]:
    """Split at the commas outside of brackets."""
    levels = accumulate((character == "(") - (character == ")") for character in formula)
    marked = "".join("\n" if c == "," and level == 0 else c for c, level in zip(formula, levels, strict=True))
    return [part.strip() for part in marked.split("\n")]


def arithmetic(text: str, formula: str, values: dict[str, Any]) -> float:
    """Return the value of one expression of a formula."""
    for written, spelled in SPELLINGS:
        text = re.sub(written, spelled, text)
    try:
        return float(eval(text, {"__builtins__": {}, **WORDS, **values}))  # noqa: S307 (a formula of the library)
    except (SyntaxError, NameError, TypeError) as error:
        known = f"{', '.join(values)} and {', '.join(WORDS)}"
        raise AssertionError(f"formula {formula!r} is no arithmetic of {known}: {error}") from None
