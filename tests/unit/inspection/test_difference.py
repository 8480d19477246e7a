from __future__ import annotations

from typing import Any

import pytest

from wasmbuild.formats.extern import Export, Import
from wasmbuild.inspection import FileDifference, compare
from wasmbuild.inspection.facts import ArtifactDescription, Cpu, Description, Engine, Origin, Section, WebAssembly

TEXT = Section(".text", 4096, "code", "a" * 64)
ARTIFACT = ArtifactDescription(
    "module", "48", "x86_64-unknown-linux-gnu", "x86_64", Cpu("x86-64", (), {}), Engine({"embedder": "c-api"}, True),
    {"opt_level": "speed"}, (TEXT,),
)  # fmt: skip
ORIGIN = Origin("a.json", True, source="a.wat", source_sha256="1" * 64, wasm_sha256="2" * 64, compiler="48.0.2")
WASM = WebAssembly("module", "2" * 64, (), (Export("f", "func", "() -> ()"),), (), False, (), 48, (), "")


def artifact(sha256: str = "0", origin: Origin | None = None, **changes: Any) -> Description:
    origins = (origin,) if origin is not None else ()
    return Description("a.cwasm", "artifact", 5000, sha256 * 64, ARTIFACT._replace(**changes), None, origins)


def wasm(sha256: str = "5", **changes: Any) -> Description:
    return Description("a.wasm", "module", 50, sha256 * 64, None, WASM._replace(**changes))


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"kind": "component"}, ("kind", "module", "component")),
        ({"line": "49"}, ("wasmtime", "48", "49")),
        ({"triple": "x86_64-pc-windows-msvc"}, ("triple", "x86_64-unknown-linux-gnu", "x86_64-pc-windows-msvc")),
        ({"cpu": Cpu("x86-64", (), {"has_lzcnt": True})}, ("cpu flag has_lzcnt", False, True)),
        (
            {"engine": Engine({"embedder": "c-api", "epoch-interruption": True}, True)},
            ("engine.epoch-interruption", False, True),
        ),
        (
            {"engine": Engine({"embedder": "c-api", "cranelift-flags": {"is_pic": True}}, True)},
            ("engine.cranelift-flags.is_pic", None, True),
        ),
        ({"sections": (TEXT._replace(size=5000),)}, ("section .text", 4096, 5000)),
        ({"sections": (TEXT._replace(sha256="b" * 64),)}, ("section .text, same size", "a" * 64, "b" * 64)),
    ],
)
def test_what_differs_is_named(changes: dict[str, Any], difference: tuple[Any, ...]) -> None:
    found = compare(artifact(), artifact("9", **changes)).differences
    # A line may have another default.
    assert [d for d in found if not d.what.startswith("engine.wasm-wide")] == [FileDifference(*difference)]


def test_the_preset_alone_is_no_difference() -> None:
    rust = {"embedder": "rust", "collector": "copying"}
    spelled = {"embedder": "c-api", "collector": "copying"}
    left, right = (artifact(sha, engine=Engine(one, True)) for sha, one in (("1", rust), ("2", spelled)))
    assert compare(left, right).differences == ()


def test_without_settings_flags_are_compared() -> None:
    unknown = Engine(None, False, problem="no library")
    other = artifact("9", engine=unknown, cranelift_flags={"opt_level": "none"})
    assert compare(artifact(), other).differences == (
        FileDifference("cranelift flag opt_level", "speed", "none"),
        FileDifference("engine", "told", "not told"),
    )


def test_imports_and_exports_differ_by_name_and_type() -> None:
    left = wasm(imports=(Import("env", "log", "func", "() -> ()"),))
    right = wasm("6", exports=(Export("f", "func", "() -> (i32)"),), binary_sha256="3" * 64)
    comparison = compare(left, right)
    assert comparison.sentence == "they are different WebAssembly"
    assert comparison.differences == (
        FileDifference("import env.log", "func () -> ()", None),
        FileDifference("export f", "func () -> ()", "func () -> (i32)"),
    )


@pytest.mark.parametrize(
    ("left", "right", "sentence"),
    [
        (artifact(), artifact(), "they are the same, byte for byte"),
        (wasm(), wasm("6"), "they are the same WebAssembly"),
        (artifact(origin=ORIGIN), wasm(), "A is precompiled, B is not: A was made from it"),
        (wasm("1"), artifact(origin=ORIGIN), "B is precompiled, A is not: B was made from it"),
        (
            artifact(origin=ORIGIN),
            wasm(binary_sha256="7" * 64),
            "A is precompiled, B is not, and A was made from something else: a.wat",
        ),
        (
            wasm(binary_sha256="7" * 64),
            artifact(origin=ORIGIN._replace(source="\x1b[31ma.wat")),
            r"B is precompiled, A is not, and B was made from something else: \x1b[31ma.wat",
        ),
        (
            artifact(),
            wasm(),
            "A is precompiled, B is not; whether it was made from B, only a record beside it could tell",
        ),
        (
            artifact(origin=ORIGIN),
            artifact("9", origin=ORIGIN, triple="aarch64-apple-darwin"),
            "they were made from the same source",
        ),
        (
            artifact(origin=ORIGIN),
            artifact("9", origin=ORIGIN._replace(source_sha256="8" * 64), triple="aarch64-apple-darwin"),
            "they were made from different sources",
        ),
        (artifact(), artifact("9", kind="component"), "what they say of themselves differs"),
        (
            artifact(),
            artifact("9", sections=(TEXT._replace(sha256="b" * 64),)),
            "what they say of themselves is the same, and their bytes differ: other code, from another source or by "
            "another patch release of the compiler",
        ),
    ],
)
def test_one_sentence_says_how_they_are_related(left: Description, right: Description, sentence: str) -> None:
    assert compare(left, right).sentence == sentence
