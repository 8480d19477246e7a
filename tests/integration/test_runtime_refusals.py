"""Wasmtime's own words, from Wasmtime itself: each difference between an artifact and an engine has its class."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from wasmtime import _bindings, component

from wasmbuild import runtime
from wasmbuild.errors import UsageError
from wasmbuild.formats.cwasm import read
from wasmbuild.runtime.engines import library_line
from wasmbuild.runtime.messages import refusal

MODULE = b"\0asm\1\0\0\0"
LINE = library_line()

# The setting, how an engine has it otherwise, and whether it is the artifact or the loading engine that does.
DIFFERENCES: list[tuple[str, str, Any, str]] = [
    *((setting, setting.replace("-", "_"), value, side)
      for setting, value in (
          ("consume-fuel", True), ("debug-info", True), ("epoch-interruption", True), ("memory-guard-size", 65536),
          ("memory-init-cow", False), ("memory-may-move", False), ("memory-reservation", 65536),
          ("signals-based-traps", False), ("wasm-relaxed-simd-deterministic", True),
      )
      for side in ("artifact", "engine")),
    ("strategy", "wasmtime_config_strategy_set", 2, "artifact"),
    ("concurrency-support", "wasmtime_config_concurrency_support_set", False, "artifact"),
    ("concurrency-support", "wasmtime_config_concurrency_support_set", False, "engine"),
    ("gc-support", "gc_support", False, "engine"),
    ("wasm-custom-page-sizes", "wasm_custom_page_sizes", True, "artifact"),
    ("wasm-threads", "wasm_threads", False, "engine"),
    ("wasm-tail-call", "wasm_tail_call", False, "engine"),
    ("wasm-memory64", "wasm_memory64", False, "engine"),
    ("wasm-exceptions", "wasm_exceptions", False, "engine"),
    ("wasm-gc", "wasm_gc", False, "engine"),
    ("wasm-component-model", "wasm_component_model", False, "engine"),
    ("wasm-multi-memory", "wasm_multi_memory", False, "engine"),
]  # fmt: skip


def engine(setting: str = "", value: Any = None) -> wasmtime.Engine:
    config = wasmtime.Config()
    config.parallel_compilation = False
    if setting.startswith("wasmtime_config_"):
        getattr(_bindings, setting)(config.ptr(), value)
    elif setting:
        setattr(config, setting, value)
        if setting == "signals_based_traps":
            for flag in ("heap", "table"):
                config.cranelift_flag_set(f"enable_{flag}_access_spectre_mitigation", "false")
    return wasmtime.Engine(config)


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    path = tmp_path / "empty.cwasm"
    path.write_bytes(bytes(wasmtime.Module(engine(), MODULE).serialize()))
    return path


@pytest.mark.parametrize(("setting", "how", "value", "side"), DIFFERENCES)
def test_every_setting_that_is_checked_is_named(setting: str, how: str, value: Any, side: str, tmp_path: Path) -> None:
    makes, loads = engine(), engine()
    if side == "artifact":
        makes = engine(how, value)
    else:
        loads = engine(how, value)
    path = tmp_path / "other.cwasm"
    path.write_bytes(bytes(wasmtime.Module(makes, MODULE).serialize()))
    with pytest.raises(runtime.OtherSettingError) as caught:
        runtime.load_precompiled(path, engine=loads)
    assert caught.value.setting == setting
    assert str(caught.value).startswith(f"{path} was compiled ")
    assert f"set {setting} alike in the application's wasmtime.Config and under [engine]" in caught.value.hint


def test_an_artifact_of_another_line(artifact: Path) -> None:
    version = str(LINE).encode()
    other = str(LINE + 1).encode()
    artifact.write_bytes(artifact.read_bytes().replace(b"\0\x02" + version, b"\0\x02" + other, 1))
    with pytest.raises(runtime.OtherLineError) as caught:
        runtime.load_precompiled(artifact)
    text = f"{artifact} is for Wasmtime {LINE + 1}, and the library of the wasmtime package here is of {LINE}; "
    assert str(caught.value).startswith(text)
    assert str(caught.value).endswith(f'pip install "wasmtime>={LINE + 1},<{LINE + 2}"')
    with pytest.raises(wasmtime.WasmtimeError, match="compiled with incompatible version") as words:
        wasmtime.Module.deserialize_file(engine(), str(artifact))
    assert isinstance(runtime.explain(words.value, artifact), runtime.OtherLineError)


# Of equal length with the triple of some machine that Wasmtime's package runs on.
OTHER_MACHINES = ("s390x-unknown-linux-musl", "riscv64-unknown-linux-gnu")


@pytest.mark.parametrize("kind", [runtime.OtherArchitectureError, runtime.OtherSystemError])
def test_another_architecture_and_another_system(kind: type[runtime.LoadError], artifact: Path) -> None:
    host = read(artifact.read_bytes()).triple
    if kind is runtime.OtherSystemError:
        other = host.replace("-linux-", "-haiku-")
    else:
        other = next((other for other in OTHER_MACHINES if len(other) == len(host)), host)
    if other == host:
        pytest.skip(f"no triple is as long as {host}")
    artifact.write_bytes(artifact.read_bytes().replace(host.encode(), other.encode(), 1))
    with pytest.raises(kind) as caught:
        runtime.load_precompiled(artifact)
    assert str(caught.value).startswith(
        f"{artifact} is for {other}, and this machine is {host}; declare a target with "
    )
    with pytest.raises(wasmtime.WasmtimeError, match="Module was compiled for") as words:
        wasmtime.Module.deserialize_file(engine(), str(artifact))
    assert isinstance(runtime.explain(words.value, artifact), kind)
    assert type(refusal("it", str(words.value), declared=False)) is kind


def test_a_cpu_feature_that_no_machine_has_in_full(artifact: Path) -> None:
    """A flag that is off in the artifact of this machine is one that its CPU lacks."""
    facts = read(artifact.read_bytes())
    lacking = [name for name, value in facts.isa_flags.items() if value is False and name.startswith("has_")]
    if not lacking:
        pytest.skip("this CPU has all features that Cranelift knows")
    flag = lacking[0].encode()
    artifact.write_bytes(artifact.read_bytes().replace(flag + b"\x02\0", flag + b"\x02\1", 1))
    with pytest.raises(runtime.MissingCpuFeatureError) as caught:
        runtime.load_precompiled(artifact)
    assert caught.value.feature == lacking[0].removeprefix("has_")
    assert str(caught.value).startswith(f"{artifact} needs a CPU with {caught.value.feature}, which this one lacks; ")


def test_a_component_where_a_module_is_needed_and_the_other_way(artifact: Path, tmp_path: Path) -> None:
    with pytest.raises(wasmtime.WasmtimeError) as words:
        component.Component.deserialize_file(engine(), str(artifact))
    error = runtime.explain(words.value, artifact)
    assert isinstance(error, runtime.OtherKindError)
    assert error.problem == f"{artifact} is a core module, and a component is needed here"
    path = tmp_path / "component.cwasm"
    wasm = bytes(wasmtime.wat2wasm("(component)"))
    path.write_bytes(bytes(component.Component(engine(), wasm).serialize()))
    with pytest.raises(wasmtime.WasmtimeError) as words:
        wasmtime.Module.deserialize_file(engine(), str(path))
    assert "is a component, and a core module is needed here" in str(runtime.explain(words.value, path))


def compiled_for_pulley(directory: Path) -> tuple[wasmtime.Engine, Path]:
    """Return an engine of Pulley, and an artifact of it."""
    config = wasmtime.Config()
    config.target = "pulley64"
    pulley = wasmtime.Engine(config)
    portable = directory / "portable.cwasm"
    portable.write_bytes(bytes(wasmtime.Module(pulley, MODULE).serialize()))
    return pulley, portable


def test_pulley_in_a_native_engine_and_the_other_way(artifact: Path, tmp_path: Path) -> None:
    pulley, portable = compiled_for_pulley(tmp_path)
    assert runtime.load_precompiled(portable).engine.is_pulley()
    assert not runtime.load_precompiled(artifact).engine.is_pulley()
    with pytest.raises(
        runtime.OtherCodeError, match=r'give an engine whose Config\.target is "pulley64", or none at all'
    ):
        runtime.load_precompiled(portable, engine=engine())
    with pytest.raises(runtime.OtherCodeError, match=r"is native code, and the engine that was given runs Pulley"):
        runtime.load_precompiled(artifact, engine=pulley)


def test_pulley_and_native_mixed_up_are_explained_as_they_are_refused(artifact: Path, tmp_path: Path) -> None:
    pulley, portable = compiled_for_pulley(tmp_path)
    for path, loads in ((portable, engine()), (artifact, pulley)):
        with pytest.raises(runtime.OtherCodeError) as refused:
            runtime.load_precompiled(path, engine=loads)
        with pytest.raises(wasmtime.WasmtimeError) as words:
            wasmtime.Module.deserialize_file(loads, str(path))
        explained = runtime.explain(words.value, path)
        assert type(explained) is runtime.OtherCodeError
        assert str(explained) == str(refused.value)


@pytest.mark.parametrize("keep", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_what_was_cut_off(artifact: Path, keep: float) -> None:
    data = artifact.read_bytes()
    artifact.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(runtime.DamagedError) as caught:
        runtime.load_precompiled(artifact)
    assert caught.value.hint
    assert str(caught.value).startswith(f"{artifact} is ")


def test_damage_to_headers_has_one_clear_error(artifact: Path) -> None:
    data = artifact.read_bytes()
    chosen = random.Random(5)  # noqa: S311 -- the same damage every time
    for _ in range(300):
        at = chosen.randrange(64)
        artifact.write_bytes(data[:at] + bytes([data[at] ^ 1 << chosen.randrange(8)]) + data[at + 1 :])
        try:
            read(artifact.read_bytes())
        except Exception:
            with pytest.raises(runtime.LoadError) as caught:
                runtime.load_precompiled(artifact)
            assert str(caught.value).isprintable()


CALLS: list[Callable[[wasmtime.Engine, str], object]] = [wasmtime.Module.from_file, component.Component.from_file]


@pytest.mark.parametrize("call", CALLS)
def test_an_artifact_given_to_a_compiler(call: Callable[[wasmtime.Engine, str], object], artifact: Path) -> None:
    with pytest.raises(wasmtime.WasmtimeError) as words:
        call(engine(), str(artifact))
    for error in (runtime.explain(words.value, artifact), _raised(runtime.load_source, artifact)):
        assert isinstance(error, runtime.PrecompiledError)
        assert str(error).startswith(f"{artifact} is an artifact that Wasmtime {LINE} precompiled for ")
        assert "and WebAssembly is needed here; load it with wasmbuild.runtime.load(), which checks it" in str(error)


@pytest.mark.parametrize("content", [MODULE, b"(module)", MODULE + b"\0\x82\x80\4" + bytes(65538)])
def test_a_source_given_to_the_loader(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "source.wasm"
    path.write_bytes(content)
    with pytest.raises(wasmtime.WasmtimeError) as words:
        wasmtime.Module.deserialize_file(engine(), str(path))
    for error in (runtime.explain(words.value, path), _raised(runtime.load_precompiled, path)):
        assert isinstance(error, runtime.NotPrecompiledError)
        assert "and a precompiled artifact is needed here; compile it with wasmbuild" in str(error)


@pytest.mark.skipif(os.name != "posix", reason="what the system said is told in words of POSIX")
@pytest.mark.parametrize("call", [wasmtime.Module.deserialize_file, component.Component.deserialize_file])
def test_an_empty_file(call: Callable[[wasmtime.Engine, str], object], tmp_path: Path) -> None:
    """Mapping it fails, so that Wasmtime passes on words of the system."""
    path = tmp_path / "empty.cwasm"
    path.touch()
    with pytest.raises(wasmtime.WasmtimeError, match="os error") as words:
        call(engine(), str(path))
    error, loaded = runtime.explain(words.value, path), _raised(runtime.load_precompiled, path)
    assert isinstance(error, runtime.DamagedError)
    assert error.problem == f"{path} is an empty file, and a precompiled artifact is needed here"
    assert (type(error), str(error)) == (type(loaded), str(loaded))


@pytest.mark.skipif(os.name != "posix", reason="what the system said is told in words of POSIX")
@pytest.mark.parametrize("name", ["missing", ".", "artifact/below"])
def test_a_path_that_leads_to_no_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    (tmp_path / "artifact").write_bytes(b"")
    with pytest.raises(wasmtime.WasmtimeError) as words:
        wasmtime.Module.deserialize_file(engine(), str(path))
    error, loaded = runtime.explain(words.value, path), _raised(runtime.load_precompiled, path)
    assert isinstance(error, runtime.MissingFileError)
    assert (type(error), str(error)) == (type(loaded), str(loaded))


def test_a_source_that_wasmtime_refuses(tmp_path: Path) -> None:
    path = tmp_path / "bad.wat"
    path.write_text("(module (func (result i32)))")
    with pytest.raises(
        runtime.InvalidSourceError, match=r"bad\.wat is not compiled by Wasmtime: .*; correct the source"
    ):
        runtime.load_source(path)
    path.write_text("(module (func (result i32))")
    with pytest.raises(runtime.InvalidSourceError):
        runtime.load_any(path)


def test_load_any_looks_at_the_bytes(artifact: Path, tmp_path: Path) -> None:
    for name, content, kind in (
        ("text.wat", b"(module)", "module"),
        ("text.wasm", b";; a comment\n(component)", "component"),
        ("binary.wat", MODULE, "module"),
        ("component.wasm", bytes(wasmtime.wat2wasm("(component)")), "component"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        opened = runtime.load_any(path)
        assert (opened.kind, opened.precompiled, opened.path) == (kind, False, str(path))
    opened = runtime.load_any(artifact, trusted=[tmp_path])
    assert (opened.kind, opened.precompiled) == ("module", True)
    assert runtime.load_any(artifact, trusted=artifact).kind == "module"
    for content, message in (
        (b"#!/bin/sh", "is a script; pass the WebAssembly that it makes or runs"),
        (b"", "is an empty file; make it again"),
        (b"\x7fELF" + bytes(60), "is an ELF file for machine 0; compile its source to WebAssembly"),
    ):
        (tmp_path / "other").write_bytes(content)
        with pytest.raises(runtime.NotWebAssemblyError) as caught:
            runtime.load_any(tmp_path / "other")
        assert message in str(caught.value)


def test_artifacts_from_trusted_places_only(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "trusted").mkdir()
    with pytest.raises(runtime.UntrustedError) as caught:
        runtime.load_any(artifact, trusted=[tmp_path / "trusted"])
    assert str(caught.value).startswith(
        f"{artifact} is a precompiled artifact and lies outside of every trusted place; "
    )
    assert f"pass trusted=[{str(tmp_path)!r}]" in caught.value.hint
    link = tmp_path / "trusted" / "link.cwasm"
    link.symlink_to(artifact)
    with pytest.raises(runtime.UntrustedError):
        runtime.load_any(link, trusted=[tmp_path / "trusted"])
    (tmp_path / "linked").symlink_to(tmp_path, target_is_directory=True)
    assert runtime.load_any(artifact, trusted=[tmp_path / "linked"]).precompiled


def test_an_empty_name_trusts_nothing(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(artifact.parent)
    unset: Any = None
    for trusted in ("", [""], [artifact.parent, ""], [unset]):
        with pytest.raises(UsageError, match="a trusted place is empty; name a directory or a file"):
            runtime.load_any(artifact, trusted=trusted)
    assert runtime.load_any(artifact, trusted=".").precompiled


def test_a_trusted_place_that_is_no_path_is_named(artifact: Path) -> None:
    with pytest.raises(UsageError, match=r"^the trusted place a\\x00b is no path: .*embedded null "):
        runtime.load_any(artifact, trusted=[artifact.parent, "a\0b"])


def test_an_empty_name_is_no_file_to_load() -> None:
    for call in (runtime.load_any, runtime.load_precompiled, runtime.load_source):
        with pytest.raises(UsageError) as caught:
            call("")
        assert str(caught.value) == f'{call.__name__}(""): the path is empty; name the file to load'


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for call in (runtime.load_any, runtime.load_precompiled, runtime.load_source):
        with pytest.raises(runtime.MissingFileError, match=r"none is missing; name a file that is there"):
            call(tmp_path / "none")
        with pytest.raises(runtime.MissingFileError, match=r"cannot be read: .*; name a regular file"):
            call(tmp_path)
        with pytest.raises(UsageError, match=r"a\\x00b is no path: .*embedded null "):
            call("a\0b")


def _raised(call: Callable[[Path], object], path: Path) -> Exception:
    with pytest.raises(runtime.LoadError) as caught:
        call(path)
    return caught.value


def test_default_engines_are_shared(artifact: Path, tmp_path: Path) -> None:
    assert runtime.load_precompiled(artifact).engine is runtime.load_any(artifact, trusted=tmp_path).engine


def test_a_default_engine_that_was_closed_is_made_anew(artifact: Path) -> None:
    runtime.load_precompiled(artifact).engine.close()
    assert runtime.load_precompiled(artifact).kind == "module"
