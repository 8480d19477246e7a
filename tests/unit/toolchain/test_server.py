"""A child that answers requests, and what becomes of it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from probing import reply_to

from wasmbuild.errors import ChildError
from wasmbuild.toolchain import wire, worker
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.replies import Reply
from wasmbuild.toolchain.server import Server
from wasmbuild.toolchain.worker import ChildExit, Request

CHILD = """
import os, sys, time
sys.path.append(sys.argv[1])
import wire

def handle(request, data, files):
    what = request.get("do")
    if what == "abort":
        print("about to abort", file=sys.stderr, flush=True)
        os.abort()
    if what == "exit":
        os._exit(0)
    if what == "sleep":
        time.sleep(request["seconds"])
    if what == "fail":
        raise ValueError("no idea")
    if what == "print":
        print("this is no reply", flush=True)
    if what == "junk":
        os.write(junk, request["junk"].encode() + b"\\n")
    if what == "eat":
        bytearray(1 << 31)
    if files:
        data = b"".join(os.pread(file, 1 << 20, 0) for file in files)
    return {**request, "passed": len(files), "pid": os.getpid()}, data[::-1]

junk = os.dup(1)
wire.serve(handle)
"""


LIMITS = ProcessLimits(seconds=30)


def make(limits: ProcessLimits = LIMITS, wrapper: tuple[str, ...] = (), **options: Any) -> Server:
    argv = [*wrapper, sys.executable, "-I", "-S", "-c", CHILD, str(Path(wire.__file__).parent)]
    return Server(argv, name="the child", limits=limits, **options)


@pytest.fixture
def server() -> Iterator[Server]:
    with make() as made:
        yield made


JSON = st.dictionaries(
    st.text(max_size=5).filter(lambda key: key not in ("size", "files", "sizes", "passed", "do", "pid", "hello")),
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text() | st.lists(st.text(), max_size=3),
    max_size=4,
)


class TestExchange:
    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(JSON, st.binary(max_size=9000)), max_size=30))
    def test_every_request_gets_its_reply_in_order(self, requests: list[tuple[dict[str, Any], bytes]]) -> None:
        with make() as server:
            outcomes = list(server.outcomes(Request(body, data) for body, data in requests))
        for (body, data), outcome in zip(requests, outcomes, strict=True):
            assert isinstance(outcome, Reply)
            assert {key: outcome.body[key] for key in body} == body
            assert outcome.data == data[::-1]

    def test_one_child_serves_them_all(self, server: Server) -> None:
        pids = {
            outcome.body["pid"] for outcome in server.outcomes(Request({}) for _ in range(500)) if outcome[1] == b""
        }
        assert len(pids) == 1

    def test_bytes_larger_than_any_buffer(self, server: Server) -> None:
        data = os.urandom(20_000_000)
        assert reply_to(server, Request({}, data)).data == data[::-1]

    def test_what_the_child_prints_is_no_reply(self, server: Server) -> None:
        assert reply_to(server, Request({"do": "print", "n": 1})).body["n"] == 1

    def test_requests_go_ahead_of_replies(self, server: Server) -> None:
        drawn = []

        def requests() -> Iterator[Request]:
            for number in range(5):
                drawn.append(number)
                yield Request({"number": number})

        outcomes = server.outcomes(requests())
        assert isinstance(next(outcomes), Reply)
        assert drawn == [0, 1, 2, 3, 4]
        assert len(list(outcomes)) == 4

    def test_who_stops_listening_gets_no_old_replies(self, server: Server) -> None:
        outcomes = server.outcomes(Request({"number": number}) for number in range(50))
        next(outcomes)
        outcomes.close()
        assert reply_to(server, Request({"number": 99})).body["number"] == 99


class TestFiles:
    def files(self, count: int) -> list[int]:
        made = []
        for number in range(count):
            with tempfile.TemporaryFile() as file:
                file.write(b"%d." % number)
                file.flush()
                made.append(os.dup(file.fileno()))
        return made

    @pytest.mark.skipif(sys.platform == "win32", reason="descriptors are passed over Unix sockets")
    def test_descriptors_are_passed(self, server: Server) -> None:
        files = self.files(200)
        outcomes = list(server.outcomes(Request({}, files=[file]) for file in files))
        for number, outcome in enumerate(outcomes):
            assert isinstance(outcome, Reply)
            assert (outcome.body["passed"], outcome.data) == (1, (b"%d." % number)[::-1])
        for file in files:
            os.close(file)

    @pytest.mark.skipif(sys.platform == "win32", reason="descriptors are passed over Unix sockets")
    def test_many_at_once(self, server: Server) -> None:
        files = self.files(200)
        batches = [files[at : at + count] for at, count in enumerate((1, wire.MOST_FILES, 0, 5, 16, 32, 32, 32, 3))]
        outcomes = server.outcomes(Request({}, files=batch) for batch in batches)
        for batch, outcome in zip(batches, outcomes, strict=True):
            assert isinstance(outcome, Reply)
            numbers = map(files.index, batch)
            assert outcome.body["passed"] == len(batch)
            assert outcome.data == b"".join(b"%d." % number for number in numbers)[::-1]
        for file in files:
            os.close(file)

    @pytest.mark.skipif(sys.platform == "win32", reason="descriptors are passed over Unix sockets")
    def test_files_that_a_child_may_not_have_open_are_never_those_of_another_request(self) -> None:
        files = self.files(60)
        wrapper = ("/bin/sh", "-c", 'ulimit -n 16 && exec "$0" "$@"')
        batches = [files[at : at + 15] for at in range(0, 60, 15)]
        with make(wrapper=wrapper) as server:
            outcomes = list(server.outcomes(Request({}, files=batch) for batch in batches))
            assert reply_to(server, Request({}, files=files[:1])).data == b".0"
        assert all(isinstance(outcome, ChildExit) for outcome in outcomes)
        assert "descriptors of a request were lost" in str(outcomes[0])
        for file in files:
            os.close(file)

    @pytest.mark.skipif(sys.platform == "win32", reason="the wrapper is a shell script")
    def test_a_wrapper_that_drops_descriptors_gets_the_bytes(self) -> None:
        wrapper = ("/bin/sh", "-c", 'cat | "$0" "$@"')
        files = self.files(2)
        with make(wrapper=wrapper) as server:
            reply = reply_to(server, Request({}, files=files))
        assert (reply.body["passed"], reply.body["sizes"], reply.data) == (0, [2, 2], b".1.0")
        for file in files:
            os.close(file)

    def test_a_system_that_passes_none_gets_the_bytes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(worker, "_PASSES_FILES", False)
        files = self.files(2)
        with make() as server:
            reply = reply_to(server, Request({}, files=files))
            assert reply_to(server, Request({}, b"x" * 1_000_000)).data == b"x" * 1_000_000
        assert (reply.body["passed"], reply.body["sizes"], reply.data) == (0, [2, 2], b".1.0")
        for file in files:
            os.close(file)


class TestDeaths:
    @pytest.mark.parametrize("padding", [0, 700], ids=["all sent ahead", "some sent ahead"])
    def test_the_request_that_killed_it_is_blamed_and_the_others_are_answered(
        self, server: Server, padding: int
    ) -> None:
        more = {"padding": "." * padding}
        bodies: list[dict[str, Any]] = [{"n": n, **more, **({"do": "abort"} if n % 7 == 3 else {})} for n in range(40)]
        for n, outcome in enumerate(server.outcomes(map(Request, bodies))):
            if n % 7 == 3:
                assert isinstance(outcome, ChildExit)
                assert outcome.reason == "was killed by SIGABRT"
                assert str(outcome) == "the child was killed by SIGABRT\n    about to abort"
                assert outcome.answered == (3 if n == 3 else 6)
            else:
                assert isinstance(outcome, Reply)
                assert outcome.body["n"] == n

    def test_a_request_has_a_time_of_its_own(self, server: Server) -> None:
        times = [(1000, 0.1), (0.3, None), (1000, 0.2), (0.3, 29)]
        requests = [Request({"do": "sleep", "seconds": takes}, seconds=most) for takes, most in times]
        outcomes = list(server.outcomes(requests))
        assert [isinstance(outcome, Reply) for outcome in outcomes] == [False, True, False, True]
        assert [outcome.reason for outcome in outcomes if isinstance(outcome, ChildExit)] == [
            "did not end within 0.1 s",
            "did not end within 0.2 s",
        ]

    def test_one_that_is_starting_can_be_killed(self) -> None:
        with Server(
            [sys.executable, "-c", "import time; time.sleep(1000)"], name="it", limits=ProcessLimits()
        ) as server:

            def kill() -> None:
                while not done.wait(0.05):
                    server.kill()

            done = threading.Event()
            killer = threading.Thread(target=kill)
            killer.start()
            with pytest.raises(ChildError, match=r"^it could not be started: it was killed by SIGKILL"):
                server.outcome(Request({}))
            done.set()
            killer.join()

    def test_time_limit(self) -> None:
        with make(ProcessLimits(seconds=1)) as server:
            others = [Request({"n": n}, seconds=LIMITS.seconds) for n in range(2)]
            outcomes = list(server.outcomes([others[0], Request({"do": "sleep", "seconds": 60}), others[1]]))
        assert isinstance(outcomes[1], ChildExit)
        assert str(outcomes[1]) == "the child did not end within 1 s"
        assert isinstance(outcomes[2], Reply)

    def test_a_child_that_does_not_even_read(self) -> None:
        with make() as server:
            # The large one has all the time that it takes.
            sleep = Request({"do": "sleep", "seconds": 600}, seconds=0.5)
            large = Request({}, b"x" * 30_000_000)
            outcomes = list(server.outcomes([sleep, large]))
        assert [type(outcome) for outcome in outcomes] == [ChildExit, Reply]

    @pytest.mark.skipif(sys.platform == "win32", reason="no process is stopped there")
    @pytest.mark.parametrize("passes_files", [True, False])
    def test_a_child_that_stops_reading(self, monkeypatch: pytest.MonkeyPatch, passes_files: bool) -> None:
        monkeypatch.setattr(worker, "_PASSES_FILES", passes_files)
        with make() as server:
            os.kill(reply_to(server, Request({})).body["pid"], signal.SIGSTOP)
            outcome = server.outcome(Request({}, b"x" * 30_000_000, seconds=1))
            assert str(outcome) == "the child did not end within 1 s"
            assert isinstance(server.outcome(Request({})), Reply)

    def test_each_request_has_the_whole_time(self) -> None:
        # All of them together take longer.
        with make(ProcessLimits(seconds=2)) as server:
            outcomes = list(server.outcomes(Request({"do": "sleep", "seconds": 0.25}) for _ in range(9)))
        assert all(isinstance(outcome, Reply) for outcome in outcomes)

    def test_memory_limit(self) -> None:
        with make(ProcessLimits(memory=1 << 30, seconds=30)) as server:
            outcome = server.outcome(Request({"do": "eat"}))
        assert isinstance(outcome, ChildExit)
        assert outcome.reason == "ran out of its memory limit of 1 GiB"

    def test_an_exception_in_the_child(self, server: Server) -> None:
        outcome = server.outcome(Request({"do": "fail"}))
        assert isinstance(outcome, ChildExit)
        assert (outcome.reason, outcome.status) == ("ended with status 1", 1)
        assert outcome.stderr.endswith("ValueError: no idea\n")

    def test_an_end_without_an_answer(self, server: Server) -> None:
        assert str(server.outcome(Request({"do": "exit"}))) == "the child ended without an answer"

    @pytest.mark.parametrize(
        "junk", ["", "no json", "[" * 100_000, "[1]", '{"size": -1}', '{"size": "1"}', '{"size": true}', "\\udcff"]
    )
    def test_junk_is_no_reply(self, server: Server, junk: str) -> None:
        outcome = server.outcome(Request({"do": "junk", "junk": junk}))
        assert isinstance(outcome, ChildExit)
        assert outcome.reason.startswith("answered with something that is no reply (")
        if junk in ("", "no json"):
            shown = junk or "an empty line"
            assert outcome.reason.endswith(f" ({shown}; it may write nothing else to stdout)")

    @pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="the end of a process of another is not seen")
    def test_a_child_that_died_while_idle_is_no_fault_of_the_next_request(self, server: Server) -> None:
        pid = reply_to(server, Request({})).body["pid"]
        child = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        select.select([child], [], [])
        os.close(child)
        assert reply_to(server, Request({})).body["pid"] != pid

    def test_kill_from_another_thread(self, server: Server) -> None:
        import threading

        server.outcome(Request({}))
        threading.Timer(0.2, server.kill).start()
        outcome = server.outcome(Request({"do": "sleep", "seconds": 60}))
        assert isinstance(outcome, ChildExit)
        assert outcome.status == -signal.SIGKILL

    def test_close_ends_it(self, server: Server) -> None:
        pid = reply_to(server, Request({})).body["pid"]
        server.close()
        assert not Path(f"/proc/{pid}").exists()


class TestStart:
    @pytest.mark.parametrize(
        ("argv", "text"),
        [
            (["/nowhere"], "cannot run /nowhere: No such file or directory"),
            (
                ["/bin/sh", "-c", "echo why >&2; exit 3"],
                "the child could not be started: it ended with status 3\n    why",
            ),
            (
                ["/bin/sh", "-c", "echo hello"],
                "the child could not be started: it answered with something that is no reply",
            ),
        ],
    )
    def test_what_is_no_server(self, argv: list[str], text: str) -> None:
        with pytest.raises(ChildError) as error, Server(argv, name="the child", limits=ProcessLimits()) as server:
            server.outcome(Request({}))
        assert str(error.value).startswith(text)

    def test_a_slow_start(self) -> None:
        with (
            pytest.raises(ChildError, match=r"^the child could not be started: it did not end within 0\.2 s$"),
            Server(["/bin/sleep", "60"], name="the child", limits=ProcessLimits(), start_seconds=0.2) as server,
        ):
            server.outcome(Request({}))


PARENT = """
import os, sys, time
from wasmbuild.toolchain.child import ProcessLimits
from wasmbuild.toolchain.worker import Request
from wasmbuild.toolchain.server import Server
server = Server(sys.argv[1:], name='', limits=ProcessLimits())
print(server.outcome(Request({})).body['pid'], flush=True)
"""


def parent(code: str) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-I", "-S", "-c", CHILD, str(Path(wire.__file__).parent)]
    return subprocess.Popen([sys.executable, "-c", PARENT + code, *argv], stdout=subprocess.PIPE)


@pytest.mark.skipif(sys.platform == "win32", reason="the parent is killed outright")
def test_the_child_ends_with_its_parent_in_the_middle_of_a_request(gone: Callable[[int], bool]) -> None:
    with parent("server.outcome(Request({'do': 'sleep', 'seconds': 900}))") as asking:
        assert asking.stdout is not None
        pid = int(asking.stdout.readline())
        time.sleep(0.2)
        asking.kill()
    assert gone(pid)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is inherited where nothing is forked")
def test_the_child_ends_with_its_parent_though_another_child_of_that_lives(gone: Callable[[int], bool]) -> None:
    forked = "child = os.fork()\nif not child:\n    time.sleep(900)\nprint(child, flush=True)\ntime.sleep(900)"
    with parent(forked) as forking:
        assert forking.stdout is not None
        pid, other = int(forking.stdout.readline()), int(forking.stdout.readline())
        forking.kill()
        try:
            assert gone(pid)
            os.kill(other, 0)
        finally:
            os.kill(other, signal.SIGKILL)
