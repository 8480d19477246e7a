"""The loader against children that misbehave in ways that no artifact brings about on demand."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from answering import Loads, Starter

from wasmbuild.project.cases import Case
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.verify.loading import LoadOutcome
from wasmbuild.verify.outcomes import Broken, Unverified


def test_a_death_that_another_artifact_may_have_caused_is_not_believed(start: Starter, loads: Loads) -> None:
    loader = start(
        """
        def handle(request, data, files):
            global count
            count += len(request["load"]) > 0
            if count == 2:
                os.abort()
            return nothing(request)
        """
    )
    loads.through(loader, "abcdef")
    assert loads.outcomes == dict.fromkeys("abcdef")


def test_a_death_of_its_own_is(start: Starter, loads: Loads) -> None:
    loader = start("def handle(request, data, files): os.kill(os.getpid(), signal.SIGSEGV)")
    loads.through(loader, "abc")
    for name in "abc":
        obstacle = loads.outcomes[name]
        assert isinstance(obstacle, Broken)
        assert obstacle.message == (
            f"{name}.cwasm ends the process that loads it, which was killed by SIGSEGV; build again, or copy it again "
            f"from where it was built"
        )


def test_a_child_that_hangs_costs_one_artifact_its_verdict(start: Starter, loads: Loads) -> None:
    loader = start(
        """
        def handle(request, data, files):
            if "component" in request["load"]:
                time.sleep(1000)
            return nothing(request)
        """,
        ProcessLimits(seconds=2),
    )
    for name in "abc":
        load = loads.make(name)
        kind = "component" if name == "b" else "module"
        loader.put(load._replace(artifact=load.artifact._replace(kind=kind)))
    loader.close()
    assert (loads.outcomes["a"], loads.outcomes["c"]) == (None, None)
    assert "which did not end within 2 s" in str(loads.outcomes["b"])


@pytest.mark.parametrize("reply", ["{}", '{"imports": [[]], "exports": []}', '{"imports": [], "exports": [[1, 2, 3]]}'])
def test_an_answer_that_makes_no_sense_is_no_proof(start: Starter, loads: Loads, reply: str) -> None:
    loader = start(f"def handle(request, data, files): return {{'loaded': [{reply}]}}, b''")
    loads.through(loader, "a")
    assert loads.outcomes["a"] == Broken(
        "a.cwasm makes the process that loads it answer with nonsense; build again, or copy it again from where it was "
        "built"
    )


@pytest.mark.parametrize(
    "instead", ["os.abort()", "os._exit(0)", "time.sleep(1000)", "return {}, b''", "return {'loaded': [{}]}, b''"]
)
def test_where_several_at_once_come_to_no_answer_each_is_loaded_by_itself(
    start: Starter, loads: Loads, instead: str
) -> None:
    loader = start(
        f"""
        def handle(request, data, files):
            if len(request["load"]) > 1:
                {instead}
            if request["load"] == ["component"]:
                os.abort()
            return nothing(request)
        """,
        ProcessLimits(seconds=2),
    )
    for number in range(20):
        load = loads.make(str(number))
        kind = "component" if number == 11 else "module"
        loader.put(load._replace(artifact=load.artifact._replace(kind=kind)))
    loader.close()
    assert "11.cwasm ends the process that loads it, which was killed by SIGABRT; " in str(loads.outcomes.pop("11"))
    assert loads.outcomes == {str(number): None for number in range(20) if number != 11}


def test_memory_that_others_took_is_not_lacked_by_an_artifact(start: Starter, loads: Loads) -> None:
    loader = start(
        """
        def handle(request, data, files):
            global count
            count += len(request["load"])
            if count > 1:
                return {"loaded": [{"error": "out of memory (failed to allocate 9 bytes)"} for _ in files]}, b""
            return nothing(request)
        """,
        ProcessLimits(1 << 30, 30),
    )
    loads.through(loader, map(str, range(9)))
    assert loads.outcomes == {str(number): None for number in range(9)}


def test_artifacts_with_tests_are_loaded_by_themselves(start: Starter, loads: Loads) -> None:
    loader = start(
        """
        def handle(request, data, files):
            if "test" in request:
                return {"returned": [7], "expected": [7], "types": ["i32"]}, b""
            if request["engine"] == "slow":
                time.sleep(0.5)
            return nothing(request)
        """
    )
    loader.put(loads.make("first")._replace(how="slow"))
    for number in range(20):
        loader.put(loads.make(str(number), *([Case("f", (), returns=(7,))] if number % 3 == 1 else [])))
    loader.close()
    assert {name for name, tests in loads.results.items() if tests} == {str(number) for number in range(1, 20, 3)}
    assert loads.outcomes == dict.fromkeys(["first", *map(str, range(20))])


def test_a_process_that_the_system_killed_once_is_no_fault(start: Starter, loads: Loads, tmp_path: Path) -> None:
    loader = start(
        f"""
        def handle(request, data, files):
            if not os.path.exists({str(tmp_path / "killed")!r}):
                os.mkdir({str(tmp_path / "killed")!r})
                os.kill(os.getpid(), signal.SIGKILL)
            return nothing(request)
        """
    )
    loads.through(loader, "a")
    assert loads.outcomes == {"a": None}


def test_the_time_that_a_process_takes_to_start_is_nobody_s(start: Starter, loads: Loads, tmp_path: Path) -> None:
    loader = start(
        f"""
        time.sleep(2.2)
        def handle(request, data, files):
            global count
            count += 1
            if count == 1:
                return nothing(request)
            try:
                os.mkdir({str(tmp_path / "died")!r})
            except FileExistsError:
                return nothing(request)
            os.abort()
        """,
        ProcessLimits(seconds=2),
    )
    loads.through(loader, map(str, range(40)))
    assert loads.outcomes == {str(number): None for number in range(40)}


def test_what_is_loaded_again_does_not_pile_up(start: Starter, loads: Loads) -> None:
    loader = start(
        """
        def handle(request, data, files):
            if len(files) > 1:
                os._exit(3)
            return nothing(request)
        """
    )
    most = 0
    for number in range(300):
        loader.put(loads.make(str(number)))
        most = max(most, sum(not file.closed for file in loads.files))
    loader.close()
    assert most < 120
    assert loads.outcomes == {str(number): None for number in range(300)}


def test_only_small_artifacts_of_one_engine_are_loaded_at_once(start: Starter, loads: Loads, tmp_path: Path) -> None:
    """Each says how many it came with."""
    begun, go = tmp_path / "begun", tmp_path / "go"
    loader = start(
        f"""
        def handle(request, data, files):
            if request["engine"] == "slow":
                os.mkdir({str(begun)!r})
                while not os.path.exists({str(go)!r}):
                    time.sleep(0.01)
            count = len(request["load"])
            return {{"loaded": [{{"error": f"{{count}} with engine {{request['engine']}}"}} for _ in files]}}, b""
        """
    )
    loader.put(loads.make("first")._replace(how="slow"))
    while not begun.exists():
        assert not loads.outcomes
    for number in range(40):
        load = loads.make(f"{number}")
        loader.put(load._replace(how="one"))
    go.touch()
    for number in range(2):
        load = loads.make(f"large {number}")
        loader.put(load._replace(artifact=load.artifact._replace(size=600_000), how="one"))
    loader.put(loads.make("last")._replace(how="other"))
    loader.close()
    said = {name: str(obstacle) for name, obstacle in loads.outcomes.items()}
    assert list(said) == ["first", *map(str, range(40)), "large 0", "large 1", "last"]
    assert " 1 with engine slow; " in said["first"]
    assert any(" 16 with engine one; " in said[str(number)] for number in range(40))
    assert " 1 with engine one; " in said["large 1"]
    assert " 1 with engine other; " in said["last"]


def test_more_artifacts_than_wait_at_once(start: Starter, loads: Loads) -> None:
    loader = start("def handle(request, data, files): return nothing(request)")
    loader.warm([[], None])
    names = [str(number) for number in range(500)]
    loads.through(loader, names)
    assert loads.outcomes == dict.fromkeys(names)


def test_a_child_that_cannot_start_leaves_all_unverified(start: Starter, loads: Loads) -> None:
    loader = start("raise SystemExit('no library')")
    for number in range(200):
        loader.put(loads.make(str(number)))
    loader.close()
    words = (
        "was not loaded: the probe with the library of wasmtime 48.0.0 could not be started: it ended with status 1 "
        "(no library)"
    )
    assert set(loads.outcomes.values()) == {Unverified(words)}
    assert len(loads.outcomes) == 200
    assert all(file.closed for file in loads.files)


def test_an_error_over_the_last_artifact_is_raised_at_the_end(start: Starter, loads: Loads) -> None:
    loader = start("def handle(request, data, files): return nothing(request)")

    def fail(outcome: LoadOutcome) -> None:
        raise RuntimeError(f"not {outcome.obstacle}")

    loader.put(loads.make("a")._replace(settle=fail))
    with pytest.raises(RuntimeError, match="not None"):
        loader.close()
    loader.abort()


def test_an_abort_does_not_wait_for_the_child(start: Starter, loads: Loads) -> None:
    loader = start("def handle(request, data, files): time.sleep(1000)", ProcessLimits())
    for number in range(40):
        loader.put(loads.make(str(number)))
    loader.abort()
    assert all(file.closed for file in loads.files)
    for thread in threading.enumerate():
        if thread.name == "wasmbuild-loader":
            # It has said that it is done, and is about to end.
            thread.join(60)
            assert not thread.is_alive()
