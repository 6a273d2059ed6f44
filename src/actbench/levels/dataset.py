"""A data set: three splits, their checksum, and the verified file that holds them between runs."""

import hashlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actbench.levels.npz import Arrays, DamagedFile, read_arrays, set_aside, write_arrays
from actbench.plan.errors import ConfigError, nearest
from actbench.plan.registry import known_levels

# Shape letters: n examples of a split, I inputs.

SPLITS = ("train", "val", "test")
ARRAYS = tuple(f"{axis}_{split}" for split in SPLITS for axis in "xy")


@dataclass(frozen=True, eq=False)
class Dataset:
    """A classification task: inputs (n, I) float32 and labels (n,) int64, 0 … classes - 1, of each split."""

    name: str
    classes: int
    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    x_val: NDArray[np.float32]
    y_val: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]
    checksum: str

    @property
    def features(self) -> int:
        """Count the inputs I."""
        return int(self.x_train.shape[1])

    @property
    def sizes(self) -> dict[str, int]:
        """Count the examples of each split."""
        return {split: len(getattr(self, f"y_{split}")) for split in SPLITS}


def load_dataset(name: str, folder: Path) -> Dataset:
    """Load a data set by name; generated ones are made when their file is absent.

    Args:
        name: a module of actbench.levels.datasets, e.g. `mnist1d`.
        folder: where `NAME.npz` is kept.
    Raises:
        ConfigError: the name is unknown, or the data are absent and cannot be generated.
    """
    dataset = dataset_module(name).load(folder)
    assert isinstance(dataset, Dataset)
    return dataset


def dataset_module(name: str) -> ModuleType:
    """Import the module of a data set; raise ConfigError on an unknown name."""
    known = list(known_levels("dataset"))
    if name not in known:
        raise ConfigError("dataset", f"unknown data set {name!r}; {nearest(name, known)}")
    return importlib.import_module(f"actbench.levels.datasets.{name}")


def build_dataset(name: str, classes: int, arrays: Arrays) -> Dataset:
    """Check the six arrays of a data set and compute their checksum; raise DamagedFile when they do not fit."""
    if set(arrays) != set(ARRAYS):
        raise DamagedFile(f"holds {', '.join(sorted(arrays)) or 'nothing'}, not the splits of {name}"[:200])
    for split in SPLITS:
        _check_split(split, arrays[f"x_{split}"], arrays[f"y_{split}"], classes)
    return Dataset(name=name, classes=classes, checksum=checksum_of(arrays), **arrays)


def _check_split(split: str, x: NDArray[Any], y: NDArray[Any], classes: int) -> None:
    if x.dtype != np.float32 or y.dtype != np.int64 or x.ndim != 2 or y.shape != x.shape[:1] or not y.size:
        raise DamagedFile(f"split {split} has the wrong shape or type")
    if y.min() < 0 or y.max() >= classes:
        raise DamagedFile(f"split {split} has labels outside 0 … {classes - 1}")


def checksum_of(arrays: Arrays) -> str:
    """Hash the arrays of all splits: sha256 over name, dtype, shape and little-endian bytes in C order of each."""
    digest = hashlib.sha256()
    for name in ARRAYS:
        array = arrays[name]
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest.update(f"{name} {little.dtype.str} {little.shape}\n".encode())
        digest.update(little.data)
    return digest.hexdigest()


def load_verified(
    path: Path, checksum: str, assemble: Callable[[Arrays], Dataset], make: Callable[[], Arrays]
) -> Dataset:
    """Read a data set from its file, or make it and write the file when it is absent or damaged.

    Args:
        path: the .npz file.
        checksum: what `Dataset.checksum` must be; a file with another one is damaged and set aside.
        assemble: turns the arrays of the file into the data set.
        make: makes the arrays of the file; raises ConfigError when it cannot.
    """
    try:
        dataset = assemble(read_arrays(path))
        if dataset.checksum != checksum:
            raise DamagedFile("has the wrong checksum")
        return dataset
    except FileNotFoundError:
        pass
    except DamagedFile as damage:
        set_aside(path, damage)
    return store_verified(path, checksum, assemble, make())


def store_verified(path: Path, checksum: str, assemble: Callable[[Arrays], Dataset], arrays: Arrays) -> Dataset:
    """Write the arrays of a data set to its file once their checksum is right; raise ConfigError when it is not."""
    dataset = assemble(arrays)
    if dataset.checksum != checksum:
        found = f"came out with checksum {dataset.checksum} instead of {checksum[:16]}…"
        remedy = "install the versions of requirements.lock; where you are adding this data set, write it into its file"
        raise ConfigError(dataset.name, f"{found}; {remedy}")
    write_arrays(path, arrays)
    return dataset
