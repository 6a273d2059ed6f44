"""The ledger of claims read strictly: each claim with its study, its test and its margin, fixed before any result."""

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from actbench.plan.config import Levels, read_levels, take
from actbench.plan.errors import ConfigError, nearest
from actbench.plan.factors import FACTORS
from actbench.plan.registry import known_levels
from actbench.plan.schema import RUNS
from actbench.plan.sources import check_names, figure_names, metric_names
from actbench.plan.strict_yaml import read_yaml

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
SOURCES = ("A", "B", "C")
REFERENCE = re.compile(r"\S.*\b(1[6-9]|20)\d\d\b.*")  # anything else that makes a claim, with its year
KINDS = ("exact", "measured", "cost")
SPEED, CLOCK = "steps_to_loss", "seconds_to_loss"  # the quantities that are read from the learning curves

# rule -> (the test's keys that it needs, what its effect is). One function each in analysis.claim_rules.
RULES: dict[str, tuple[tuple[str, ...], str]] = {
    "difference": (("study", "quantity", "this"), "mean of `quantity` under `this` less that under `that`"),
    "equivalence": (("study", "quantity", "this"), "the same difference, claimed to lie within the margin"),
    "slope": (("study", "quantity", "over"), "least-squares slope of `quantity` over `over`; with `this`, its change"),
    "mean": (("study", "quantity"), "mean of `quantity`, against the margin itself"),
    "auc": (("study", "quantity", "outcome"), "area under the ROC curve with which `quantity` foretells `outcome`"),
    "interaction_share": (
        ("study", "quantity"),
        "share of the variance of `quantity` due to two-way interactions, without what noise adds",
    ),
    "law": (("study", "check"), "largest deviation of recorded numbers from a formula, an entry of LAWS"),
    "exact": (("check",), "a property of a function, by arithmetic or calculus: a row of stats/exact.csv"),
    "cost": (
        ("quantity", "this"),
        "`quantity` of `this` less that of `that`, as a share of the latter; the round of timing is the unit",
    ),
}
# quantity of the rule `cost` -> columns of stats/cost.csv that are added up
COSTS: dict[str, tuple[str, ...]] = {
    "ns_per_element": ("forward_ns", "backward_ns"),
    "us_per_step": ("step_us",),
}
# Rules whose effect is compared with the margin itself, which may then be negative; the others take it as a distance.
ABSOLUTE = ("mean", "auc", "interaction_share", "law")
CHOICES: dict[str, tuple[str, ...]] = {
    "rule": tuple(RULES),
    "moment": ("start", "early", "end"),
    "layers": ("network", "first", "last", "output", "mean", "largest", "spread"),
    "scale": ("linear", "log10", "log2", "rank"),
    "over_scale": ("linear", "log2", "log10"),
    "rates": ("chosen", "fastest", "each"),
    "direction": ("higher", "lower", "not higher", "not lower"),
    "outcome": ("untrained", "failed"),
}

# Every key of a claim: type, default, meaning. config/README.md is made from it.
CLAIM_KEYS: dict[str, tuple[type, Any, str]] = {
    "statement": (str, None, "the claim in one sentence"),
    "source": (list, None, "who makes it: the texts A, B, C, or a reference with its year, such as He et al. 2015"),
    "kind": (str, None, "exact: by calculus; measured: over runs; cost: timed"),
    "family": (str, "claims", "Holm's correction takes the claims of one family together"),
    "figure": (str, "", "the figure that shows it"),
    "needs": (str, "", "what is missing before it can be tested; such a claim has no test"),
    "tests": (dict, {}, "several named tests, each with the keys below; a key beside `tests` holds for all of them"),
}
TEST_KEYS: dict[str, tuple[type, Any, str]] = {
    "study": (str, "", "study whose runs are taken"),
    "rule": (str, "", "how the effect is computed"),
    "quantity": (str, "", "a metric, a numeric column of `runs`, a diagnostic, `steps_to_loss`, `seconds_to_loss`; of "
                 "a cost `ns_per_element` (forward and backward) or `us_per_step`"),
    "moment": (str, "end", "of a diagnostic: start, before the first update; early, first record after it; end"),
    "layers": (str, "", "of a diagnostic: network (layer 0), first, last hidden, output, mean or largest of the hidden "
               "ones, spread (log10 of largest over smallest); by default what the diagnostic is measured on"),
    "scale": (str, "linear", "linear, log10, log2 (zero counts as 1e-38), or rank within each block (1 is best)"),
    "threshold": (float, 0.0, "of steps_to_loss and seconds_to_loss: the training loss to fall below, in nats"),
    "where": (dict, {}, "levels of the runs that are taken"),
    "this": (dict, {}, "levels of the one side of a contrast"),
    "that": (dict, {}, "levels of the other side; by default all other runs"),
    "over": (str, "", "factor of a slope: a number, or a level with one number"),
    "over_scale": (str, "linear", "linear, log2 or log10 of that factor"),
    "outcome": (str, "untrained", "what an early warning foretells: untrained (less than twice chance) or failed"),
    "rates": (str, "chosen", "learning rate: chosen, by validation accuracy of each condition; fastest, by validation "
              "steps_to_loss; each, a factor like the others"),
    "strata": (list, [], "factors whose levels are also tested apart; where they disagree the claim is conditional"),
    "direction": (str, "higher", "which way the claim goes; `not higher`: above by less than the margin"),
    "margin": (float, 0.0, "smallest effect that matters, in units of the effect"),
    "check": (str, "", "name of the exact check or of the law"),
}  # fmt: skip


@dataclass(frozen=True)
class ClaimTest:
    """One test of a claim; its fields are the keys of TEST_KEYS, and `name` tells it from the claim's other tests."""

    name: str
    study: str
    rule: str
    quantity: str
    moment: str
    layers: str
    scale: str
    threshold: float
    where: Levels
    this: Levels
    that: Levels
    over: str
    over_scale: str
    outcome: str
    rates: str
    strata: tuple[str, ...]
    direction: str
    margin: float
    check: str


@dataclass(frozen=True)
class Claim:
    """One entry of the ledger."""

    id: str
    statement: str
    source: tuple[str, ...]
    kind: str
    family: str
    figure: str
    needs: str
    tests: tuple[ClaimTest, ...]


assert tuple(field.name for field in fields(ClaimTest))[1:] == tuple(TEST_KEYS), "a test has one field per key"


def bound_of(rule: str, direction: str, margin: float) -> float:
    """Return the effect beyond which a claim holds: the margin, on the side that the claim names."""
    return margin if rule in ABSOLUTE or direction in ("higher", "not higher") else -margin


def load_ledger(path: str | Path, also: Iterable[str] = ()) -> tuple[Claim, ...]:
    """Read a ledger; raise ConfigError naming the entry, the key, the value and the remedy.

    Args:
        path: YAML with `studies`, the studies that claims may name, and `claims`.
        also: further studies, those of the config at hand.
    """
    where = str(path)
    keys: dict[str, tuple[type, Any, str]] = {
        "studies": (list, None, "studies that the claims are tested on"),
        "claims": (dict, None, "claims by their ids"),
    }
    raw = take(read_yaml(Path(path)), keys, where, joint=": ")
    studies = [*map(str, raw["studies"]), *also]
    if not raw["claims"]:
        raise ConfigError(f"{where}: claims", "empty; name at least one claim")
    return tuple(_read_claim(name, entry, studies, f"{where}: {name}") for name, entry in raw["claims"].items())


def _read_claim(name: str, raw: Any, studies: list[str], where: str) -> Claim:
    if not NAME.fullmatch(name):
        raise ConfigError(where, "an id is lower-case words joined by hyphens")
    values = take(raw, CLAIM_KEYS, where, also=tuple(TEST_KEYS))
    _check_word(values["kind"], KINDS, f"{where}.kind")
    _check_sources(values["source"], f"{where}.source")
    if values["figure"]:
        _check_word(values["figure"], figure_names(), f"{where}.figure")
    shared = {key: value for key, value in raw.items() if key in TEST_KEYS}
    parts = values.pop("tests") or ({} if values["needs"] else {"": {}})
    for part, own in parts.items():
        take(own, {}, f"{where}.tests.{part}", also=tuple(TEST_KEYS))
    if values["needs"] and (shared or parts):
        raise ConfigError(where, "has `needs` and a test; keep one of them")
    tests = tuple(
        _read_test(part, {**shared, **own}, studies, f"{where}.tests.{part}" if part else where)
        for part, own in parts.items()
    )
    return Claim(**{**values, "id": name, "source": tuple(values["source"]), "tests": tests})


def _check_sources(given: list[Any], where: str) -> None:
    if not given:
        raise ConfigError(where, f"an empty list; name {', '.join(SOURCES)} or a reference with its year")
    for word in given:
        if not isinstance(word, str) or not (word in SOURCES or REFERENCE.fullmatch(word)):
            known = f"known: {', '.join(SOURCES)}, or a reference with its year"
            raise ConfigError(where, f"unknown source {word!r}; {known}")


def _read_test(name: str, raw: dict[str, Any], studies: list[str], where: str) -> ClaimTest:
    values = take(raw, TEST_KEYS, where)
    numbers = {key: _finite(values[key], f"{where}.{key}") for key in ("threshold", "margin")}
    for key, known in CHOICES.items():
        if values[key] or key == "rule":
            _check_word(values[key], known, f"{where}.{key}")
    for key in RULES[values["rule"]][0]:
        if not values[key]:
            raise ConfigError(where, f"rule {values['rule']} needs the key {key!r} ({TEST_KEYS[key][2]})")
    if values["check"] and "check" not in RULES[values["rule"]][0]:
        raise ConfigError(f"{where}.check", f"rule {values['rule']} has none; leave it out")
    if values["check"]:
        _check_word(values["check"], check_names(values["rule"]), f"{where}.check")
    if values["study"] and values["study"] not in studies:
        meant = f"{nearest(values['study'], studies)} (a new one is named under `studies` of the ledger)"
        raise ConfigError(f"{where}.study", f"unknown study {values['study']!r}; {meant}")
    _check_quantity(values, where)
    for key in ("where", "this", "that"):
        values[key] = read_levels(values[key], f"{where}.{key}")
    for factor in [*values["strata"], *filter(None, [values["over"]])]:
        _check_word(factor, list(FACTORS), f"{where}.{'strata' if factor in values['strata'] else 'over'}")
    _check_sides(values, where)
    return ClaimTest(**{**values, **numbers, "name": name, "strata": tuple(values["strata"])})


def _check_quantity(values: dict[str, Any], where: str) -> None:
    if not values["quantity"]:
        return
    if values["rule"] == "cost":
        _check_word(values["quantity"], list(COSTS), f"{where}.quantity")
        if "activation" not in values["this"]:
            raise ConfigError(f"{where}.this", "a cost is that of an activation; name one")
        return
    columns = [column.name for column in RUNS if column.dtype in ("int64", "float64") and column.name not in FACTORS]
    _check_word(
        values["quantity"], [*metric_names(), *columns, *known_levels("diagnostic"), SPEED, CLOCK], f"{where}.quantity"
    )
    timed = SPEED if values["rates"] == "fastest" else values["quantity"]
    if timed in (SPEED, CLOCK) and values["threshold"] <= 0:
        raise ConfigError(where, f"{timed} needs the key 'threshold' ({TEST_KEYS['threshold'][2]})")


def _check_sides(values: dict[str, Any], where: str) -> None:
    """Refuse a test of rates on the chosen ones, one between seeds or within its own sides, and a negative distance."""
    used = {*values["this"], *values["that"], values["over"]}
    if "lr" in {*used, *values["strata"]} and values["rates"] != "each":
        raise ConfigError(f"{where}.rates", f"is {values['rates']!r}, but the test is about lr; write `rates: each`")
    if "seed" in {*used, *values["strata"]}:
        raise ConfigError(where, "seed is the unit of replication and no side of a test")
    for place, factor in enumerate(values["strata"]):
        if factor in used or factor in values["strata"][:place]:
            raise ConfigError(f"{where}.strata", f"{factor!r} is a side of the test or stands here twice; leave it out")
    if values["margin"] < 0 and values["rule"] not in ABSOLUTE:
        raise ConfigError(f"{where}.margin", f"{values['margin']!r} is negative; `direction` says which way it goes")


def _finite(number: int | float, where: str) -> float:
    if not abs(number) <= sys.float_info.max:  # not-a-number is no more than anything
        raise ConfigError(where, f"expected a finite number, found {number!r}"[:200])
    return float(number)


def _check_word(word: Any, known: Iterable[str], where: str) -> None:
    if word not in list(known):
        raise ConfigError(where, f"unknown {where.split('.')[-1]} {word!r}; {nearest(str(word), list(known))}")
