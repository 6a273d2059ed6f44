"""The columns of every statistic: dtype, unit and meaning, as plan.schema has them for the tables."""

from actbench.analysis.explorer import PROFILES
from actbench.analysis.metrics import CONDITION
from actbench.plan.factors import FACTORS
from actbench.plan.schema import DTYPES, Column

STUDY = Column("study", "string", "", "name of the study in the config")
ACTIVATION = Column("activation", "string", "", "activation function of every hidden layer")
NOTE = Column("note", "string", "", "why a number is missing or weak; empty if there is nothing to say")
N_SEEDS = Column("n_seeds", "int64", "seeds", "seeds behind the estimate: the units that are resampled")
N_RUNS = Column("n_runs", "int64", "runs", "runs behind the row, at the chosen learning rates")
N_FAILED = Column("n_failed", "int64", "runs", "runs among them whose status is not ok")
N_BLOCKS = Column("n_blocks", "int64", "blocks", "blocks compared: conditions without the activation")
INTERVAL = Column("interval", "string", "", "kind of interval: bca, percentile, or empty where there is none")


def _factor(name: str) -> Column:
    factor = FACTORS[name]
    return Column(factor.name, DTYPES[factor.kind], factor.unit, factor.meaning)


def _interval(name: str, meaning: str) -> tuple[Column, ...]:
    return (
        Column(name, "float64", "fraction", meaning, True),
        Column(f"{name}_low", "float64", "fraction", f"{name}: low end of Wilson's 95 % interval", True),
        Column(f"{name}_high", "float64", "fraction", f"{name}: high end of Wilson's 95 % interval", True),
    )


def _bootstrap(name: str, unit: str, meaning: str) -> tuple[Column, ...]:
    return (
        Column(name, "float64", unit, meaning, True),
        Column("low", "float64", unit, f"{name}: low end of the 95 % bootstrap interval over seeds", True),
        Column("high", "float64", unit, f"{name}: high end of the 95 % bootstrap interval over seeds", True),
        INTERVAL,
    )


FAILURE_RATE = _interval("failure_rate", "share of the runs whose status is not ok")
N_CONDITIONS = Column("n_conditions", "int64", "conditions", "conditions averaged")

CONDITIONS = (
    STUDY,
    *(_factor(name) for name in CONDITION),
    Column("lr", "float64", "", "learning rate with the highest mean val_score over seeds"),
    Column("n_lr", "int64", "rates", "learning rates tried"),
    N_SEEDS,
    N_RUNS,
    N_FAILED,
    *FAILURE_RATE,
    *_bootstrap("score", "fraction", "mean of score over seeds"),
    Column("loss", "float64", "nats", "mean of loss over the runs that are ok", True),
    NOTE,
)

BY_DEPTH = (
    STUDY,
    ACTIVATION,
    _factor("depth"),
    N_CONDITIONS,
    N_SEEDS,
    N_RUNS,
    N_FAILED,
    *FAILURE_RATE,
    *_bootstrap("score", "fraction", "mean over seeds of the mean of score over conditions"),
    Column("median", "float64", "fraction", "median of score over all runs"),
    Column("iqm", "float64", "fraction", "interquartile mean of score over all runs (middle half)"),
    NOTE,
)

TRAINABLE = (
    STUDY,
    ACTIVATION,
    _factor("depth"),
    _factor("init"),
    Column("norm", "string", "", "level of norm, or `all`: every level together"),
    Column("residual", "string", "", "level of residual, or `all`: every level together"),
    N_RUNS,
    Column("n_trained", "int64", "runs", "runs among them that trained"),
    *_interval("trained_share", "share of the runs that trained: validation accuracy at least twice chance"),
    NOTE,
)

COMPARISONS = (
    STUDY,
    Column("family", "string", "", "the tests that Holm's correction takes together"),
    Column("scope", "string", "", "overall: all depths together; by_depth: one depth"),
    Column("depth", "int64", "layers", "the depth compared; empty if scope is overall", True),
    ACTIVATION,
    Column("reference", "string", "", "activation that it is compared with"),
    N_BLOCKS,
    N_SEEDS,
    *_bootstrap("difference", "fraction", "mean over seeds of the mean over blocks of score less that of reference"),
    Column("share_better", "float64", "fraction", "share of blocks with the higher score; a tie counts half", True),
    Column("p", "float64", "", "Wilcoxon signed-rank test over blocks, two-sided", True),
    Column("p_holm", "float64", "", "p after Holm's correction within the family", True),
    *FAILURE_RATE[:1],
    Column("reference_failure_rate", "float64", "fraction", "failure_rate of the reference in the same blocks", True),
    NOTE,
)

RANKING = (
    STUDY,
    ACTIVATION,
    N_BLOCKS,
    N_SEEDS,
    *_bootstrap("rank", "", "mean rank over blocks and seeds, 1 is best; failed runs rank last, ties are averaged"),
    Column("score", "float64", "fraction", "mean of score over the same runs", True),
    N_RUNS,
    N_FAILED,
    *FAILURE_RATE,
    NOTE,
)

STUDIES = (
    STUDY,
    Column("question", "string", "", "the question that the study answers"),
    Column("n_runs", "int64", "runs", "runs of the study, at all learning rates"),
    Column("n_ok", "int64", "runs", "runs whose status is ok"),
    Column("n_diverged", "int64", "runs", "runs whose status is diverged"),
    Column("n_error", "int64", "runs", "runs whose status is error"),
    Column("n_seeds", "int64", "seeds", "seeds"),
    Column("n_conditions", "int64", "conditions", "conditions: combinations of all factors but lr and seed"),
    NOTE,
)

CURVES = (
    STUDY,
    ACTIVATION,
    _factor("depth"),
    _factor("steps"),
    Column("split", "string", "", "train: a fixed part of the training split (the probe); val: validation split"),
    Column("step", "int64", "updates", "updates made before the evaluation"),
    N_RUNS,
    N_SEEDS,
    *_bootstrap("accuracy", "fraction", "mean over seeds of the mean over conditions; 0 from the step of a failure on"),
    NOTE,
)

GRADIENTS = (
    STUDY,
    ACTIVATION,
    *(_factor(name) for name in ("depth", "init", "norm", "residual")),
    Column("moment", "string", "", "start: at initialisation; end: after the last step, runs that are ok"),
    Column("layer", "int64", "", "1 … depth: hidden layers; depth + 1: output layer"),
    Column("n_runs", "int64", "runs", "runs behind the row, at the chosen learning rates"),
    Column("n_failed", "int64", "runs", "runs whose status is not ok; they are missing at the end"),
    N_SEEDS,
    Column("gradient_norm", "float64", "", "median over seeds of the median over conditions of the weight gradient"),
    Column("low", "float64", "", "lowest seed"),
    Column("high", "float64", "", "highest seed"),
)

CELL = Column("cell", "int64", "", "number of the condition and learning rate within the study")

EXPLORER = (
    STUDY,
    CELL,
    *(_factor(name) for name in CONDITION),
    _factor("lr"),
    Column("chosen", "int64", "", "1: the learning rate chosen for the condition on validation data; 0: another one"),
    _factor("seed"),
    Column("score", "float64", "fraction", "score of the run"),
    Column("failed", "int64", "", "1: the status is not ok; 0: it is"),
)

EXPLORER_CURVES = (
    STUDY,
    CELL,
    Column("split", "string", "", "train: a fixed part of the training split (the probe); val: validation split"),
    Column("step", "int64", "updates", "updates made before the evaluation"),
    Column("n_runs", "int64", "runs", "runs behind the row"),
    Column("accuracy", "float64", "fraction", "mean over the runs; 0 from the step of a failure on; four digits"),
)


def _profile(name: str) -> Column:
    return Column(name, "float64", "", f"median of {name} over the runs; four digits", True)


EXPLORER_LAYERS = (
    STUDY,
    CELL,
    Column("moment", "string", "", "start: at initialisation; end: after the last step, runs that are ok"),
    Column("layer", "int64", "", "1 … depth: hidden layers; depth + 1: output layer"),
    Column("n_runs", "int64", "runs", "runs behind the row"),
    *map(_profile, PROFILES),
)

STATS: dict[str, tuple[Column, ...]] = {
    "studies": STUDIES,
    "conditions": CONDITIONS,
    "by_depth": BY_DEPTH,
    "trainable": TRAINABLE,
    "comparisons": COMPARISONS,
    "ranking": RANKING,
    "curves": CURVES,
    "gradients": GRADIENTS,
    "explorer": EXPLORER,
    "explorer_curves": EXPLORER_CURVES,
    "explorer_layers": EXPLORER_LAYERS,
}
