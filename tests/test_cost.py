"""actbench.plan.cost: what a run is expected to cost, against what was measured."""

import csv
import dataclasses
from pathlib import Path

import pytest

from actbench.levels.dataset import SPLITS, dataset_module, load_dataset
from actbench.plan import registry
from actbench.plan.cost import JOB_SECONDS, Sizes, disk_bytes, job_seconds, memory_bytes, run_seconds, sizes_of
from actbench.plan.design import Run
from actbench.plan.errors import ConfigError
from actbench.plan.factors import FACTORS
from actbench.plan.registry import known_levels

DEFAULT_RUN = Run(**{name: factor.default for name, factor in FACTORS.items()})  # type: ignore[arg-type]
NUMBERS = ("depth", "width", "batch_size", "steps")


def measured() -> list[tuple[Run, int, float]]:
    """Return run, number of runs and median seconds of every measured condition.

    The rows with more than 24 runs and depth up to 16 at width 64 are the conditions of the default grid.
    """
    rows = []
    with (Path(__file__).parent / "measured_seconds.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            seconds, count = float(row.pop("seconds")), int(row.pop("runs"))
            levels = {name: int(value) if name in NUMBERS else value for name, value in row.items()}
            rows.append((dataclasses.replace(DEFAULT_RUN, **levels), count, seconds))
    return rows


def test_every_condition_is_near() -> None:
    """The median error of a condition is at most 10 %, and the largest at most 45 %."""
    errors = sorted(abs(run_seconds(run) / seconds - 1) for run, _, seconds in measured())
    assert len(errors) > 60
    assert errors[len(errors) // 2] <= 0.10
    assert errors[-1] <= 0.45


def test_total_and_groups_of_the_default_grid_are_near() -> None:
    """The total is within 10 % of the measured one, that of each depth and norm within 25 %."""
    expected: dict[tuple[int, str], float] = {}
    found: dict[tuple[int, str], float] = {}
    for run, count, seconds in measured():
        if count != 24:
            group = run.depth, run.norm
            expected[group] = expected.get(group, 0) + count * run_seconds(run)
            found[group] = found.get(group, 0) + count * seconds
    assert len(found) == 12
    for group, seconds in found.items():
        assert expected[group] == pytest.approx(seconds, rel=0.25), group
    assert sum(expected.values()) == pytest.approx(sum(found.values()), rel=0.10)


@pytest.mark.parametrize(
    "change",
    [
        {"depth": 5}, {"width": 65}, {"steps": 501}, {"batch_size": 96}, {"norm": "layernorm"},
        {"residual": "identity"}, {"optimizer": "adam"}, {"dataset": "fashion_mnist"},
    ],
)  # fmt: skip
def test_more_work_costs_more(change: dict[str, object]) -> None:
    """Whatever adds arithmetic adds expected time."""
    assert run_seconds(dataclasses.replace(DEFAULT_RUN, **change)) > run_seconds(DEFAULT_RUN)


def test_a_job_is_its_runs_and_its_start() -> None:
    """A job costs the sum of its runs and a constant; twice the runs cost twice the disk and no more memory."""
    runs = [dataclasses.replace(DEFAULT_RUN, seed=seed) for seed in range(4)]
    assert job_seconds([]) == JOB_SECONDS
    assert job_seconds(runs) == pytest.approx(JOB_SECONDS + 4 * run_seconds(DEFAULT_RUN))
    assert disk_bytes(runs) == 2 * disk_bytes(runs[:2])
    assert memory_bytes(runs) == memory_bytes(runs[:1])


def test_disk_and_memory_are_near_what_was_measured() -> None:
    """6,620 runs of these depths took 65.3 MB; jobs of depth 64 and of width 256 peaked at 1.13 and 1.46 GB."""
    depths = {1: 10, 2: 1430, 4: 2200, 8: 1410, 10: 50, 16: 1520}
    runs = [dataclasses.replace(DEFAULT_RUN, depth=depth) for depth, count in depths.items() for _ in range(count)]
    assert disk_bytes(runs) == pytest.approx(65.3e6, rel=0.1)
    assert memory_bytes([dataclasses.replace(DEFAULT_RUN, depth=64)]) == pytest.approx(1.13e9, rel=0.25)
    assert memory_bytes([dataclasses.replace(DEFAULT_RUN, depth=16, width=256)]) == pytest.approx(1.46e9, rel=0.25)
    assert memory_bytes([dataclasses.replace(DEFAULT_RUN, depth=2)]) == pytest.approx(0.49e9, rel=0.25)


@pytest.mark.parametrize("name", known_levels("dataset"))
def test_sizes_are_those_of_the_data_sets(name: str, tmp_path: Path) -> None:
    """Every data set declares its sizes, and those that need no download have them."""
    declared = sizes_of(name)
    if not hasattr(dataset_module(name), "obtain"):
        data = load_dataset(name, tmp_path)
        assert declared == Sizes(data.features, data.classes, *(data.sizes[split] for split in SPLITS))
    assert declared.train > declared.test > 0


def test_a_data_set_without_sizes_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that does not say how large its data set is stops the plan in one line that says what is missing."""
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "dots.py").write_text('"""Dots."""\nCLASSES = 2\nFEATURES = 3 * 4\n')
    monkeypatch.setattr(registry, "LEVELS", tmp_path)
    with pytest.raises(ConfigError, match=r"levels/datasets/dots.py: `FEATURES=3 \* 4` is read without importing"):
        sizes_of("dots")
    with pytest.raises(ConfigError, match=r"levels/datasets/dots.py: has no SIZES = …, which the plan reads"):
        registry.declared_constant("dataset", "dots", "SIZES")
