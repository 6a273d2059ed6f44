"""Stopping a process that trains: asked by a signal or by the time limit of its job, done between two updates.

An exception raised in the middle of anything can land where a library swallows it. So a signal only asks; the training
loop answers. Ctrl-C stops at the next look, a second one at once. A scheduler's signal, and a time limit that comes
near, let the stack in training finish when it is expected to in the time that is left: all of it would be lost.
"""

import math
import signal
import time
from dataclasses import dataclass
from types import FrameType

from actbench.training.compiling import seconds_compiling

# signal -> seconds after which the process must be gone. SLURM, left as it comes, kills 30 s after SIGTERM.
PATIENCE = {signal.SIGINT: 0.0, signal.SIGTERM: 20.0, signal.SIGUSR1: 60.0}
# Seconds before the time limit at which a stack must be short to go on; of a shorter limit, a tenth. In the last
# quarter of them the shard's file is written and Snakemake ends.
MARGIN = 60.0


class Stopped(KeyboardInterrupt):
    """The process was asked to stop by a scheduler, for the reason in the text; no `except Exception` swallows it."""


@dataclass
class _Stop:
    """Moments are of the clock that never goes back; expected seconds those of plan/cost.py.

    Seconds of stacks are without compilation, which says nothing of those that follow.
    """

    why: str = ""
    interrupted: bool = False
    end: float = math.inf  # when the process must be gone
    near: float = math.inf  # when the time limit begins to ask
    limit: float = math.inf  # when the time limit wants the process gone
    began: float = 0.0  # the stack in training, on the clock of `_trained`
    expected: float = 0.0  # seconds of that stack
    spent: float = 0.0  # seconds that the stacks before it took
    foreseen: float = 0.0  # seconds that they were expected to take


_stop = _Stop()


def stop_on_signals() -> None:
    """Let SIGINT, SIGTERM and SIGUSR1 ask for a stop."""
    for number in PATIENCE:
        signal.signal(number, _ask)


def stop_before(seconds: float) -> None:
    """Let the time limit of the job, that many seconds from now, ask for a stop."""
    now, margin = time.monotonic(), min(MARGIN, seconds / 10)
    _stop.near, _stop.limit = now + seconds - margin, now + seconds - margin / 4


def begin_stack(expected: float) -> None:
    """Note that a stack begins, which is expected to take that many seconds of the reference machine.

    Raises:
        Stopped: a stop has been asked for, or the stack would not be done before the time limit, going by the stacks
            before it. The first stack of a process is always tried, lest none ever is.
        KeyboardInterrupt: Ctrl-C.
    """
    now = time.monotonic()
    if _stop.expected:
        _stop.spent, _stop.foreseen = _stop.spent + _trained(now) - _stop.began, _stop.foreseen + _stop.expected
    if _stop.foreseen and now + expected * _stop.spent / _stop.foreseen > _stop.limit:
        _stop_for_limit()
    _stop.began, _stop.expected = _trained(now), expected
    if _stop.why or _stop.interrupted:
        _leave()


def stop_if_asked(done: float = 0.0) -> None:
    """Stop when that has been asked for and the stack, of which a share is done, takes longer than is left; none is 0.

    Raises: as `begin_stack`.
    """
    now = time.monotonic()
    if now > _stop.near:
        _stop_for_limit()
    if (_stop.why or _stop.interrupted) and now + _seconds_left(done, now) > _stop.end:
        _leave()


def _seconds_left(done: float, now: float) -> float:
    return (_trained(now) - _stop.began) * (1 - done) / done if done else math.inf


def _trained(now: float) -> float:
    """Return what a clock shows that stands still while loops are compiled."""
    return now - seconds_compiling()


def _stop_for_limit() -> None:
    _stop.why, _stop.end = _stop.why or "before the time limit", min(_stop.end, _stop.limit)


def _leave() -> None:
    if _stop.interrupted:
        raise KeyboardInterrupt
    raise Stopped(_stop.why)


def _ask(number: int, frame: FrameType | None) -> None:
    if number == signal.SIGINT and _stop.interrupted:
        raise KeyboardInterrupt
    _stop.interrupted |= number == signal.SIGINT
    _stop.why = _stop.why or f"by {signal.Signals(number).name}"
    _stop.end = min(_stop.end, time.monotonic() + PATIENCE[signal.Signals(number)])
