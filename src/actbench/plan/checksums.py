"""A checksum beside every product, so that damage is seen on reading and no damaged file is used.

That of `runs.parquet` stands in the hidden file `.runs.parquet.sha256`, one line as `sha256sum -c` reads it. While a
file is replaced there are two lines, of the old and of the new content: a process killed at any moment leaves a file
that has its line.
"""

import hashlib
import os
import secrets
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

from actbench.plan.errors import ConfigError

AGAIN = "run snakemake again"


def checksum_path(path: Path) -> Path:
    """Return the file that holds the checksum of `path`."""
    return path.with_name(f".{path.name}.sha256")


def publish(complete: Path, path: Path) -> None:
    """Rename a complete file to its name, in place of an older one, and leave its checksum beside it."""
    beside = checksum_path(path)
    line = f"{_digest(complete)}  {path.name}"
    _write(beside, [*_lines(beside)[-1:], line])
    os.replace(complete, path)
    _write(beside, [line])


def refuse_damaged(*paths: Path, remedy: str = AGAIN) -> None:
    """Set every damaged file aside as NAME.damaged, and raise ConfigError when there was one.

    An absent file is not damaged. One without a checksum beside it, from an older version say, is named on standard
    error and taken as it is.
    """
    damaged = [path for path in paths if path.exists() and not _is_sound(path)]
    if damaged:
        kept = [_set_aside(path) for path in damaged]
        more = f" and {len(kept) - 1} more like it" if len(kept) > 1 else ""
        raise ConfigError(str(damaged[0]), f"changed since it was written, {kept[0]}{more}; {remedy}")


def _is_sound(path: Path) -> bool:
    status = path.stat()
    return _has_its_line(path, status.st_mtime_ns, status.st_size, status.st_ino)


@cache
def _has_its_line(path: Path, *version: int) -> bool:
    """Compare a file with its checksum, once for each version of it that this process meets."""
    beside = checksum_path(path)
    if not beside.exists():
        print(f"{path}: no checksum beside it, so damage to it would not be seen", file=sys.stderr)
        return True
    return f"{_digest(path)}  {path.name}" in _lines(beside)


def _set_aside(path: Path) -> str:
    aside = path.with_name(f"{path.name}.damaged")
    try:
        os.replace(path, aside)
    except FileNotFoundError:  # another process was first
        pass
    except OSError as error:
        return f"and cannot be set aside ({error.strerror}): delete it"
    with suppress(OSError):
        checksum_path(path).unlink(missing_ok=True)
    return f"set aside as {aside.name}"


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _lines(beside: Path) -> list[str]:
    try:
        return beside.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _write(beside: Path, lines: Iterable[str]) -> None:
    temporary = beside.with_name(f"{beside.name}.{secrets.token_hex(8)}.tmp")
    try:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
        os.replace(temporary, beside)
    finally:
        temporary.unlink(missing_ok=True)
