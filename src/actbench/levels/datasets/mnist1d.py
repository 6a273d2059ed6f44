"""MNIST-1D: 10 digit-like waveforms of 40 points, deformed and noisy; generated, then checked bit for bit.

Greydanus & Kobak, "Scaling down deep learning with MNIST-1D", ICML 2024 (github.com/greydanus/mnist1d).
The templates, the parameters and the order of the random draws are theirs, Copyright Sam Greydanus and
Dmitry Kobak, licensed under the Apache License, Version 2.0 (apache.org/licenses/LICENSE-2.0); the code is not.
Changed against the original: no global random state, values rounded to float32, a validation split.
"""

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actbench.levels.dataset import Dataset, build_dataset, load_verified
from actbench.levels.npz import Arrays
from actbench.plan.errors import ConfigError

# Shape letters: n examples, L points of a dilated waveform (72), I inputs (40).

SUMMARY = "10 waveforms of 40 points, deformed and noisy; generated (Greydanus & Kobak 2024)"
FEATURES = 40
CLASSES = 10
SIZES = {"train": 3200, "val": 800, "test": 1000}
SEED = 42
EXAMPLES, TRAIN, VALIDATION = 5000, 4000, 800  # validation: the last 800 of the 4000, which are in random order
LENGTH, POINTS = 72, 40  # of the dilated waveform and of the final one
PADDING = (36, 60)  # points appended before dilation, both ends included
SCALE, SHEAR, LARGEST_SHIFT = 0.4, 0.75, 48
CORRELATED_NOISE, FILTER_WIDTH, FILTER_RADIUS = 0.25, 2.0, 8
WHITE_NOISE = 0.02
MARK = 1e-8  # lifts the waveform off zero, so that exact zeros are padding

TEMPLATES = (
    (5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5),
    (5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5),
    (5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5),
    (5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5),
    (5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5),
    (5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5),
    (5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5),
    (5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5),
)

# sha256 of the published arrays: float32 inputs and uint8 labels, little-endian, C order.
PUBLISHED = {
    "x": "d53506bddd12d3b72c7153b1ae7f34807724b1dd078a7273809bf9d0792319f6",
    "x_test": "30addc43827c82aafa5db8bc97cea63349ca687e87db2f201cc4f5415d9a4ebd",
    "y": "6e13c7aab5f831266ec59efd193e310c511faefd71cfc5d39427c20337df4dc6",
    "y_test": "9486539f99fcca7dc5923aba4d0cb5b7963f8e8e1f74398ca33a64ccb3b5b654",
}
CHECKSUM = "353d3577dbc86cc4e6310e2fbd1779db54a0949a7978b9625d5431fe385b5b56"

Floats = NDArray[np.float64]


def load(folder: Path) -> Dataset:
    """Load MNIST-1D from `folder/mnist1d.npz`, or generate it: 3200 train, 800 validation, 1000 test."""
    return load_verified(folder / "mnist1d.npz", CHECKSUM, partial(build_dataset, "mnist1d", CLASSES), generate)


def generate() -> Arrays:
    """Generate the canonical data set (seed 42) and split it; raise ConfigError unless it is the published one."""
    x, y = draw(SEED, EXAMPLES // CLASSES)
    x_32 = ((x - x.mean()) / x.std()).astype(np.float32)  # float64 differs between CPUs in the last bits
    _check_published(x_32, y)
    ends = {"train": slice(0, TRAIN - VALIDATION), "val": slice(TRAIN - VALIDATION, TRAIN), "test": slice(TRAIN, None)}
    splits = {f"x_{split}": x_32[rows] for split, rows in ends.items()}
    return splits | {f"y_{split}": y[rows] for split, rows in ends.items()}


def _check_published(x: NDArray[np.float32], y: NDArray[np.int64]) -> None:
    labels = y.astype(np.uint8)
    parts: dict[str, NDArray[Any]] = {
        "x": x[:TRAIN],
        "x_test": x[TRAIN:],
        "y": labels[:TRAIN],
        "y_test": labels[TRAIN:],
    }
    for name, part in parts.items():
        if hashlib.sha256(part.astype(part.dtype.newbyteorder("<")).tobytes()).hexdigest() != PUBLISHED[name]:
            problem = f"the generated {name} is not the published one"
            raise ConfigError("mnist1d", f"{problem}; install the versions of requirements.lock")


def draw(seed: int, per_class: int) -> tuple[Floats, NDArray[np.int64]]:
    """Draw `per_class` waveforms of each class, in random order and not yet standardised.

    x = subsample(shear(waveform or correlated noise where there is none, + white noise))

    Returns: inputs (n, I) float64 and labels (n,) int64, n = 10 per_class.
    """
    random = np.random.RandomState(seed)  # the published stream; private, so no global state is touched
    examples = [_draw_one(random, template) for template in _templates() for _ in range(per_class)]
    signal, correlated, white, shear = (np.stack(column) for column in zip(*examples, strict=True))
    y = np.repeat(np.arange(CLASSES), per_class)
    x_nL = np.where(signal != 0, signal, _smooth(CORRELATED_NOISE * correlated)) + WHITE_NOISE * white
    x_nL = x_nL - shear[:, None] * np.linspace(-0.5, 0.5, LENGTH)
    order = random.permutation(len(y))
    return np.stack([_resample(row, POINTS) for row in x_nL])[order], y[order]


def _templates() -> Floats:
    x: Floats = np.array(TEMPLATES)
    x = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    x = (x - x[:, :1]) / 6.0  # starts and ends at zero
    return x + MARK


def _draw_one(random: np.random.RandomState, template: Floats) -> tuple[Floats, Floats, Floats, np.float64]:
    """Make all random draws of one example, in the published order."""
    low, high = PADDING
    padding = low + int(random.random_sample() * (high - low + 1))
    signal = _resample(np.concatenate([template, np.zeros(padding)]), LENGTH)
    signal *= 1 + SCALE * (random.random_sample() - 0.5)
    signal = np.roll(signal, random.randint(LARGEST_SHIFT))
    correlated, white = random.standard_normal((2, LENGTH))
    return signal, correlated, white, np.float64(SHEAR * (random.random_sample() - 0.5))


def _resample(x: Floats, points: int) -> Floats:
    return np.interp(np.linspace(0, 1, points), np.linspace(0, 1, len(x)), x)


def _smooth(x_nL: Floats) -> Floats:
    """Filter each row with a Gaussian cut at 4 standard deviations, the row mirrored beyond its ends."""
    offsets = np.arange(-FILTER_RADIUS, FILTER_RADIUS + 1)
    weights = np.exp(-0.5 * (offsets / FILTER_WIDTH) ** 2)
    mirrored = np.pad(x_nL, ((0, 0), (FILTER_RADIUS, FILTER_RADIUS)), mode="symmetric")
    smooth = np.zeros_like(x_nL)
    for start, weight in enumerate(weights / weights.sum()):
        smooth += weight * mirrored[:, start : start + LENGTH]
    return smooth
