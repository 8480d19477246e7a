"""Runners that change what an executable writes, or how it ended: what they add is put aside, or they are blamed."""

from __future__ import annotations

import os
from typing import Any

import pytest
from scripted import RUNNER, Loading

from wasmbuild.formats.extern import Import
from wasmbuild.project.cases import Case, Wasi
from wasmbuild.verify.outcomes import Broken
from wasmbuild.verify.tested import WRONG

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the runners are scripts of a shell")

WASI = Wasi(("name",))
RUNS = "if not loading: sys.stderr.write('words\\n'); print('out'); sys.exit(3)"
PROGRAM = Case("_start", (), exit=3, stdout="out\n", stderr="words\n", wasi=WASI)
RETURNS = "if not loading: print(7)"
CALL = Case("f", (), returns=(7,))
BLAMED = (
    "a runner has to pass on the exit status and all that is written, and to write nothing else; correct the runner in "
    "wasmbuild.toml, or install what is missing"
)
CANNOT = "cannot be loaded by the runner of its target: wasmtime run ended"
NOTHING = 'exec "$@"'
WELCOME = 'echo Welcome; exec "$@"'
WARNING = 'echo "qemu: warning: no x2apic" >&2; exec "$@"'
CARRIAGE_RETURNS = r"""out=$("$@"); status=$?; [ -z "$out" ] || printf '%s\r\n' "$out"; exit $status"""
FAREWELL = '"$@"; status=$?; echo done; exit $status'


def through(loading: Loading, script: str) -> dict[str, Any]:
    command = ("sh", "-c", script, "sh", *loading.program.command)
    return {"site": RUNNER, "program": loading.program._replace(command=command)}


@pytest.mark.parametrize("script", [NOTHING, WELCOME, WARNING])
def test_what_a_runner_writes_first_is_no_output_of_a_program(loading: Loading, script: str) -> None:
    assert loading.test(RUNS, PROGRAM, **through(loading, script)) == (["ended with exit status 3"], None)


@pytest.mark.parametrize("script", [NOTHING, WELCOME, WARNING])
def test_what_a_runner_writes_first_is_no_result(loading: Loading, script: str) -> None:
    assert loading.test(RETURNS, CALL, type_="() -> (i32)", **through(loading, script)) == (["returned 7"], None)


def test_a_program_may_write_what_a_runner_wrote_first(loading: Loading) -> None:
    does = "if not loading: sys.stderr.write('slow\\n')"
    case = Case("_start", (), exit=0, stderr="slow\n", wasi=WASI)
    assert loading.test(does, case, **through(loading, 'echo slow >&2; exec "$@"'))[1] is None


@pytest.mark.parametrize("script", [CARRIAGE_RETURNS, FAREWELL])
def test_a_runner_that_changes_results_is_blamed(loading: Loading, script: str) -> None:
    _, obstacle = loading.test(RETURNS, CALL, type_="() -> (i32)", **through(loading, script))
    assert isinstance(obstacle, Broken)
    start = "m.cwasm: test 1 of 1, f() cannot be executed: its results cannot be told from what it writes: "
    assert obstacle.message.startswith(start)
    assert obstacle.message.endswith(f"; {BLAMED}")


def test_a_runner_that_passes_all_on_is_not_blamed_for_a_program_that_ends_itself(loading: Loading) -> None:
    load = loading.load("", type_="() -> (i32)", tests=(CALL._replace(wasi=WASI),))
    ends = (Import("wasi_snapshot_preview1", "proc_exit", "func", ""),)
    does = load._replace(artifact=load.artifact._replace(imports=ends))
    loading.run(does, **through(loading, 'case "$*" in *--preload*) exec "$@";; esac'))
    message = f'm.cwasm: test 1 of 1, f(argv ["name"]) ended with exit status 0 instead of returning 7; {WRONG}'
    assert loading.outcomes["m"].obstacle == Broken(message)


def test_results_that_change_by_themselves_may_be_the_artifact_s(loading: Loading) -> None:
    load = loading.load("if not loading: print(time.monotonic_ns())", type_="() -> (i64)", tests=(CALL,))
    writes = (Import("wasi_snapshot_preview1", "fd_write", "func", ""),)
    loading.run(load._replace(artifact=load.artifact._replace(imports=writes)), **through(loading, NOTHING))
    obstacle = loading.outcomes["m"].obstacle
    assert isinstance(obstacle, Broken)
    assert obstacle.message.endswith(f": it returns others each time; {BLAMED}; where it does so, {WRONG}")


@pytest.mark.parametrize(
    ("script", "how"),
    [
        ('"$@"; exit 0', "well, although it should not"),
        ('echo slow >&2; "$@"; exit 0', "well, although it should not (slow)"),
        ('exec "$@" 2>&1', "with status 1 and no error on stderr"),
        ('exec "$@" 2>/dev/null', "with status 1 and no error on stderr"),
    ],
)
def test_a_runner_that_loses_status_or_words_is_blamed(loading: Loading, script: str, how: str) -> None:
    _, obstacle = loading.test(RETURNS, CALL, type_="() -> (i32)", **through(loading, script))
    assert obstacle == Broken(f"{CANNOT} {how}; {BLAMED}")
