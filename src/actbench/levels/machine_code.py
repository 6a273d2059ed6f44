"""Compiled loops kept on disk: as numba's own cache, but that nothing is unpickled that is not as this user wrote it.

A file is the sha256 of its name and content, then the content. The name holds everything that machine code depends on,
so two processes that write one name at once write the same code; each renames a complete file into place.
"""

import hashlib
import os
import pickle
import secrets
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core import caching, ccallback, serialize, sigutils

from actbench.plan.sources import content_digest

FunctionCache: Any = caching.FunctionCache
CFunc: Any = ccallback.CFunc
dumps: Any = serialize.dumps
normalize_signature: Any = sigutils.normalize_signature
config: Any = numba.config

DIGEST = hashlib.sha256().digest_size


class CodeFiles:
    """Where one function's machine code lies, a file for each signature and processor; what numba asks of its files."""

    def __init__(self, folder: Path, name: str, origin: object) -> None:
        self.folder, self.name, self.origin = folder, name, origin

    def path(self, key: object) -> Path:
        """Return the file for a signature and processor, apart for each user, numba and source."""
        depends = repr((key, self.origin, numba.__version__, os.geteuid()))
        return self.folder / f"{self.name}.{hashlib.sha256(depends.encode()).hexdigest()[:24]}.code"

    def load(self, key: object) -> Any:
        """Return what was saved, or None: numba then compiles. What is not as it was written is named and not used."""
        path = self.path(key)
        try:
            content = _own_content(path)
        except FileNotFoundError:
            return None
        if content is None or content[:DIGEST] != _digest(path, content[DIGEST:]):
            with suppress(OSError):
                os.replace(path, path.with_name(f"{path.name}.damaged"))
            print(f"{path}: not as this user wrote it; set aside and compiled anew", file=sys.stderr)
            return None
        return pickle.loads(content[DIGEST:])  # noqa: S301

    def save(self, key: object, data: object) -> None:
        """Write machine code in place of any that is there."""
        path, content = self.path(key), dumps(data)
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
        try:
            temporary.touch(0o600, exist_ok=False)
            temporary.write_bytes(_digest(path, content) + content)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def _own_content(path: Path) -> bytes | None:
    """Read a file that this user wrote and nobody else can write to; None for any other."""
    with path.open("rb") as stream:
        status = os.fstat(stream.fileno())
        own = status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        return stream.read() if own else None


def _digest(path: Path, content: bytes) -> bytes:
    return hashlib.sha256(path.name.encode() + b"\0" + content).digest()


def callback(signature: Any, *functions: Callable[..., Any], **options: Any) -> Any:
    """Compile the first function as a C callback, with the others in it, or load it; options as of `numba.cfunc`."""
    compiled = CFunc(functions[0], normalize_signature(signature), {}, options)
    compiled._cache = kept(*functions)
    compiled.compile()
    return compiled


def loop(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Decorate a loop that is compiled at its first call, or loaded; options as of `numba.njit`."""

    def decorate(function: Callable[..., Any]) -> Any:
        compiled = numba.njit(**options)(function)
        compiled._cache = kept(function)
        return compiled

    return decorate


def kept(*functions: Callable[..., Any]) -> Any:
    """Return the cache on disk, for numba to use, of the machine code of a function and of what is compiled into it.

    numba itself looks at the time of the function's own file and at where it lies; here all that stands in that file
    and in those of this package that it imports counts, so that an edit elsewhere, another clone or a new level
    compiles nothing again.
    """
    cache = FunctionCache(functions[0])
    own = frozenset((function.__module__, function.__code__.co_filename) for function in functions)
    folder = Path(config.CACHE_DIR or cache.cache_path)
    cache._cache_file = CodeFiles(folder, cache._impl.filename_base, _origin(own))
    return cache


@cache
def _origin(own: frozenset[tuple[str, str]]) -> str:
    """Hash the files of functions, given as modules and paths, and what they import of this package."""
    digest = hashlib.sha256(content_digest(*(module for module, _ in own)).encode())
    for content in sorted({Path(path).read_bytes() for _, path in own}):
        digest.update(content)
    return digest.hexdigest()
