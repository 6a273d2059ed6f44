"""Which phrases of a caption hold a number, and how it follows from the numbers drawn.

FACTS: for each figure a phrase, with NUMBER where its numbers are, and what they are; none means that the phrase is
not there. BLANKS: the numbers that are part of the wording.
"""

from collections.abc import Callable
from math import isfinite
from typing import Any

import pandas as pd

Fact = Callable[[pd.DataFrame], Any]  # a number, or as many as the phrase has
NUMBER = r"([+-]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?)"


def total(column: str) -> Fact:
    """Return the sum of a column."""
    return lambda drawn: drawn[column].sum()


def most(column: str) -> Fact:
    """Return the largest number of a column."""
    return lambda drawn: drawn[column].max()


def kinds(column: str) -> Fact:
    """Return how many levels a column has."""
    return lambda drawn: drawn[column].nunique()


def words(column: str, word: str) -> Fact:
    """Return how many rows have a word, if any."""
    return lambda drawn: [n for n in [int((drawn[column] == word).sum())] if n]


def counted(column: str, word: str) -> Fact:
    """Return how many rows have a word, none too."""
    return lambda drawn: (drawn[column] == word).sum()


def seeds(drawn: pd.DataFrame) -> list[float]:
    """Return the number of seeds, or the smallest and the largest where they differ."""
    return sorted({drawn["n_seeds"].min(), drawn["n_seeds"].max()})


def largest_panel(drawn: pd.DataFrame) -> float:
    """Return the most runs behind the lines of one panel at one step."""
    return float(drawn.groupby(["study", "cause", "diagnostic", "step"])["n_runs"].sum().max())


def moment(drawn: pd.DataFrame, name: str) -> float:
    """Return the runs behind the first layer at a moment."""
    return float(drawn.loc[(drawn["layer"] == 1) & (drawn["moment"] == name), "n_runs"].sum())


def lost(drawn: pd.DataFrame) -> list[float]:
    """Return the runs that are missing after training, if there are any."""
    gone = moment(drawn, "start") - moment(drawn, "end")
    return [gone] if gone > 0 else []


def per_cell(drawn: pd.DataFrame) -> list[float]:
    """Return the runs of a cell, or the fewest and the most."""
    return sorted({drawn["n_runs"].min(), drawn["n_runs"].max()})


def grid_side(drawn: pd.DataFrame) -> list[float]:
    """Return the points along both sides of the grid of the first activation."""
    grid = drawn[drawn["kind"] == "grid"]
    return [float(round((grid["activation"] == grid["activation"].iloc[0]).sum() ** 0.5))] * 2


def of_grid(drawn: pd.DataFrame, column: str) -> list[float]:
    """Return the levels of the networks whose grid is drawn."""
    return sorted(drawn.loc[drawn["kind"] == "grid", column].unique())


def measured(drawn: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that were measured."""
    return drawn[drawn["kind"] == "measured"]


def last_step(drawn: pd.DataFrame) -> float:
    """Return the runs behind the curves at the last step."""
    return float(drawn.loc[drawn["step"] == drawn["step"].max(), "n_runs"].sum())


def friedman(drawn: pd.DataFrame) -> list[float]:
    """Return F where it is finite, and the p that is written, which is not below 0.001."""
    f, p = drawn[["iman_davenport_f", "iman_davenport_p"]].iloc[0]
    return [*([f] if isfinite(f) else []), *([max(0.001, p)] if isfinite(p) else [])]


def difference(drawn: pd.DataFrame) -> list[float]:
    """Return the critical difference and its level, where it exists."""
    one = drawn.iloc[0]
    return [one["critical_difference"], one["alpha"]] if pd.notna(one["critical_difference"]) else []


def strongest(drawn: pd.DataFrame) -> list[float]:
    """Return the interaction that is farthest from 0, after those of its levels that are numbers."""
    row = drawn.iloc[int(drawn["interaction"].abs().to_numpy().argmax())]
    levels = [str(row[name]) for name in ("level_1", "level_2")]
    return [*(float(level) for level in levels if level[0].isdecimal()), row["interaction"]]


LEVELS = f"(?:{NUMBER}, )?" * 5 + NUMBER
VERDICTS = ("supported", "conditional", "inconclusive", "contradicted")
N, SEEDS = f"n = {NUMBER} runs?", (rf"(?:{NUMBER} to )?{NUMBER} seeds?", seeds)
RUNS, BLOCKS = (N, total("n_runs")), (f"over {NUMBER} blocks?", most("n_blocks"))
BEST, PANEL = (f"best of {NUMBER}", len), (f"Up to {NUMBER} runs?", largest_panel)
LAYERS: list[tuple[str, Fact]] = [
    (f"of {NUMBER} hidden layers?", most("depth")), SEEDS,
    (rf"update \({NUMBER} runs?", lambda drawn: moment(drawn, "start")),
    (rf"the last \({NUMBER} runs?", lambda drawn: moment(drawn, "end")),
    (f"the other {NUMBER} runs?", lost),
]  # fmt: skip
FACTS: dict[str, list[tuple[str, Fact]]] = {
    "accuracy_by_depth": [(f"over {NUMBER} conditions?", most("n_conditions")), RUNS, SEEDS],
    "activation_functions": [
        (f"of {NUMBER} activation", kinds("activation")),
        (f"from {NUMBER} to {NUMBER},", lambda drawn: [drawn["z"].min(), drawn["z"].max()]),
    ],
    "activation_ranking": [BEST, BLOCKS, RUNS, SEEDS],
    "claim_forest": [
        *((f"{NUMBER} {word}", words("verdict", word)) for word in VERDICTS),
        (N, most("n_runs")), (f"{NUMBER} seeds?", most("n_seeds")),
    ],
    "clipping": [PANEL, SEEDS],
    "cost_accuracy": [
        (rf"timed: {NUMBER} µs \(\S+\) to {NUMBER} µs", lambda drawn: [drawn["step_us"].min(), drawn["step_us"].max()]),
        (f"in {NUMBER} rounds?", most("n_rounds")), RUNS, (f"{NUMBER} blocks?", most("n_blocks")), SEEDS,
    ],
    "clipping_over_training": [PANEL, SEEDS],
    "critical_difference": [
        BEST, BLOCKS, (f"difference, {NUMBER} at {NUMBER};", difference),
        (f"(?:F = {NUMBER}, )?p [<=] {NUMBER}", friedman), (f"of {NUMBER} resamples?", most("n_resamples")),
        (N, lambda drawn: drawn["n_blocks"].iloc[0] * drawn["n_seeds"].iloc[0] * len(drawn)), SEEDS,
    ],
    "dead_units": [PANEL, SEEDS],
    "decision_boundaries": [
        (f"{NUMBER} x {NUMBER} points", grid_side),
        (f"depth {LEVELS} hidden", lambda drawn: of_grid(drawn, "depth")),
        (rf"seed \({LEVELS}\)", lambda drawn: of_grid(drawn, "seed")),
        (N, lambda drawn: drawn.loc[drawn["kind"] == "grid", "activation"].nunique()),
    ],
    "early_warning": [
        (N, most("n_runs")), SEEDS,
        (f"which {NUMBER} did not", lambda drawn: drawn.sort_values("n_runs")["n_untrained"].iloc[-1]),
    ],
    "factor_importance": [(f"The {NUMBER} terms?", kinds("term")), (N, most("n_runs")), SEEDS],
    "gradient_by_layer": LAYERS,
    "interaction_grid": [
        (rf"from 0: (?:{NUMBER}|\S+) with \w+ (?:{NUMBER}|\S+), {NUMBER}\. No interval", strongest), SEEDS,
        (N, lambda drawn: drawn.groupby(["factor_1", "factor_2"])["n_runs"].sum().max()),
        (f"{NUMBER} or more in each", lambda drawn: drawn["n_runs"].min()),
    ],
    "learning_curves": [(f"after 0 to {NUMBER} updates?", most("steps")), (N, last_step), SEEDS],
    "learning_rate_sensitivity": [RUNS, SEEDS],
    "performance_profiles": [(N, lambda drawn: drawn.drop_duplicates("activation")["n_runs"].sum()), SEEDS],
    "residual_gradients": LAYERS,
    "saturation": [PANEL, SEEDS],
    "sign_coherence": [PANEL, SEEDS],
    "ten_layers": [
        (f"{NUMBER} hidden layers? of {NUMBER} units", lambda drawn: list(drawn[["depth", "width"]].iloc[0])),
        (f"{NUMBER} examples", most("examples")), (f"over {NUMBER} seeds?", most("seeds")),
    ],
    "trainable_depth": [
        (N, lambda drawn: measured(drawn)["n_runs"].sum()),
        (f"(?:{NUMBER} to )?{NUMBER} a disc", lambda drawn: per_cell(measured(drawn))),
        (SEEDS[0], lambda drawn: seeds(measured(drawn))),
    ],
    "trainable_share": [RUNS, (f"(?:{NUMBER} to )?{NUMBER} in each", per_cell), SEEDS],
    "win_tie_loss": [
        (f"more than {NUMBER}", most("margin")), (f"of {NUMBER} blocks?", most("n_blocks")),
        (f"Of {NUMBER} pairs?", len),
        (f"{NUMBER} are equivalent", counted("verdict", "equivalent")), SEEDS,
        (N, lambda drawn: 2 * (drawn["n_blocks"] * drawn["n_seeds"]).max()),
        (f"{NUMBER} undecided", counted("verdict", "undecided")),
    ],
}  # fmt: skip
BLANKS: dict[str, tuple[str, ...]] = {
    "accuracy_by_depth": ("0", "95"),
    "activation_functions": ("-2.2", "3.2"),
    "activation_ranking": ("1", "95", "95"),
    "claim_forest": ("1", "1", "1", "10", "95"),
    "cost_accuracy": ("0", "4", "64", "64", "95", "95"),
    "clipping_over_training": ("1",),
    "critical_difference": ("1",),
    "decision_boundaries": ("1",),
    "early_warning": ("0.5", "2", "95"),
    "factor_importance": ("0", "95"),
    "gradient_by_layer": ("1e-10",),
    "interaction_grid": ("0", "0", "0"),
    "learning_curves": ("0", "95"),
    "learning_rate_sensitivity": ("0", "95"),
    "performance_profiles": ("0", "95"),
    "residual_gradients": ("1e-10",),
    "saturation": ("5",),
    "sign_coherence": ("0.5",),
    "ten_layers": ("5",),
    "trainable_depth": ("6",),
    "win_tie_loss": ("0",),
}
