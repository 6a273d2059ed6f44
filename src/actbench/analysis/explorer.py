"""What the report's explorer filters and averages: every run's score, each cell's learning curve and layer profile.

A cell is a condition at one learning rate within one study. Cells are numbered within their study in the order of
activation, the other factors and lr, so that adding a study or shuffling the tables changes no number.
"""

from collections import Counter
from collections.abc import Iterable

import pandas as pd

from actbench.analysis.curves import fill_failures
from actbench.analysis.gradients import END, START
from actbench.analysis.json_rows import round_digits
from actbench.analysis.layer_records import records_of
from actbench.analysis.metrics import CONDITION, add_metrics

NAMES = ("explorer", "explorer_curves", "explorer_layers")
ORDER = ["activation", *(name for name in CONDITION if name != "activation"), "lr"]
PROFILES = (
    "preactivation_std", "activation_std", "gradient_norm", "backward_norm",
    "zero_fraction", "saturated_fraction", "dead_fraction",
)  # fmt: skip

Frames = dict[str, pd.DataFrame]


def profile_filters(runs: pd.DataFrame) -> list[tuple[str, str, object]]:
    """Return the filters, narrowest first, under which `layers` holds the rows that `explore` needs of these runs."""
    return [
        ("run_key", "in", sorted(set(runs["run_key"]))),
        ("step", "in", sorted({0, *map(int, runs["steps"].unique())})),
        ("diagnostic", "in", list(PROFILES)),
        ("layer", ">", 0),
    ]


def explore(
    runs: pd.DataFrame, members: pd.DataFrame, scores: pd.DataFrame, records: Frames, schedule: pd.DataFrame
) -> Frames:
    """Make the three tables of the explorer from some of the runs: those of whole activations.

    Args:
        runs: rows of the table `runs`, at all learning rates.
        members: the table `studies`, the rows of these runs.
        scores: the runs at the chosen learning rates, from `metrics.scores_by_study`.
        records: `curves` and `layers`; rows of other runs are left out.
        schedule: the steps and splits at which runs of each length are evaluated, from `curves.schedule_of`.

    Returns:
        Columns of stats_schema under NAMES. A curve is the mean over the cell's runs, 0 from the step of a failure
        on; a profile is the median over its runs, at the end over those that are ok.
    """
    own = _number(members.merge(add_metrics(runs), on="run_key", validate="many_to_one"))
    chosen = pd.MultiIndex.from_frame(scores[["study", "run_key"]])
    own = own.assign(chosen=pd.MultiIndex.from_frame(own[["study", "run_key"]]).isin(chosen))
    curves = _mean_curves(fill_failures(own, records["curves"], schedule, ["study", "cell"]))
    return dict(zip(NAMES, (own, curves, _profiles(own, records["layers"])), strict=True))


def join_parts(parts: Iterable[Frames]) -> Frames:
    """Join the tables of one activation after another, in their order by name, numbering cells on."""
    shifted: dict[str, list[pd.DataFrame]] = {name: [] for name in NAMES}
    used: Counter[str] = Counter()
    for part in parts:
        for name, frame in part.items():
            before = [used[study] for study in frame["study"]]
            shifted[name].append(frame.assign(cell=frame["cell"] + before))
        used.update(part["explorer"].drop_duplicates(["study", "cell"])["study"])
    keys = {"explorer": ["seed"], "explorer_curves": ["split", "step"], "explorer_layers": ["moment", "layer"]}
    return {
        name: pd.concat(frames).sort_values(["study", "cell", *keys[name]], ignore_index=True)
        for name, frames in shifted.items()
    }


def _number(joined: pd.DataFrame) -> pd.DataFrame:
    cells = joined.groupby(["study", *ORDER], sort=True).ngroup()
    numbered = joined.assign(cell=cells - cells.groupby(joined["study"]).transform("min"))
    return numbered.sort_values(["study", "cell", "seed"], ignore_index=True)


def _mean_curves(filled: pd.DataFrame) -> pd.DataFrame:
    means = filled.groupby(["study", "cell", "split", "step"], as_index=False).agg(
        n_runs=("accuracy", "size"), accuracy=("accuracy", "mean")
    )
    return means.assign(accuracy=round_digits(means["accuracy"]))


def _profiles(own: pd.DataFrame, layers: pd.DataFrame) -> pd.DataFrame:
    runs = own.drop_duplicates("run_key", ignore_index=True)
    measured = _at_both_ends(runs, layers)
    places = own.assign(run=pd.Index(runs["run_key"]).get_indexer(own["run_key"]))[["study", "cell", "run"]]
    both = places.astype({"study": "category"}).merge(measured, on="run")
    place = ["study", "cell", "moment", "layer"]
    medians = both.groupby([*place, "diagnostic"], observed=True)["value"].median()
    profiles = round_digits(medians).unstack("diagnostic").reindex(columns=list(PROFILES))
    n_runs = both.groupby(place, observed=True)["run"].nunique()
    return profiles.assign(n_runs=n_runs).reset_index().rename_axis(columns=None).astype({"study": "str"})


def _at_both_ends(runs: pd.DataFrame, layers: pd.DataFrame) -> pd.DataFrame:
    """Return the profiles of runs before the first update and, of those that are ok, after the last, by run number."""
    own = records_of(runs, layers, PROFILES)
    own = own[own["layer"] > 0]
    last = runs["steps"].where(~runs["failed"], -1).to_numpy()[own["run"]]
    ends = {START: own["step"] == 0, END: own["step"] == last}
    parts = [own[chosen].drop(columns="step").assign(moment=moment) for moment, chosen in ends.items()]
    both: pd.DataFrame = pd.concat(parts, ignore_index=True).astype({"moment": "category"})
    return both
