"""What can happen to a file: each way takes the file, another of its kind, and chance."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

FOREIGN = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4


def truncate(file: Path, other: Path, chance: random.Random) -> None:
    """Cut the end off."""
    data = file.read_bytes()
    file.write_bytes(data[: chance.randrange(1, len(data))])


def flip_bit(file: Path, other: Path, chance: random.Random) -> None:
    """Change one bit."""
    data, bit = bytearray(file.read_bytes()), chance.randrange(8 * file.stat().st_size)
    data[bit // 8] ^= 1 << bit % 8
    file.write_bytes(data)


def empty(file: Path, other: Path, chance: random.Random) -> None:
    """Leave nothing of it."""
    file.write_bytes(b"")


def duplicate(file: Path, other: Path, chance: random.Random) -> None:
    """Put a copy of another file of its kind in its place."""
    shutil.copyfile(other, file)


def swap(file: Path, other: Path, chance: random.Random) -> None:
    """Exchange it with another file of its kind."""
    one, two = file.read_bytes(), other.read_bytes()
    file.write_bytes(two)
    other.write_bytes(one)


def foreign(file: Path, other: Path, chance: random.Random) -> None:
    """Put a file of another program in its place."""
    file.write_bytes(FOREIGN)


DAMAGES: dict[str, Callable[[Path, Path, random.Random], None]] = {
    "truncate": truncate,
    "flip a bit": flip_bit,
    "empty": empty,
    "duplicate": duplicate,
    "swap": swap,
    "foreign file": foreign,
}
