"""MNIST-1D equals the published data bit for bit."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from actbench.levels.datasets import mnist1d
from actbench.plan.errors import ConfigError

# Published values, written here a second time so that an edit of the module cannot move both.
X = "d53506bddd12d3b72c7153b1ae7f34807724b1dd078a7273809bf9d0792319f6"
X_TEST = "30addc43827c82aafa5db8bc97cea63349ca687e87db2f201cc4f5415d9a4ebd"
Y = "6e13c7aab5f831266ec59efd193e310c511faefd71cfc5d39427c20337df4dc6"
Y_TEST = "9486539f99fcca7dc5923aba4d0cb5b7963f8e8e1f74398ca33a64ccb3b5b654"


def sha256(array: np.ndarray) -> str:
    """Hash the little-endian bytes of an array in C order."""
    return hashlib.sha256(array.astype(array.dtype.newbyteorder("<")).tobytes()).hexdigest()


def test_generated_data_are_the_published_ones(tmp_path: Path) -> None:
    """Training and validation rows together, and the test rows, have the published hashes."""
    data = mnist1d.load(tmp_path)
    assert sha256(np.concatenate([data.x_train, data.x_val])) == X
    assert sha256(np.concatenate([data.y_train, data.y_val]).astype(np.uint8)) == Y
    assert sha256(data.x_test) == X_TEST
    assert sha256(data.y_test.astype(np.uint8)) == Y_TEST


def test_the_file_gives_the_same_data_as_the_generator(tmp_path: Path) -> None:
    """The second load reads what the first one wrote, with the pinned checksum."""
    first, second = mnist1d.load(tmp_path), mnist1d.load(tmp_path)
    assert first.checksum == second.checksum == mnist1d.CHECKSUM
    assert np.array_equal(first.x_train, second.x_train)


def test_sizes(tmp_path: Path) -> None:
    """The 4000 published training rows are split 3200 to 800; 1000 rows are for the test."""
    data = mnist1d.load(tmp_path)
    assert data.sizes == {"train": 3200, "val": 800, "test": 1000}
    assert (data.features, data.classes) == (40, 10)


def test_splits_share_no_row(tmp_path: Path) -> None:
    """No waveform stands in two splits."""
    data = mnist1d.load(tmp_path)
    rows = np.concatenate([data.x_train, data.x_val, data.x_test])
    assert len(np.unique(rows, axis=0)) == 5000


def test_validation_rows_are_in_random_order(tmp_path: Path) -> None:
    """The last 800 rows hold each class about 80 times: within five standard deviations of a random split."""
    counts = np.bincount(mnist1d.load(tmp_path).y_val, minlength=10)
    assert np.abs(counts - 80).max() < 5 * np.sqrt(800 * 0.1 * 0.9)


def test_the_filter_is_scipys_gaussian() -> None:
    """The smoothing equals scipy's Gaussian filter of the published width to float64 rounding."""
    ndimage = pytest.importorskip("scipy.ndimage")
    noise = np.random.RandomState(0).standard_normal((5, mnist1d.LENGTH))
    expected = ndimage.gaussian_filter1d(noise, 2.0, axis=1)
    assert np.abs(mnist1d._smooth(noise) - expected).max() < 1e-15


def test_other_numbers_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator that draws anything else stops with one line and writes nothing."""
    monkeypatch.setattr(mnist1d, "SEED", 43)
    with pytest.raises(ConfigError, match="mnist1d: the generated x is not the published one"):
        mnist1d.load(tmp_path)
    assert not list(tmp_path.iterdir())
