"""Transfers at once: more of them as soon as somebody has to wait, and none that keeps whoever does not."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from wasmbuild.builder.cache.budget import Budget
from wasmbuild.builder.cache.connection import Connection
from wasmbuild.builder.cache.remote_status import RemoteStatus
from wasmbuild.builder.cache.transfers import Transfer, TransferThreads

_SECONDS = 30.0


class TestTransfer:
    def test_who_waits_is_let_go_when_it_ends(self) -> None:
        transfer = Transfer[bytes]()
        assert not transfer.wait(0)
        threading.Timer(0.01, transfer.end, (b"data",)).start()
        assert transfer.wait(_SECONDS)
        assert transfer.brought == b"data"

    def test_all_who_wait_are(self) -> None:
        transfer = Transfer[bytes]()
        seen: list[bool] = []
        threads = [threading.Thread(target=lambda: seen.append(transfer.wait(_SECONDS))) for _ in range(3)]
        for thread in threads:
            thread.start()
        transfer.end(None)
        for thread in threads:
            thread.join(_SECONDS)
        assert seen == [True] * 3

    def test_it_ends_once(self) -> None:
        transfer = Transfer[bytes]()
        transfer.end(None)
        transfer.end(b"late")
        assert transfer.brought is None
        assert transfer.wait(0)


class TestThreads:
    def test_they_run_in_the_order_given(self) -> None:
        threads, seen, last = TransferThreads(), list[int](), threading.Event()
        gate = threading.Lock()
        with gate:
            for _ in range(4):
                threads.run(gate.__enter__)
        # Three wait for the first, who keeps the gate: one is left.
        for number in range(5):
            threads.run(partial(seen.append, number))
        threads.run(last.set)
        assert last.wait(_SECONDS)
        assert seen == [0, 1, 2, 3, 4]

    @pytest.mark.parametrize(("hastened", "at_once"), [(0, 4), (1, 8), (9, 32)])
    def test_so_many_at_once(self, hastened: int, at_once: int) -> None:
        threads, barrier, going = TransferThreads(), threading.Barrier(at_once), threading.Event()
        reached = threading.Semaphore(0)

        def job() -> None:
            barrier.wait(_SECONDS)
            reached.release()
            going.wait(_SECONDS)

        for _ in range(64):
            threads.run(job)
        for _ in range(hastened):
            threads.hasten()
        for _ in range(at_once):
            assert reached.acquire(timeout=_SECONDS)
        assert barrier.n_waiting == 0
        threads.end(wait=False)
        going.set()

    def test_nobody_waits_for_one_that_hangs(self) -> None:
        threads, going = TransferThreads(), threading.Event()
        threads.run(partial(going.wait, _SECONDS))
        threads.end(wait=False)
        assert not going.is_set()
        going.set()

    def test_what_did_not_begin_never_does(self) -> None:
        threads, going, seen = TransferThreads(), threading.Event(), list[int]()
        for _ in range(4):
            threads.run(partial(going.wait, _SECONDS))
        threads.run(partial(seen.append, 1))
        threads.end(wait=False)
        going.set()
        threads.end(wait=True)
        assert seen == []


class TestWaiting:
    """What is waited for is given up with the budget, whoever waits."""

    def connection(self, seconds: float) -> tuple[Connection, RemoteStatus]:
        status = RemoteStatus("x", None)
        connection = Connection(object, seconds, status)
        with connection.mutex:
            assert connection.ready()
        return connection, status

    def test_what_never_comes(self) -> None:
        connection, status = self.connection(0.02)
        assert connection.waited_for(Transfer[bytes]()) is None
        assert status.away == "kept the build waiting for 0.02 s"
        with connection.mutex:
            assert not connection.ready()

    def test_others_are_let_go(self) -> None:
        connection, _ = self.connection(0.02)
        other = Transfer[bytes]()
        with connection.mutex:
            connection.set_out(other)
        connection.waited_for(Transfer[bytes]())
        assert other.done

    def test_what_is_there_costs_nothing(self) -> None:
        connection, status = self.connection(0.0)
        transfer = Transfer[bytes]()
        transfer.end(b"data")
        assert connection.waited_for(transfer) == b"data"
        assert status.away is None

    def test_a_budget_that_was_earned_meanwhile(self) -> None:
        connection, status = self.connection(0.02)
        assert isinstance(connection.budget, Budget)
        connection.budget.earn(_SECONDS)
        transfer = Transfer[bytes]()
        threading.Timer(0.05, transfer.end, (b"data",)).start()
        assert connection.waited_for(transfer) == b"data"
        assert status.away is None
