"""Share of the variance of each factor and each pair of factors, with intervals."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from actbench.show.inputs import Inputs
from actbench.show.page import page
from actbench.show.study import count, main_study, seeds_behind
from actbench.show.style import CATEGORIES, GREY, MARKERS, MM

TITLE = "Importance of factors"
QUESTION = "Which factors, and which pairs of factors, decide how well and whether a network trains?"
ORDER = 57
TABLES = ()
STATS = ("factor_effects", "studies")

MOST_TERMS = 16
WORDS = {"accuracy": "accuracy", "accuracy_rank": "rank of accuracy", "trained": "trained or not"}
COLUMNS = ["study", "response", "term", "order", "share", "low", "high", "n_runs", "n_seeds"]


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the terms of the main study with the largest shares of any response, largest first."""
    rows = main_study(inputs.stats["studies"], inputs.stats["factor_effects"])
    rows = rows[(rows["order"] > 0) & rows["share"].notna()]
    largest = rows.groupby("term")["share"].max().sort_values(ascending=False).index[:MOST_TERMS]
    kept = rows.loc[rows["term"].isin(largest), COLUMNS]
    place = {term: place for place, term in enumerate(largest)}
    return kept.sort_values(["term", "response"], key=lambda column: column.map(place).fillna(0), ignore_index=True)


def draw(data: pd.DataFrame) -> Figure:
    """Draw a row for each term and a marker for each response."""
    terms = list(dict.fromkeys(data["term"]))
    width, height = page().width_mm, min(28 + 5.0 * len(terms), page().height_mm)
    figure = Figure(figsize=(width * MM, height * MM), layout=ConstrainedLayoutEngine(w_pad=2.0 * MM))
    axis = figure.subplots()
    for place, (response, word) in enumerate(WORDS.items()):
        rows = data[data["response"] == response]
        level = [terms.index(term) + 0.24 * (place - 1) for term in rows["term"]]
        colour = CATEGORIES[place]
        axis.hlines(level, rows["low"], rows["high"], color=colour, linewidth=1.2)
        axis.plot(rows["share"], level, color=colour, marker=MARKERS[place], linestyle="none", label=word)
    axis.set_yticks(range(len(terms)), [term.replace(":", " × ") for term in terms])
    axis.set(xlabel="share of the variance (fraction)", ylim=(len(terms) - 0.4, -0.6))
    axis.set_xlim(left=-0.02 * axis.get_xlim()[1])  # so that no marker at 0 is cut
    axis.axvline(0, color=GREY, linewidth=0.6)
    figure.legend(loc="outside upper center", ncols=len(WORDS))
    return figure


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    return (
        f"{QUESTION} Share (fraction) of the sum of squares over all runs of study {data['study'].iloc[0]} that belongs"
        " to each factor and each two-way interaction (type II), for the test accuracy, its rank among the runs and"
        f" whether a run trained; learning rate is a factor here, and a failed run counts as 0. The"
        f" {count(data['term'].nunique(), 'term')} with the largest shares. Lines are 95 % bootstrap intervals over"
        f" seeds. n = {count(data['n_runs'].max(), 'run')}, {seeds_behind(data)}; tests in factor_effects.csv."
    )
