"""The columns of the statistic that says which diagnostic warns early."""

from actbench.analysis.shared_columns import N_SEEDS, NOTE, STUDY, estimated
from actbench.plan.schema import Column


def _held_out(name: str, unit: str, meaning: str) -> Column:
    return Column(name, "float64", unit, f"{meaning}; each seed forecast by the others", True)


EARLY_WARNING = (
    STUDY,
    Column("diagnostic", "string", "", "name of the diagnostic; any: the study has only one outcome"),
    Column("layers", "string", "", "first, last, lowest or highest hidden layer, or network: a number of the whole"),
    Column("step", "int64", "updates", "updates made before the measurement, at most 2 % of the run's"),
    Column("n_runs", "int64", "runs", "runs that recorded it, at all learning rates"),
    Column("n_untrained", "int64", "runs", "runs among them that did not train"),
    N_SEEDS,
    *estimated("auc", "fraction", "probability that an untrained run warns more than a trained one; a tie counts half"),
    Column("direction", "string", "", "higher: large numbers warn; lower: small ones; empty where there is no area"),
    Column(
        "threshold", "float64", "see diagnostic", "flagged: above it, or at or below it if direction is lower", True
    ),
    _held_out("held_out_auc", "fraction", "mean over seeds of the area within the seed"),
    _held_out("sensitivity", "fraction", "share of the untrained runs that are flagged"),
    _held_out("specificity", "fraction", "share of the trained runs that are not flagged"),
    _held_out("brier", "", "mean squared error of the share of untrained runs on the run's side of the threshold"),
    _held_out("brier_base", "", "the same of the share of untrained runs without any diagnostic"),
    Column("best", "int64", "", "1: the largest auc of the diagnostic at this step; 0: another reduction"),
    NOTE,
)
