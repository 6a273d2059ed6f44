"""The code for a GPU, every line of it, on a card that is none: it mixes no sides and changes no bit."""

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
from actbench.training import loop, state
from actbench.training.abreast import train_abreast
from actbench.training.captured import CapturedSteps
from actbench.training.evaluate import score
from actbench.training.rows import to_rows
from actbench.training.stack import make_stacks
from exactness import Numbers, every_level, levels, of_rows, with_levels
from pretend_card import Card, card
from test_twin import runs_of, tiny_dataset

__all__ = ["card"]  # a fixture
TINY = tiny_dataset()
DATA = replace(TINY, x_train=np.tile(TINY.x_train, (6, 1)), y_train=np.tile(TINY.y_train, 6))  # more than the probe
VARYING = ("activation", "init")  # within a stack
KERNELS = {"CUDA", "CompositeImplicitAutograd", "CompositeExplicitAutograd", "CompositeExplicitAutogradNonFunctional"}


def numbers(stacks: list[tuple[Run, ...]], device: str) -> dict[str, Numbers]:
    """Train stacks in turns and return run key -> all recorded numbers."""
    records = train_abreast(stacks, DATA, device)
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
