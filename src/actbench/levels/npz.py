"""Arrays in an .npz file: read with a bound on size and without pickle, written under a temporary name."""

import io
import os
import sys
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actbench.plan.atomic_file import replacing
from actbench.plan.errors import ConfigError

MOST_BYTES = 64 * 2**20  # of a file and of the arrays in it; the largest data set has 55 MB

Arrays = Mapping[str, NDArray[Any]]

# All that numpy, zipfile and zlib raise on bytes that are not a sound .npz file.
UNSOUND = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    EOFError,
    OSError,
    KeyError,
    IndexError,
    TypeError,
    SyntaxError,
    MemoryError,
    OverflowError,
    NotImplementedError,
    RuntimeError,
)


class DamagedFile(Exception):
    """A cache file that does not hold what its name says; the message says why."""


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read all arrays of an .npz file.

    Args:
        path: the file; at most MOST_BYTES are read and unpacked.
    Raises:
        FileNotFoundError: there is no such file.
        DamagedFile: it is too large, truncated or no .npz file.
        ConfigError: the system refuses to read it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from None
    if len(data) > MOST_BYTES:
        raise DamagedFile(f"larger than {MOST_BYTES:,} bytes")
    try:
        return _unpack(data)
    except UNSOUND as error:
        raise DamagedFile(f"not a sound .npz file ({type(error).__name__})") from None


def _unpack(data: bytes) -> dict[str, NDArray[Any]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())  # zipfile reads no further than this
    if unpacked > MOST_BYTES:
        raise DamagedFile(f"would unpack to {unpacked:,} bytes")
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write the arrays to an .npz file that is there whole or not at all, however many processes write it."""
    try:
        with replacing(path, rename=os.replace) as (partial,), zipfile.ZipFile(partial, "x") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
    except OSError as error:
        raise ConfigError(str(path), f"cannot be written: {error.strerror or error}; choose another folder") from None


def set_aside(path: Path, damage: DamagedFile) -> None:
    """Rename a damaged file to `*.damaged`, in place of an older one, and say so on standard error."""
    aside = path.with_name(f"{path.name}.damaged")
    try:
        os.replace(path, aside)
    except FileNotFoundError:  # another process was first
        return
    except OSError as error:
        raise ConfigError(str(path), f"{damage}, and cannot be renamed: {error.strerror}; delete it") from None
    print(f"{path}: {damage}; kept as {aside.name}", file=sys.stderr)
