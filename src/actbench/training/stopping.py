"""Stopping a process that trains: asked by a signal, done between two updates.

An exception raised in the middle of anything can land where a library swallows it. So the first signal only asks;
the training loop answers. A second signal stops at once.
"""

import signal
import threading
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)

_asked = threading.Event()


def stop_on_signals() -> None:
    """Let SIGINT and SIGTERM ask for a stop."""
    for number in SIGNALS:
        signal.signal(number, _ask)


def stop_if_asked() -> None:
    """Raise KeyboardInterrupt when a signal has asked for a stop."""
    if _asked.is_set():
        raise KeyboardInterrupt


def _ask(number: int, frame: FrameType | None) -> None:
    if _asked.is_set():
        raise KeyboardInterrupt
    _asked.set()
