"""Tests that a ``wasmtime`` executable runs, one that does as each artifact says: how, and what comes of them."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest
from scripted import RUNNER, TELL, Loading

from wasmbuild.project.cases import Case, Wasi
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.verify.loading import HERE, LoadingSite
from wasmbuild.verify.outcomes import CALLS, Broken, Unreachable

PROGRAM = Wasi(("name", "x"), (("LANG", "C"),), "größe")
WRONG = "correct the source or the test; if both are right, compile with another patch release of Wasmtime"
MEMORY = "needs more memory than the limit of 2 GiB; raise --memory-limit, or memory-limit of its runner"


@pytest.mark.parametrize("site", [HERE, RUNNER], ids=["here", "runner"])
def test_how_a_test_is_run(loading: Loading, tmp_path: Path, site: LoadingSite) -> None:
    tell = TELL.format(noted=str(tmp_path / "noted"))
    program = loading.program._replace(directory=str(loading.project) if site.is_runner else None)
    case, limits = Case("_start", (), exit=0, wasi=PROGRAM), ProcessLimits(2 << 30, 60)
    words, obstacle = loading.test(
        f"if not loading:\n{textwrap.indent(tell, ' ')}", case, site=site, program=program, limits=limits
    )
    assert (words, obstacle) == (["ended with exit status 0"], None)
    noted = json.loads((tmp_path / "noted").read_text())
    assert noted["arguments"][:-2] == [
        "run", "--allow-precompiled", "-W", "simd=y", "-S", "inherit-env=n", "--argv0=name", "--env=LANG=C",
        "--invoke=_start",
    ]  # fmt: skip
    assert noted["arguments"][-1] == "x"
    assert (noted["stdin"], noted["environment"]["A"]) == ("größe", "b")
    # Instances reserve address space by the gigabyte.
    assert noted["data"] == 2 << 30
    assert noted["space"] != 2 << 30


def test_an_artifact_without_a_grant_is_loaded_and_not_tested(loading: Loading) -> None:
    case = Case("f", (), returns=(1,))
    loading.run(loading.load("", tests=(case,))._replace(metering=None))
    assert loading.outcomes["m"][:2] == (None, None)


def test_what_is_not_loaded_is_not_tested(loading: Loading) -> None:
    loading.run(loading.load("fail('Error: no\\n')", tests=(Case("f", (), returns=(1,)),)))
    assert loading.outcomes["m"].results is None
    assert loading.outcomes["m"].obstacle is not None


def test_every_test_runs_in_a_process_of_its_own(loading: Loading) -> None:
    does = """
    failed = "Error: failed to run main module `x`\\n\\nCaused by:\\n"
    if not loading:
        n = int(arguments[-1])
        if n == 2: fail(f"{failed}    0: failed to invoke `f`\\n    2: wasm trap: bad\\n", 134)
        if n == 3: fail(f"{failed}    not enough\\n")
        print(n * 10)
    """
    cases = [Case("f", (n,), returns=(n * 10,)) for n in range(5)]
    words, obstacle = loading.test(does, *cases, type_="(i32) -> (i32)")
    assert words == [
        "returned 0",
        "returned 10",
        "trapped (bad)",
        "cannot be executed: Error: failed to run main module `x`: not enough",
        "returned 40",
    ]
    assert obstacle == Broken(
        f"m.cwasm: test 3 of 5, f(2) trapped (bad) instead of returning 20; 1 more test fails; {WRONG}"
    )


def test_after_a_death_no_other_test_runs(loading: Loading, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    does = f"""
    if not loading:
        with open({str(ran)!r}, "a") as out: out.write(arguments[-1])
        if arguments[-1] == "1": os.kill(os.getpid(), signal.SIGSEGV)
    """
    words, _ = loading.test(does, *(Case("f", (n,), returns=()) for n in range(4)), type_="(i32) -> ()")
    assert words == ["returned nothing", "ends the process that runs it, which was killed by SIGSEGV"]
    assert ran.read_text() == "01"


@pytest.mark.parametrize(
    ("does", "case", "problem"),
    [
        ("print('7')", Case("f", (), returns=(7,)), ""),
        ("print('8')", Case("f", (), returns=(7,)), f"returned 8 instead of 7; {WRONG}"),
        ("print('x')", Case("f", (), returns=(7,)), "cannot be executed: its results cannot be told from what it"),
        ("print('7')", Case("f", (), traps="bad"), f'returned 7 instead of trapping with "bad"; {WRONG}'),
        ("os.kill(os.getpid(), 11)", Case("f", (), returns=(7,)), "ends the process that runs it, which was killed by"),
        ("sys.exit(139)", Case("f", (), returns=(7,)), "ends the process that runs it, which ended with status 139; "),
        (
            "time.sleep(1000)", Case("f", (), returns=(7,), seconds=1),
            "did not end within 1 s; raise the time-limit of the test, or correct",
        ),
        (
            "sys.stderr.write('memory allocation of 12 bytes failed\\n'); os.abort()",
            Case("f", (), returns=(7,)), MEMORY,
        ),
        (
            "fail('Error: failed to run main module `x`\\n\\nCaused by:\\n    1: Cannot allocate memory\\n')",
            Case("f", (), returns=(7,)), MEMORY,
        ),
        ("sys.exit(3)", Case("_start", (), exit=3, wasi=PROGRAM), ""),
        ("sys.exit(3)", Case("_start", (), exit=0, wasi=PROGRAM), "ended with exit status 3 instead of exit status 0"),
        ("fail('Error: no file\\n')", Case("_start", (), exit=1, stderr="Error: no file\n", wasi=PROGRAM), ""),
        (r"os.write(2, b'\x1b[m\xff\r\n')", Case("_start", (), exit=0, stderr="\x1b[m\udcff\r\n", wasi=PROGRAM), ""),
        (
            r"os.write(2, b'\x1b[31m')", Case("_start", (), exit=0, stderr="\ufffd[31m", wasi=PROGRAM),
            r'wrote "\u001b[31m" to stderr instead of',
        ),
        ("os.write(1, sys.stdin.buffer.read())", Case("_start", (), exit=0, stdout="größe", wasi=PROGRAM), ""),
        ("print('a')", Case("_start", (), exit=0, stdout="b\n", wasi=PROGRAM), 'wrote "a\\n" to stdout instead of'),
    ],
)  # fmt: skip
def test_what_comes_of_a_test(loading: Loading, does: str, case: Case, problem: str) -> None:
    does = f"if not loading:\n {does}"
    _, obstacle = loading.test(does, case, type_="() -> (i32)", limits=ProcessLimits(2 << 30, 60))
    if problem:
        assert isinstance(obstacle, Broken)
        assert obstacle.message.startswith(f"m.cwasm: test 1 of 1, {case.title} {problem}")
    else:
        assert obstacle is None


def test_a_program_may_end_as_an_executable_that_is_misused(loading: Loading) -> None:
    does = "if not loading: fail('error: no such file\\n\\nUsage: prog FILE\\n', 2)"
    case = Case("_start", (), exit=2, stderr="error: no such file\n\nUsage: prog FILE\n", wasi=PROGRAM)
    assert loading.test(does, case) == (["ended with exit status 2"], None)


def test_an_executable_that_lacks_an_option_of_a_test_says_nothing_of_the_artifact(loading: Loading) -> None:
    does = "if '--argv0=name' in arguments: fail('error: unexpected --argv0\\n', 2)"
    words, obstacle = loading.test(does, Case("_start", (), exit=2, wasi=PROGRAM))
    said = 'this executable does not take the options of _start(argv ["name", "x"]) (error: unexpected --argv0)'
    assert (words, obstacle) == ([], Unreachable(f"cannot be tested: {said}; a runner with a python does", CALLS))


def test_a_failure_names_the_artifact_and_not_the_private_copy(loading: Loading) -> None:
    does = "if not loading: fail(f'Error: failed to run main module `{file}`\\n\\nCaused by:\\n    no\\n')"
    words, _ = loading.test(does, Case("f", (), returns=()))
    assert words == ["cannot be executed: Error: failed to run main module `m.cwasm`: no"]


@pytest.mark.parametrize(
    ("kind", "type_", "why"),
    [
        ("module", "() -> (v128)", "an executable takes and gives no vectors, as f() does"),
        ("component", "", "an executable does not call functions of components such as f()"),
    ],
)
def test_tests_that_no_executable_can_run_are_not_run(loading: Loading, kind: str, type_: str, why: str) -> None:
    does = "if not loading: open('ran', 'w')"
    loading.run(loading.load(does, kind=kind, type_=type_, tests=(Case("f", (), traps="x"),)))
    words = f"cannot be tested: {why}; a runner with a python does"
    assert loading.outcomes["m"][:2] == (Unreachable(words, CALLS), ())
