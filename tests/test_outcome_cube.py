"""The cube of outcomes and the choice of learning rates in it, against the choice in the table."""

import numpy as np
import pandas as pd

from actbench.analysis.metrics import scores_by_study
from actbench.analysis.outcome_cube import Cube, choose, cubes, outcomes
from actbench.plan.config import Config
from actbench.plan.design import expand
from synthetic import fake_frames, make_config, make_study

CONFIG = make_config(norm=("none", "layernorm"), lr=(0.01, 0.02, 0.1), seed=(0, 1, 2, 3))
FRAMES = fake_frames(expand(CONFIG), steps_recorded=1, noise=0.05)


def cube_of(config: Config, frames: dict[str, pd.DataFrame]) -> Cube:
    """Make the cube of the only study."""
    return next(cubes(outcomes(frames["runs"], frames["studies"])))


def test_the_choice_is_that_of_the_table() -> None:
    """Each seed once: activation by activation and block by block the scores are those that choose_lr keeps."""
    cube, scores = cube_of(CONFIG, FRAMES), scores_by_study(FRAMES["runs"], FRAMES["studies"])
    chosen = choose(cube, cube.once())
    names = list(cube.blocks.columns)
    for place, name in enumerate(cube.activations):
        kept = scores[scores["activation"] == name].pivot(index=names, columns="seed", values="score")
        np.testing.assert_array_equal(chosen[place], kept.to_numpy())


def test_a_resample_chooses_as_a_table_with_repeated_seeds() -> None:
    """Seeds 0, 0, 3, 3: the choice equals that from the validation scores of these seeds alone."""
    cube = cube_of(CONFIG, FRAMES)
    chosen = choose(cube, np.array([2.0, 0, 0, 2]))
    runs = FRAMES["runs"][FRAMES["runs"]["seed"].isin((0, 3))]
    scores = scores_by_study(runs, FRAMES["studies"][FRAMES["studies"]["run_key"].isin(runs["run_key"])])
    kept = scores[scores["activation"] == "tanh"].pivot(index=list(cube.blocks), columns="seed", values="score")
    np.testing.assert_array_equal(chosen[cube.activations.index("tanh")][:, [0, 3]], kept.to_numpy())
    assert not np.array_equal(chosen, choose(cube, cube.once()))


def test_rates_can_be_withheld() -> None:
    """With one rate allowed, the scores are those at that rate."""
    cube = cube_of(CONFIG, FRAMES)
    only = choose(cube, cube.once(), np.array([False, True, False]))
    np.testing.assert_array_equal(only, cube.score_ANLS[:, :, 1])


def test_what_is_missing_is_nan() -> None:
    """A condition without one of the seeds has no scores; the others have theirs."""
    runs = FRAMES["runs"]
    gone = (runs["activation"] == "tanh") & (runs["depth"] == 2) & (runs["seed"] == 1)
    kept = outcomes(runs[~gone], FRAMES["studies"][~FRAMES["studies"]["run_key"].isin(runs.loc[gone, "run_key"])])
    cube = next(cubes(kept))
    chosen = choose(cube, cube.once())
    deep = (cube.blocks["depth"] == 8).to_numpy()
    assert np.isnan(chosen[cube.activations.index("tanh")][~deep]).all()
    assert not np.isnan(chosen[:, deep]).any()


def test_the_order_of_rows_changes_nothing() -> None:
    """Shuffled rows make the same cube."""
    rows = outcomes(FRAMES["runs"], FRAMES["studies"])
    one, other = next(cubes(rows)), next(cubes(rows.sample(frac=1, random_state=1)))
    np.testing.assert_array_equal(one.score_ANLS, other.score_ANLS)
    pd.testing.assert_frame_equal(one.blocks, other.blocks)


def test_each_study_has_its_cube() -> None:
    """Studies are cubes of their own, by name."""
    config = Config("x", "", 60, (make_study("b"), make_study("a", depth=(4,))))
    frames = fake_frames(expand(config), steps_recorded=1)
    assert [cube.study for cube in cubes(outcomes(frames["runs"], frames["studies"]))] == ["a", "b"]
