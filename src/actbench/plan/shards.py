"""Which runs one job trains. A shard's id is made of readable levels, never of a counter or a position."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from actbench.plan.cost import run_seconds
from actbench.plan.design import Run
from actbench.plan.errors import ConfigError

MOST_SHARDS = 500

# Factors that always name a shard, and those that split it, first to last, while it is too large. The factors
# that can differ within one stack come last, so that a split costs as little speed as possible.
ALWAYS = ("dataset", "model", "activation")
SPLIT = (
    "depth", "width", "norm", "residual", "optimizer", "batch_size", "steps",
    "clip", "init", "bias_offset", "input_scale", "lr", "seed",
)  # fmt: skip
SHORT = {"depth": "d", "width": "w", "batch_size": "b", "steps": "t", "lr": "lr", "seed": "s"}


@dataclass(frozen=True)
class Shard:
    """The runs of one job, in the order of their keys."""

    id: str
    runs: tuple[Run, ...]

    @property
    def digest(self) -> str:
        """Hash the run keys: the parameter whose change retrains the shard."""
        return hashlib.sha256(" ".join(run.key for run in self.runs).encode()).hexdigest()[:16]


def make_shards(runs: Sequence[Run], shard_minutes: float, where: str = "config") -> list[Shard]:
    """Split the runs into shards that are expected to train for at most `shard_minutes`, each group on its own.

    The split of one activation's runs depends on those runs alone, so adding an activation adds shards and
    changes none.
    """
    shards = []
    for words, group in _group(runs, ALWAYS).items():
        shards += _split(words, group, SPLIT, 60 * shard_minutes)
    shards.sort(key=lambda shard: shard.id)
    if len(shards) > MOST_SHARDS:
        problem = f"{len(shards)} jobs, more than {MOST_SHARDS}; raise shard_minutes"
        raise ConfigError(f"{where}: shard_minutes", problem)
    return shards


def _split(words: tuple[str, ...], runs: list[Run], factors: tuple[str, ...], most: float) -> list[Shard]:
    if not factors or len(runs) == 1 or sum(map(run_seconds, runs)) <= most:
        ordered = tuple(sorted(runs, key=lambda run: run.key))
        return [Shard("-".join(words), ordered)]
    shards = []
    groups = _group(runs, factors[:1])
    for word, group in groups.items():
        longer = words + word if len(groups) > 1 else words
        shards += _split(longer, group, factors[1:], most)
    return shards


def _group(runs: Sequence[Run], factors: tuple[str, ...]) -> dict[tuple[str, ...], list[Run]]:
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        groups.setdefault(tuple(word(factor, getattr(run, factor)) for factor in factors), []).append(run)
    return groups


@cache
def word(factor: str, value: str | int | float) -> str:
    """Spell a level as part of a file name: `d8`, `lr0.05`, `norm_1.0`."""
    prefix = SHORT.get(factor, "" if isinstance(value, str) else factor)
    if value == "none":
        return f"no_{factor}"
    text = str(value).replace("-", "m")  # bias_offsetm1.0: a hyphen joins words
    return prefix + re.sub(r"[^a-z0-9._+]+", "_", text).strip("_")
