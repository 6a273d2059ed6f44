"""The law: no recorded number of a run depends on how it was stacked, sharded, ordered, resumed or watched.

Equality is to the last bit, for every level of every registry and both engines.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from actbench.levels.dataset import Dataset
from actbench.plan.design import Run
from actbench.plan.shards import Shard, make_shards
from actbench.training import loop, schedule, state
from actbench.training import shard as shard_module
from actbench.training.probe import diagnostic_keys
from actbench.training.process import one_core
from actbench.training.shard import train_shard
from actbench.training.stack import Stack, make_stacks
from exactness import Numbers, digest, every_level, levels, of_rows, train, train_in, with_levels
from test_twin import runs_of, tiny_dataset

DATA = tiny_dataset()
ENGINES = ("compiled", "autograd")
INITS = ("he_normal", "torch_default", "xavier_uniform", "orthogonal")
SCORES = [f"{split}_{measure}" for split in ("train", "val", "test") for measure in ("loss", "accuracy")]
ENDS = ("status", "diverged_step", "clip_rate", *SCORES)


@pytest.fixture(autouse=True)
def _as_jobs_train() -> Iterator[None]:
    """Treat denormal numbers as a job does, and undo that for other tests."""
    one_core()
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Train by compiled loops or, as levels without a compiled form do, by autograd."""
    if request.param == "autograd":
        build = state.build_network
        without = lambda runs, dataset: dataclasses.replace(build(runs, dataset), compile_loops=None)  # noqa: E731
        monkeypatch.setattr(state, "build_network", without)
    return request.param


def family(**levels: object) -> list[Run]:
    """Return six runs of one tensor program: other inits, rates, seeds, offsets, scales; two are there to diverge."""
    common = {"width": 20, "depth": 2, "steps": 5, "norm": "none", **levels}
    (run, *_) = runs_of(**common)
    calm = [
        with_levels(run, init=init, lr=0.02 * (seed + 1), seed=seed % 3, input_scale=1.0 + seed % 2)
        for seed, init in enumerate(INITS)
    ]
    wild = [with_levels(run, init="normal(1.0)", lr=lr, seed=seed) for lr, seed in ((1e5, 0), (1e20, 5))]
    runs = [with_levels(one, init=levels["init"]) for one in calm + wild] if "init" in levels else calm + wild
    return runs if common["norm"] == "batchnorm" else [*runs[:-1], with_levels(runs[-1], bias_offset=0.3)]


def random_stacks(runs: Sequence[Run], seed: int) -> list[list[Run]]:
    """Put the runs in a random order and cut them into stacks of random sizes."""
    generator = np.random.default_rng(seed)
    order = [runs[index] for index in generator.permutation(len(runs))]
    cuts = [0, *sorted(generator.integers(1, len(runs), size=2).tolist()), len(runs)]
    return [order[first:last] for first, last in itertools.pairwise(cuts) if first < last]


def compare(expected: dict[str, Numbers], found: dict[str, Numbers]) -> None:
    """Compare all numbers of the runs that were found, naming the first that differs."""
    for key, numbers in found.items():
        differing = [name for name, value in numbers.items() if value != expected[key][name]]
        assert not differing, f"run {key}: {differing} differ"


@pytest.mark.parametrize(("factor", "level"), every_level())
def test_no_number_depends_on_the_stack(engine: str, factor: str, level: str) -> None:
    """Together, alone, in random subsets, orders and sizes, a run of any level has the same bits."""
    runs = family(**{factor: level})
    together = train(runs, DATA)
    assert len({digest(numbers) for numbers in together.values()}) == len(runs), "the runs were built to differ"
    compare(together, train_in([[run] for run in runs], DATA))
    compare(together, train_in(random_stacks(runs, seed=len(level)), DATA))
    compare(together, train(runs[::-1], DATA))


@pytest.mark.parametrize("norm", levels("norm"))
@pytest.mark.parametrize("residual", levels("residual"))
@pytest.mark.parametrize("width", [17, 64])
def test_no_number_depends_on_the_stack_in_any_structure(engine: str, norm: str, residual: str, width: int) -> None:
    """The same holds for every norm with every skip, at widths that are and are not a multiple of a vector."""
    runs = family(norm=norm, residual=residual, width=width, depth=3, activation="gelu", clip="norm(0.5)")
    together = train(runs, DATA)
    compare(together, train_in([[run] for run in runs[::2]], DATA))
    compare(together, train_in(random_stacks(runs, seed=width), DATA))


@pytest.mark.parametrize("size", [1, 2, 5, 16, 31, 33, 64])
def test_no_number_depends_on_the_size_of_the_stack(engine: str, size: int) -> None:
    """A run has the same bits in stacks of any size, last or first."""
    (run, *_) = family(activation="mish", norm="batchnorm")
    others = [with_levels(run, seed=seed, lr=0.1) for seed in range(100, 100 + size - 1)]
    alone = train([run], DATA)
    for stack in ([run, *others], [*others, run]):
        compare(alone, {run.key: train(stack, DATA)[run.key]})


def design() -> list[Run]:
    """Return runs of several tensor programs, in no order."""
    programs = [{"depth": 1}, {"depth": 3, "norm": "layernorm"}, {"activation": "prelu", "optimizer": "adam"}]
    return [run for program in programs for run in family(**program)]


def sharded(shards: Sequence[Shard], folder: Path) -> dict[str, Numbers]:
    """Train every shard with one cache."""
    numbers: dict[str, Numbers] = {}
    for shard in shards:
        numbers |= of_rows(train_shard(shard, {"mnist1d": DATA}, folder, lambda runs, trained: None))
    return numbers


@pytest.mark.parametrize("runs_per_shard", [1, 2, 4, 7, 100])
def test_no_number_depends_on_the_shard(tmp_path: Path, engine: str, runs_per_shard: int) -> None:
    """However a design is cut into shards, every row is the same."""
    runs = design()
    expected = train_in([[run] for run in runs], DATA)
    found = sharded(make_shards(runs, runs_per_shard), tmp_path)
    assert found.keys() == expected.keys()
    compare(expected, found)


def test_no_number_depends_on_what_the_cache_held(tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted after any stack, or in the middle of one, and resumed, a shard's rows are the same."""
    monkeypatch.setattr(shard_module, "largest_stack", lambda run, dataset, device: 4)
    whole = Shard("tiny", tuple(sorted(design(), key=lambda run: run.key)))
    expected = sharded([whole], tmp_path / "whole")
    stacks = len(make_stacks(whole.runs, lambda run: 4))
    assert stacks == 6
    for done in range(stacks):
        folder = tmp_path / f"after{done}"
        with monkeypatch.context() as patch:
            patch.setattr(shard_module, "train_stack", interrupted_after(done))
            with pytest.raises(KeyboardInterrupt):
                sharded([whole], folder)
        assert len(list(folder.rglob("*.parquet"))) == done
        compare(expected, sharded([whole], folder))


def interrupted_after(done: int) -> object:
    """Return a `train_stack` that trains so many stacks and is stopped between two updates of the next."""
    calls: list[Sequence[Run]] = []

    def train_some(stack: Sequence[Run], dataset: Dataset) -> object:
        calls.append(stack)
        if len(calls) <= done:
            return loop.train_stack(stack, dataset)
        training = state.start(stack, dataset)
        loop.advance(training, 0, 2)
        raise KeyboardInterrupt

    return train_some


@pytest.mark.parametrize(("factor", "level"), every_level())
def test_diagnostics_change_nothing(engine: str, factor: str, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without forward and backward on the probe, every other number of a run has the same bits."""
    runs = family(**{factor: level})
    expected = without_probe(train(runs, DATA))
    monkeypatch.setattr(loop, "probe", constant_probe)
    assert without_probe(train(runs, DATA)) == expected


def constant_probe(stack: Stack, scale_P11: torch.Tensor, *_: torch.Tensor) -> tuple[object, torch.Tensor]:
    """Answer as `evaluate.probe` would, but measure nothing."""
    zero_P = torch.zeros(len(scale_P11))
    return (zero_P, zero_P), torch.zeros(len(scale_P11), len(diagnostic_keys(stack.network)))


def without_probe(numbers: dict[str, Numbers]) -> dict[str, Numbers]:
    """Leave out what is measured on the probe."""
    kept = {}
    for key, own in numbers.items():
        curves = [point for point in own["curves"] if point["split"] != "train"]
        kept[key] = {**own, "curves": curves, "layers": None}
    return kept


@pytest.mark.parametrize("points", [2, 3, 20])
@pytest.mark.parametrize("norm", levels("norm"))
def test_the_schedule_of_measurements_changes_nothing(
    engine: str, norm: str, points: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measured more or less often, a run ends with the same bits, and what is measured at one step stays the same."""
    runs = family(norm=norm, steps=30, clip="norm(0.5)")
    expected = train(runs, DATA)
    monkeypatch.setattr(schedule, "POINTS", points)
    found = train(runs, DATA)
    for key, numbers in found.items():
        if norm != "batchnorm" or expected[key]["status"] == "ok":  # running statistics can overflow unseen by training
            assert {name: numbers[name] for name in ENDS} == {name: expected[key][name] for name in ENDS}
        for nested in ("curves", "layers"):
            assert_same(*({index(point): point for point in own[nested]} for own in (numbers, expected[key])))


def index(point: Numbers) -> tuple[object, ...]:
    """Return what tells a recorded number from the others of its run."""
    return tuple(point.get(name) for name in ("step", "split", "layer", "diagnostic"))


def assert_same(found: dict[tuple[object, ...], Numbers], expected: dict[tuple[object, ...], Numbers]) -> None:
    """Compare what both schedules recorded, but for what looks back to the moment before."""
    shared = {key for key in found.keys() & expected.keys() if key[-1] != "still_dead_fraction"}
    assert shared
    assert [found[key] for key in shared] == [expected[key] for key in shared]


@pytest.mark.parametrize("most", [1, 3, 1000])
def test_the_number_of_updates_made_at_once_changes_nothing(
    engine: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many updates are made between two looks at the stop signal, a run has the same bits."""
    runs = family(norm="batchnorm", steps=30, optimizer="adam")
    expected = train(runs, DATA)
    monkeypatch.setattr(loop, "MOST_UPDATES", most)
    assert train(runs, DATA) == expected


def test_the_wild_runs_diverge() -> None:
    """The runs that are there to diverge do, so the laws above cover neighbours that leave the stack."""
    status = [numbers["status"] for numbers in train(family(activation="relu"), DATA).values()]
    assert status.count("diverged") >= 1
    assert status.count("ok") >= 4
