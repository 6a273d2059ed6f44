"""The spirals: pinned values, balanced classes, robust rounding."""

from pathlib import Path

import numpy as np

from actbench.levels.datasets import spirals

CHECKSUM = "9fdf650b753487f1f91ac8a1f6712bfa9e6a2c98b1772a3cd33c7154fcbace43"


def test_generated_data_are_pinned(tmp_path: Path) -> None:
    """Generator and file give the values of the pinned checksum."""
    assert spirals.load(tmp_path).checksum == spirals.load(tmp_path).checksum == CHECKSUM


def test_sizes_and_balance(tmp_path: Path) -> None:
    """2048, 512 and 512 points, with class sizes that differ by one at most in each split."""
    data = spirals.load(tmp_path)
    assert data.sizes == {"train": 2048, "val": 512, "test": 512}
    assert (data.features, data.classes) == (2, 3)
    for y in (data.y_train, data.y_val, data.y_test):
        assert np.ptp(np.bincount(y, minlength=3)) <= 1


def test_values_lie_on_the_grid() -> None:
    """Every coordinate is a multiple of 1/4096 that float32 holds exactly, and zero has one sign."""
    for name, values in spirals.generate().items():
        if name.startswith("x"):
            assert np.array_equal(values * 4096, np.rint(values.astype(np.float64) * 4096))
            assert not np.signbit(values[values == 0]).any()


def test_no_value_is_near_a_rounding_boundary() -> None:
    """Rounding absorbs differences between CPUs: each value is a million float64 roundings off a boundary."""
    random = np.random.RandomState(spirals.SEED)
    first = 0
    for size in spirals.SIZES.values():
        y = random.permutation(np.arange(first, first + size) % spirals.CLASSES)
        steps = spirals.place(random, y) * spirals.GRID
        assert np.abs(steps - np.floor(steps) - 0.5).min() > 1e6 * np.spacing(np.abs(steps).max())
        first += size


def test_the_arms_are_there(tmp_path: Path) -> None:
    """A neighbour tells the class (over 90 %), a straight line does not (under 50 %)."""
    data = spirals.load(tmp_path)
    distance = ((data.x_test[:, None] - data.x_train[None]) ** 2).sum(-1)
    assert (data.y_train[distance.argmin(1)] == data.y_test).mean() > 0.9
    design = np.column_stack([data.x_train, np.ones(len(data.x_train))])
    weights = np.linalg.lstsq(design, np.eye(3)[data.y_train], rcond=None)[0]
    scores = np.column_stack([data.x_test, np.ones(len(data.x_test))]) @ weights
    assert (scores.argmax(1) == data.y_test).mean() < 0.5


def test_coordinates_are_about_standardised(tmp_path: Path) -> None:
    """Each coordinate has mean near 0 and standard deviation near 1, as the initialisers assume."""
    x = spirals.load(tmp_path).x_train
    assert np.abs(x.mean(0)).max() < 0.15
    assert np.abs(x.std(0) - 1).max() < 0.1
