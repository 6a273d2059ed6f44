"""The code for a GPU, every line of it, on a card that is none: it mixes no sides and changes no bit."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchgen
import yaml

from actbench.plan.design import Run
from actbench.plan.shards import Shard
from actbench.training import abreast, capacity, device, loop, state
from actbench.training.abreast import train_abreast
from actbench.training.captured import CapturedSteps
from actbench.training.evaluate import score
from actbench.training.provenance import provenance
from actbench.training.rows import to_rows
from actbench.training.shard import train_shard
from actbench.training.stack import make_stacks
from exactness import Numbers, every_level, levels, of_rows, with_levels
from pretend_card import Card, card
from test_twin import runs_of, tiny_dataset

__all__ = ["card"]  # a fixture
TINY = tiny_dataset()
DATA = replace(TINY, x_train=np.tile(TINY.x_train, (6, 1)), y_train=np.tile(TINY.y_train, 6))  # more than the probe
VARYING = ("activation", "init")  # within a stack
KERNELS = {"CUDA", "CompositeImplicitAutograd", "CompositeExplicitAutograd", "CompositeExplicitAutogradNonFunctional"}


def numbers(stacks: list[tuple[Run, ...]], where: str) -> dict[str, Numbers]:
    """Train stacks in turns and return run key -> all recorded numbers."""
    records = train_abreast(stacks, DATA, where)
    return {key: found for record in records for key, found in of_rows(to_rows(record, 0.0)).items()}


def agree(stacks: list[tuple[Run, ...]], card: Card) -> dict[str, Numbers]:
    """Train on the card and on the CPU; both have the same bits, and every operation has a kernel for a GPU."""
    found = numbers(stacks, "cuda")
    assert found == numbers(stacks, "cpu")
    assert [name for name in card.operations if not has_kernel(name)] == []
    return found


@pytest.mark.parametrize(("factor", "level"), [item for item in every_level() if item[0] not in VARYING])
def test_every_structure_trains_on_a_card(factor: str, level: str, card: Card) -> None:
    """From the first weights to the records, for every norm, skip, clipping rule and optimiser."""
    agree([tuple(runs_of(depth=2, steps=3, **{factor: level}))], card)


def test_stacks_in_turns_train_on_a_card(card: Card) -> None:
    """Of all activations and initialisations, with models that diverge, input scales and dead units."""
    some = [run for level in levels("activation") for run in runs_of(activation=level, depth=2, steps=4)[:1]]
    some += [with_levels(some[0], init=level) for level in levels("init")]
    wild = [with_levels(run, init="normal(1.0)", lr=1e5) for run in some[:3]]
    dead = with_levels(some[0], bias_offset=-50.0, activation="relu", input_scale=0.5)
    stacks = make_stacks(
        list({run.key: run for run in (*some, *wild, dead)}.values()), mixed=True, largest=lambda _: 20
    )
    found = agree(stacks, card)
    assert len(stacks) > 2
    assert {row["status"] for row in found.values()} == {"ok", "diverged"}


@pytest.fixture
def on_card(card: Card, monkeypatch: pytest.MonkeyPatch) -> Iterator[Card]:
    """A process whose device is the card."""
    monkeypatch.setenv(device.CHOSEN, "cuda")
    monkeypatch.setattr(device, "compute_capability", lambda: "9.0")
    for known in (provenance, capacity._free_bytes):
        known.cache_clear()
    yield card
    for known in (provenance, capacity._free_bytes):
        known.cache_clear()


def test_a_shard_that_does_not_fit_is_halved_on_a_card(
    on_card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stacks that run out of memory in the capture are trained by twos; the rows name the card's architecture."""
    step, refused = CapturedSteps._step, []

    def with_little_memory(steps: CapturedSteps) -> None:
        if on_card.graph is not None and len(steps.live_P) > 2:
            refused.append(len(steps.live_P))
            raise torch.OutOfMemoryError("CUDA out of memory")
        step(steps)

    monkeypatch.setattr(CapturedSteps, "_step", with_little_memory)
    held, begin = [], abreast.start

    def beginning(*given: Any, **named: Any) -> state.Training:
        held.append(on_card.held)
        return begin(*given, **named)

    monkeypatch.setattr(abreast, "start", beginning)
    runs = sorted([*runs_of(depth=2, steps=2), *runs_of(depth=1, steps=2)], key=lambda run: run.key)
    rows = train_shard(Shard("a", tuple(runs)), {"mnist1d": DATA}, tmp_path, lambda *_: None)
    assert rows["run_key"].to_pylist() == [run.key for run in runs]
    assert set(rows["status"].to_pylist()) == {"ok"}
    assert set(rows["device"].to_pylist()) == {"cuda-sm90"}
    assert refused == [3, 3, 3]  # the two at once, then each alone
    assert held[2:] == [0] * 6  # nothing is left of an attempt when the next one begins


def test_python_waits_for_no_update_and_no_score(card: Card) -> None:
    """Once captured, updates are only asked for: the GPU is still at them when other stacks have turns."""
    training = state.start(runs_of(norm="batchnorm", clip="norm(1.0)"), DATA, "cuda")
    loop.advance_captured(training, 0, 2)
    card.waits.clear()
    loop.advance_captured(training, 2, 5)
    batches = training.batches
    score(training.stack, batches.scale_P11, batches.x_NI, batches.y_N)
    assert card.waits == []
    _ = bool(training.live_P.all())
    assert card.waits == ["_local_scalar_dense"]


def _asks(steps: CapturedSteps) -> None:
    steps.live_P &= bool(steps.live_P.all())


def _chooses(steps: CapturedSteps) -> None:
    steps.done_P[steps.live_P] += 1


def _leaves(steps: CapturedSteps) -> None:
    steps.done_P.cpu()


def _mixes(steps: CapturedSteps) -> None:
    steps.done_P += torch.ones(len(steps.done_P), dtype=torch.int64)


@pytest.mark.parametrize(
    ("mistake", "said"),
    [(_asks, "not permitted"), (_chooses, "not permitted"), (_leaves, "not permitted"), (_mixes, "same device")],
)
def test_the_card_refuses_mistakes(mistake: Any, said: str, card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    """A captured step that asks for a number, chooses by a mask, leaves the card or mixes the sides fails."""
    training, step = state.start(runs_of(), DATA, "cuda"), CapturedSteps._step
    monkeypatch.setattr(CapturedSteps, "_step", lambda steps: (step(steps), mistake(steps)))
    with pytest.raises(RuntimeError, match=said):
        loop.advance_captured(training, 0, 1)


def test_two_graphs_of_a_stream_are_refused(card: Card) -> None:
    """Replayed at once, they would write to one workspace."""
    stream, kept = torch.cuda.Stream(), torch.cuda.CUDAGraph()
    with torch.cuda.graph(kept, stream=stream):
        torch.zeros(1, device="cuda")
    with pytest.raises(AssertionError, match="workspace"), torch.cuda.graph(torch.cuda.CUDAGraph(), stream=stream):
        torch.zeros(1, device="cuda")


@cache
def _declared() -> dict[str, dict[str, Any]]:
    """Read torch's own list of operations and of the devices that have a kernel for each."""
    file = Path(torchgen.__file__).parent / "packaged" / "ATen" / "native" / "native_functions.yaml"
    entries = yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return {entry["func"].partition("(")[0]: entry for entry in entries}


def has_kernel(name: str) -> bool:
    """Tell whether CUDA knows an operation, e.g. `add_.Tensor`."""
    entry = _declared()[name]
    if "structured_delegate" in entry:
        return has_kernel(entry["structured_delegate"])
    if "ufunc_inner_loop" in entry:  # generated for both
        return True
    devices = ", ".join(entry.get("dispatch", {"CompositeImplicitAutograd": ""}))
    return not KERNELS.isdisjoint(devices.split(", "))


def test_an_operation_without_a_kernel_is_seen() -> None:
    """An operation for CPUs alone is told from one for all."""
    assert has_kernel("add_.Tensor")
    assert not has_kernel("mkldnn_linear")
