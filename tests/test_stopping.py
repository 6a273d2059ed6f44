"""actbench.training.stopping: what a signal or a near time limit does to a stack."""

import signal
from collections.abc import Iterator

import pytest

from actbench.training import compiling, stopping
from actbench.training.stopping import MARGIN, Stopped, begin_stack, stop_before, stop_if_asked, stop_on_signals


class Clock:
    """A clock that a test sets."""

    now = 1000.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Let nothing be asked yet, put a clock in place of the machine's, and the signals' handlers back at the end."""
    before = {number: signal.getsignal(number) for number in stopping.PATIENCE}
    clock = Clock()
    monkeypatch.setattr(stopping, "_stop", stopping._Stop())
    monkeypatch.setattr(stopping, "time", clock)
    monkeypatch.setattr(compiling, "time", clock)
    monkeypatch.setattr(compiling, "_took", [])
    stop_on_signals()
    yield clock
    for number, handler in before.items():
        signal.signal(number, handler)


def test_nothing_stops_unasked(clock: Clock) -> None:
    """Without a signal or a limit, any number of stacks of any length are trained."""
    for _ in range(3):
        begin_stack(10)
        clock.now += 1e6
        stop_if_asked(0.01)


@pytest.mark.parametrize(("number", "patience"), [(signal.SIGTERM, 20), (signal.SIGUSR1, 60)])
def test_a_short_stack_is_finished(clock: Clock, number: signal.Signals, patience: int) -> None:
    """A stack goes on after a scheduler's signal when it ends in time, and no other is begun."""
    begin_stack(10)
    clock.now += 50
    signal.raise_signal(number)
    stop_if_asked(50 / (49.9 + patience))
    with pytest.raises(Stopped, match=f"by {number.name}"):
        begin_stack(1)


@pytest.mark.parametrize(("number", "patience"), [(signal.SIGTERM, 20), (signal.SIGUSR1, 60)])
def test_a_long_stack_is_given_up(clock: Clock, number: signal.Signals, patience: int) -> None:
    """A stack that takes longer than the scheduler waits is stopped at once, as is one that has not begun to train."""
    begin_stack(10)
    clock.now += 50
    signal.raise_signal(number)
    with pytest.raises(Stopped):
        stop_if_asked(50 / (50.1 + patience))
    with pytest.raises(Stopped):
        stop_if_asked(0)


def test_a_stack_that_slows_down_is_given_up_later(clock: Clock) -> None:
    """The look is repeated: what seemed short is stopped when it is not."""
    begin_stack(10)
    clock.now += 10
    signal.raise_signal(signal.SIGTERM)
    stop_if_asked(0.5)
    clock.now += 9
    with pytest.raises(Stopped):
        stop_if_asked(0.55)


def test_ctrl_c_stops_any_stack(clock: Clock) -> None:
    """Ctrl-C stops at the next look, however short the stack; a second one at once; neither is a scheduler's stop."""
    begin_stack(10)
    clock.now += 10
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as stopped:
        stop_if_asked(0.999)
    assert not isinstance(stopped.value, Stopped)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_signals_that_repeat_change_nothing(clock: Clock) -> None:
    """A scheduler signals every process of a job, and Snakemake may pass the signal on: the patience counts once."""
    begin_stack(10)
    clock.now += 10
    signal.raise_signal(signal.SIGTERM)
    clock.now += 15
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(Stopped):
        stop_if_asked(0.8)


def test_no_stack_is_begun_that_the_time_limit_would_end(clock: Clock) -> None:
    """The stacks before it say how much slower this machine is than expected: twice here, so 60 s become 120."""
    stop_before(1000)
    begin_stack(100)
    clock.now += 200
    begin_stack(300)
    clock.now += 600
    stop_if_asked(0.99)
    begin_stack(60)
    clock.now += 120
    with pytest.raises(Stopped, match="before the time limit"):
        begin_stack(60)


def test_compilation_is_no_slowness(clock: Clock) -> None:
    """A stack of 100 s in which 400 more went to compiling tells that the next 480 s take 480, not 2,400."""
    stop_before(1000)
    begin_stack(100)
    with compiling.compiling():
        clock.now += 400
    clock.now += 100
    begin_stack(480)


def test_compilation_is_no_part_of_a_stack(clock: Clock) -> None:
    """Of a stack that took 50 s after compiling for 400, the rest is reckoned from the 50."""
    begin_stack(100)
    with compiling.compiling():
        clock.now += 400
    clock.now += 50
    signal.raise_signal(signal.SIGTERM)
    stop_if_asked(50 / 69)
    with pytest.raises(Stopped):
        stop_if_asked(50 / 71)


def test_the_first_stack_is_always_tried(clock: Clock) -> None:
    """However long it is expected to take, for else no attempt would ever get anywhere."""
    stop_before(100)
    begin_stack(1e9)
    clock.now += 50
    stop_if_asked(0.001)


def test_the_time_limit_ends_a_long_stack_only(clock: Clock) -> None:
    """A minute before the limit a stack is stopped when it does not end at a quarter of that before the limit."""
    stop_before(1000)
    begin_stack(10)
    clock.now += 1000 - MARGIN + 1
    elapsed = 1000 - MARGIN + 1
    stop_if_asked(elapsed / (1000 - MARGIN / 4 - 1))
    with pytest.raises(Stopped):
        stop_if_asked(elapsed / (1000 - MARGIN / 4 + 1))


def test_a_short_limit_has_a_short_margin(clock: Clock) -> None:
    """Of a limit of 40 s, 36 are used."""
    stop_before(40)
    begin_stack(10)
    clock.now += 35.9
    stop_if_asked(0.1)
    clock.now += 0.2
    with pytest.raises(Stopped):
        stop_if_asked(0.1)
