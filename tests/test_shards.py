"""actbench.plan.shards: which runs one job trains."""

import dataclasses
import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.plan.cost import run_seconds
from actbench.plan.design import Run
from actbench.plan.errors import ConfigError
from actbench.plan.factors import FACTORS
from actbench.plan.shards import ALWAYS, MOST_SHARDS, SPLIT, Shard, make_shards, word
from tiny import tiny_design

DEFAULT_RUN = Run(**{name: factor.default for name, factor in FACTORS.items()})  # type: ignore[arg-type]
LEVELS: dict[str, list[str] | list[int] | list[float]] = {
    "activation": ["relu", "tanh", "leaky_relu(0.1)", "leaky_relu(-0.1)"],
    "depth": [1, 2, 11],
    "norm": ["none", "batchnorm"],
    "clip": ["none", "norm(1.0)", "norm(10.0)"],
    "init": ["he_normal", "normal(0.1)", "normal(1e-05)"],
    "bias_offset": [0.0, -1.0, 1.0],
    "input_scale": [0.1, 1.0, 1e-05, 1e20],
    "lr": [0.1, 1e-05],
    "seed": [0, 1, 2],
}


def drawn_runs() -> st.SearchStrategy[list[Run]]:
    """Draw sets of distinct runs that differ in many factors."""
    levels = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in LEVELS.items()})
    run = levels.map(lambda chosen: dataclasses.replace(DEFAULT_RUN, **chosen))
    return st.lists(run, min_size=1, max_size=60, unique=True)


def minutes(count: int, run: Run = DEFAULT_RUN) -> float:
    """Return the time for so many runs like this one."""
    return count * run_seconds(run) / 60


def by_id(shards: list[Shard]) -> dict[str, str]:
    """Return id -> digest."""
    return {shard.id: shard.digest for shard in shards}


def test_every_factor_names_a_shard_or_splits_it() -> None:
    """No factor is forgotten, so any set of runs can be split to single runs."""
    assert sorted(ALWAYS + SPLIT) == sorted(FACTORS)


@given(drawn_runs(), st.integers(1, 20))
def test_shards_part_the_runs(runs: list[Run], most: int) -> None:
    """Every run is in exactly one shard, none of several is too long, and their ids are unique names of files."""
    shards = make_shards(runs, minutes(most))
    assert sorted(run.key for shard in shards for run in shard.runs) == sorted(run.key for run in runs)
    for shard in shards:
        assert len(shard.runs) == 1 or sum(map(run_seconds, shard.runs)) <= 60 * minutes(most)
    ids = [shard.id for shard in shards]
    assert ids == sorted(set(ids))
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9._+-]{0,199}", name) for name in ids)


@given(drawn_runs(), st.integers(1, 20), st.randoms(use_true_random=False))
def test_order_of_runs_does_not_matter(runs: list[Run], most: int, order: random.Random) -> None:
    """Ids, digests and the order within a shard follow from the set of runs."""
    shuffled = order.sample(runs, len(runs))
    assert make_shards(shuffled, minutes(most)) == make_shards(runs, minutes(most))


@given(drawn_runs(), drawn_runs(), st.integers(1, 20))
def test_an_activation_changes_no_other_shard(old: list[Run], new: list[Run], most: int) -> None:
    """Adding an activation adds shards and leaves every earlier one as it is."""
    added = [dataclasses.replace(run, activation="silu") for run in new]
    before, after = by_id(make_shards(old, minutes(most))), by_id(make_shards([*old, *set(added)], minutes(most)))
    assert before.items() <= after.items()
    assert all("silu" in name for name in after.keys() - before.keys())


def test_ids_are_readable(tmp_path: Path) -> None:
    """An id names the levels that tell its shard from the others, and no number of its own."""
    runs = tiny_design(tmp_path).runs
    assert [shard.id for shard in make_shards(runs, 300)] == ["mnist1d-mlp-relu", "mnist1d-mlp-tanh"]
    two = minutes(2, max(runs, key=run_seconds))
    assert [shard.id for shard in make_shards(runs, two)][:2] == ["mnist1d-mlp-relu-d1", "mnist1d-mlp-relu-d2"]
    assert make_shards(runs, 1e-9)[0].id == "mnist1d-mlp-relu-d1-s0"


@pytest.mark.parametrize("factor", LEVELS)
def test_words_tell_levels_apart(factor: str) -> None:
    """Two levels of a factor never share a word, and no word holds the hyphen that joins words."""
    words = [word(factor, value) for value in LEVELS[factor]]
    assert len(set(words)) == len(words)
    assert not any("-" in item for item in words)


def test_digest_knows_its_runs(tmp_path: Path) -> None:
    """One more run changes the digest, which is what retrains a shard; it is the same in every process."""
    runs = tiny_design(tmp_path).runs
    (whole,) = make_shards(runs[:4], 300)
    (less,) = make_shards(runs[:3], 300)
    assert whole.digest != less.digest
    assert Shard("x", (DEFAULT_RUN,)).digest == "6984677bcafab71d"


def test_too_many_jobs() -> None:
    """More jobs than a scheduler should bear is an error that says what to change."""
    runs = [dataclasses.replace(DEFAULT_RUN, seed=seed) for seed in range(MOST_SHARDS + 1)]
    with pytest.raises(ConfigError, match=f"file: shard_minutes: {MOST_SHARDS + 1} jobs.*raise shard_minutes"):
        make_shards(runs, 1e-9, "file")


def test_as_many_jobs_as_allowed() -> None:
    """The limit itself is allowed."""
    runs = [dataclasses.replace(DEFAULT_RUN, seed=seed) for seed in range(MOST_SHARDS)]
    assert len(make_shards(runs, 1e-9)) == MOST_SHARDS


def test_shards_are_split_by_time_and_not_by_count() -> None:
    """Many short runs stay together where a few long ones are split."""
    short = [dataclasses.replace(DEFAULT_RUN, depth=1, steps=10, seed=seed) for seed in range(100)]
    long = [dataclasses.replace(DEFAULT_RUN, depth=64, steps=5000, seed=seed) for seed in range(4)]
    limit = minutes(2, long[0])
    assert len(make_shards(short, limit)) == 1
    assert len(make_shards(long, limit)) == 4
