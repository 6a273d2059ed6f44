"""The columns of every table: dtype, unit and meaning. The dictionary in results/README.md is made from it."""

from dataclasses import dataclass

from actbench.plan.factors import FACTORS

DTYPES = {"level": "string", "int": "int64", "float": "float64"}
STATUSES = ("ok", "diverged", "error")
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Column:
    """One column of a table. dtype is `string`, `int32`, `int64`, `float32` or `float64`."""

    name: str
    dtype: str
    unit: str
    meaning: str
    nullable: bool = False


def _scores() -> tuple[Column, ...]:
    columns = []
    for split in SPLITS:
        at_end = f"on the whole {split} split after the last step; null unless status is ok"
        columns.append(Column(f"{split}_loss", "float64", "nats", f"mean cross-entropy {at_end}", True))
        columns.append(Column(f"{split}_accuracy", "float64", "fraction", f"share classified rightly {at_end}", True))
    return tuple(columns)


RUN_KEY = Column("run_key", "string", "", "16 hexadecimal digits: hash of the run's levels and seed")

RUNS = (
    RUN_KEY,
    *(Column(f.name, DTYPES[f.kind], f.unit, f.meaning) for f in FACTORS.values()),
    Column("status", "string", "", "ok; diverged: a loss was not finite; error: could not be trained"),
    Column("diverged_step", "int64", "updates", "updates made before the first loss that was not finite", True),
    *_scores(),
    Column("best_step", "int64", "updates", "evaluated step with the lowest validation loss (first if tied)", True),
    Column("best_val_loss", "float64", "nats", "validation loss at best_step", True),
    Column("best_val_accuracy", "float64", "fraction", "validation accuracy at best_step", True),
    Column("best_test_loss", "float64", "nats", "test loss with the parameters of best_step", True),
    Column("best_test_accuracy", "float64", "fraction", "test accuracy with the parameters of best_step", True),
    Column("clip_rate", "float64", "fraction", "share of updates whose gradient the clipping rule changed"),
    Column("classes", "int64", "classes", "number of classes; chance accuracy is one over it"),
    Column("parameters", "int64", "numbers", "trained parameters of the network"),
    Column(
        "seconds",
        "float64",
        "s",
        "process time (GPU: elapsed) of the run's stack over its runs; not reproducible; machine and load bear on it",
    ),
    Column("numerics", "int64", "", "version of the trained numbers"),
    Column("version", "string", "", "actbench version that trained the run"),
    Column("commit", "string", "", "git commit that trained the run, `+` appended when files were changed"),
    Column("torch", "string", "", "torch version"),
    Column("device", "string", "", "kind of device and what it computes with, e.g. cpu-avx512, cuda-sm90"),
)

CURVES = (
    RUN_KEY,
    Column("step", "int32", "updates", "updates made before the evaluation"),
    Column("split", "string", "", "train: a fixed part of the training split (the probe); val: validation split"),
    Column("loss", "float32", "nats", "mean cross-entropy"),
    Column("accuracy", "float32", "fraction", "share classified rightly"),
)

LAYERS = (
    RUN_KEY,
    Column("step", "int32", "updates", "updates made before the measurement"),
    Column("layer", "int32", "", "1 … depth: hidden layers; depth + 1: output layer; 0: the whole network"),
    Column("diagnostic", "string", "", "name of the diagnostic, see Diagnostics"),
    Column("value", "float32", "see diagnostic", "what was measured; a number that does not exist has no row"),
)

STUDIES = (
    Column("study", "string", "", "name of the study in the config"),
    RUN_KEY,
)

TABLES: dict[str, tuple[Column, ...]] = {"runs": RUNS, "curves": CURVES, "layers": LAYERS, "studies": STUDIES}
