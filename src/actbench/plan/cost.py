"""What a run is expected to cost: processor seconds, bytes on disk, memory of its job.

The constants were fitted to process times of the reference machine, one core of an AMD EPYC with Zen 3 cores and AVX2:
of the conditions of the default grid of which no run diverged (results/reference/default), and of single networks of
other widths, depths and lengths and with adam (tests/measured_seconds.csv). Against these 90 % of the conditions are
within 7 % and all but one within 25 %. A run that diverges costs less, nobody knows beforehand how much: the grid as a
whole, of whose runs a tenth diverge, costs 11 % less than expected. Other machines differ by a factor that most runs
share, which cancels in the balance of the shards and in the time left.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from actbench.plan.design import Run
from actbench.plan.factors import FACTORS
from actbench.plan.level import parse_level
from actbench.plan.registry import declared_constant, declares

DECLARED = ("FEATURES", "CLASSES", "SIZES")  # constants of the file of a data set


class Sizes(NamedTuple):
    """What a data set's size means for the cost: numbers of an example, classes, examples of each split."""

    inputs: int
    classes: int
    train: int
    val: int
    test: int


# The factors whose levels may lack a compiled form, and the keyword of the entry that has it.
LOOPS = dict.fromkeys(("activation", "norm", "clip", "optimizer"), "compiled") | {"residual": "coefficients"}

# Seconds of one core.
MULTIPLY = 2.4e-11  # a multiply-add of a matrix product; training needs three for each weight and example
EXAMPLE = 1.15e-7  # an example gathered, its loss and the gradient of that
UNIT = 1.1e-9  # activation and bias of one hidden unit for one example, forward and backward
UNITS = {  # the same for activations that were measured
    "elu": 1.1e-9, "gelu": 2.9e-9, "hard_swish": 5.8e-10, "hardtanh": 1.8e-10, "identity": 1.9e-10,
    "leaky_relu": 1.1e-10, "mish": 2.9e-9, "prelu": 0.0, "relu": 5.8e-10, "rescaled_sigmoid": 1.8e-9, "selu": 1.4e-9,
    "shifted_sigmoid": 1.1e-9, "sigmoid": 1.2e-9, "silu": 1.7e-9, "softplus": 2.9e-9, "softsign": 3.8e-10,
    "tanh": 1.0e-9,
}  # fmt: skip
NORM = 9.3e-10  # normalisation of the same
SKIP = 5.1e-10  # residual connection of the same
SCORE = 3.1e-9  # one hidden unit for one example scored, diagnostics included
ADAPT = 4.0e-10  # an update of one parameter by an optimiser that does more than the default one
AUTOGRAD = 4.0  # times as long as by compiled loops: what a level without them takes
IMPORT = 3.0  # start of a job
LOAD = 1.0  # loading the compiled loops, for a job that trains; their compilation, once a machine, is left out
READ = 1.3e-3  # a run taken from the cache
JOB_SECONDS = IMPORT + LOAD

# How many times as long the first processor of a kind took that was measured; see `shell.cached.machine_factor`.
TYPICAL = {"cpu-avx2": 1.0, "cpu-avx512": 0.70}  # the reference machine; an AMD EPYC with Zen 5 cores

POINTS = 9  # evaluations of a run of more than a few steps
PROBE = 256  # training examples on which diagnostics are measured; with backward pass, hence three products a weight

# Bytes of one run in the run cache, its shard file and the tables together, per evaluation.
RUN_BYTES, LAYER_BYTES = 397, 89

# Memory of a job: the imported libraries, then for each model of a full stack its parameters (current, best,
# gradient, optimiser, copies while scoring) and the layer values of one evaluation. Three measured peaks, from depth 2
# to depth 64 and to width 256, are within 15 %.
LIBRARIES = 550 * 10**6
STACK = 32
PARAMETERS_HELD, LAYERS_HELD = 6, 2


def run_seconds(run: Run) -> float:
    """Return the seconds that one core of the reference machine is expected to need for a run that does not diverge.

    With w weights, h = depth · width hidden units, b = steps · batch_size examples, n evaluations and s examples
    scored:
    MULTIPLY · w · (3 b + s + 3 n · PROBE) + EXAMPLE · b + h · b · (UNIT of the activation + NORM if normalised
    + SKIP if residual) + SCORE · h · (s + n · PROBE) + ADAPT · w · steps unless the optimiser is the default one;
    AUTOGRAD times all of it where a level has no compiled form.
    """
    unit = UNITS.get(parse_level("activation", run.activation).name, UNIT)
    norm, skip, adapt = run.norm != "none", run.residual != "none", run.optimizer != FACTORS["optimizer"].default
    seconds = _seconds(run.dataset, run.depth, run.width, run.batch_size, run.steps, unit, norm, skip, adapt)
    compiled = _has_loops(run.activation, run.norm, run.clip, run.optimizer, run.residual)
    return seconds if compiled else AUTOGRAD * seconds


@cache
def _has_loops(*levels: str) -> bool:
    """Tell whether the compiled engine trains a network of these levels, in the order of LOOPS."""
    return all(
        declares(kind, parse_level(kind, level).name, word)
        for (kind, word), level in zip(LOOPS.items(), levels, strict=True)
    )


@cache
def _seconds(
    dataset: str, depth: int, width: int, batch: int, steps: int, unit: float, norm: bool, skip: bool, adapt: bool
) -> float:
    sizes, weights, units = sizes_of(dataset), _weights(dataset, depth, width), depth * width
    points, trained = _points(steps), steps * batch
    scored = (points + 1) * sizes.val + sizes.train + 2 * sizes.test
    products = 3 * trained + scored + 3 * points * PROBE
    seconds = MULTIPLY * weights * products + SCORE * units * (scored + points * PROBE)
    seconds += EXAMPLE * trained + units * trained * (unit + NORM * norm + SKIP * skip)
    return seconds + ADAPT * weights * steps * adapt


def job_seconds(runs: Iterable[Run], factor: float = 1.0, known: Mapping[str, float] | None = None) -> float:
    """Return the expected seconds of a job that trains these runs.

    JOB_SECONDS + Σ of the known seconds of a run, or factor · `run_seconds`; starting is not scaled.

    Args:
        runs: the runs.
        factor: how many times as long as that of the reference machine a core trains.
        known: run key -> seconds that a run took on this machine.
    """
    took = known or {}
    return JOB_SECONDS + sum(took[run.key] if run.key in took else factor * run_seconds(run) for run in runs)


def seconds_left(todo: Sequence[Run], cached: int, factor: float = 1.0) -> float:
    """Return the expected seconds of a job that trains the runs of `todo` and takes `cached` more from the cache.

    Without a run to train, IMPORT + READ · cached: it loads no loops. The factor is that of `job_seconds`.
    """
    return job_seconds(todo, factor) + READ * cached - LOAD * (not todo)


def disk_bytes(runs: Iterable[Run]) -> int:
    """Return the bytes that runs take in the run cache, the shard files and the tables together.

    Fitted to the default grid: 3,570 bytes a run and 800 a layer at nine evaluations, of which the cache takes 45 %,
    the shard files 27 % and the tables 28 %.
    """
    return sum((RUN_BYTES + LAYER_BYTES * run.depth) * _points(run.steps) for run in runs)


def memory_bytes(runs: Iterable[Run]) -> int:
    """Return the peak memory of a job that trains these runs, from the largest network and a full stack of it."""
    networks = {(run.dataset, run.depth, run.width) for run in runs}
    return LIBRARIES + STACK * max(
        4 * (PARAMETERS_HELD * _weights(*network) + LAYERS_HELD * PROBE * network[1] * network[2])
        for network in networks
    )


@cache
def sizes_of(dataset: str) -> Sizes:
    """Return what a data set's file declares: FEATURES, CLASSES and the SIZES of its splits."""
    features, classes, sizes = (declared_constant("dataset", dataset, word) for word in DECLARED)
    return Sizes(features, classes, sizes["train"], sizes["val"], sizes["test"])


def _weights(dataset: str, depth: int, width: int) -> int:
    sizes = sizes_of(dataset)
    return width * (sizes.inputs + (depth - 1) * width + sizes.classes)


def _points(steps: int) -> int:
    return min(steps + 1, POINTS)
