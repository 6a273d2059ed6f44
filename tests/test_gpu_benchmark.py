"""What `benchmarks/gpu.py` measures, here with a CPU in the place of the GPU: its work is the grid's own."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pretend_card import Card, card

__all__ = ["card"]  # a fixture

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import the benchmark, with few rounds."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gpu

    monkeypatch.setattr(gpu, "ROUNDS", 1)
    return gpu


def test_its_stacks_are_those_of_a_job(gpu: Any) -> None:
    """Every run of the main study is in one stack; a stack has several activations and the case's depth and norm.

    Its networks share the grid's five seeds: an order of the examples for each network would be copied at its expense.
    """
    from cases import Case

    stacks = gpu.stacks_of("config.yaml", "cpu")
    assert sum(map(len, stacks)) == len({run.key for stack in stacks for run in stack}) > 4000
    for depth in gpu.DEPTHS:
        for norm in gpu.NORMS:
            stack = gpu.stack_like(Case(depth, 64, norm, "relu", "sgd"), stacks)
            assert {(run.depth, run.norm, run.residual, run.clip) for run in stack} == {(depth, norm, "none", "none")}
            assert len({run.activation for run in stack}) > 1
            assert len({run.seed for run in stack}) <= 5 < len(stack)


def test_both_sides_train(gpu: Any) -> None:
    """A few updates of either, and whole stacks with everything recorded, give rates above 0."""
    from cases import Case

    case = Case(2, 64, "none", "relu", "sgd")
    stack = gpu.stack_like(case, gpu.stacks_of("config.yaml", "cpu"))[:4]
    for train, models in ((gpu.plain(case, "cpu", 2), 1), (gpu.stacked(stack, "cpu", 2), len(stack))):
        assert gpu.per_hour(train, models, lambda: None, 2) > 0
    short = [tuple(replace(run, steps=3) for run in stack)]
    line = gpu.whole(short, "cpu", {(2, "none"): 3600.0})
    assert line.startswith("The default grid's main study, 4 networks of 1 of 1 stacks")


def test_all_of_it_runs_on_a_card(gpu: Any, card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line is written as soon as it is there: what follows may fail, or the time on the GPU may end."""
    few = {"UPDATES": 2, "DEPTHS": (2,), "NORMS": ("none",), "OUTPUT": tmp_path / "gpu.md"}
    for name, value in few.items():
        monkeypatch.setattr(gpu, name, value)
    stacks = [tuple(replace(run, steps=3) for run in stack[:4]) for stack in gpu.stacks_of("config.yaml", "cpu")[:5]]
    whole = gpu.whole

    def lost(*given: Any) -> None:
        raise RuntimeError(whole(*given))

    for name, stand_in in {
        "stacks_of": lambda config, device: stacks,
        "missing_for_cuda": lambda: "",
        "use_device": lambda asked: asked,
        "whole": lost,
    }.items():
        monkeypatch.setattr(gpu, name, stand_in)
    with pytest.raises(RuntimeError, match="20 networks of 5 of 5 stacks"):
        gpu.main()
    assert re.search(r"\n\| 2 \| none( \| [\d,]+){7} \|\n", gpu.OUTPUT.read_text())


def test_the_whole_study_ends_in_time(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After LIMIT no stack begins, and the line says how many were trained."""
    monkeypatch.setattr(gpu, "LIMIT", 1e-9)
    monkeypatch.setattr(gpu, "train_abreast", lambda *_: None)
    stacks = gpu.stacks_of("config.yaml", "cpu")[:3]
    rates = {(run.depth, run.norm): 3600.0 for stack in stacks for run in stack}
    monkeypatch.setattr(gpu, "stacks_abreast", lambda device: 2)
    ticks = iter([0.0, 0.0, 1.0, 1.0])
    monkeypatch.setattr(gpu.time, "perf_counter", lambda: next(ticks))
    assert " 2 of 3 stacks" in gpu.whole(stacks, "cpu", rates)
