"""Fashion-MNIST: real images of clothing, 28 x 28 grey values, flattened. The only data set that is downloaded.

Xiao, Rasul & Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms",
2017 (github.com/zalandoresearch/fashion-mnist). Copyright 2017 Zalando SE, MIT licence.
"""

import math
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actbench.levels.dataset import SPLITS, Dataset, build_dataset, load_verified, store_verified
from actbench.levels.download import DownloadError, download
from actbench.levels.idx import IdxFile, holds_any, parse_idx, read_folder, unpack
from actbench.levels.npz import Arrays, DamagedFile
from actbench.plan.errors import ConfigError

SUMMARY = "real images of clothing, 784 grey values; downloaded, or from a Debian package (Xiao et al. 2017)"
FEATURES = 784
CLASSES = 10
SIZES = {"train": 50_000, "val": 10_000, "test": 10_000}
VALIDATION = 10_000  # the last of the 60,000 training images
MEAN, STD = 0.2860, 0.3530  # of the 60,000 images published for training, grey values scaled to 0 … 1

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
ADDRESSES = (  # the authors' repository and their store
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
)
FILES = (
    IdxFile(
        "train-images-idx3-ubyte",
        26_421_880,
        47_040_016,
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    IdxFile(
        "train-labels-idx1-ubyte", 29_515, 60_008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
    ),
    IdxFile(
        "t10k-images-idx3-ubyte",
        4_422_102,
        7_840_016,
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    IdxFile(
        "t10k-labels-idx1-ubyte", 5_148, 10_008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
    ),
)
KEYS = ("train_images", "train_labels", "test_images", "test_labels")  # of the .npz file, in the order of FILES
CHECKSUM = "27a2faa7351edeeef9ca0f75bc5e2c525ba21d90ca3bb15c1ef483202e14f569"
OFFLINE = (
    "connect to the network, or install Debian's package dataset-fashion-mnist, or put the four .gz files of "
    "github.com/zalandoresearch/fashion-mnist into a folder DIR and give --from DIR"
)


def load(folder: Path) -> Dataset:
    """Load Fashion-MNIST from `folder/fashion_mnist.npz` or Debian's package: 50,000 train, 10,000 each of the others.

    Raises: ConfigError when neither is there; nothing is downloaded here.
    """
    return load_verified(_file(folder), CHECKSUM, assemble, _take_installed)


def obtain(folder: Path, source: Path | None) -> Dataset:
    """Load Fashion-MNIST, taking the files from the folder `source` if given, else downloading what is absent."""
    if source is not None:
        return store_verified(_file(folder), CHECKSUM, assemble, _take(source))
    return load_verified(_file(folder), CHECKSUM, assemble, _take_anywhere)


def assemble(arrays: Arrays) -> Dataset:
    """Split, flatten and standardise the images: x = (grey / 255 - MEAN) / STD, (n, 784) float32."""
    if set(arrays) != set(KEYS) or any(array.dtype != np.uint8 or not array.ndim for array in arrays.values()):
        raise DamagedFile("does not hold the images and labels of Fashion-MNIST")
    images, labels, test_images, test_labels = (arrays[key] for key in KEYS)
    x = {"train": images[:-VALIDATION], "val": images[-VALIDATION:], "test": test_images}
    y = {"train": labels[:-VALIDATION], "val": labels[-VALIDATION:], "test": test_labels}
    inputs = {f"x_{split}": _standardise(x[split]) for split in SPLITS}
    return build_dataset(
        "fashion_mnist", CLASSES, inputs | {f"y_{split}": y[split].astype(np.int64) for split in SPLITS}
    )


def _standardise(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    table = ((np.arange(256) / 255 - MEAN) / STD).astype(np.float32)  # one value a grey: the same bits everywhere
    return table[images.reshape(len(images), math.prod(images.shape[1:]))]


def _file(folder: Path) -> Path:
    return folder / "fashion_mnist.npz"


def _take(source: Path) -> Arrays:
    return _parse(read_folder(source, FILES))


def _parse(contents: list[bytes]) -> Arrays:
    return {key: parse_idx(content) for key, content in zip(KEYS, contents, strict=True)}


def _take_installed() -> Arrays:
    if not holds_any(DEBIAN, FILES):
        raise ConfigError(
            "fashion_mnist", "no sound fashion_mnist.npz is there; run `actbench data fashion_mnist` once"
        )
    return _take(DEBIAN)


def _take_anywhere() -> Arrays:
    if holds_any(DEBIAN, FILES):
        try:
            return _take(DEBIAN)
        except ConfigError as error:
            print(f"{error}; downloading instead", file=sys.stderr)
    return _parse([_download(file) for file in FILES])


def _download(file: IdxFile) -> bytes:
    print(f"downloading {file.name}.gz ({file.packed:,} bytes)", file=sys.stderr)
    reasons = []
    for address in ADDRESSES:
        host = address.split("/")[2]
        try:
            return unpack(download(f"{address}{file.name}.gz", file.packed), file, host)
        except (DownloadError, ConfigError) as error:
            reasons.append(str(error) if isinstance(error, ConfigError) else f"{host}: {error}")
    raise ConfigError("fashion_mnist", f"cannot be downloaded ({'; '.join(reasons)}); {OFFLINE}")
