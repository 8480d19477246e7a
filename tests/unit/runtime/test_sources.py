"""From which target the source of a module is taken, and what is said when there is none to compile."""

from __future__ import annotations

import logging
import os
from typing import Any

import pytest
import wasmtime
from fallback import EMPTY, FOREIGN, compiled, refused

from wasmbuild import runtime
from wasmbuild.engine import lines
from wasmbuild.formats.manifest import Wasm
from wasmbuild.runtime import engine, engines, modules
from wasmbuild.runtime.errors import (
    DamagedError,
    InexpressibleSettingError,
    InvalidSourceError,
    NoFittingArtifactError,
    NotInManifestError,
    OtherArchitectureError,
    OtherCodeError,
    OtherLineError,
)

WIDE = bytes(
    wasmtime.wat2wasm("""(module (func (export "add") (param i64 i64 i64 i64) (result i64 i64)
        (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3))))""")
)
COPYING = {"embedder": "rust", "collector": "copying"}
OTHER = 49 if engines.library_line() == 48 else 48


def test_a_source_is_compiled_whatever_machine_its_target_is_for(shipping: Any) -> None:
    directory = shipping.target("pi", {"a": b"x"}, FOREIGN, {"a": EMPTY})
    loaded = compiled(directory)
    assert isinstance(loaded.module, wasmtime.Module)
    assert not loaded.precompiled
    assert loaded.path == str(directory / "a.wasm")
    assert loaded.artifact.wasm == Wasm("a.wasm", 8, loaded.sha256)
    assert (loaded.id, loaded.triple, loaded.engine) == ("a@pi", FOREIGN, engine(directory, fallback=("compile",)))
    assert [type(reason.error) for reason in loaded.passed_over] == [OtherArchitectureError]
    assert loaded.explain() == "a@pi: compiled its source on this machine; for other machines: pi"


def test_a_source_is_compiled_whatever_line_its_target_is_for(shipping: Any) -> None:
    loaded = compiled(shipping.target("here", {"a": b"x"}, sources={"a": EMPTY}, major=OTHER))
    assert not loaded.precompiled
    assert loaded.explain().startswith(
        f"a@here: compiled its source on this machine; passed over: here is for Wasmtime {OTHER}, and the library "
    )


def test_a_source_of_another_line_has_the_engine_of_that_line(shipping: Any) -> None:
    """Line 49 has wide arithmetic by default, and 48 by its name alone: it is the target that says which."""
    line = engines.library_line()
    for major in (48, 49):
        shipping.target(f"line{major}", {"a": b"x"}, FOREIGN, {"a": WIDE}, major=major)
    root = shipping.index()
    assert not compiled(root, targets="line49").precompiled
    config = runtime.config(root, target="line49", fallback=("compile",))
    assert wasmtime.Module(wasmtime.Engine(config), WIDE).exports[0].name == "add"
    error = refused(InvalidSourceError, root, targets="line48")
    assert "wide arithmetic support is not enabled" in error.problem
    own = shipping.target("own", {"a": b"x"}, FOREIGN, {"a": EMPTY}, major=line)
    assert engine(own, fallback=("compile",)) is engine(root, target=f"line{line}", fallback=("compile",))


@pytest.mark.parametrize("line", [number for number in lines.known() if number != 36])
def test_a_line_whose_library_is_not_known_compiles_with_defaults_of_its_own(
    shipping: Any, line: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exceptions and GC, which later lines have by default, the Python library of 36 cannot switch on."""
    root = shipping.target("here", {"a": b"x"}, FOREIGN, {"a": EMPTY}, major=line, engine={"embedder": "rust"})
    monkeypatch.setattr(engines, "_line", 36)
    assert not compiled(root).precompiled
    declared = shipping.target("gc", {"a": b"x"}, FOREIGN, {"a": EMPTY}, major=line, engine=COPYING)
    refused(NoFittingArtifactError, declared)


def test_it_is_not_compiled_unless_the_caller_says_so(shipping: Any) -> None:
    error = refused(
        OtherLineError,
        shipping.target("here", {"a": b"x"}, sources={"a": EMPTY}, major=OTHER),
        fallback=("pulley",),
    )
    assert error.hint.endswith(
        f'"wasmtime>={OTHER},<{OTHER + 1}"; or let the source, which is shipped, be compiled: '
        'fallback=("pulley", "compile")'
    )


def test_this_machines_targets_come_first_then_pulley_then_the_order_of_the_index(shipping: Any) -> None:
    sources = {"a": EMPTY}
    shipping.target("first", {"a": b"x"}, FOREIGN, sources)
    shipping.target("second", {"a": b"x"}, "aarch64-linux-android", sources)
    shipping.target("everywhere", {"a": b"x"}, "pulley64", sources, major=OTHER)
    shipping.target("here", {"a": b"x"}, sources=sources, major=OTHER)
    shipping.target("also-here", {"a": b"x"}, sources=sources, major=OTHER)
    root = shipping.index()
    for expected in ("here", "also-here", "everywhere", "first", "second"):
        assert compiled(root).target == expected
        # A target that was not copied here has no source either.
        (root / expected / "manifest.json").unlink()
        os.utime(root / "index.json")
    assert "source" not in refused(NoFittingArtifactError, root).hint


def test_fallback_is_an_order(shipping: Any) -> None:
    artifact = bytes(wasmtime.Module(engines.default_engine("pulley64"), EMPTY).serialize())
    shipping.target("everywhere", {"a": artifact}, "pulley64", {"a": EMPTY})
    root = shipping.index()
    assert compiled(root, fallback=("pulley", "compile")).engine.is_pulley()
    assert not compiled(root, fallback=("compile", "pulley")).precompiled
    left_out = compiled(root, fallback=("compile",))
    assert not left_out.precompiled
    assert [type(reason.error) for reason in left_out.passed_over] == [OtherCodeError]
    hint = 'allow it with fallback=("pulley",); or let the source, which is shipped, be compiled: fallback=("compile",)'
    assert refused(OtherCodeError, root, fallback=()).hint == hint


def test_manifests_of_other_machines_are_read_only_for_their_sources(shipping: Any) -> None:
    (shipping.target("other", {"a": b"x"}, FOREIGN, {"a": EMPTY}) / "manifest.json").write_text("damaged")
    shipping.target("here", {"a": b"x"}, sources={"a": EMPTY}, major=OTHER)
    root = shipping.index()
    assert compiled(root).target == "here"
    assert "is not the manifest that index.json names" in refused(DamagedError, root, module="b").problem
    assert compiled(root, targets="here").target == "here"
    assert refused(NotInManifestError, root, module="b", targets="here").hint == "it has a"


def test_what_can_be_loaded_counts_sources_when_they_may_be_compiled(shipping: Any) -> None:
    shipping.target("other", {"a": b"x", "b": b"x"}, FOREIGN, {"a": EMPTY})
    shipping.target("here", {"c": b"x"})
    root = shipping.index()
    assert modules(root) == ["c"]
    assert modules(root, fallback=("compile",)) == ["a", "c"]


def test_the_log_warns_where_code_for_this_machine_was_expected(
    shipping: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    both = {"a": EMPTY, "b": EMPTY}
    compiled(shipping.target("other", both, FOREIGN, both))
    directory = shipping.target("here", both, sources=both, major=OTHER)
    compiled(directory)
    compiled(directory, "b")
    assert [(record.levelname, record.getMessage()[:31]) for record in caplog.records] == [
        ("INFO", "a@other: compiled its source on"),
        ("WARNING", "a@here: compiled its source on "),
        ("DEBUG", "b@here: compiled its source on "),
    ]


def test_pulley_that_the_caller_leaves_out_is_no_news(shipping: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    compiled(shipping.target("everywhere", {"a": b"x"}, "pulley64", {"a": EMPTY}), fallback=("compile",))
    assert [record.levelname for record in caplog.records] == ["INFO"]


def test_an_engine_that_the_library_cannot_make_is_told_once(shipping: Any) -> None:
    shipping.target("rust-here", {"a": b"x"}, sources={"a": EMPTY}, engine=COPYING)
    shipping.target("rust-pi", {"a": b"x"}, FOREIGN, {"a": EMPTY}, engine=COPYING)
    root = shipping.index()
    error = refused(NoFittingArtifactError, root)
    lines = str(error).splitlines()
    assert [line.split(",")[0] for line in lines[1:-1]] == [
        f"  rust-pi is for {FOREIGN}",
        '  rust-here has an engine with collector = "copying"',
        '  rust-pi has an engine with collector = "copying"',
    ]
    assert lines[-1].startswith('build for this application with embedder = "c-api" under [engine]')
    assert "source" not in lines[-1]
    # What could not be compiled either is no advice.
    assert "compile" not in refused(NoFittingArtifactError, root, fallback=()).hint
    # An engine of the application's own is all that it takes.
    own: dict[str, Any] = {"engine": wasmtime.Engine(), "targets": "rust-pi"}
    assert not compiled(root, **own).precompiled
    assert refused(OtherArchitectureError, root, fallback=(), **own).hint.endswith('fallback=("compile",)')


def test_an_engine_that_would_abort_on_this_machine_is_passed_over(
    shipping: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_engines", {})
    monkeypatch.setattr("wasmbuild.engine.host.triple", lambda: "riscv64gc-unknown-linux-gnu")
    directory = shipping.target("pi", {"a": b"x"}, "aarch64-linux-android", {"a": EMPTY}, engine={
        "embedder": "c-api", "strategy": "winch"
    })  # fmt: skip
    error = refused(NoFittingArtifactError, directory)
    assert isinstance(error, NoFittingArtifactError)
    reason = error.passed_over[1].error
    assert isinstance(reason, InexpressibleSettingError)
    assert reason.settings == ("strategy",)
    assert reason.problem == (
        "target pi has an engine that cannot be made on this machine: strategy: Winch compiles for x86_64 and aarch64, "
        "not for riscv64"
    )
    assert error.hint.startswith("declare a target for this machine with settings that it can have, or give load()")


def test_a_library_of_a_line_that_is_not_known(shipping: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = shipping.target("pi", {"a": b"x"}, FOREIGN, {"a": EMPTY})
    monkeypatch.setattr(engines, "_line", 999)
    text = str(refused(NoFittingArtifactError, directory))
    assert (
        "\n  pi has settings that cannot be told to the library of the wasmtime package here: Wasmtime 999 is" in text
    )
    assert text.endswith("\ninstall a later wasmbuild, or give load() an engine of the application's own")
    assert not compiled(directory, engine=wasmtime.Engine()).precompiled


def test_a_source_that_is_not_shipped(shipping: Any) -> None:
    directory = shipping.target("other", {"a": b"x"}, FOREIGN, {})
    advice = "; or ship the source for fallback to compile: ship-source = true for the module in wasmbuild.toml"
    error = refused(OtherArchitectureError, directory)
    assert error.hint.endswith(f'triple = "pulley64" for every machine, and build it{advice}')
    # Nobody has such a module.
    assert "ship" not in refused(OtherArchitectureError, directory, module="b").hint


def test_a_module_that_only_other_machines_have(shipping: Any) -> None:
    shipping.target("other", {"a": b"x", "b": b"x"}, FOREIGN, {"a": EMPTY})
    shipping.target("here", {"c": b"x"})
    root = shipping.index()
    assert str(refused(NotInManifestError, root, fallback=("pulley",))) == (
        f"{root}/index.json has no module a for this machine; let the source, which is shipped, be compiled: "
        'fallback=("pulley", "compile")'
    )
    assert str(refused(NotInManifestError, root, module="b")) == (
        f"{root}/index.json has no module b for this machine; ship the source for fallback to compile: "
        "ship-source = true for the module in wasmbuild.toml"
    )
    assert refused(NotInManifestError, root, module="d").hint == "it has a, c"
