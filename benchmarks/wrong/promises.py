"""Manifests that promise imports, exports and results that the artifacts do not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.wrong.crate import LOADED, TESTED, Artifact, Crate, UnfitError

# --- of imports and exports -------------------------------------------------------------------------------------------


def extern_left_out(crate: Crate) -> None:
    artifact, externs = _externs(crate)
    externs.pop(crate.chance.randrange(len(externs)))
    crate.blame(LOADED, artifact)


def extern_added(crate: Crate) -> None:
    artifact, externs = _externs(crate)
    extern = dict(crate.one_of(externs))
    extern["name"] += str(crate.chance.getrandbits(16))
    externs.insert(crate.chance.randint(0, len(externs)), extern)
    crate.blame(LOADED, artifact)


def extern_renamed(crate: Crate) -> None:
    artifact, externs = _externs(crate)
    extern = crate.one_of(externs)
    key = "module" if "module" in extern and crate.chance.random() < 0.5 else "name"
    extern[key] = extern[key].upper() if extern[key] != extern[key].upper() else f"{extern[key]}x"
    crate.blame(LOADED, artifact)


def extern_of_another_type(crate: Crate) -> None:
    artifact, externs = _externs(crate)
    extern = crate.one_of([extern for extern in externs if extern.get("type")])
    text = extern["type"]
    wrong = {text.replace("i32", "i64"), text.replace("i32", "f32", 1), text.replace("() ->", "(i32) ->")}
    wrong |= {text.replace("mut ", ""), text.replace("1", "2")} - {text}
    extern["type"] = crate.one_of(sorted(wrong - {text}))
    crate.blame(LOADED, artifact)


def extern_of_another_kind(crate: Crate) -> None:
    artifact, externs = _externs(crate)
    extern = crate.one_of(externs)
    kinds = ("func", "global", "memory", "table", "tag") if artifact["kind"] == "module" else ("func", "instance")
    extern["kind"] = crate.one_of([kind for kind in kinds if kind != extern["kind"]])
    crate.blame(LOADED, artifact)


def _externs(crate: Crate) -> tuple[Artifact, list[dict[str, str]]]:
    if not crate.shipment.shows_interface:
        raise UnfitError
    artifact = crate.pick_untested()
    return artifact, crate.one_of([externs for externs in (artifact["imports"], artifact["exports"]) if externs])


# --- of what it does --------------------------------------------------------------------------------------------------


def result(crate: Crate) -> None:
    artifact, test = _test(crate, "returns")
    old = test["returns"][0]
    test["returns"] = [old + crate.chance.choice((-1, 1)) * crate.chance.randint(1, 1000)]
    crate.blame(TESTED, artifact)


def result_of_a_trap(crate: Crate) -> None:
    artifact, test = _test(crate, "traps")
    del test["traps"]
    test["returns"] = [crate.chance.randrange(1000)]
    crate.blame(TESTED, artifact)


def trap_of_a_result(crate: Crate) -> None:
    artifact, test = _test(crate, "returns")
    del test["returns"]
    test["traps"] = crate.chance.choice(("unreachable", "divide by zero", "out of bounds", "overflow"))
    crate.blame(TESTED, artifact)


def another_trap(crate: Crate) -> None:
    artifact, test = _test(crate, "traps")
    words = ("unreachable", "out of bounds", "indirect call type mismatch", "integer overflow", "stack")
    test["traps"] = crate.chance.choice(words)
    crate.blame(TESTED, artifact)


def output(crate: Crate) -> None:
    artifact, test = _test(crate, "stdout")
    test["stdout"] = crate.chance.choice(("", "hello", "Hello\n", f"hello\n{crate.chance.getrandbits(16)}"))
    crate.blame(TESTED, artifact)


def status(crate: Crate) -> None:
    artifact, test = _test(crate, "exit")
    test["exit"] = crate.chance.randint(1, 125)
    crate.blame(TESTED, artifact)


def untested(crate: Crate) -> None:
    """Tests are demanded and not there."""
    crate.document["require"] = TESTED
    without = [artifact for artifact in crate.artifacts if "tests" not in artifact]
    gone = [artifact for artifact in crate.artifacts if "tests" in artifact and crate.chance.random() < 0.5]
    for artifact in gone:
        del artifact["tests"]
    for artifact in (*without, *gone):
        _, reached, _ = crate.shipment.verdicts[artifact["module"]]
        if reached not in (LOADED, TESTED):
            raise UnfitError
        crate.expect(artifact, (False, LOADED, TESTED))


def _test(crate: Crate, outcome: str) -> tuple[Artifact, dict[str, Any]]:
    def has(artifact: Artifact) -> bool:
        return any(outcome in test for test in artifact.get("tests", []))

    artifact = crate.pick(has)
    return artifact, crate.one_of([test for test in artifact["tests"] if outcome in test])


WAYS: tuple[Callable[[Crate], None], ...] = (
    extern_left_out, extern_added, extern_renamed, extern_of_another_type, extern_of_another_kind, result,
    result_of_a_trap, trap_of_a_result, another_trap, output, status, untested,
)  # fmt: skip
