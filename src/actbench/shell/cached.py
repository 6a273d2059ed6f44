"""Which runs of a design the run cache holds, found out without torch."""

import ast
from collections.abc import Sequence
from pathlib import Path

from actbench.plan.design import Run
from actbench.plan.places import kind_place, stack_place
from actbench.plan.registry import FOLDERS, LEVELS


def cached_keys(runs: Sequence[Run], folder: Path, device: str) -> tuple[set[str], str]:
    """Return the keys of those runs that the cache holds for this kind of device, and why some cannot be known.

    Data lie under their checksum, which each data set's file declares as `CHECKSUM` and verifies on every load.
    """
    checksums = {name: declared_checksum(name) for name in sorted({run.dataset for run in runs})}
    unknown = [name for name, checksum in checksums.items() if not checksum]
    why = f"{', '.join(unknown)}: no declared CHECKSUM, so its cached runs are not counted" if unknown else ""
    places: dict[Path, set[str]] = {}
    for run in runs:
        if checksums[run.dataset]:
            place = folder / kind_place(device) / stack_place(run, checksums[run.dataset])
            places.setdefault(place, set()).add(run.key)
    present = [place for place in places if place.is_dir()]
    if not present:
        return set(), why
    from actbench.training.chunks import run_keys

    return {key for place in present for key in places[place] & run_keys(place)}, why


def declared_checksum(dataset: str) -> str:
    """Return the literal CHECKSUM of a data set's file, empty when it has none."""
    source = (LEVELS / FOLDERS["dataset"] / f"{dataset}.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if "CHECKSUM" in names:
                return str(node.value.value)
    return ""
