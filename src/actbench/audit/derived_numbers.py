"""What a figure works out of its statistics before it draws: places, shares and scaled predictions, once more."""

from collections.abc import Callable, Iterator
from math import nan

import pandas as pd

from actbench.audit.printed_rows import differing

Columns = dict[str, list[float]]


def _forest(drawn: pd.DataFrame) -> Columns:
    """Return effects in units of the margin, turned to the claimed side."""
    found: Columns = {"x": [], "x_low": [], "x_high": []}
    for row in drawn.to_dict("records"):
        turned = row["rule"] != "equivalence" and row["direction"] in ("lower", "not lower")
        unit = -row["margin"] if turned else row["margin"]
        places = sorted([row["low"] / unit, row["high"] / unit])
        for column, value in zip(found, (row["effect"] / unit, *places), strict=True):
            found[column].append(float(value))
    return found


def _theory(drawn: pd.DataFrame) -> Columns:
    """Return the predicted norms times what the last predicted layer measures over its prediction."""
    found = [nan] * len(drawn)
    for _, own in drawn.groupby(["activation", "init", "moment"]):
        known = own[own["weight_gradient"].notna()].sort_values("layer")
        if len(known) and known["weight_gradient"].iloc[-1] > 0:
            scale = float(known["gradient_norm"].iloc[-1]) / float(known["weight_gradient"].iloc[-1])
            for place, value in known["weight_gradient"].items():
                found[int(str(place))] = float(value) * scale
    return {"theory": found}


def _six_scales(drawn: pd.DataFrame) -> Columns:
    return {f"six_{name}": [6 * float(value) for value in drawn[name]] for name in ("xi_c", "xi_gradient")}


def _quotients(**columns: tuple[str, str]) -> Callable[[pd.DataFrame], Columns]:
    def found(drawn: pd.DataFrame) -> Columns:
        return {name: (drawn[part] / drawn[whole]).tolist() for name, (part, whole) in columns.items()}

    return found


DERIVED: dict[str, Callable[[pd.DataFrame], Columns]] = {
    "claim_forest": _forest,
    "gradient_by_layer": _theory,
    "learning_rate_sensitivity": _quotients(chosen_share=("n_chosen", "n_conditions")),
    "trainable_depth": _six_scales,
    "win_tie_loss": _quotients(win_share=("wins", "n_blocks"), loss_share=("losses", "n_blocks")),
}


def audit_derived(name: str, drawn: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Return the columns of a figure that are worked out of its others, and a line for each number that is wrong."""
    found = DERIVED[name](drawn) if name in DERIVED else {}
    return list(found), [line for column, values in found.items() for line in _wrong(name, column, values, drawn)]


def _wrong(name: str, column: str, values: list[float], drawn: pd.DataFrame) -> Iterator[str]:
    for place, (value, shown) in enumerate(zip(values, drawn[column], strict=True)):
        if differing(value, float(shown)):
            yield f"{name}.csv: row {place + 2}: {column} is {float(shown):.10g}, not {value:.10g}"
