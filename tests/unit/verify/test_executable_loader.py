"""The loader that starts a ``wasmtime`` executable, against one that does as each artifact says."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from scripted import RUNNER, TELL, Loading

from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.verify.executable_loader import ExecutableLoader, LoaderCommand
from wasmbuild.verify.loading import HERE, LoadingSite
from wasmbuild.verify.outcomes import CPU, WASMTIME, Broken, Unreachable, Unverified

AGAIN = "build again, or copy it again from where it was built"
BY_HAND = "if it was written by hand, or changed, build again"
CANNOT_HERE = "cannot be loaded on this host: "
CANNOT_THERE = "cannot be loaded by the runner of its target: "
CORRECT = "correct the runner in wasmbuild.toml, or install what is missing"
NO_ERROR = " and no error on stderr"
BLAMED = f"a runner has to pass on the exit status and all that is written, and to write nothing else; {CORRECT}"
MEMORY = "needs more memory than the limit of 2 GiB; raise --memory-limit, or memory-limit of its runner"


def test_what_opens_its_preload_is_loaded(loading: Loading) -> None:
    assert loading.obstacle("") is None


@pytest.mark.parametrize("site", [HERE, RUNNER], ids=["here", "runner"])
def test_how_an_executable_is_run(
    loading: Loading, tmp_path: Path, site: LoadingSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "yes")
    does = TELL.format(noted=str(tmp_path / "noted"))
    directory = str(loading.project) if site.is_runner else None
    program = loading.program._replace(directory=directory)
    assert loading.obstacle(does, site=site, program=program, limits=ProcessLimits(2 << 30, 60)) is None
    noted = json.loads((tmp_path / "noted").read_text())
    *options, file = noted["arguments"]
    assert options == ["run", "--allow-precompiled", "-W", "simd=y", "--preload", f"probe={file}/missing"]
    assert Path(file).is_absolute() == site.is_runner
    assert noted["cwd"] == (directory or str(loading.private))
    assert Path(noted["file"]).parent == loading.private.resolve()
    assert noted["sha256"] == hashlib.sha256(does.encode()).hexdigest()
    assert (noted["environment"]["A"], noted["stdin"]) == ("b", "")
    assert "SECRET" not in noted["environment"]
    # The address space of an emulator is not bounded.
    assert noted["data" if site.is_runner else "space"] == 2 << 30
    assert noted["space" if site.is_runner else "data"] != 2 << 30


def test_what_is_written_before_the_words_of_the_executable_is_no_word_of_it(loading: Loading) -> None:
    assert loading.obstacle("sys.stderr.write('qemu: warning: no such feature\\nError\\n')") is None


@pytest.mark.parametrize("site", [HERE, RUNNER], ids=["here", "runner"])
def test_what_cannot_be_deserialized_is_refused(loading: Loading, site: LoadingSite) -> None:
    words = "Error: failed deserialization for: load.cwasm\\n\\nCaused by:\\n    Module was compiled without fuel\\n"
    obstacle = loading.obstacle(f"fail('{words}')", site=site)
    assert isinstance(obstacle, Broken)
    assert obstacle.message.startswith("m.cwasm is refused by Wasmtime: Module was compiled without fuel; ")


@pytest.mark.parametrize("site", [HERE, RUNNER], ids=["here", "runner"])
def test_an_artifact_that_has_wasmtime_say_it_is_loaded_is_refused(loading: Loading, site: LoadingSite) -> None:
    version = 'x\\nError: failed to open wasm module \\"a/missing\\"\\nx'
    words = f"Error: failed deserialization for: load.cwasm\\n\\nCaused by:\\n    Module is of version `{version}`\\n"
    obstacle = loading.obstacle(f"fail('{words}')", site=site)
    assert isinstance(obstacle, Broken)
    assert obstacle.message.startswith("m.cwasm is refused by Wasmtime: Module is of version `x")


def test_a_refusal_of_one_line(loading: Loading) -> None:
    obstacle = loading.obstacle("fail('Error: no such thing\\n')")
    assert obstacle is not None
    assert obstacle.message.startswith("m.cwasm is refused by Wasmtime: no such thing; ")


@pytest.mark.parametrize(
    ("does", "ending"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "was killed by SIGSEGV"),
        ("sys.stderr.write('oops\\n'); os.kill(os.getpid(), signal.SIGILL)", "was killed by SIGILL (oops)"),
        ("fail('', 3)", "ended with status 3"),
        ("fail('no\\nError\\n', 134)", "ended with status 134 (no: Error)"),
        (
            "fail('Error: failed to open wasm module \"missing\"\\n', 3)",
            'ended with status 3 (Error: failed to open wasm module "missing")',
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("site", [HERE, RUNNER], ids=["here", "runner"])
def test_how_a_process_ends_over_an_artifact(loading: Loading, site: LoadingSite, does: str, ending: str) -> None:
    message = f"m.cwasm ends the process that loads it, which {ending}; {AGAIN}"
    assert loading.obstacle(does, site=site) == Broken(message)


@pytest.mark.parametrize(
    ("does", "ending", "more", "said"),
    [
        ("fail('nonsense\\n')", "ended with status 1", NO_ERROR, " (nonsense)"),
        ("fail('failed to open wasm module')", "ended with status 1", NO_ERROR, " (failed to open wasm module)"),
        ("fail('')", "ended with status 1", NO_ERROR, ""),
        ("print('Error: failed to open wasm module \"missing\"'); fail('')", "ended with status 1", NO_ERROR, ""),
        ("sys.exit(0)", "ended well, although it should not", "", ""),
        ("fail('no board\\n', 0)", "ended well, although it should not", "", " (no board)"),
    ],
)  # fmt: skip
def test_a_runner_is_blamed_for_what_no_artifact_brings_about(
    loading: Loading, does: str, ending: str, more: str, said: str
) -> None:
    crashed = f"m.cwasm ends the process that loads it, which {ending}{said}; {AGAIN}"
    assert loading.obstacle(does) == Broken(crashed)
    loading.outcomes.clear()
    lost = f"{CANNOT_THERE}wasmtime run {ending}{more}{said}; {BLAMED}"
    assert loading.obstacle(does, site=RUNNER) == Broken(lost)


@pytest.mark.parametrize("site", [HERE, RUNNER], ids=["here", "runner"])
def test_loading_that_hangs_ends_when_its_time_is_up(loading: Loading, site: LoadingSite) -> None:
    assert loading.obstacle("time.sleep(1000)", site=site, limits=ProcessLimits(seconds=1)) == Broken(
        f"m.cwasm ends the process that loads it, which did not end within 1 s; raise the time limit, or {AGAIN}"
    )


@pytest.mark.parametrize("site", [HERE, RUNNER], ids=["here", "runner"])
@pytest.mark.parametrize(
    "does",
    [
        "bytearray(3 << 30)",
        "fail('Error: x\\n\\nCaused by:\\n    Cannot allocate memory (os error 12)\\n')",
        "sys.stderr.write('memory allocation of 12 bytes failed\\n'); os.abort()",
    ],
    ids=["MemoryError", "refused", "abort"],
)
def test_what_needs_more_memory_than_it_may_have(loading: Loading, site: LoadingSite, does: str) -> None:
    assert loading.obstacle(does, site=site, limits=ProcessLimits(2 << 30, 60)) == Broken(f"m.cwasm {MEMORY}")


@pytest.mark.parametrize("site", [HERE, RUNNER], ids=["here", "runner"])
def test_settings_that_the_executable_does_not_take(loading: Loading, site: LoadingSite) -> None:
    obstacle = loading.obstacle("fail(\"error: unexpected argument '-W'\\n\\nUsage: wasmtime run\\n\", 2)", site=site)
    why = (
        f"{loading.program.command[-1]} does not take its settings "
        "(error: unexpected argument '-W': Usage: wasmtime run)"
    )
    if site.is_runner:
        assert obstacle == Broken(f"{CANNOT_THERE}{why}; name another executable")
    else:
        assert obstacle == Unverified(f"was not loaded: {why}; name another executable")


def test_an_executable_without_run_is_something_that_this_host_lacks(loading: Loading) -> None:
    obstacle = loading.obstacle("fail(\"error: unrecognized subcommand 'run'\\n\\nUsage: wasmtime\\n\", 2)")
    why = f"{loading.program.command[-1]} was built without `run`"
    assert obstacle == Unreachable(f"{CANNOT_HERE}{why}", WASMTIME)


def test_a_cpu_that_lacks_something(loading: Loading) -> None:
    words = 'compilation setting "has_avx2" is enabled, but not available on the host'
    obstacle = loading.obstacle(f"fail('Error: failed deserialization for: x\\n\\nCaused by:\\n    {words}\\n')")
    assert obstacle == Unreachable(f"{CANNOT_HERE}its CPU lacks avx2", CPU)


def test_each_artifact_is_judged_by_itself(loading: Loading) -> None:
    crash = "os.kill(os.getpid(), signal.SIGSEGV)"
    loading.run(*(loading.load(crash if i % 10 == 3 else "", name=f"m{i}") for i in range(20)))
    assert len(loading.outcomes) == 20
    broken = {name for name, outcome in loading.outcomes.items() if outcome.obstacle is not None}
    assert broken == {"m3", "m13"}


def test_an_artifact_that_was_replaced_is_not_loaded(loading: Loading) -> None:
    load = loading.load("")
    loading.run(load._replace(artifact=load.artifact._replace(sha256="0" * 64)))
    assert loading.outcomes["m"].obstacle == Broken(
        "m.cwasm changed while it was verified; verify when nothing writes to it"
    )


def test_a_file_is_copied_whole_wherever_its_offset_is(loading: Loading) -> None:
    load = loading.load("# nothing\n" * (1 << 17))
    load.file.seek(9)
    loading.run(load)
    assert loading.outcomes["m"].obstacle is None


def test_no_more_files_are_held_open_than_can_be_under_way(loading: Loading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    loader = ExecutableLoader(loading.program, loading.private, ProcessLimits(seconds=60))
    files = []
    for number in range(12):
        load = loading.load("", name=f"m{number}")
        files.append(load.file)
        loader.put(load)
        assert sum(not file.closed for file in files) <= 3
    loader.close()
    assert len(loading.outcomes) == 12


def test_an_abort_begins_nothing_more(loading: Loading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    loader = ExecutableLoader(loading.program, loading.private, ProcessLimits(seconds=60))
    loads = [loading.load("time.sleep(1000)", name=name) for name in "abc"]
    for load in loads:
        loader.put(load)
    loader.abort()
    assert all(load.file.closed for load in loads)
    assert loading.outcomes.keys() <= {"a"}
    assert list(loading.private.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("moment", ["begun", "awaited"])
def test_a_request_to_stop_is_heard_at_any_moment(
    loading: Loading, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    loader = ExecutableLoader(loading.program, loading.private, ProcessLimits(seconds=60))
    submit, started = loader._pool.submit, time.monotonic()

    def interrupted(*arguments: Any) -> Any:
        submitted = submit(*arguments)
        signal.raise_signal(signal.SIGINT)
        return submitted

    # Heard by another thread, it does not end a wait of this one.
    later = threading.Timer(0.3, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGINT))
    if moment == "begun":
        monkeypatch.setattr(loader._pool, "submit", interrupted)
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 -- where it comes is what is tested
        if moment == "awaited":
            later.start()
        loader.put(loading.load("time.sleep(1000)"))
        loader.close()
    loader.abort()
    assert time.monotonic() - started < 30
    assert list(loading.private.iterdir()) == []


# --- executables that do not run --------------------------------------------------------------------------------------


def test_an_executable_of_this_host_that_is_gone_leaves_it_unverified(loading: Loading) -> None:
    loading.run(loading.load(), program=LoaderCommand(("/nowhere/wasmtime",)))
    assert loading.outcomes["m"].obstacle == Unverified(
        "m.cwasm was not loaded: cannot run /nowhere/wasmtime: No such file or directory"
    )


@pytest.mark.parametrize(
    ("command", "memory", "why"),
    [
        (("/nowhere/qemu", "wasmtime"), None, f"cannot run /nowhere/qemu: No such file or directory; {CORRECT}"),
        (
            ("/nowhere/qemu", "wasmtime"), 2 << 30,
            "cannot run /nowhere/qemu: No such file or directory; correct the runner in wasmbuild.toml, or install it",
        ),
        (
            (sys.executable, "-c", "raise SystemExit('no board')"), None,
            f"wasmtime --version ended with status 1 (no board); {CORRECT}",
        ),
        ((sys.executable, "-c", "print('busybox')"), None, f"wasmtime --version ended without an answer; {CORRECT}"),
        (
            (sys.executable, "-c", "import os; os.kill(os.getpid(), 11)"), None,
            f"wasmtime --version was killed by SIGSEGV; {CORRECT}",
        ),
    ],
    ids=["missing", "missing, bounded", "status", "another program", "signal"],
)  # fmt: skip
def test_a_runner_that_runs_nothing_is_blamed_itself(
    loading: Loading, command: tuple[str, ...], memory: int | None, why: str
) -> None:
    loads = [loading.load("", name=name) for name in "abc"]
    loading.run(*loads, site=RUNNER, limits=ProcessLimits(memory, 60), program=LoaderCommand(command))
    assert {name: outcome.obstacle for name, outcome in loading.outcomes.items()} == dict.fromkeys(
        "abc", Broken(f"{CANNOT_THERE}{why}")
    )


def test_a_runner_that_runs_nothing_is_not_asked_again(
    loading: Loading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    asked = tmp_path / "asked"
    program = LoaderCommand(
        (sys.executable, "-c", f"open({str(asked)!r}, 'a').write('x'); raise SystemExit('no board')")
    )
    loading.run(*(loading.load("", name=name) for name in "abc"), site=RUNNER, program=program)
    why = f"wasmtime --version ended with status 1 (no board); {CORRECT}"
    assert {outcome.obstacle for outcome in loading.outcomes.values()} == {Broken(f"{CANNOT_THERE}{why}")}
    # Once for the first artifact, and once for its version.
    assert asked.read_text() == "xx"


def test_an_executable_of_this_host_has_told_its_version_before(loading: Loading) -> None:
    program = LoaderCommand((sys.executable, "-c", "raise SystemExit('no board')"))
    ending = "ends the process that loads it, which ended with status 1 (no board)"
    loading.run(loading.load(), program=program)
    assert loading.outcomes["m"].obstacle == Broken(f"m.cwasm {ending}; {AGAIN}")
