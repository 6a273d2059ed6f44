"""How a GPU trains, here without one: stacks of several activations, several stacks in turns."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from actbench.levels.activations import ACTIVATIONS
from actbench.plan.design import Run
from actbench.plan.shards import Shard
from actbench.training import shard as shard_module
from actbench.training import state
from actbench.training.abreast import train_abreast
from actbench.training.rows import to_rows
from actbench.training.stack import make_stacks, shared_levels
from exactness import Numbers, levels, of_rows, train_in, with_levels
from test_twin import runs_of, tiny_dataset

DATA = tiny_dataset()


@pytest.fixture
def by_autograd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every network be trained by autograd, as on a GPU."""
    build = state.build_network
    monkeypatch.setattr(state, "build_network", lambda *given: replace(build(*given), compile_loops=None))


def abreast(stacks: list[tuple[Run, ...]]) -> dict[str, Numbers]:
    """Train stacks in turns and return run key -> all recorded numbers."""
    records = train_abreast(stacks, DATA, "cpu")
    return {key: numbers for record in records for key, numbers in of_rows(to_rows(record, 0.0)).items()}


def of_every_activation(**changed: object) -> list[Run]:
    """Return two runs of every activation."""
    return [run for level in levels("activation") for run in runs_of(activation=level, **changed)[:2]]


@pytest.mark.usefixtures("by_autograd")
@pytest.mark.parametrize("norm", ["none", "batchnorm"])
def test_a_mixed_stack_has_the_numbers_of_runs_alone(norm: str) -> None:
    """Whatever other activations are beside it, every recorded number of a run has the same bits."""
    runs = of_every_activation(norm=norm, residual="identity", clip="norm(1.0)")
    stacks = make_stacks(runs, mixed=True, largest=lambda run: 20)
    assert any(len({run.activation for run in stack}) > 5 for stack in stacks)
    assert abreast(stacks) == train_in([[run] for run in runs], DATA)


@pytest.mark.usefixtures("by_autograd")
def test_a_model_that_diverges_changes_no_other_and_is_recorded_to_its_end() -> None:
    """One that diverges between evaluations and one at the first stay in the stack; all rows are as of runs alone."""
    calm = of_every_activation(steps=40)[:8]
    wild = with_levels(calm[3], activation="relu", init="normal(1.0)", lr=1e5)
    lost = with_levels(calm[5], activation="gelu", init="normal(1e6)", input_scale=1e30)
    runs = [*calm, wild, lost]
    found = abreast(make_stacks(runs, mixed=True))
    assert found == train_in([[run] for run in runs], DATA)
    assert {found[run.key]["status"] for run in (wild, lost)} == {"diverged"}
    assert found[wild.key]["diverged_step"] > found[lost.key]["diverged_step"] == 0


@pytest.mark.usefixtures("by_autograd")
def test_stacks_in_turns_have_the_numbers_of_stacks_alone() -> None:
    """Three stacks of unequal depth and length, one of which ends before the others."""
    stacks = [tuple(runs_of(depth=depth, steps=steps)) for depth, steps in ((1, 3), (2, 40), (4, 9))]
    assert abreast(stacks) == train_in(stacks, DATA)


def test_mixed_stacks_hold_what_shares_a_program() -> None:
    """Equal activations stand side by side; one that learns a parameter, and another norm, is a stack of its own."""
    runs = [*of_every_activation(), *of_every_activation(norm="layernorm")]
    stacks = make_stacks(runs, mixed=True, largest=lambda run: 1000)
    assert sorted(run.key for stack in stacks for run in stack) == sorted(run.key for run in runs)
    learned = {tuple(entry.learned) for entry in ACTIVATIONS.values()}
    assert len(stacks) == 2 * len(learned)
    for stack in stacks:
        assert len({shared_levels(run, mixed=True) for run in stack}) == 1
        assert [run.activation for run in stack] == sorted(run.activation for run in stack)
    assert all(len({run.activation for run in stack}) == 1 for stack in make_stacks(runs))


def test_a_job_on_a_gpu_trains_other_shards_runs_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What shares a program with a missing run goes to the cache, and the other shard's job then trains nothing."""
    trained: list[str] = []

    def on_cpu(stacks: list[tuple[Run, ...]], data: object, device: str) -> object:
        trained.extend(run.key for stack in stacks for run in stack)
        assert device == "cuda"
        return train_abreast(stacks, DATA, "cpu")

    monkeypatch.setattr(shard_module, "chosen_device", lambda: "cuda")
    monkeypatch.setattr(shard_module, "largest_stack", lambda run, dataset, device: 4)
    monkeypatch.setattr(shard_module, "train_abreast", on_cpu)
    first, akin, deeper = runs_of(activation="relu"), runs_of(activation="gelu"), runs_of(activation="gelu", depth=5)
    shards = [Shard(name, tuple(sorted(runs, key=lambda run: run.key))) for name, runs in (("a", first), ("b", akin))]
    done: list[str] = []
    for shard, beside in ((shards[0], [*akin, *deeper]), (shards[1], [*first, *deeper])):
        rows = shard_module.train_shard(
            shard, {"mnist1d": DATA}, tmp_path, lambda runs, _: done.extend(run.key for run in runs), beside
        )
        assert rows["run_key"].to_pylist() == [run.key for run in shard.runs]
    assert sorted(trained) == sorted(run.key for run in (*first, *akin))
    assert sorted(done) == sorted(trained)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU and a torch built for it")
def test_mixed_stacks_in_turns_on_a_gpu_agree_with_a_cpu() -> None:
    """After 20 updates the losses of every activation equal those of a CPU to 1e-4."""
    stacks = make_stacks(of_every_activation(steps=20, clip="norm(1.0)"), mixed=True, largest=lambda run: 8)
    here, there = (train_abreast(stacks, DATA, device) for device in ("cpu", "cuda"))
    for cpu, gpu in zip(here, there, strict=True):
        np.testing.assert_allclose(gpu.curves_PES2[..., 0], cpu.curves_PES2[..., 0], rtol=1e-4, atol=1e-6)
