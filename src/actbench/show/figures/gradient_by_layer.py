"""Gradient norm by layer before and after training, one panel an activation and one colour an initialisation."""

import pandas as pd
from matplotlib.figure import Figure

from actbench.show.inputs import Inputs
from actbench.show.layer_lines import COLUMNS, layer_figure, moments
from actbench.show.study import count, main_study, plainest, seeds_behind

TITLE = "Gradient norm by layer"
QUESTION = "Does the gradient reach the early layers, before and after training?"
ORDER = 49
TABLES = ()
STATS = ("gradients", "studies", "theory")

KEYS = ["activation", "depth", "init", "norm", "residual", "layer"]


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the deepest networks of the main study without norm and skips, with what theory predicts at the start."""
    rows = main_study(inputs.stats["studies"], inputs.stats["gradients"])
    plain = plainest(plainest(rows, "norm"), "residual")[COLUMNS]
    predicted = inputs.stats["theory"][[*KEYS, "weight_gradient"]].drop_duplicates()
    single = predicted.drop_duplicates(subset=KEYS, keep=False)  # whatever the width and the inputs
    rows = plain.merge(single.assign(moment="start"), how="left", on=[*KEYS, "moment"], validate="many_to_one")
    return rows.assign(theory=_through_the_last(rows))


def _through_the_last(rows: pd.DataFrame) -> "pd.Series[float]":
    """Scale the prediction to the measured norm of the last hidden layer: theory gives no more than ratios."""
    known = rows[rows["weight_gradient"].notna()].sort_values("layer")
    last = known.groupby(["activation", "init", "moment"])[["gradient_norm", "weight_gradient"]].transform("last")
    scaled = known["weight_gradient"] * (last["gradient_norm"] / last["weight_gradient"])
    return scaled.where(last["weight_gradient"] > 0).reindex(rows.index)


def draw(data: pd.DataFrame) -> Figure:
    """Draw one line an initialisation and moment."""
    return layer_figure(data, "init", "initialisation (colour) and moment (line)")


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    without = sorted(set(data["activation"]) - set(data.loc[data["theory"].notna(), "activation"]))
    none = f"; there is none for {', '.join(without)}" if without else ""
    return (
        f"{QUESTION} Euclidean norm of each layer's weight gradient on a fixed part of the training split, networks of"
        f" {count(data['depth'].max(), 'hidden layer')}, norm {data['norm'].iloc[0]}, residual"
        f" {data['residual'].iloc[0]}, study {data['study'].iloc[0]}: median over seeds at the chosen learning rates,"
        f" bands from the lowest to the highest seed. {moments(data)} Dotted: mean-field theory of the networks before"
        " training, for examples that are equally correlated in every layer, through the norm measured in the last"
        f" hidden layer{none}. {seeds_behind(data).capitalize()}, no test, no unit."
    )
