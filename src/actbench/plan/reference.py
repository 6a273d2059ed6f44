"""The text of config/README.md: every key of a config, from the same declarations that read it.

Write it anew with `python -m actbench.plan.reference > config/README.md`; a test holds the two in step.
"""

import math

from actbench.plan.config import KEYS, MOST_RUNS, STUDY_KEYS
from actbench.plan.factors import FACTORS, Factor
from actbench.plan.ledger import CLAIM_KEYS, RULES, TEST_KEYS
from actbench.plan.registry import argument_bounds, description, known_levels
from actbench.plan.shards import MOST_SHARDS

TYPES = {str: "text", int: "whole number", float: "number", dict: "keys and values", list: "list"}

HEAD = f"""\
# Configs

| file | what it is for |
|---|---|
| `config.yaml` | the default grid: `snakemake --cores 8` |
| `smoke.yaml` | the whole workflow on a tiny grid: `snakemake --cores 8 --configfile config/smoke.yaml` |
| `paper.yaml` | the full grid, meant for a cluster |
| `claims.yaml` | the ledger: claims, how each is tested, and the smallest effect that matters |

A config lists studies. A study is a full factorial: every combination of its levels is trained, less those in
`exclude`. Runs that several studies share are trained once. `actbench check FILE` reads a config without starting
anything and says what it would train, or in one line what is wrong with it.

The YAML is read strictly: no unknown or repeated keys, no aliases, no tags. A config holds at most {MOST_RUNS:,}
runs and makes at most {MOST_SHARDS} jobs. Commas separate the items of a list in brackets, so a level with several
arguments stands there in quotes: `["adam(0.9,0.99)"]`.
"""


LEDGER = """\
## The ledger of claims

`claims.yaml` has two keys: `studies`, which the claims may name, and `claims`, by their ids. A claim is one entry; its
verdict follows from its rule, its direction and its margin, and is in `results/<name>/claims.csv`. Over seeds, the
interval of the effect (Student's t, 95 %) lies wholly beyond the margin: `supported`; wholly short of it:
`contradicted`; else `inconclusive`. Where strata or tests disagree the claim is `conditional`, and its row says under
which levels it holds and fails. An exact claim names a check of `src/actbench/levels/calculus.py`.

### Keys of a claim
"""


def reference() -> str:
    """Return the whole text: keys of a config, keys of a study, factors, levels, keys of the ledger."""
    factors = [_factor_row(factor) for factor in FACTORS.values()]
    parts = [
        HEAD,
        "## Keys of a config\n",
        _table(("key", "type", "default", "meaning"), _key_rows(KEYS)),
        "## Keys of a study\n",
        "A study takes these keys and every factor below. A factor that it does not name has the levels under\n"
        "`defaults`, or else its own default.\n",
        _table(("key", "type", "default", "meaning"), _key_rows(STUDY_KEYS)),
        "## Factors\n",
        "Each is given as one level or as a list of levels.\n",
        _table(("factor", "type", "unit", "range", "default", "meaning"), factors),
        "## Levels\n",
        "A level with arguments is written `name(number)`; arguments that have a default may be left out.\n",
        *(_levels(factor.name) for factor in FACTORS.values() if factor.kind == "level"),
        LEDGER,
        _table(("key", "type", "default", "meaning"), _key_rows(CLAIM_KEYS)),
        "### Keys of a test\n",
        "They stand in the claim itself, or, where it has several tests, under `tests` by the test's name.\n",
        _table(("key", "type", "default", "meaning"), _key_rows(TEST_KEYS)),
        "### Rules\n",
        _table(("rule", "needs", "effect"), [_rule_row(name) for name in RULES]),
    ]
    return "\n".join(parts)


def _key_rows(keys: dict[str, tuple[type, object, str]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for key, (kind, default, meaning) in keys.items():
        text = "must be given" if default is None else f"`{default}`" if default else "empty"
        rows.append((f"`{key}`", TYPES[kind], text, meaning))
    return rows


def _rule_row(name: str) -> tuple[str, ...]:
    needs, effect = RULES[name]
    return f"`{name}`", ", ".join(f"`{key}`" for key in needs), effect


def _factor_row(factor: Factor) -> tuple[str, ...]:
    kind = {"level": "name of a level", "int": "whole number", "float": "number"}[factor.kind]
    bounds = "" if math.isinf(factor.low) else f"{_number(factor.low)} … {_number(factor.high)}"
    unit = factor.unit or "–"
    return f"`{factor.name}`", kind, unit, bounds or "see below", f"`{factor.default}`", factor.meaning


def _levels(kind: str) -> str:
    rows = []
    for name, arguments in known_levels(kind).items():
        bounds = argument_bounds(kind, name)
        words = [_argument(argument, default, bounds.get(argument)) for argument, default in arguments.items()]
        form = f"{name}({', '.join(arguments)})" if arguments else name
        rows.append((f"`{form}`", description(kind, name), "; ".join(words)))
    head = ("level", "what it is", "arguments")
    columns = 3 if any(row[2] for row in rows) else 2
    return f"### {kind}\n\n" + _table(head[:columns], [row[:columns] for row in rows])


def _argument(name: str, default: float | None, bounds: tuple[float, float] | None) -> str:
    given = "must be given" if default is None else f"default {_number(default)}"
    return f"`{name}`: {given}" + (f", {_number(bounds[0])} … {_number(bounds[1])}" if bounds else "")


def _number(value: float) -> str:
    return f"{value:.10g}"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |\n" for cells in lines)


if __name__ == "__main__":
    print(reference(), end="")
