"""IDX files, the format of MNIST and its kin: bounded unpacking, checksum, reading."""

import gzip
import hashlib
import io
import math
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actbench.plan.errors import ConfigError


@dataclass(frozen=True)
class IdxFile:
    """One published file: its name, its size in bytes packed and unpacked, and the sha256 of the unpacked bytes.

    Two gzip files of the same content may differ (the header holds a name and a date), the unpacked bytes may not.
    """

    name: str
    packed: int
    unpacked: int
    sha256: str


def read_folder(folder: Path, files: tuple[IdxFile, ...]) -> list[bytes]:
    """Read the files, packed (`NAME.gz`) or not (`NAME`), from a folder; raise ConfigError when one is unfit."""
    missing = [file.name for file in files if _find(folder, file) is None]
    if missing:
        raise ConfigError(str(folder), f"has no {missing[0]}.gz; name the folder that holds all {len(files)} files")
    return [_read_file(path, file) for file in files if (path := _find(folder, file))]


def holds_any(folder: Path, files: tuple[IdxFile, ...]) -> bool:
    """Tell whether a folder holds at least one of the files."""
    return any(_find(folder, file) for file in files)


def _find(folder: Path, file: IdxFile) -> Path | None:
    candidates = (folder / f"{file.name}.gz", folder / file.name)
    # Path.is_file raises in a folder that may not be searched
    return next((path for path in candidates if os.path.isfile(path)), None)  # noqa: PTH113


def _read_file(path: Path, file: IdxFile) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(max(file.packed, file.unpacked) + 1)
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from None
    return unpack(data, file, str(path)) if path.suffix == ".gz" else _check(data, file, str(path))


def unpack(data: bytes, file: IdxFile, where: str) -> bytes:
    """Unpack gzip bytes, never to more than the known size; raise ConfigError unless the checksum is right."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            content = stream.read(file.unpacked + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(where, f"not a whole gzip file: {error}") from None
    return _check(content, file, where)


def _check(content: bytes, file: IdxFile, where: str) -> bytes:
    if len(content) > file.unpacked:
        raise ConfigError(where, f"larger than the {file.unpacked:,} bytes of the published {file.name}")
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise ConfigError(where, f"not the published {file.name}: its content has another sha256")
    return content


def parse_idx(data: bytes) -> NDArray[np.uint8]:
    """Read an array of bytes from the IDX format.

    00 00 08 d, then d sizes as big-endian uint32, then the values in C order (LeCun, Cortes & Burges, MNIST page)

    Raises: ValueError when header and length do not agree.
    """
    if len(data) < 4 or data[:3] != b"\x00\x00\x08":
        raise ValueError("not an IDX file of bytes")
    start = 4 + 4 * data[3]
    shape = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, start, 4))
    if len(data) != start + math.prod(shape):
        raise ValueError(f"an IDX file of shape {shape} does not have {len(data)} bytes")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
