"""The columns of every statistic: dtype, unit and meaning, as plan.schema has them for the tables."""

from actbench.analysis.comparison_schema import (
    AGGREGATES,
    COST_ACCURACY,
    OMNIBUS,
    PAIRS,
    PERFORMANCE_PROFILES,
    RANK_STABILITY,
)
from actbench.analysis.early_warning_schema import EARLY_WARNING
from actbench.analysis.factorial_schema import (
    FACTOR_EFFECTS,
    INTERACTIONS,
    LEARNING_RATES,
    SIMPLE_EFFECTS,
    TRAINABILITY,
)
from actbench.analysis.layer_ends import PROFILES
from actbench.analysis.metrics import CONDITION
from actbench.analysis.shared_columns import (
    ACTIVATION,
    FAILURE_RATE,
    N_BLOCKS,
    N_FAILED,
    N_RUNS,
    N_SEEDS,
    NOTE,
    STUDY,
    estimated,
    factor_column,
    wilson_columns,
)
from actbench.plan.schema import Column

N_CONDITIONS = Column("n_conditions", "int64", "conditions", "conditions averaged")

CONDITIONS = (
    STUDY,
    *(factor_column(name) for name in CONDITION),
    Column("lr", "float64", "", "learning rate with the highest mean val_score over seeds"),
    Column("n_lr", "int64", "rates", "learning rates tried"),
    N_SEEDS,
    N_RUNS,
    N_FAILED,
    *FAILURE_RATE,
    *estimated("score", "fraction", "mean of score over seeds"),
    Column("loss", "float64", "nats", "mean of loss over the runs that are ok", True),
    NOTE,
)

BY_DEPTH = (
    STUDY,
    ACTIVATION,
    factor_column("depth"),
    N_CONDITIONS,
    N_SEEDS,
    N_RUNS,
    N_FAILED,
    *FAILURE_RATE,
    *estimated("score", "fraction", "mean over seeds of the mean of score over conditions"),
    Column("median", "float64", "fraction", "median of score over all runs"),
    Column("iqm", "float64", "fraction", "interquartile mean of score over all runs (middle half)"),
    NOTE,
)

TRAINABLE = (
    STUDY,
    ACTIVATION,
    factor_column("depth"),
    factor_column("init"),
    Column("norm", "string", "", "level of norm, or `all`: every level together"),
    Column("residual", "string", "", "level of residual, or `all`: every level together"),
    Column("n_seeds", "int64", "seeds", "seeds of these runs"),
    N_RUNS,
    Column("n_trained", "int64", "runs", "runs among them that trained"),
    *wilson_columns("trained_share", "share of the runs that trained: validation accuracy at least twice chance"),
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
    *estimated("difference", "fraction", "mean over seeds of the mean over blocks of score less that of reference"),
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
    *estimated("rank", "", "mean rank over blocks and seeds, 1 is best; failed runs rank last, ties are averaged"),
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
    factor_column("depth"),
    factor_column("steps"),
    Column("split", "string", "", "train: a fixed part of the training split (the probe); val: validation split"),
    Column("step", "int64", "updates", "updates made before the evaluation"),
    N_RUNS,
    N_SEEDS,
    *estimated("accuracy", "fraction", "mean over seeds of the mean over conditions; 0 from the step of a failure on"),
    NOTE,
)

GRADIENTS = (
    STUDY,
    ACTIVATION,
    *(factor_column(name) for name in ("depth", "init", "norm", "residual")),
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
    *(factor_column(name) for name in CONDITION),
    factor_column("lr"),
    Column("chosen", "int64", "", "1: the learning rate chosen for the condition on validation data; 0: another one"),
    factor_column("seed"),
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

INSIDE = (
    STUDY,
    ACTIVATION,
    Column("cause", "string", "", "a factor that varies in the study; activation: all runs of the activation"),
    Column("level", "string", "", "level of the cause"),
    Column("diagnostic", "string", "", "name of the diagnostic; clip_rate and failed: of the run, at its last step"),
    Column("step", "int64", "updates", "updates made before the measurement"),
    Column("n_runs", "int64", "runs", "runs behind the row, at all learning rates; failed ones until they failed"),
    N_SEEDS,
    Column("value", "float64", "see diagnostic", "median over seeds of the mean over runs and hidden layers"),
    Column("low", "float64", "see diagnostic", "lowest seed"),
    Column("high", "float64", "see diagnostic", "highest seed"),
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
    "inside": INSIDE,
    "early_warning": EARLY_WARNING,
    "omnibus": OMNIBUS,
    "pairs": PAIRS,
    "rank_stability": RANK_STABILITY,
    "aggregates": AGGREGATES,
    "profiles": PERFORMANCE_PROFILES,
    "cost_accuracy": COST_ACCURACY,
    "factor_effects": FACTOR_EFFECTS,
    "trainability": TRAINABILITY,
    "interactions": INTERACTIONS,
    "simple_effects": SIMPLE_EFFECTS,
    "learning_rates": LEARNING_RATES,
    "explorer": EXPLORER,
    "explorer_curves": EXPLORER_CURVES,
    "explorer_layers": EXPLORER_LAYERS,
}

# What rests on the records of layers, and the explorer, made of one activation after another as these are.
OF_LAYERS = ("gradients", "inside", "early_warning", "explorer", "explorer_curves", "explorer_layers")
