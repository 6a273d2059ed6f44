"""Which runs of a design the run cache holds, found out without torch."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from actbench.plan.cost import TYPICAL, run_seconds
from actbench.plan.design import Run
from actbench.plan.errors import ConfigError
from actbench.plan.places import kind_place, stack_place
from actbench.plan.registry import declared_constant

FEW = 32  # runs; fewer say little about a machine


def cached_seconds(runs: Sequence[Run], folder: Path, device: str) -> tuple[dict[str, float], str]:
    """Return run key -> seconds of training of those runs that the cache holds, and why some cannot be known.

    Data lie under their checksum, which each data set's file declares as `CHECKSUM` and verifies on every load.
    """
    unknown = sorted({run.dataset for run in runs if not declared_checksum(run.dataset)})
    why = f"{', '.join(unknown)}: no declared CHECKSUM, so its cached runs are not counted" if unknown else ""
    places = _present(runs, folder, device)
    if not places:
        return {}, why
    from actbench.training.chunks import measured_seconds

    known: dict[str, float] = {}
    for place, own in places.items():
        measured = measured_seconds(place)
        known |= {run.key: measured[run.key] for run in own if run.key in measured}
    return known, why


def machine_factor(runs: Sequence[Run], known: dict[str, float], device: str) -> float:
    """Return how many times as long as expected the runs of a design took whose seconds are known.

    Σ known seconds / Σ `cost.run_seconds`, over all runs, also those that diverged and took less: others will too.
    With fewer than FEW runs what `cost.TYPICAL` says of the kind of device.
    """
    if len(known) < FEW:
        return TYPICAL.get(device, 1.0)
    return sum(known.values()) / sum(run_seconds(run) for run in runs if run.key in known)


def _present(runs: Sequence[Run], folder: Path, device: str) -> dict[Path, list[Run]]:
    """Return the folders of the cache that are there, each with those runs that would lie in it."""
    places: dict[Path, list[Run]] = {}
    for run in runs:
        checksum = declared_checksum(run.dataset)
        if checksum:
            places.setdefault(folder / kind_place(device) / stack_place(run, checksum), []).append(run)
    return {place: own for place, own in places.items() if place.is_dir()}


@cache
def declared_checksum(dataset: str) -> str:
    """Return the literal CHECKSUM of a data set's file, empty when it has none."""
    try:
        return str(declared_constant("dataset", dataset, "CHECKSUM"))
    except ConfigError:
        return ""
