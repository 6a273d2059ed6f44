"""What the report's explorer filters and averages: every run's score, each cell's learning curve and layer profile.

A cell is a condition at one learning rate within one study. Cells are numbered within their study in the order of
activation, the other factors and lr, so that adding a study or shuffling the tables changes no number.
"""

from collections import Counter

import pandas as pd

from actbench.analysis.curves import Curves, fill_failures
from actbench.analysis.json_rows import round_digits
from actbench.analysis.layer_ends import Ends, profiles
from actbench.analysis.metrics import CONDITION, add_metrics
from actbench.analysis.run_places import places_of

NAMES = ("explorer", "explorer_curves", "explorer_layers")
ORDER = ["activation", *(name for name in CONDITION if name != "activation"), "lr"]

Frames = dict[str, pd.DataFrame]


def explore(
    runs: pd.DataFrame,
    members: pd.DataFrame,
    scores: pd.DataFrame,
    curves: Curves,
    ends: Ends,
) -> Frames:
    """Make the three tables of the explorer from some of the runs: those of whole activations.

    Args:
        runs: rows of the table `runs`, at all learning rates.
        members: the table `studies`, the rows of these runs.
        scores: the runs at the chosen learning rates, from `metrics.scores_by_study`.
        curves: the table `curves`.
        ends: from `layer_ends.add_ends`, of these `runs`.

    Returns:
        Columns of stats_schema under NAMES. A curve is the mean over the cell's runs, 0 from the step of a failure
        on; a profile is the median over its runs, at the end over those that are ok.
    """
    own = _number(members.merge(add_metrics(runs), on="run_key", validate="many_to_one"))
    chosen = pd.MultiIndex.from_frame(scores[["study", "run_key"]])
    own = own.assign(
        chosen=pd.MultiIndex.from_frame(own[["study", "run_key"]]).isin(chosen),
        run=places_of(own["run_key"], runs["run_key"]),
    )
    means = _mean_curves(fill_failures(own, curves.of(runs["run_key"]), curves.schedule, ["study", "cell"]))
    return dict(zip(NAMES, (own, means, profiles(own, ends)), strict=True))


def number_on(part: Frames, used: "Counter[str]") -> Frames:
    """Let the cells of one activation, by name, count on from those before it, and put the rows in their order.

    Args:
        part: from `explore`; other frames stay what they are.
        used: cells of each study so far; those of the part are added.
    """
    keys = {"explorer": ["seed"], "explorer_curves": ["split", "step"], "explorer_layers": ["moment", "layer"]}
    words = dict.fromkeys(("study", "split", "moment"), "category")  # which are sorted as numbers
    numbered = {}
    for name in NAMES:
        frame = part[name].astype({column: word for column, word in words.items() if column in part[name]})
        before = part[name]["study"].map({study: used[study] for study in frame["study"].cat.categories})
        numbered[name] = frame.assign(cell=frame["cell"] + before.astype("int64")).sort_values(
            ["study", "cell", *keys[name]]
        )
    used.update(part["explorer"].drop_duplicates(["study", "cell"])["study"])
    return part | numbered


def _number(joined: pd.DataFrame) -> pd.DataFrame:
    cells = joined.groupby(["study", *ORDER], sort=True).ngroup()
    numbered = joined.assign(cell=cells - cells.groupby(joined["study"]).transform("min"))
    return numbered.sort_values(["study", "cell", "seed"], ignore_index=True)


def _mean_curves(filled: pd.DataFrame) -> pd.DataFrame:
    means = filled.groupby(["study", "cell", "split", "step"], as_index=False, observed=True).agg(
        n_runs=("accuracy", "size"), accuracy=("accuracy", "mean")
    )
    return means.assign(accuracy=round_digits(means["accuracy"]))
