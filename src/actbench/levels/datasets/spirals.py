"""Spirals: three interleaved arms in the plane, with noise. Small enough to draw the decision boundary.

After the two-spirals problem of Lang & Witbrock, "Learning to tell two spirals apart", Connectionist Models
Summer School 1988; here with three arms, noise and a fixed seed.
"""

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actbench.levels.dataset import Dataset, build_dataset, load_verified
from actbench.levels.npz import Arrays

SUMMARY = "3 noisy interleaved spiral arms in the plane; generated"
FEATURES = 2
CLASSES = 3
SEED = 20240
SIZES = {"train": 2048, "val": 512, "test": 512}
TURNS = 1.5  # of each arm, from the centre outwards
NOISE = 0.1  # standard deviation in each coordinate
RADIUS = 2.5  # of the outer end; the coordinates have a standard deviation of about 1
GRID = 4096  # coordinates are multiples of 1 / GRID
CHECKSUM = "9fdf650b753487f1f91ac8a1f6712bfa9e6a2c98b1772a3cd33c7154fcbace43"


def load(folder: Path) -> Dataset:
    """Load the spirals from `folder/spirals.npz`, or generate them: 2048 train, 512 validation, 512 test."""
    return load_verified(folder / "spirals.npz", CHECKSUM, partial(build_dataset, "spirals", CLASSES), generate)


def generate() -> Arrays:
    """Generate all splits from the fixed seed; in each the class sizes differ by one at most."""
    random = np.random.RandomState(SEED)  # its stream is frozen for good; private, so no global state is touched
    arrays: dict[str, NDArray[np.generic]] = {}
    first = 0
    for split, size in SIZES.items():
        y = random.permutation(np.arange(first, first + size) % CLASSES)
        arrays |= {f"x_{split}": draw(random, y), f"y_{split}": y}
        first += size
    return arrays


def draw(random: np.random.RandomState, y: NDArray[np.int64]) -> NDArray[np.float32]:
    """Draw one point of the plane for each label and round it to the grid.

    Sines, logarithms and sums differ between CPUs in the last bit of a float64. Rounding to multiples of 2^-12,
    which a float32 holds exactly, leaves the same bits everywhere.

    Returns: (n, 2) float32.
    """
    return (np.rint(place(random, y) * GRID) / GRID + 0.0).astype(np.float32)  # + 0.0: there is only one zero


def place(random: np.random.RandomState, y: NDArray[np.int64]) -> NDArray[np.float64]:
    """Draw one point of the plane for each label.

    x = RADIUS t (cos a, sin a) + noise, a = 2 pi (TURNS t + y / CLASSES), t uniform in [0, 1)

    Returns: (n, 2) float64.
    """
    t = random.random_sample(len(y))
    angle = 2 * np.pi * (TURNS * t + y / CLASSES)
    arm: NDArray[np.float64] = RADIUS * t[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return arm + NOISE * random.standard_normal((len(y), 2))
