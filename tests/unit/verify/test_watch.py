"""The deadline of a child: it is killed when its time is up, and only then."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from wasmbuild.verify import watch as watch_module
from wasmbuild.verify.watch import Watch

LONG = 3600.0
PATIENCE = 60.0


class Killed:
    """Counts how often it was called, and waits for the next time."""

    def __init__(self) -> None:
        self.count = 0
        self._one_more = threading.Semaphore(0)

    def __call__(self) -> None:
        self.count += 1
        self._one_more.release()

    def wait(self) -> None:
        assert self._one_more.acquire(timeout=PATIENCE)


@pytest.fixture
def killed() -> Killed:
    return Killed()


@pytest.fixture
def watch(killed: Killed) -> Iterator[Watch]:
    watch = Watch(killed)
    yield watch
    watch.close()


def let_pass(seconds: float) -> None:
    """Return when the time of another watch is up."""
    up = Killed()
    other = Watch(up)
    other.grant(seconds)
    up.wait()
    other.close()


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "wasmbuild-watch"]


def test_who_takes_too_long_is_killed_once(watch: Watch, killed: Killed) -> None:
    watch.grant(0)
    killed.wait()
    assert watch.expired
    let_pass(0.05)
    assert killed.count == 1
    assert watch.relax()


def test_who_is_done_in_time_is_not_killed(watch: Watch, killed: Killed) -> None:
    watch.grant(LONG)
    assert not watch.relax()
    watch.grant(0.02)
    late = watch.relax()
    let_pass(0.05)
    assert killed.count == late
    assert watch.expired == late


def test_time_counts_from_the_last_grant(watch: Watch, killed: Killed) -> None:
    watch.grant(0.02)
    watch.grant(LONG)
    # As many as were late before the second grant.
    before = killed.count
    let_pass(0.05)
    assert killed.count == before
    assert not watch.expired


def test_a_shorter_time_is_seen_while_a_longer_one_is_waited_for(watch: Watch, killed: Killed) -> None:
    watch.grant(LONG)
    watch.grant(0)
    killed.wait()
    watch.grant(LONG)
    watch.relax()
    watch.grant(0)
    killed.wait()
    assert killed.count == 2


def test_that_time_was_up_is_forgotten_with_the_next_grant(watch: Watch, killed: Killed) -> None:
    for again in (None, LONG):
        watch.grant(0)
        killed.wait()
        assert watch.expired
        watch.grant(again)
        assert [watch.expired, watch.relax()] == [False, False]


def test_without_a_limit_nothing_is_watched(watch: Watch, killed: Killed) -> None:
    before = threads()
    watch.grant(None)
    assert not watch.relax()
    assert threads() == before
    assert killed.count == 0


def test_no_limit_takes_the_place_of_one(watch: Watch, killed: Killed) -> None:
    watch.grant(0.02)
    watch.grant(None)
    before = killed.count
    let_pass(0.05)
    assert killed.count == before
    assert not watch.expired


@pytest.mark.parametrize("ask", [Watch.relax, lambda watch: watch.expired, lambda watch: watch.grant(LONG)])
def test_whoever_asks_while_it_kills_waits_until_it_has(ask: Callable[[Watch], object]) -> None:
    waited: list[bool] = []

    def kill() -> None:
        asks = threading.Thread(target=ask, args=(watch,))
        asks.start()
        asks.join(0.05)
        waited.append(asks.is_alive())
        asking.append(asks)
        done.set()

    asking: list[threading.Thread] = []
    done = threading.Event()
    watch = Watch(kill)
    watch.grant(0)
    assert done.wait(PATIENCE)
    watch.close()
    asking[0].join()
    assert waited == [True]


@pytest.mark.parametrize("seconds", [[], [None], [LONG], [LONG, 0.0, LONG]])
def test_closing_ends_the_thread_at_once(killed: Killed, seconds: list[float | None]) -> None:
    before = threads()
    watch = Watch(killed)
    for number in seconds:
        watch.grant(number)
    watch.close()
    watch.close()
    assert threads() == before


class Clock:
    """Stands still until it is set; a watch that waits for a moment of it wakes again and again, and looks."""

    def __init__(self) -> None:
        self.now = 10_000.0
        self._looks = threading.Semaphore(0)

    def monotonic(self) -> float:
        if threading.current_thread().name == "wasmbuild-watch":
            self._looks.release()
        return self.now

    def wait_until_seen(self, times: int = 1) -> None:
        for _ in range(times):
            assert self._looks.acquire(timeout=PATIENCE)

    def forget_looks(self) -> None:
        while self._looks.acquire(blocking=False):
            pass


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(watch_module, "time", clock)
    return clock


def test_nobody_is_killed_before_the_time_is_up(watch: Watch, killed: Killed, clock: Clock) -> None:
    watch.grant(0.01)
    clock.wait_until_seen(times=3)
    assert killed.count == 0
    assert not watch.expired
    clock.now += 0.01
    killed.wait()


def test_who_was_relaxed_is_not_killed_later(watch: Watch, killed: Killed, clock: Clock) -> None:
    watch.grant(0.01)
    clock.wait_until_seen()
    assert not watch.relax()
    clock.now += LONG
    watch.grant(0.01)
    clock.wait_until_seen(times=3)
    assert killed.count == 0


def test_a_shorter_time_is_seen_after_one_that_was_made_longer(watch: Watch, killed: Killed, clock: Clock) -> None:
    watch.grant(0.02)
    clock.wait_until_seen()
    clock.forget_looks()
    watch.grant(LONG)
    # It wakes for the first deadline, and goes to sleep until the second.
    clock.wait_until_seen()
    clock.now += 1
    watch.grant(0)
    killed.wait()
