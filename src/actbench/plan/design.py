"""From a config to its runs: full factorials, exclusions, one union without duplicates."""

import hashlib
import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache, cached_property
from operator import attrgetter
from typing import Any

from actbench.plan.config import Config, Study
from actbench.plan.errors import ConfigError
from actbench.plan.factors import FACTORS
from actbench.plan.level import parse_level
from actbench.plan.registry import declared_constant, is_declared

_LEVELS = attrgetter(*sorted(FACTORS))
_JSON = "{" + ", ".join(f'"{name}": %s' for name in sorted(FACTORS)) + "}"


@dataclass(frozen=True)
class Run:
    """One network to train: a level for every factor and a seed."""

    dataset: str
    model: str
    activation: str
    depth: int
    width: int
    init: str
    norm: str
    residual: str
    clip: str
    optimizer: str
    lr: float
    batch_size: int
    steps: int
    bias_offset: float
    input_scale: float
    seed: int

    @cached_property
    def key(self) -> str:
        """Name the run by a hash of its levels, 16 hexadecimal digits; the same in every config.

        SHA-256 of a JSON object of its factors by name, which `json` would take twice as long to write.
        """
        text = _JSON % tuple(_quoted(level) if isinstance(level, str) else str(level) for level in _LEVELS(self))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


assert tuple(field.name for field in fields(Run)) == tuple(FACTORS), "a run has one field per factor"


@cache
def _quoted(word: str) -> str:
    return json.dumps(word)


@dataclass(frozen=True)
class Design:
    """All runs of a config without duplicates, and the studies that each belongs to."""

    config: Config
    runs: tuple[Run, ...]
    members: dict[str, tuple[str, ...]]  # study -> run keys


def expand(config: Config, where: str = "config") -> Design:
    """Expand every study and unite them; raise ConfigError on an impossible combination."""
    union: dict[str, Run] = {}
    members = {}
    for study in config.studies:
        runs = _expand_study(study, f"{where}: studies.{study.name}")
        members[study.name] = tuple(run.key for run in runs)
        union.update((run.key, run) for run in runs)
    return Design(config, tuple(union.values()), members)


def sample_runs(design: Design, size: int, seed: int = 0) -> list[Run]:
    """Pick runs of a design at random, each once, in the order of their keys; the same seed picks the same ones."""
    if not 1 <= size <= len(design.runs):
        raise ConfigError("--sample", f"{size} is outside 1 … {len(design.runs)}, the number of runs of the config")
    by_key = sorted(design.runs, key=lambda run: run.key)
    return sorted(random.Random(seed).sample(by_key, size), key=lambda run: run.key)  # noqa: S311


def _expand_study(study: Study, where: str) -> list[Run]:
    names = list(FACTORS)
    grid: Iterator[tuple[Any, ...]] = itertools.product(*(study.levels[name] for name in names))
    if study.exclude:
        runs = [Run(*levels) for levels in grid if not _excluded(study, dict(zip(names, levels, strict=True)))]
    else:
        runs = [Run(*levels) for levels in grid]
    if not runs:
        raise ConfigError(where, "no run is left after the exclusions")
    for run in runs:
        _check_possible(run, where)
    return runs


def _excluded(study: Study, levels: dict[str, str | int | float]) -> bool:
    return any(all(levels[factor] in values for factor, values in item.items()) for item in study.exclude)


def _check_possible(run: Run, where: str) -> None:
    if run.bias_offset and is_declared("norm", parse_level("norm", run.norm).name, "cancels_bias"):
        problem = f"bias_offset {run.bias_offset} has no effect under norm {run.norm}, which subtracts the mean"
        raise ConfigError(where, f"{problem}; exclude the combination")
    examples = _training_examples(run.dataset)
    if run.batch_size > examples:
        problem = f"batch_size {run.batch_size} is more than the {examples} training examples of {run.dataset}"
        raise ConfigError(where, f"{problem}; take a smaller one or exclude the combination")


@cache
def _training_examples(dataset: str) -> int:
    return int(declared_constant("dataset", dataset, "SIZES")["train"])
