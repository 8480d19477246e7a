"""Children of the loader that have no more memory for what comes next, because of what they did before."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from answering import Loads, Starter
from scripted import RUNNER

from wasmbuild.project.cases import Case
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.verify.loading import HERE, LoadingSite
from wasmbuild.verify.outcomes import Broken
from wasmbuild.verify.tested import WRONG

# Those that are to be late wait for a shorter time.
TESTED = [Case("f", (number,), returns=(7,), seconds=1 if number in (2, 3, 6) else 30) for number in range(7)]
LIMITS = ProcessLimits(1 << 30, 30)
# A child that notes each test it begins, and does something instead of the third that it takes.
CHILD = """
def handle(request, data, files):
    global count
    if "test" not in request:
        return nothing(request)
    count += 1
    with open({begun!r}, "a") as out:
        out.write(str(request["test"]["args"][0]))
    if {when}:
        {instead}
    return {{"returned": [7], "expected": [7], "types": ["i32"]}}, b""
"""
LATE = "time.sleep(1000)"
MINUS_ONE = "return {'returned': [-1], 'expected': [7], 'types': ['i32']}, b''"
TRAPS = "return {'trapped': 'unreachable'}, b''"
LACKS = "return {'failed': 'Cannot allocate memory (os error 12)'}, b''"


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    return tmp_path / "begun"


@pytest.mark.parametrize("site", [HERE, RUNNER], ids=["here", "runner"])
@pytest.mark.parametrize("instead", [LACKS, "raise MemoryError"], ids=["told", "died"])
def test_memory_that_other_tests_took_is_not_lacked_by_one(
    start: Starter, loads: Loads, begun: Path, site: LoadingSite, instead: str
) -> None:
    loader = start(CHILD.format(begun=str(begun), when="count == 3", instead=instead), LIMITS, site)
    loader.put(loads.make("many", *TESTED))
    for number, case in enumerate(TESTED):
        loader.put(loads.make(str(number), case))
    loader.close()
    assert set(loads.outcomes.values()) == {None}
    # By each child; what had no outcome in one is repeated in the next.
    assert begun.read_text() == "".join(["012", "234", "456", "601", "123", "345", "56"])


def test_what_a_runner_is_late_with_after_others_is_repeated_once(start: Starter, loads: Loads, begun: Path) -> None:
    loader = start(CHILD.format(begun=str(begun), when="count == 4", instead=LATE), LIMITS, RUNNER)
    loader.put(loads.make("many", *TESTED))
    loader.put(loads.make("next", TESTED[0]))
    loader.close()
    assert loads.outcomes == {"many": None, "next": None}
    assert begun.read_text() == "".join(["0123", "3456", "60"])


def test_what_is_late_again_is_late(start: Starter, loads: Loads, begun: Path) -> None:
    when = 'request["test"]["args"][0] == 2'
    loader = start(CHILD.format(begun=str(begun), when=when, instead=LATE), LIMITS, RUNNER)
    loader.put(loads.make("many", *TESTED))
    loader.put(loads.make("next", TESTED[3]))
    loader.put(loads.make("alone", TESTED[2]))
    loader.close()
    late = "did not end within 1 s; raise the time-limit of the test, or correct what never ends"
    assert loads.outcomes == {
        "many": Broken(f"many.cwasm: test 3 of 7, f(2) {late}"),
        "next": None,
        "alone": Broken(f"alone.cwasm: test 1 of 1, f(2) {late}"),
    }
    assert begun.read_text() == "".join(["012", "2", "32", "2"])


@pytest.mark.parametrize("instead", [MINUS_ONE, TRAPS, "os.kill(os.getpid(), 11)"], ids=["returned", "trapped", "died"])
def test_what_a_runner_has_wrong_after_others_is_repeated_once(
    start: Starter, loads: Loads, begun: Path, instead: str
) -> None:
    loader = start(CHILD.format(begun=str(begun), when="count > 3", instead=instead), LIMITS, RUNNER)
    loader.put(loads.make("many", *TESTED))
    loader.put(loads.make("next", TESTED[0]))
    loader.close()
    assert loads.outcomes == {"many": None, "next": None}
    assert begun.read_text() == "".join(["0123", "3456", "60"])


def test_what_is_wrong_in_a_new_child_too_is_wrong(start: Starter, loads: Loads, begun: Path) -> None:
    when = 'request["test"]["args"][0] == 2'
    loader = start(CHILD.format(begun=str(begun), when=when, instead=MINUS_ONE), LIMITS, RUNNER)
    loader.put(loads.make("many", *TESTED))
    loader.put(loads.make("next", TESTED[2]))
    loader.close()
    assert loads.outcomes == {
        "many": Broken(f"many.cwasm: test 3 of 7, f(2) returned -1 instead of 7; {WRONG}"),
        "next": Broken(f"next.cwasm: test 1 of 1, f(2) returned -1 instead of 7; {WRONG}"),
    }
    assert begun.read_text() == "".join(["012", "234562", "2"])


def test_where_all_tests_are_wrong_few_are_repeated(start: Starter, loads: Loads, begun: Path) -> None:
    loader = start(CHILD.format(begun=str(begun), when="True", instead=MINUS_ONE), LIMITS, RUNNER)
    loader.put(loads.make("many", *TESTED, *TESTED))
    loader.close()
    assert f"; 13 more tests fail; {WRONG}" in str(loads.outcomes["many"])
    # What came first in its child is not repeated; the others after one, two and four.
    assert begun.read_text() == "".join(["01", "123", "34560", "0123456"])


def test_what_is_wrong_here_is_so_at_once(start: Starter, loads: Loads, begun: Path) -> None:
    loader = start(CHILD.format(begun=str(begun), when="count == 3", instead=MINUS_ONE), LIMITS)
    loader.put(loads.make("many", *TESTED))
    loader.close()
    assert "f(2) returned -1 instead of 7; " in str(loads.outcomes["many"])
    assert begun.read_text() == "0123456"


def test_what_is_late_here_is_so_at_once(start: Starter, loads: Loads, begun: Path) -> None:
    loader = start(CHILD.format(begun=str(begun), when="count == 3", instead=LATE), LIMITS)
    loader.put(loads.make("many", *TESTED))
    loader.close()
    assert "f(2) did not end within 1 s; " in str(loads.outcomes["many"])
    assert begun.read_text() == "012"


def test_an_artifact_that_a_runner_loads_late_after_others_is_loaded_again(start: Starter, loads: Loads) -> None:
    loader = start(
        """
        def handle(request, data, files):
            global count
            count += len(request["load"])
            if count > 3:
                time.sleep(1000)
            return nothing(request)
        """,
        ProcessLimits(1 << 30, 2),
        RUNNER,
    )
    for number in range(5):
        load = loads.make(str(number))
        loader.put(load._replace(artifact=load.artifact._replace(size=2 << 20)))
    loader.close()
    assert loads.outcomes == {str(number): None for number in range(5)}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_what_is_late_without_any_memory_left_is_told_of_its_limit(start: Starter, loads: Loads) -> None:
    loader = start(
        """
        import resource
        def handle(request, data, files):
            if "test" in request or request["load"] == ["component"]:
                resource.setrlimit(resource.RLIMIT_DATA, (1 << 20, 1 << 20))
                time.sleep(1000)
            return nothing(request)
        """,
        ProcessLimits(None, 2),
        RUNNER,
    )
    loader.put(loads.make("tested", TESTED[0]._replace(seconds=2)))
    load = loads.make("loaded")
    loader.put(load._replace(artifact=load.artifact._replace(kind="component")))
    loader.close()
    ending = "did not end within 2 s, having allocated all of the 1 MiB that it may; raise --memory-limit, or"
    assert loads.outcomes == {
        "tested": Broken(
            f"tested.cwasm: test 1 of 1, f(0) {ending} memory-limit of its runner, or raise the time-limit of the "
            "test, or correct what never ends"
        ),
        "loaded": Broken(
            f"loaded.cwasm ends the process that loads it, which {ending} memory-limit of its runner, or raise the "
            "time limit, or build again, or copy it again from where it was built"
        ),
    }
