"""The columns of the statistics that say which factors matter."""

from actbench.analysis.shared_columns import ACTIVATION, FAILURE_RATE, N_FAILED, N_SEEDS, NOTE, STUDY, estimated
from actbench.plan.schema import Column

FACTOR_EFFECTS = (
    STUDY,
    Column("response", "string", "", "accuracy: score; accuracy_rank: its rank among the runs; trained: 0 or 1"),
    Column("family", "string", "", "the tests that Holm's correction takes together"),
    Column("term", "string", "", "a factor, two factors joined by `:`, or higher_order, seed, seed_interaction"),
    Column("order", "int64", "", "1: a factor; 2: an interaction of two; 0: the rest of the variance"),
    *estimated("share", "fraction", "share of the sum of squares of all runs (type II, eta squared)"),
    Column("share_corrected", "float64", "fraction", "share less what noise adds on average, as omega squared", True),
    Column("df", "int64", "", "degrees of freedom of the term", True),
    Column("df_error", "int64", "", "degrees of freedom of its error, the interaction with seeds", True),
    Column("f", "float64", "", "mean square of the term over that of its interaction with seeds", True),
    Column("p", "float64", "", "its p", True),
    Column("p_holm", "float64", "", "p after Holm's correction within the family", True),
    Column("n_cells", "int64", "cells", "combinations of levels, learning rates among them"),
    Column("n_runs", "int64", "runs", "runs behind the row, at all learning rates"),
    N_SEEDS,
    NOTE,
)

TRAINABILITY = (
    STUDY,
    Column("family", "string", "", "the tests that Holm's correction takes together"),
    Column("term", "string", "", "a factor, two factors joined by `:`, or all_terms"),
    Column("order", "int64", "", "1: a factor; 2: an interaction of two; 0: the model as a whole"),
    Column(
        "deviance", "float64", "", "twice the penalised log-likelihood that is lost without the term (type II)", True
    ),
    Column("df", "int64", "", "contrasts of the term", True),
    Column("share", "float64", "fraction", "deviance over that of all cells", True),
    Column("low", "float64", "fraction", "share: low end of the 95 % jackknife interval over seeds", True),
    Column("high", "float64", "fraction", "share: high end of the 95 % jackknife interval over seeds", True),
    Column("p", "float64", "", "of the deviance, from chi-squared; takes runs as independent", True),
    Column("p_holm", "float64", "", "p after Holm's correction within the family", True),
    Column("n_cells", "int64", "cells", "combinations of levels, learning rates among them"),
    Column("n_runs", "int64", "runs", "runs behind the row, at all learning rates"),
    N_SEEDS,
    NOTE,
)

INTERACTIONS = (
    STUDY,
    Column("factor_1", "string", "", "factor"),
    Column("level_1", "string", "", "level of factor_1"),
    Column("factor_2", "string", "", "another factor"),
    Column("level_2", "string", "", "level of factor_2"),
    Column("n_runs", "int64", "runs", "runs behind the row, at the chosen learning rates"),
    N_SEEDS,
    Column("score", "float64", "fraction", "mean of score over the runs with both levels"),
    Column("trained_share", "float64", "fraction", "share of these runs that trained"),
    Column("interaction", "float64", "fraction", "score less what the means of the two levels add up to"),
)

SIMPLE_EFFECTS = (
    STUDY,
    ACTIVATION,
    Column("factor", "string", "", "factor whose level changes"),
    Column("level", "string", "", "its level"),
    Column("reference", "string", "", "the level that it is compared with"),
    Column("within", "string", "", "another factor that is held at within_level, or `all`: over all other factors"),
    Column("within_level", "string", "", "level of that factor"),
    Column("n_pairs", "int64", "pairs", "pairs of runs that differ in the factor alone"),
    N_SEEDS,
    Column("difference", "float64", "fraction", "mean over seeds of the mean over pairs of score less reference"),
    Column("low", "float64", "fraction", "difference: low end of Student's 95 % interval over seeds", True),
    Column("high", "float64", "fraction", "difference: high end of Student's 95 % interval over seeds", True),
    Column("trained_difference", "float64", "fraction", "the same of the share of runs that trained"),
    NOTE,
)

LEARNING_RATES = (
    STUDY,
    ACTIVATION,
    Column("lr", "float64", "", "learning rate"),
    Column("n_conditions", "int64", "conditions", "conditions that tried the rate"),
    Column("n_chosen", "int64", "conditions", "conditions among them for which it is the best on validation data"),
    Column("n_runs", "int64", "runs", "runs at this rate"),
    N_FAILED,
    N_SEEDS,
    *FAILURE_RATE,
    *estimated("score", "fraction", "mean over seeds of the mean of score over all conditions at this rate"),
    NOTE,
)
