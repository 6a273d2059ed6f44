"""Every recorded number of a run as plain Python values, so that two trainings can be compared to the last bit."""

import hashlib
import json
from collections.abc import Iterable, Sequence

import pyarrow as pa

from actbench.levels.activations import ACTIVATIONS
from actbench.levels.clipping import CLIPPING
from actbench.levels.dataset import Dataset
from actbench.levels.initializers import INITIALIZERS
from actbench.levels.normalizations import NORMALIZATIONS
from actbench.levels.optimizers import OPTIMIZERS
from actbench.levels.residuals import RESIDUALS
from actbench.plan.design import Run
from actbench.training.loop import train_stack
from actbench.training.rows import to_rows

REGISTRIES = {
    "activation": ACTIVATIONS,
    "init": INITIALIZERS,
    "norm": NORMALIZATIONS,
    "residual": RESIDUALS,
    "clip": CLIPPING,
    "optimizer": OPTIMIZERS,
}
REQUIRED = 0.05  # for an argument that must be given; small enough that clipping acts
# What is measured of the training, not by it.
NOT_TRAINED = ("seconds", "version", "commit", "torch", "device")

Numbers = dict[str, object]


def levels(factor: str) -> list[str]:
    """Return every level of a factor, with a number where an argument must be given."""
    return [_spelled(name, entry.arguments) for name, entry in REGISTRIES[factor].items()]


def _spelled(name: str, arguments: dict[str, float | None]) -> str:
    if None not in arguments.values():
        return name
    return f"{name}({','.join(repr(REQUIRED if value is None else value) for value in arguments.values())})"


def looped(factor: str) -> list[str]:
    """Return the levels of a factor that the compiled engine knows; the others are trained by autograd alone."""
    flag = "coefficients" if factor == "residual" else "compiled"
    entries = REGISTRIES[factor].values()
    return [level for level, entry in zip(levels(factor), entries, strict=True) if getattr(entry, flag) is not None]


def every_level() -> list[tuple[str, str]]:
    """Return (factor, level) of everything in the registries that acts on training."""
    return [(factor, level) for factor in REGISTRIES for level in levels(factor)]


def with_levels(run: Run, **changed: object) -> Run:
    """Return the run with some levels changed."""
    return Run(**{**{name: getattr(run, name) for name in run.__dataclass_fields__}, **changed})


def of_rows(rows: pa.Table) -> dict[str, Numbers]:
    """Return run key -> all recorded numbers; floats as hexadecimal text, equal when every bit is."""
    kept = rows.drop_columns([name for name in NOT_TRAINED if name in rows.column_names])
    return {row["run_key"]: exact(row) for row in kept.to_pylist()}


def exact(value: object) -> object:
    """Return the same nested value with every float as hexadecimal text."""
    if isinstance(value, dict):
        return {name: exact(part) for name, part in value.items()}
    if isinstance(value, list):
        return [exact(part) for part in value]
    return value.hex() if isinstance(value, float) else value


def train(runs: Sequence[Run], dataset: Dataset) -> dict[str, Numbers]:
    """Train runs as one stack and return run key -> all recorded numbers."""
    return of_rows(to_rows(train_stack(runs, dataset), 0.0))


def train_in(stacks: Iterable[Sequence[Run]], dataset: Dataset) -> dict[str, Numbers]:
    """Train several stacks and return the numbers of all their runs."""
    numbers: dict[str, Numbers] = {}
    for stack in stacks:
        numbers |= train(stack, dataset)
    return numbers


def digest(numbers: Numbers) -> str:
    """Hash all recorded numbers of a run, 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()[:16]
