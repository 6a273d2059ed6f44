"""A checksum beside every product, so that damage is seen on reading and no damaged file is used.

That of `ranking.csv` stands in the hidden file `.ranking.csv.sha256`, a line as `sha256sum -c` reads it; where it was
made from a table, a second line names that table as it was then, and it is not used beside another one. While a file is
replaced there are the lines of the old and of the new content: a process killed at any moment leaves a file that has
its line.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache, partial
from itertools import takewhile
from pathlib import Path

from actbench.plan.errors import ConfigError
from actbench.plan.temporary_files import temporary_path

AGAIN = "run snakemake again"


def checksum_path(path: Path) -> Path:
    """Return the file that holds the checksum of `path`."""
    return path.with_name(f".{path.name}.sha256")


def publish(complete: Path, path: Path, source: Path | None = None, source_digest: str = "") -> None:
    """Rename a complete file to its name, in place of an older one, and leave its checksum beside it.

    source: the table that it was made from, with the checksum that this had; see `made_from`.
    """
    beside = checksum_path(path)
    lines = [f"{_digest(complete)}  {path.name}"]
    if source is not None:
        lines.append(f"{source_digest}  {Path(os.path.relpath(source, path.parent)).as_posix()}")
    _write(path, [*_lines(beside), *lines])
    os.replace(complete, path)
    _write(path, lines)


def made_from(source: Path) -> Callable[[Path, Path], None]:
    """Return a `publish` for products of a table as it is now; raise ConfigError when there is none."""
    try:
        return partial(publish, source=source, source_digest=_digest(source))
    except OSError as error:
        raise ConfigError(str(source), f"cannot be read ({error.strerror}); {AGAIN}") from None


def refuse_damaged(*paths: Path, remedy: str = AGAIN) -> None:
    """Set every damaged file aside as NAME.damaged, and raise ConfigError when there was one, or one of another table.

    An absent file is not damaged. One without a checksum beside it, from an older version say, is named on standard
    error and taken as it is.
    """
    damaged = [path for path in paths if path.exists() and not _is_sound(path)]
    if damaged:
        kept = [_set_aside(path) for path in damaged]
        more = f" and {len(kept) - 1} more like it" if len(kept) > 1 else ""
        raise ConfigError(str(damaged[0]), f"changed since it was written, {kept[0]}{more}; {remedy}")
    for path in paths:
        if path.exists() and (source := _replaced_source(path)):
            raise ConfigError(str(path), f"made from another {source} than is there now; delete it and {remedy}")


def _is_sound(path: Path) -> bool:
    return _has_its_line(path, *_version(path))


def _replaced_source(path: Path) -> str:
    """Return the name of the table that a product was made from, when another one has taken its place."""
    for line in _lines_after_its_own(path):
        digest, _, name = line.partition("  ")
        source = path.parent / name
        if source.is_file() and digest != _digest_of(source, *_version(source)):
            return source.name
    return ""


def _lines_after_its_own(path: Path) -> list[str]:
    """Return the lines between that of a file's content and one of other content."""
    lines, own = _lines(checksum_path(path)), f"{_digest_of(path, *_version(path))}  {path.name}"
    after = lines[lines.index(own) + 1 :] if own in lines else []
    return list(takewhile(lambda line: not line.endswith(f"  {path.name}"), after))


def _version(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


@cache
def _digest_of(path: Path, *version: int) -> str:
    """Return the checksum of a file, reckoned once for each version of it that this process meets."""
    return _digest(path)


@cache
def _has_its_line(path: Path, *version: int) -> bool:
    """Compare a file with its checksum, once for each version of it that this process meets."""
    beside = checksum_path(path)
    if not beside.exists():
        print(f"{path}: no checksum beside it, so damage to it would not be seen", file=sys.stderr)
        return True
    return f"{_digest_of(path, *version)}  {path.name}" in _lines(beside)


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


def _write(path: Path, lines: Iterable[str]) -> None:
    """Write the lines beside a file; what a killed process leaves of them goes with the next writer of that file."""
    temporary = temporary_path(path)
    try:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
        os.replace(temporary, checksum_path(path))
    finally:
        temporary.unlink(missing_ok=True)
