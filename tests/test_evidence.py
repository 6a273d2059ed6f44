"""actbench.analysis.evidence: each reduction on rows small enough to read."""

import numpy as np
import pandas as pd
import pytest

from actbench.analysis.evidence import REDUCTIONS, Records, measure, needed
from actbench.analysis.illness import ABOVE, ANY, CAUSE, END, START, Illness
from actbench.analysis.illnesses import ILLNESSES
from actbench.plan.schema import TABLES

DEPTH = 3
# step -> the values of layers 1, 2, 3 and of the output layer
GRADIENTS = {0: (1.0, 10.0, 100.0, 7.0), 5: (8.0, 2.0, 4.0, 900.0)}


def rows_of(values: dict[int, tuple[float, ...]], diagnostic: str = "gradient_norm", key: str = "a") -> pd.DataFrame:
    """Write a table of layers of one run."""
    rows = [(key, step, layer, diagnostic, v) for step, row in values.items() for layer, v in enumerate(row, start=1)]
    return pd.DataFrame(rows, columns=["run_key", "step", "layer", "diagnostic", "value"])


def records(layers: pd.DataFrame, losses: dict[int, float] | None = None, **columns: object) -> Records:
    """Put rows of layers and training losses beside runs a and b."""
    runs = pd.DataFrame({"run_key": ["a", "b"], "status": "ok", "depth": DEPTH, "classes": 10, "steps": 50})
    runs = runs.reindex(columns=[column.name for column in TABLES["runs"]]).assign(**columns)
    curve = pd.DataFrame([("a", step, "train", loss, 0.1) for step, loss in (losses or {}).items()])
    curve.columns = pd.Index(["run_key", "step", "split", "loss", "accuracy"][: curve.shape[1]])
    return Records(runs, curve.reindex(columns=["run_key", "step", "split", "loss", "accuracy"]), layers)


def rule(reduction: str, moment: str = START, table: str = "layers", diagnostic: str = "gradient_norm") -> Illness:
    """Make a rule that reduces gradient norms."""
    return Illness(table, diagnostic, moment, reduction, ABOVE, 0.0, CAUSE, "", "", "")


@pytest.mark.parametrize(
    ("reduction", "moment", "value", "layer", "step"),
    [
        ("highest", START, 100, 3, 0),
        ("highest", END, 900, 4, 5),
        ("highest_hidden", END, 8, 1, 5),
        ("first_over_last_hidden", START, 0.01, 1, 0),
        ("first_over_last_hidden", END, 2, 1, 5),
        ("last_over_first_hidden", START, 100, 3, 0),
        ("last_hidden", START, 100, 3, 0),
        ("last_hidden", END, 4, 3, 5),
        ("lowest_hidden", END, 2, 2, 5),
        ("farthest_hidden", ANY, 5000, 3, 0),
        ("farthest_hidden", END, 400, 1, 5),
        ("spread_hidden", START, 100, 1, 0),
        ("spread_hidden", END, 4, 2, 5),
    ],
)
def test_layers_become_one_number(reduction: str, moment: str, value: float, layer: int, step: int) -> None:
    """Each reduction gives the number, the layer and the step that a reader finds in the rows; b has no row."""
    (found,) = measure(rule(reduction, moment), records(rows_of(GRADIENTS))).itertuples(index=False, name=None)
    assert found == ("a", pytest.approx(value), layer, step)


def test_the_loss_is_compared_with_the_first() -> None:
    """The last loss over the first; a run of one evaluation has none."""
    curve = rule("last_over_first", END, "curves", "train")
    found = measure(curve, records(rows_of({}), {0: 2.0, 9: 6.0}))
    assert found["value"].tolist() == [3.0]
    assert measure(curve, records(rows_of({}), {0: 2.0})).empty


def test_the_loss_of_a_run_that_diverged_is_infinite() -> None:
    """From the step of its divergence on; where nothing was recorded before it, or no update made, there is none."""
    curve = rule("last_over_first", END, "curves", "train")
    diverged = {"status": ["diverged", "diverged"], "diverged_step": pd.array([7, 7], dtype="Int64")}
    found = measure(curve, records(rows_of({}), {0: 2.0, 5: 1.0}, **diverged))
    assert found[["run_key", "value", "step"]].to_numpy().tolist() == [["a", np.inf, 7]]
    assert measure(curve, records(rows_of({}), {0: 2.0, 7: 1.0}, **diverged))["value"].tolist() == [np.inf]
    at_once = {**diverged, "diverged_step": pd.array([0, 0], dtype="Int64")}
    assert measure(curve, records(rows_of({}), {0: 2.0}, **at_once)).empty


def test_the_loss_is_compared_with_that_of_guessing() -> None:
    """The last loss over ln 10; a run that made no update or diverged has none."""
    curve = rule("over_guessing", END, "curves", "train")
    found = measure(curve, records(rows_of({}), {0: 9.0, 5: 1.151293}))
    assert found[["value", "step"]].to_numpy().tolist() == [[pytest.approx(0.5), 5.0]]
    assert measure(curve, records(rows_of({}), {0: 2.0})).empty
    diverged = {"status": ["diverged", "ok"], "diverged_step": pd.array([7, pd.NA], dtype="Int64")}
    assert measure(curve, records(rows_of({}), {0: 2.0, 5: 2.0}, **diverged)).empty


def test_what_stands_still_has_no_way() -> None:
    """A layer's way is its update times the run's updates; without motion, or of unknown length, there is none."""
    still = rows_of({5: (0.0, 0.0, 0.0, 0.0)}, "update_ratio")
    way = rule("farthest_hidden", ANY, diagnostic="update_ratio")
    assert measure(way, records(still)).empty
    moving = rows_of({5: (0.01, 0.02, 0.0, 0.9), 9: (0.0, 0.001, 0.0, 0.9)}, "update_ratio")
    assert measure(way, records(moving))[["value", "layer", "step"]].to_numpy().tolist() == [[1.0, 2.0, 5.0]]
    assert measure(way, records(moving, steps=np.nan)).empty


def test_nothing_over_nothing_is_nothing() -> None:
    """Where no gradient arrives at any layer the ratio is 0, which a rule of vanishing gradients must see."""
    found = measure(rule("first_over_last_hidden"), records(rows_of({0: (0.0, 0.0, 0.0, 1.0)})))
    assert found["value"].tolist() == [0.0]
    found = measure(rule("spread_hidden"), records(rows_of({0: (0.0, 1.0, 1.0, 1.0)})))
    assert found["value"].tolist() == [np.inf]


def test_a_value_that_does_not_exist_is_passed_over() -> None:
    """NaN is not recorded: the last step is the last with a value. Before the first update nothing has an end."""
    found = measure(rule("highest_hidden", END), records(rows_of({2: (1.0, 2.0), 5: (np.nan, np.nan)})))
    assert found[["value", "step"]].to_numpy().tolist() == [[2.0, 2.0]]
    assert measure(rule("highest_hidden", END), records(rows_of({0: (1.0, 2.0), 5: (np.nan, np.nan)}))).empty


def test_one_hidden_layer_has_no_ratio() -> None:
    """A network of one hidden layer is not compared with itself."""
    assert measure(rule("first_over_last_hidden"), records(rows_of({0: (1.0, 2.0)}), depth=1)).empty


def test_a_missing_depth_is_read_from_the_layers() -> None:
    """In tables without depth the last layer that is recorded is the output."""
    found = measure(rule("first_over_last_hidden"), records(rows_of(GRADIENTS), depth=np.nan))
    assert found["value"].tolist() == [pytest.approx(0.01)]


def test_zeros_are_no_saturation() -> None:
    """What saturates because it is zero is subtracted, layer by layer; without both nothing is said."""
    saturated = rows_of({5: (0.9, 0.5)}, "saturated_fraction")
    zeros = rows_of({5: (0.8, 0.0)}, "zero_fraction")
    entry = ILLNESSES["saturation"]
    found = measure(entry, records(pd.concat([saturated, zeros])))
    assert found[["value", "layer"]].to_numpy().tolist() == [[0.5, 2.0]]
    assert measure(entry, records(saturated)).empty


def test_runs_are_read_by_column_and_by_status() -> None:
    """A column of `runs` is taken as it stands; statuses and chance are worked out, and a failed run has no chance."""
    two = records(
        rows_of({}), status=["ok", "diverged"], best_val_accuracy=[0.3, 0.1], clip_rate=[0.5, 1.0],
        diverged_step=pd.array([pd.NA, 7], dtype="Int64"), val_accuracy=[0.1, 0.1],
    )  # fmt: skip
    assert measure(ILLNESSES["always_clipped"], two)["value"].tolist() == [0.5, 1.0]
    assert measure(ILLNESSES["did_not_learn"], two)["value"].tolist() == [pytest.approx(3.0)]
    assert measure(ILLNESSES["fell_back"], two)["value"].tolist() == [pytest.approx(1.0)]
    assert measure(ILLNESSES["fell_back"], records(rows_of({}), best_val_accuracy=0.15, val_accuracy=0.1)).empty
    assert measure(ILLNESSES["non_finite"], two)[["value", "step"]].iloc[1].tolist() == [1.0, 7.0]
    assert measure(ILLNESSES["error"], two)["value"].tolist() == [0.0, 0.0]


def test_every_rule_names_what_can_be_measured() -> None:
    """Reductions exist, columns of runs exist or are worked out, and every rule says what it means and who says so."""
    known = {column.name for column in TABLES["runs"]} | {"could_not_train", "diverged"}
    known |= {"times_chance", "times_chance_at_end"}
    for entry in ILLNESSES.values():
        assert entry.reduction in (*REDUCTIONS, "column")
        assert entry.table != "runs" or entry.diagnostic in known
        assert all(len(text) > 5 for text in (entry.shown, entry.meaning, entry.source))
    assert "gradient_norm" in needed()
