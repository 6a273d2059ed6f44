"""results/README.md: every table, statistic and metric, column by column, made from the schemas.

`python -m actbench.analysis.dictionary` writes it; a test holds it in step.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from actbench.analysis.claims_schema import CLAIM_TESTS, CLAIMS, COST, EXACT
from actbench.analysis.intervals import RESAMPLES
from actbench.analysis.metrics import METRICS
from actbench.analysis.seed_resampling import RESAMPLES as SEED_RESAMPLES
from actbench.analysis.stats_schema import STATS
from actbench.plan.atomic_file import write_text
from actbench.plan.registry import declared_text, known_levels
from actbench.plan.schema import TABLES, Column

README = Path("results/README.md")

INTRODUCTION = """\
# What the results hold

<!-- made by `python -m actbench.analysis.dictionary`; edit the schemas, not this file -->

Everything of one config lies under `results/<name>/`:

- `tables/*.parquet`: what was measured, one fact a row. `runs` has one row for every run of the design, whatever
  became of it; the others are joined to it by `run_key`. Each file carries, in the metadata of its schema, the config
  that it was made from (`actbench.config`, and its sha256), and the version of the trained numbers
  (`actbench.numerics`). Reading through `actbench.analysis.tables.read_table` compares them with the config at hand.
- `stats/*.csv`: what was computed from the tables, and nothing else. An empty field is a number that does not exist;
  `note` says why.
- `manifest.json`: the sha256 and size of every product, the config, counts of runs by status, and versions.
  `actbench manifest CONFIG --check` compares the files with it.
- `shards/*.parquet`: what the jobs wrote; the tables hold all of it.
- `.<file>.sha256`, hidden beside each of them: its checksum, as `sha256sum -c` reads it. A file that is not what was
  written is named, renamed to `*.damaged` and not used; the next call of Snakemake makes it anew.

```python
import pandas as pd

runs = pd.read_parquet("results/default/tables/runs.parquet")
curves = pd.read_parquet("results/default/tables/curves.parquet", filters=[("split", "==", "val")])
best = runs[runs.status == "ok"].groupby("activation").best_test_accuracy.median()
```
"""

METHODS = f"""\
## How the statistics are made

- **A failure is a result.** A run that diverged or could not be trained scores 0 and ranks last; the failure rate
  stands beside each estimate.
- **The learning rate is chosen on validation data**: for each condition (every factor but `lr` and `seed`) the rate
  with the highest mean `val_score` over seeds; the smallest of equals. Scores are then reported on test data.
- **The seed is the unit of replication.** A mean over conditions is taken within each seed, and the seeds are
  resampled. `interval` names the kind, all at 95 %: `student`, below; `bca`, where it exists, else `percentile`
  (`scipy.stats.bootstrap`, a fixed stream of {RESAMPLES:,} draws for means, {SEED_RESAMPLES} for all else). With few
  seeds `bca` and `percentile` are too short: on normal data they hold the truth in about 72 % of cases with three
  seeds, 84 % with five and 88 % with eight. `n_seeds` stands in every row.
- **The choice of learning rates is inside every interval over seeds** of a number that hangs on it (`conditions`,
  `by_depth`, `comparisons`, `ranking`, `curves`, `cost_accuracy`, `simple_effects`, `pairs`, `aggregates`, `profiles`,
  claims): a resample draws seeds, in common for all conditions, and each condition takes the rate that the drawn seeds
  choose, by the rule above. `learning_rates`, `factor_effects`, `trainability` and `early_warning` take all rates and
  choose none.
- **Student's intervals** of means over seeds are mean ± t · error with S - 1 degrees of freedom, within the bounds of
  the quantity. The error is √(S / (S - 1)) times the standard deviation of the mean over the resamples (all multisets
  of up to seven seeds, each with its chance, else {SEED_RESAMPLES} draws): the choice of rates is in it, and where all
  choose alike it is s / √S. With five seeds and three rates that validation data hardly tell apart, such an
  interval holds the expected score in about 94 % of cases, and in about 48 % with the rate taken as given. Quantiles of
  the resamples would hold it less often: each resample chooses the luckier rates once more, which moves them aside by
  as much as an error. The intervals and tests of equivalence of `pairs` and the p of claims take the choice in too.
- **Shares have Wilson's interval** (`statsmodels`), which takes runs as independent; runs of one seed are not quite. It
  is of the runs at the rates that all seeds choose: how often the recipe fails that one would follow. It is not
  resampled because of no failure in a few seeds every resample says 0, with an interval of no width. The same holds of
  the tests over blocks (Wilcoxon, Friedman, Nemenyi): their unit is the block, and they are no intervals over seeds.
- **Comparisons are paired**: two activations in the same block (every factor but activation, `lr` and `seed`) and with
  the same seed, so with the same data order and weight noise. p is from the Wilcoxon signed-rank test over blocks, and
  Holm's correction is taken within each `family`. The test speaks of the blocks of this grid, not of other grids.
- **All pairs** (`pairs`): effects are Hodges-Lehmann estimates over blocks, with bootstrap intervals. Two activations
  are called `equivalent`, never merely "not different", when two one-sided t tests over seeds place the mean difference
  within ±0.01 (one point) after Holm's correction over the pairs of the study.
- **Stability** (`rank_stability`): 999 resamples of seeds, of conditions, of learning rates, or of all three.
- **Factors** (`factor_effects`): an analysis of variance over all runs of a study, failed ones included, with learning
  rate as a factor, main effects and all two-way interactions, type II sums of squares. The error of a term is its
  interaction with the seeds, so that p and intervals speak of new seeds. Shares are given of the score and of its rank,
  on which the floor at 0 has no leverage; where both agree the scale does not matter. The response
  `trained` is a linear probability model there.
- **Trainability** (`trainability`): a logistic model of whether a run trained, with the same terms. Whole levels that
  always or never train leave plain maximum likelihood without finite estimates, so each contrast has a weak normal
  prior (deviation 3.2 on the logit scale); the rows of such a study say so. Shares are of the deviance, intervals a
  jackknife over seeds, since a bootstrap would repeat hundreds of fits. p takes runs as independent.
- **Early warning** (`early_warning`): how well a diagnostic of the first 2 % of the updates tells, among all runs of a
  study, those that will not train (metric `trained`) from the others: area under the ROC curve, a bootstrap over seeds.
  Several layers become one number four ways: first, last, lowest, highest hidden layer; `best` marks the largest area.
  A choice of the best of many flatters, so direction and threshold are chosen on all seeds but one and reported on that
  one, each in turn: `held_out_auc`, `sensitivity`, `specificity`, `brier`.
- **Cost** (`cost_accuracy`): the time of an update is from `cost.csv`, in which one network has each activation in
  turn, round after round; the median over rounds, since whatever disturbs a round lengthens it, with the interval that
  follows from the order of the rounds. `seconds` of the runs is no measure of an activation: each trains in a job of
  its own, at another time, beside other jobs.
- **Ranks** are taken within each block and seed and averaged; only blocks that hold every activation of the study
  count.
"""

DIAGNOSTICS_HEAD = """\
## Diagnostics

Measured on the probe (the first 256 training examples) in training mode, unless the formula names the training split.
z is what the activation φ of a hidden layer sees, u = φ(z), W a layer's weight, θ all parameters. Moments: a run is
evaluated before training and at eight log-spaced steps; most diagnostics are recorded at three of them, the first, the
middle (update 19 of 1,000) and the last. What looks back at updates or moments starts when there are some.

"""
PLACES = {"hidden": "1 … depth", "weights": "1 … depth + 1", "network": "0"}
MOMENTS = {"always": "all", "few": "three"}
TEXTS = ("formula", "unit", "meaning", "reference")

TITLES = {
    "runs": "One row for each run of the design.",
    "curves": "Loss and accuracy at evaluated steps, one row for each run, step and split.",
    "layers": "What was measured inside the network, one row for each run, step, layer and diagnostic.",
    "studies": "Which runs belong to which study; a run may belong to several.",
}
STATS_TITLES = {
    "studies": "One row for each study: its question and the fate of its runs.",
    "conditions": "One row for each condition of each study, at its chosen learning rate.",
    "by_depth": "One row for each activation and depth of each study, over all other factors.",
    "trainable": "One row for each activation, depth, init, norm and residual: the share of runs that trained.",
    "comparisons": "One row for each activation, against the reference, overall and by depth.",
    "ranking": "One row for each activation of each study: its mean rank.",
    "curves": "One row for each activation, depth, split and evaluated step: accuracy during training.",
    "inside": "One row for each activation, level of a varied factor, diagnostic and step: inside the networks.",
    "early_warning": "One row for each diagnostic, reduction of its layers and early step of each study: does it warn?",
    "gradients": "One row for each layer of the deepest networks of each study: its gradient norm.",
    "omnibus": "One row for each study: do its activations differ at all?",
    "pairs": "One row for every two activations of each study: effects, tests, equivalence, seeds to add.",
    "rank_stability": "One row for each activation of each study and each way of resampling: how sure is the order?",
    "aggregates": "One row for each activation of each study: its interquartile mean.",
    "profiles": "One row for each activation of each study and threshold: the share of runs above it.",
    "cost_accuracy": "One row for each activation of each study: the time of an update beside its score.",
    "factor_effects": "One row for each factor and each two factors of each study: how much of the variance is theirs?",
    "trainability": "One row for each factor and each two factors of each study: how much do they decide what trains?",
    "interactions": "One row for every two levels of two factors of each study: their mean score together.",
    "simple_effects": "One row for each activation, level and level of another factor: what the first level changes.",
    "learning_rates": "One row for each activation and learning rate of each study.",
    "explorer": "One row for each run of each study, at all learning rates: what the report's explorer chooses from.",
    "explorer_curves": "One row for each cell of the explorer, split and evaluated step: what it averages.",
    "explorer_layers": "One row for each layer of each cell of the explorer: what it takes medians of.",
}

LEDGER = {
    "claims": ("One row for each claim of the ledger, config/claims.yaml, with its verdict.", CLAIMS),
    "stats/claim_tests": ("One row for each test of a claim, over all its runs and in each stratum.", CLAIM_TESTS),
    "stats/exact": ("One row for each property that arithmetic or calculus settles.", EXACT),
    "stats/cost": (
        "One row for each activation and round of timing: what it costs on the machine that timed it.",
        COST,
    ),
}


def results_readme() -> str:
    """Return the text of results/README.md."""
    parts = [INTRODUCTION]
    for table, columns in TABLES.items():
        parts.append(f"## `tables/{table}.parquet`\n\n{TITLES[table]}\n\n{_columns(columns)}")
    parts += [_diagnostics(), METHODS, _metrics()]
    for name, columns in STATS.items():
        parts.append(f"## `stats/{name}.csv`\n\n{STATS_TITLES[name]}\n\n{_columns(columns)}")
    for file, (title, columns) in LEDGER.items():
        parts.append(f"## `{file}.csv`\n\n{title}\n\n{_columns(columns)}")
    return "\n".join(parts)


def _columns(columns: tuple[Column, ...]) -> str:
    rows = [(f"`{c.name}`", c.dtype + (", may be empty" if c.nullable else ""), c.unit, c.meaning) for c in columns]
    return _markdown(("column", "type", "unit", "meaning"), rows)


def _diagnostics() -> str:
    rows = [
        (
            f"`{name}`",
            PLACES[_text(name, "where")],
            MOMENTS[_text(name, "when", "always")],
            *map(partial(_text, name), TEXTS),
        )
        for name in known_levels("diagnostic")
    ]
    return DIAGNOSTICS_HEAD + _markdown(("diagnostic", "layers", "moments", *TEXTS), rows)


def _text(name: str, keyword: str, default: str = "") -> str:
    return declared_text("diagnostic", name, keyword, default)


def _metrics() -> str:
    rows = [(f"`{name}`", f"`{m.formula}`", m.unit, m.meaning) for name, m in METRICS.items()]
    head = "## Metrics\n\nDerived from each row of `runs` before any statistic.\n\n"
    return head + _markdown(("metric", "formula", "unit", "meaning"), rows)


def _markdown(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


if __name__ == "__main__":
    write_text(README, results_readme())
