"""actbench.analysis.selection: keys, their beginnings, selectors, and what is said when none fits."""

import pandas as pd
import pytest

from actbench.analysis.selection import parse_selector, select_run, select_runs
from actbench.plan.design import expand
from actbench.plan.errors import ConfigError
from synthetic import fake_runs, make_config

OPTIMIZERS = ("sgd", "adam(0.9,0.99,1e-08)")


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    """Make up runs of two activations, depths, optimizers and seeds."""
    levels = {"activation": ("relu", "tanh"), "depth": (2, 8), "optimizer": OPTIMIZERS, "seed": (0, 1)}
    return fake_runs(expand(make_config(init=("he_normal",), lr=(0.1,), **levels)))


def test_a_key_and_its_beginning_name_the_run(runs: pd.DataFrame) -> None:
    """Every run is found by its key and by the shortest beginning that no other key has."""
    for key in runs["run_key"]:
        length = next(n for n in range(1, 17) if runs["run_key"].str.startswith(key[:n]).sum() == 1)
        assert select_run(runs, key)["run_key"] == select_run(runs, key[:length])["run_key"] == key


def test_a_selector_names_every_run(runs: pd.DataFrame) -> None:
    """The levels that differ pick each run, in any order and with arguments in any spelling."""
    for _, run in runs.iterrows():
        levels = ",".join(f"{name}={run[name]}" for name in ("seed", "optimizer", "depth", "activation"))
        assert select_run(runs, levels)["run_key"] == run["run_key"]
    found = select_runs(runs, " optimizer = adam(0.9, 0.990),depth=8")
    assert set(found["optimizer"]) == {OPTIMIZERS[1]}
    assert set(found["depth"]) == {8}


def test_several_runs_name_what_differs_and_the_candidates(runs: pd.DataFrame) -> None:
    """Where the levels fit several runs, the line names the factors that differ, their levels and the keys."""
    with pytest.raises(ConfigError) as raised:
        select_run(runs, "activation=relu,depth=2,optimizer=sgd")
    said = str(raised.value)
    assert "2 runs; name a level of each of seed (" in said
    assert all(key in said for key in select_runs(runs, "activation=relu,depth=2,optimizer=sgd")["run_key"])


def test_no_run_names_the_level_that_stands_in_the_way(runs: pd.DataFrame) -> None:
    """Where each level exists but not together, the line counts the runs without one of them."""
    few = runs[(runs["activation"] == "relu") | (runs["depth"] == 2)]
    with pytest.raises(ConfigError, match="there are 4 without activation=tanh, 4 without depth=8"):
        select_run(few, "activation=tanh,depth=8")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("zzz", "not a run key"),
        ("", "not a run key"),
        ("fffffffffffffff0", "no key begins so"),
        ("activaton=relu", "unknown factor 'activaton'; did you mean activation"),
        ("activation=reluu", "unknown activation 'reluu'; did you mean relu"),
        ("activation=gelu", "no run has level 'gelu'; did you mean relu"),
        ("depth=4", "no run has level '4'; known: 2, 8"),
        ("depth=x", "expected a whole number of layers, found 'x'"),
        ("depth=2,depth=8", "factor 'depth' stands there twice"),
        ("depth=2,", "'' is not factor=level"),
        ("depth=", "'depth=' is not factor=level"),
    ],
)
def test_bad_input_is_named(runs: pd.DataFrame, text: str, said: str) -> None:
    """What cannot be read or is not recorded is named with the nearest known words."""
    with pytest.raises(ConfigError, match=said.replace("(", r"\(")):
        select_run(runs, text)


def test_levels_that_no_registry_knows_are_found(runs: pd.DataFrame) -> None:
    """In somebody else's table a level is what stands there."""
    foreign = runs.assign(activation=runs["activation"].replace("relu", "my_relu"))
    assert parse_selector(foreign, "activation=my_relu") == {"activation": "my_relu"}
