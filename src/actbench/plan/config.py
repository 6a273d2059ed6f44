"""A config file read strictly into dataclasses: an unknown key or level is an error before any job starts."""

import math
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from actbench.plan.errors import ConfigError, nearest
from actbench.plan.factors import FACTORS, check_value
from actbench.plan.strict_yaml import read_yaml

NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
LONGEST_SHARD = 600  # minutes
DEVICES = ("auto", "cpu", "cuda")
WIDTHS = ("single", "double", "slide")
CHOICES = {"device": DEVICES, "figure_width": WIDTHS}
MOST_RUNS = 1_000_000  # of all studies together, before exclusions; the expansion is held in memory

Value = str | int | float
Levels = dict[str, tuple[Value, ...]]  # factor -> its levels


@dataclass(frozen=True)
class Study:
    """A named sub-design: a full factorial over `levels`, less the combinations in `exclude`."""

    name: str
    question: str
    levels: Levels
    exclude: tuple[Levels, ...] = ()


@dataclass(frozen=True)
class Config:
    """One config file: a name for all products and the studies whose union is trained."""

    name: str
    description: str
    shard_minutes: float
    studies: tuple[Study, ...]
    device: str = "auto"
    figure_width: str = "double"

    def names(self, factor: str) -> list[str]:
        """Return the levels of a factor in all studies, by name."""
        return sorted({str(level) for study in self.studies for level in study.levels[factor]})


# Every key of a config outside the factors: type, default, meaning. config/README.md is made from it.
KEYS: dict[str, tuple[type, Any, str]] = {
    "name": (str, None, "lower-case word; all products live under it"),
    "description": (str, "", "one sentence for the report"),
    "shard_minutes": (float, 5, "a shard is split while its expected training time, in minutes, is longer"),
    "device": (str, "auto", "what trains: cpu, cuda (one GPU), or auto: `$ACTBENCH_DEVICE`, else a GPU if there is"),
    "figure_width": (str, "double", "what figures are drawn for: single or double column of a journal, or slide"),
    "defaults": (dict, {}, "levels of every factor that a study does not name"),
    "studies": (dict, None, "named sub-designs; each maps factors to a level or a list of levels"),
}
STUDY_KEYS: dict[str, tuple[type, Any, str]] = {
    "question": (str, "", "the question that the study answers, in one sentence"),
    "exclude": (list, [], "combinations left out: a list of maps from factors to a level or a list of levels"),
}


def load_config(path: str | Path) -> Config:
    """Read a config file; raise ConfigError naming the key, the value and the remedy."""
    raw = read_yaml(Path(path))
    where = str(path)
    values = take(raw, KEYS, where, joint=": ")
    if not NAME.fullmatch(values["name"]):
        raise ConfigError(f"{where}: name", f"{values['name']!r} is not a word of a-z, 0-9, - and _ (at most 40)")
    if not 0 < values["shard_minutes"] <= LONGEST_SHARD:
        problem = f"{values['shard_minutes']!r} is not above 0 and at most {LONGEST_SHARD}"
        raise ConfigError(f"{where}: shard_minutes", problem)
    for key, known in CHOICES.items():
        if values[key] not in known:
            raise ConfigError(f"{where}: {key}", f"unknown {values[key]!r}; {nearest(values[key], list(known))}")
    defaults = _read_defaults(values["defaults"], f"{where}: defaults")
    if not values["studies"]:
        raise ConfigError(f"{where}: studies", "empty; name at least one study")
    studies = tuple(
        _read_study(name, study, defaults, f"{where}: studies.{name}") for name, study in values["studies"].items()
    )
    size = sum(math.prod(len(levels) for levels in study.levels.values()) for study in studies)
    if size > MOST_RUNS:
        raise ConfigError(f"{where}: studies", f"{size:,} runs before exclusions; a config holds at most {MOST_RUNS:,}")
    values.pop("defaults")
    assert {field.name for field in fields(Config)} == set(values)
    return Config(**{**values, "studies": studies})


def take(
    raw: Any, keys: dict[str, tuple[type, Any, str]], where: str, also: tuple[str, ...] = (), joint: str = "."
) -> dict[str, Any]:
    """Check keys and types of a mapping and fill defaults in; raise ConfigError naming key, value and remedy."""
    if raw is None:
        raise ConfigError(where, "is empty; expected keys and values")
    if not isinstance(raw, dict):
        raise ConfigError(where, f"expected keys and values, found {raw!r}"[:200])
    for key in raw:
        if key not in keys and key not in also:
            raise ConfigError(where, f"unknown key {key!r}; {nearest(key, [*keys, *also])}")
    values = {}
    for key, (kind, default, meaning) in keys.items():
        value = raw.get(key, default)
        if value is None:
            raise ConfigError(where, f"key {key!r} is {'empty' if key in raw else 'missing'} ({meaning})")
        if not isinstance(value, int | float if kind is float else kind) or isinstance(value, bool):
            raise ConfigError(f"{where}{joint}{key}", f"expected {_word(kind)}, found {value!r}"[:200])
        values[key] = value
    return values


def _word(kind: type) -> str:
    return {str: "text", int: "a whole number", float: "a number", dict: "keys and values", list: "a list"}[kind]


def _read_defaults(raw: dict[str, Any], where: str) -> Levels:
    given = read_levels(raw, where)
    return {name: given.get(name, (factor.default,)) for name, factor in FACTORS.items()}


def read_levels(raw: Any, where: str) -> Levels:
    """Read levels of some factors, each a level or a list; raise ConfigError on an unknown factor or level."""
    values = take(raw, {}, where, also=tuple(FACTORS))
    assert not values
    return {name: _read_list(name, raw[name], f"{where}.{name}") for name in raw}


def _read_list(name: str, raw: Any, where: str) -> tuple[Value, ...]:
    items = raw if isinstance(raw, list) else [raw]
    if not items:
        raise ConfigError(where, "an empty list; give at least one level or leave the key out")
    levels = tuple(check_value(name, item, where) for item in items)
    seen = set()
    for item, level in zip(items, levels, strict=True):
        if level in seen:
            raise ConfigError(where, f"level {item!r} stands here twice")
        seen.add(level)
    return levels


def _read_study(name: str, raw: Any, defaults: Levels, where: str) -> Study:
    if not NAME.fullmatch(name):
        raise ConfigError(where, f"{name!r} is not a word of a-z, 0-9, - and _ (at most 40)")
    values = take(raw, STUDY_KEYS, where, also=tuple(FACTORS))
    given = read_levels({key: raw[key] for key in raw if key in FACTORS}, where)
    levels = {**defaults, **given}
    exclude = tuple(
        _read_exclusion(item, levels, f"{where}.exclude[{index}]") for index, item in enumerate(values["exclude"])
    )
    return Study(name, values["question"], levels, exclude)


def _read_exclusion(raw: Any, levels: Levels, where: str) -> Levels:
    exclusion = read_levels(raw, where)
    if not exclusion:
        raise ConfigError(where, "an empty exclusion; name at least one factor")
    for factor, values in exclusion.items():
        for value in values:
            if value not in levels[factor]:
                raise ConfigError(f"{where}.{factor}", f"{value!r} is not among the levels of this study")
    return exclusion
