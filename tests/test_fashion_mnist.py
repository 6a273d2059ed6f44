"""Fashion-MNIST: real images from Debian's package where installed, a tiny stand-in for all that can go wrong."""

import dataclasses
import functools
import gzip
import hashlib
import http.server
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from actbench.levels import download
from actbench.levels.datasets import fashion_mnist as fashion
from actbench.levels.idx import IdxFile, parse_idx, unpack
from actbench.plan.errors import ConfigError

INSTALLED = fashion.holds_any(fashion.DEBIAN, fashion.FILES)
NEEDS_PACKAGE = pytest.mark.skipif(not INSTALLED, reason="Debian's package dataset-fashion-mnist is not installed")
COMMAND = "actbench data fashion_mnist"


def names(folder: Path) -> list[str]:
    """List a folder in order."""
    return sorted(path.name for path in folder.iterdir())


def idx_bytes(array: np.ndarray) -> bytes:
    """Write an array of bytes in the IDX format."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Publish a stand-in of 30 + 10 images of 2 x 2 in a folder, and pin its sizes and checksums."""
    folder = tmp_path / "source"
    folder.mkdir()
    random = np.random.RandomState(0)
    files = []
    arrays = {}
    for key, file, count in zip(fashion.KEYS, fashion.FILES, (30, 30, 10, 10), strict=True):
        shape = (count, 2, 2) if key.endswith("images") else (count,)
        arrays[key] = random.randint(0, 256 if len(shape) == 3 else 10, shape).astype(np.uint8)
        content = idx_bytes(arrays[key])
        packed = gzip.compress(content, mtime=0)
        (folder / f"{file.name}.gz").write_bytes(packed)
        files.append(IdxFile(file.name, len(packed), len(content), hashlib.sha256(content).hexdigest()))
    monkeypatch.setattr(fashion, "VALIDATION", 10)
    monkeypatch.setattr(fashion, "FILES", tuple(files))
    monkeypatch.setattr(fashion, "CHECKSUM", fashion.assemble(arrays).checksum)
    monkeypatch.setattr(fashion, "DEBIAN", tmp_path / "not installed")
    return folder


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Cut the network; return the list of hosts asked for."""
    asked: list[str] = []

    def unreachable(host: str, *_: object, **__: object) -> None:
        asked.append(str(host))
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    for variable in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    return asked


@pytest.fixture
def server(source: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serve the stand-in over plain HTTP on this machine, the opener's ban on HTTP lifted for the test."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(source))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setattr(fashion, "ADDRESSES", (f"http://127.0.0.1:{running.server_port}/",))
        monkeypatch.setattr(download, "opener", lambda: urllib.request.build_opener(urllib.request.ProxyHandler({})))
        yield source
        running.shutdown()
        thread.join()


@NEEDS_PACKAGE
def test_real_images_from_the_installed_package(tmp_path: Path) -> None:
    """Debian's files pass the published checksums and give the standardised splits, twice the same."""
    first = fashion.load(tmp_path)
    assert first.sizes == {"train": 50_000, "val": 10_000, "test": 10_000}
    assert (first.features, first.classes, first.checksum) == (784, 10, fashion.CHECKSUM)
    assert np.bincount(first.y_test).tolist() == [1000] * 10
    published = np.concatenate([first.x_train, first.x_val])
    assert abs(published.mean(dtype=np.float64)) < 3e-4
    assert abs(published.std(dtype=np.float64) - 1) < 3e-4
    again = fashion.load(tmp_path)
    assert again.checksum == first.checksum
    assert np.array_equal(again.x_val, first.x_val)
    assert names(tmp_path) == ["fashion_mnist.npz"]


def test_images_are_flattened_standardised_and_split_in_order(source: Path, tmp_path: Path) -> None:
    """Row 25 of the published training images is row 5 of validation, as (grey / 255 - 0.286) / 0.353."""
    data = fashion.obtain(tmp_path / "data", source)
    images = parse_idx(gzip.decompress((source / "train-images-idx3-ubyte.gz").read_bytes()))
    labels = parse_idx(gzip.decompress((source / "train-labels-idx1-ubyte.gz").read_bytes()))
    expected = (images[25].reshape(4) / 255 - 0.286) / 0.353
    assert np.array_equal(data.x_val[5], expected.astype(np.float32))
    assert data.y_val[5] == labels[25]
    assert data.sizes == {"train": 20, "val": 10, "test": 10}


def test_unpacked_files_are_taken_too(source: Path, tmp_path: Path) -> None:
    """A folder with plain IDX files, as other tools leave it, is as good as one with .gz files."""
    for path in source.glob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert fashion.obtain(tmp_path / "data", source).checksum == fashion.CHECKSUM


def test_rewritten_gzip_header_does_not_matter(source: Path, tmp_path: Path) -> None:
    """Only the unpacked bytes are hashed: another date in the gzip header is fine."""
    path = source / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), mtime=12345))
    assert fashion.obtain(tmp_path / "data", source).checksum == fashion.CHECKSUM


def test_training_never_downloads(source: Path, tmp_path: Path, no_network: list[str]) -> None:
    """Loading without the file and without Debian's package names the command and asks for no host."""
    with pytest.raises(ConfigError, match=COMMAND):
        fashion.load(tmp_path / "data")
    assert no_network == []
    assert not (tmp_path / "data").exists()


def test_no_network_says_what_to_do_in_one_line(source: Path, tmp_path: Path, no_network: list[str]) -> None:
    """Without a network, the line names the reason, the package, the addresses' owner and --from."""
    with pytest.raises(ConfigError) as caught:
        fashion.obtain(tmp_path / "data", None)
    text = str(caught.value)
    assert "\n" not in text
    assert "name resolution" in text
    assert "dataset-fashion-mnist" in text
    assert "zalandoresearch/fashion-mnist" in text
    assert "--from DIR" in text
    assert no_network == ["raw.githubusercontent.com", "fashion-mnist.s3.eu-central-1.amazonaws.com"]
    assert not (tmp_path / "data").exists()


def test_installed_package_is_found_without_network(
    source: Path, tmp_path: Path, no_network: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Debian's package there, neither training nor the command needs a network."""
    monkeypatch.setattr(fashion, "DEBIAN", source)
    assert fashion.load(tmp_path / "a").checksum == fashion.obtain(tmp_path / "b", None).checksum == fashion.CHECKSUM
    assert no_network == []


def test_damaged_file_is_made_again_from_the_package(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """A damaged file is set aside and replaced where the originals are at hand, else the command is named."""
    data = tmp_path / "data"
    fashion.obtain(data, source)
    sound = (data / "fashion_mnist.npz").read_bytes()
    (data / "fashion_mnist.npz").write_bytes(sound[: len(sound) // 2])
    with pytest.raises(ConfigError, match=COMMAND):
        fashion.load(data)
    assert "kept as fashion_mnist.npz.damaged" in capsys.readouterr().err
    (data / "fashion_mnist.npz.damaged").replace(data / "fashion_mnist.npz")
    monkeypatch.setattr(fashion, "DEBIAN", source)
    assert fashion.load(data).checksum == fashion.CHECKSUM
    assert (data / "fashion_mnist.npz").read_bytes() == sound


@pytest.mark.parametrize("arrays", [{"a": np.zeros(3)}, {key: np.zeros(4, np.float32) for key in fashion.KEYS}])
def test_foreign_file_is_set_aside(arrays: dict[str, np.ndarray], source: Path, tmp_path: Path) -> None:
    """A sound .npz file with other arrays is not taken for the images."""
    np.savez(tmp_path / "fashion_mnist.npz", **arrays)
    with pytest.raises(ConfigError, match=COMMAND):
        fashion.load(tmp_path)
    assert (tmp_path / "fashion_mnist.npz.damaged").exists()


@pytest.mark.parametrize("damage", ["checksum", "truncated", "longer", "missing", "no gzip"])
def test_unfit_original_is_refused_and_nothing_is_left(damage: str, source: Path, tmp_path: Path) -> None:
    """Whatever is wrong with an original, the line names it and no file, whole or half, is written."""
    path = source / "t10k-images-idx3-ubyte.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    match damage:
        case "checksum":
            content[-1] ^= 1
            path.write_bytes(gzip.compress(bytes(content)))
        case "truncated":
            path.write_bytes(path.read_bytes()[:-9])
        case "longer":
            path.write_bytes(gzip.compress(bytes(content) + b"!"))
        case "missing":
            path.unlink()
        case _:
            path.write_bytes(bytes(content))
    with pytest.raises(ConfigError, match="t10k-images-idx3-ubyte") as caught:
        fashion.obtain(tmp_path / "data", source)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "data").exists()


def test_gzip_bomb_is_unpacked_to_the_known_size_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gigabyte of zeros in a megabyte is refused with little more than the known size unpacked."""
    read: list[int] = []
    original = gzip.GzipFile.read

    def counting(self: gzip.GzipFile, size: int | None = -1) -> bytes:
        content = original(self, size)
        read.append(len(content))
        return content

    monkeypatch.setattr(gzip.GzipFile, "read", counting)
    bomb = gzip.compress(bytes(2**24)) * 64
    with pytest.raises(ConfigError, match="larger than the 1,000 bytes"):
        unpack(bomb, IdxFile("small", len(bomb), 1000, "0" * 64), "bomb")
    assert read == [1001]


def test_download_gives_the_same_data(server: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Files that come over the network pass the same checks; a second call downloads nothing."""
    assert fashion.obtain(tmp_path / "data", None).checksum == fashion.CHECKSUM
    assert capsys.readouterr().err.count("downloading") == 4
    assert fashion.obtain(tmp_path / "data", None).checksum == fashion.CHECKSUM
    assert capsys.readouterr().err == ""
    assert names(tmp_path / "data") == ["fashion_mnist.npz"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda packed: packed + b"!", "sends more than"),
        (lambda packed: packed[:-20], "not a whole gzip file"),
        (lambda packed: gzip.compress(idx_bytes(np.zeros(10, np.uint8)), mtime=0), "another sha256"),
    ],
)
def test_wrong_download_is_refused(change: object, message: str, server: Path, tmp_path: Path) -> None:
    """A download that is too long, cut or of other content stops with one line, and no file is written."""
    path = server / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(change(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(ConfigError, match=message) as caught:
        fashion.obtain(tmp_path / "data", None)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "data").exists()


def test_slow_download_ends(server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that drips is left after the time for one file."""
    monkeypatch.setattr(download, "PATIENCE", -1.0)
    with pytest.raises(ConfigError, match=r"cannot be downloaded .*not done after"):
        fashion.obtain(tmp_path / "data", None)


def test_second_address_is_asked_when_the_first_fails(
    server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One address that has no file, or another one, is no obstacle."""
    (server / "other").mkdir()
    (server / "other" / "train-images-idx3-ubyte.gz").write_bytes(b"<html>log in first</html>")
    (good,) = fashion.ADDRESSES
    monkeypatch.setattr(fashion, "ADDRESSES", (f"{good}gone/", f"{good}other/", good))
    assert fashion.obtain(tmp_path / "data", None).checksum == fashion.CHECKSUM


def test_bad_package_is_said_and_the_download_goes_on(
    server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """A damaged installed package is named on standard error before the download."""
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "train-labels-idx1-ubyte.gz").write_bytes(b"")
    monkeypatch.setattr(fashion, "DEBIAN", damaged)
    assert fashion.obtain(tmp_path / "data", None).checksum == fashion.CHECKSUM
    assert "downloading instead" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/", "ftp://127.0.0.1/", "file:///etc/hostname"])
def test_only_https_is_spoken(address: str) -> None:
    """The opener knows no other protocol, so no redirect can lead to one."""
    with pytest.raises(urllib.error.URLError, match="unknown url type"):
        download.opener().open(address, timeout=1)
    assert all(address.startswith("https://") for address in fashion.ADDRESSES)


@pytest.mark.parametrize(
    "data", [b"", b"\0\0\x08", b"\0\0\x09\x01\0\0\0\0", b"\0\0\x08\x01\0\0\0\x05abcd", b"\0\0\x08\x03\0"]
)
def test_bytes_that_are_no_idx_are_refused(data: bytes) -> None:
    """A wrong magic number, a cut header or a wrong length is an error, not an array."""
    with pytest.raises(ValueError, match="IDX"):
        parse_idx(data)


def test_published_files_are_pinned() -> None:
    """Sizes agree with the shapes 60,000 and 10,000 x 28 x 28 and their headers; checksums are those published."""
    assert [file.unpacked for file in fashion.FILES] == [16 + 60_000 * 784, 8 + 60_000, 16 + 10_000 * 784, 8 + 10_000]
    assert [file.sha256[:8] for file in fashion.FILES] == ["c59f468a", "bad3541b", "5b4141f0", "0402a96d"]
    assert all(len(file.sha256) == 64 for file in fashion.FILES)
    assert {field.name for field in dataclasses.fields(IdxFile)} == {"name", "packed", "unpacked", "sha256"}
