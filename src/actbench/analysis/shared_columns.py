"""Columns that several statistics share."""

from actbench.plan.factors import FACTORS
from actbench.plan.schema import DTYPES, Column

STUDY = Column("study", "string", "", "name of the study in the config")
ACTIVATION = Column("activation", "string", "", "activation function of every hidden layer")
NOTE = Column("note", "string", "", "why a number is missing or weak; empty if there is nothing to say")
N_SEEDS = Column("n_seeds", "int64", "seeds", "seeds behind the estimate: the units that are resampled")
N_RUNS = Column("n_runs", "int64", "runs", "runs behind the row, at the chosen learning rates")
N_FAILED = Column("n_failed", "int64", "runs", "runs among them whose status is not ok")
N_BLOCKS = Column("n_blocks", "int64", "blocks", "blocks compared: conditions without the activation")
INTERVAL = Column("interval", "string", "", "kind of interval: student, bca, percentile, or empty where there is none")


def factor_column(name: str) -> Column:
    """Return the column of a factor, as plan.factors describes it."""
    factor = FACTORS[name]
    return Column(factor.name, DTYPES[factor.kind], factor.unit, factor.meaning)


def wilson_columns(name: str, meaning: str) -> tuple[Column, ...]:
    """Return a share and the ends of Wilson's interval."""
    return (
        Column(name, "float64", "fraction", meaning, True),
        Column(f"{name}_low", "float64", "fraction", f"{name}: low end of Wilson's 95 % interval", True),
        Column(f"{name}_high", "float64", "fraction", f"{name}: high end of Wilson's 95 % interval", True),
    )


def estimated(name: str, unit: str, meaning: str) -> tuple[Column, ...]:
    """Return an estimate, the ends of its interval over seeds, and the kind of interval."""
    return (
        Column(name, "float64", unit, meaning, True),
        Column("low", "float64", unit, f"{name}: low end of the 95 % interval over seeds", True),
        Column("high", "float64", unit, f"{name}: high end of the 95 % interval over seeds", True),
        INTERVAL,
    )


def seed_columns(name: str, meaning: str) -> tuple[Column, ...]:
    """Return a share and the ends of its bootstrap interval over seeds, named after it."""
    return (
        Column(name, "float64", "fraction", meaning, True),
        Column(
            f"{name}_low", "float64", "fraction", f"{name}: low end of the 95 % bootstrap interval over seeds", True
        ),
        Column(
            f"{name}_high", "float64", "fraction", f"{name}: high end of the 95 % bootstrap interval over seeds", True
        ),
    )


FAILURE_RATE = wilson_columns("failure_rate", "share of the runs whose status is not ok")
