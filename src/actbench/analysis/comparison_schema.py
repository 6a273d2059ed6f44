"""The columns of the statistics that compare activations."""

from actbench.analysis.shared_columns import (
    ACTIVATION,
    N_BLOCKS,
    N_RUNS,
    N_SEEDS,
    NOTE,
    STUDY,
    estimated,
    seed_columns,
)
from actbench.plan.schema import Column

PAIRS = (
    STUDY,
    Column("family", "string", "", "the tests that Holm's correction takes together: all pairs of one study"),
    Column("first", "string", "", "activation"),
    Column("second", "string", "", "activation that it is compared with"),
    N_BLOCKS,
    N_SEEDS,
    *estimated("effect", "fraction", "Hodges-Lehmann estimate over blocks of score of first less that of second"),
    *seed_columns("cliffs_delta", "share of pairs of blocks in which first is higher less the share in which lower"),
    *seed_columns("improvement", "share of blocks and seeds in which first is higher; a tie counts half"),
    Column("wins", "int64", "blocks", "blocks in which first is higher by more than margin"),
    Column("ties", "int64", "blocks", "blocks in which the two differ by at most margin"),
    Column("losses", "int64", "blocks", "blocks in which first is lower by more than margin"),
    Column("p", "float64", "", "Wilcoxon signed-rank test over blocks, two-sided", True),
    Column("p_holm", "float64", "", "p after Holm's correction within the family", True),
    Column("nemenyi_p", "float64", "", "Nemenyi's test of the two mean ranks, for all pairs together", True),
    Column("margin", "float64", "fraction", "smaller differences do not matter"),
    Column("tost_p", "float64", "", "two one-sided paired t tests over seeds that the mean is within margin", True),
    Column("tost_p_holm", "float64", "", "tost_p after Holm's correction within the family", True),
    Column(
        "verdict", "string", "", "equivalent: tost_p_holm < 0.05; else the higher, if p_holm < 0.05; else undecided"
    ),
    Column(
        "more_seeds", "float64", "seeds", "seeds to add to settle the pair in 80 % of studies; inf: over 10,000", True
    ),
    NOTE,
)

OMNIBUS = (
    STUDY,
    Column("n_activations", "int64", "", "activations compared"),
    N_BLOCKS,
    N_SEEDS,
    Column("friedman_chi2", "float64", "", "Friedman's statistic over blocks, corrected for ties", True),
    Column("friedman_p", "float64", "", "its p, from chi-squared", True),
    Column("iman_davenport_f", "float64", "", "Iman and Davenport's F; inf: every block has the same order", True),
    Column("iman_davenport_p", "float64", "", "its p", True),
    Column("alpha", "float64", "", "level of the critical difference"),
    Column("critical_difference", "float64", "", "Nemenyi's critical difference of mean ranks", True),
    NOTE,
)

RANK_STABILITY = (
    STUDY,
    ACTIVATION,
    Column(
        "resampled", "string", "", "what is drawn with replacement: seeds, conditions, learning_rates, or all three"
    ),
    N_BLOCKS,
    N_SEEDS,
    Column("n_resamples", "int64", "resamples", "resamples behind the row"),
    Column("mean_rank", "float64", "", "mean over blocks of the rank of the mean score over seeds, 1 is best", True),
    Column("bars", "string", "", "groups that Nemenyi's test does not part: numbers of those that hold the activation"),
    Column("first_share", "float64", "fraction", "share of resamples with the best mean rank; ties are shared", True),
    Column("rank_low", "float64", "", "2.5 % quantile of the mean rank over resamples", True),
    Column("rank_high", "float64", "", "97.5 % quantile of the mean rank over resamples", True),
    NOTE,
)

AGGREGATES = (
    STUDY,
    ACTIVATION,
    N_BLOCKS,
    N_SEEDS,
    *estimated("iqm", "fraction", "mean of the middle half of score over all conditions and seeds"),
    NOTE,
)

COST_ACCURACY = (
    STUDY,
    ACTIVATION,
    N_BLOCKS,
    N_SEEDS,
    N_RUNS,
    Column("step_us", "float64", "µs", "median over rounds of cost.csv of one update of one network", True),
    Column("step_low", "float64", "µs", "step_us: low end of the 95 % interval of the median, a round", True),
    Column("step_high", "float64", "µs", "step_us: high end of the 95 % interval of the median, a round", True),
    Column("n_rounds", "int64", "rounds", "rounds of timing behind step_us; 0: cost.csv lacks the activation"),
    Column("device", "string", "", "kind of device that was timed; no other machine gives the same times"),
    *estimated("score", "fraction", "mean over seeds of the mean of score over blocks"),
    NOTE,
)

PERFORMANCE_PROFILES = (
    STUDY,
    ACTIVATION,
    Column("threshold", "float64", "fraction", "score"),
    N_RUNS,
    N_SEEDS,
    *estimated("share_above", "fraction", "share of runs whose score is above the threshold"),
    NOTE,
)
