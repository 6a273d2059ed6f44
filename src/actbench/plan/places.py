"""Where a run lies in the run cache: numerics<N>-<device>/<dataset>-<checksum>/<levels of its tensor program>."""

from pathlib import PurePosixPath

from actbench.plan.design import Run
from actbench.plan.factors import FACTORS
from actbench.plan.numerics import NUMERICS
from actbench.plan.shards import word

# Factors on which the runs of one stack may differ: they change numbers, not the tensor program.
VARYING = ("init", "lr", "bias_offset", "input_scale", "seed")
NAMED = tuple(name for name in FACTORS if name not in (*VARYING, "dataset"))


def kind_place(device: str) -> str:
    """Return the folder of one version of the numbers on one kind of device, e.g. `cpu-avx512`."""
    return f"numerics{NUMERICS}-{device}"


def stack_place(run: Run, checksum: str) -> PurePosixPath:
    """Return the folder, below that of the device, of all runs that share this one's tensor program and data."""
    words = [word(name, getattr(run, name)) for name in NAMED]
    return PurePosixPath(f"{run.dataset}-{checksum[:12]}") / "-".join(words)
