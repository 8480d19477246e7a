"""Instantiating tells all that a module lacks, and what to call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import wasmtime
from wasmtime import component

from wasmbuild import runtime


def opened(tmp_path: Path, text: str) -> runtime.Opened:
    path = tmp_path / "module.wat"
    path.write_text(text)
    return runtime.load_source(path)


def refused(kind: type[runtime.LoadError], it: runtime.Opened, linker: wasmtime.Linker | component.Linker) -> str:
    with pytest.raises(kind) as caught:
        runtime.instantiate(it, linker, wasmtime.Store(it.engine))  # type: ignore[arg-type]
    assert type(caught.value) is kind
    return str(caught.value)


def test_all_unknown_imports_at_once(tmp_path: Path) -> None:
    it = opened(
        tmp_path,
        """(module
            (import "env" "known" (func)) (import "env" "log" (func)) (import "env" "log" (func))
            (import "env" "level" (global i32)))""",
    )
    linker = wasmtime.Linker(it.engine)
    linker.define_func("env", "known", wasmtime.FuncType([], []), lambda: None)
    store = wasmtime.Store(it.engine)
    assert runtime.missing_imports(it, linker, store) == (("env", "log"), ("env", "level"))
    assert runtime.missing_imports(it.module, linker, store) == (("env", "log"), ("env", "level"))
    assert refused(runtime.UnknownImportError, it, linker) == (
        f"{it.path} imports what the linker does not define: env::log, env::level; define it in the linker, for "
        "example with linker.define_func(module, name, type, function), or link the module that exports it with "
        "linker.define_instance()"
    )


@pytest.mark.parametrize(
    ("wanted", "make"),
    [
        ("memory 1", lambda store: wasmtime.Memory(store, wasmtime.MemoryType(wasmtime.Limits(1, None)))),
        (
            "table 1 funcref",
            lambda store: wasmtime.Table(
                store, wasmtime.TableType(wasmtime.ValType.funcref(), wasmtime.Limits(1, None)), None
            ),
        ),
        (
            "global i32",
            lambda store: wasmtime.Global(
                store, wasmtime.GlobalType(wasmtime.ValType.i32(), mutable=False), wasmtime.Val.i32(1)
            ),
        ),
    ],
)
def test_what_is_no_function(tmp_path: Path, wanted: str, make: Callable[[wasmtime.Store], wasmtime.Memory]) -> None:
    it = opened(
        tmp_path,
        f"""(module (import "wasi_snapshot_preview1" "proc_exit" (func (param i32))) (import "env" "it" ({wanted})))""",
    )
    linker, store = wasmtime.Linker(it.engine), wasmtime.Store(it.engine)
    assert refused(runtime.UnknownImportError, it, linker).endswith(
        "; define it in the linker, for example with linker.define(store, module, name, item), or link the module that "
        "exports it with linker.define_instance()"
    )
    linker.define_wasi()
    linker.define(store, "env", "it", make(store))
    runtime.instantiate(it, linker, store)


def test_wasi(tmp_path: Path) -> None:
    it = opened(tmp_path, '(module (import "wasi_snapshot_preview1" "proc_exit" (func (param i32))))')
    linker = wasmtime.Linker(it.engine)
    assert refused(runtime.UnknownImportError, it, linker).endswith(
        "wasi_snapshot_preview1::proc_exit; call linker.define_wasi() and store.set_wasi(wasmtime.WasiConfig())"
    )
    linker.define_wasi()
    runtime.instantiate(it, linker, wasmtime.Store(it.engine))


@pytest.mark.parametrize("name", ['"wasi_unstable" "fd_write"', '"wasi_snapshot_preview1" "sock_open"'])
def test_wasi_that_the_library_has_not(tmp_path: Path, name: str) -> None:
    wasi = '(import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))'
    it = opened(tmp_path, f"(module {wasi} (import {name} (func)))")
    linker = wasmtime.Linker(it.engine)
    both = refused(runtime.UnknownImportError, it, linker)
    assert "; call linker.define_wasi() and store.set_wasi(wasmtime.WasiConfig()); define it in the linker, " in both
    linker.define_wasi()
    rest = refused(runtime.UnknownImportError, it, linker)
    assert "; define it in the linker, " in rest
    assert "define_wasi()" not in rest
    linker.define_func(*name.replace('"', "").split(), wasmtime.FuncType([], []), lambda: None)  # type: ignore[misc]
    runtime.instantiate(it, linker, wasmtime.Store(it.engine))


def test_another_type(tmp_path: Path) -> None:
    it = opened(tmp_path, '(module (import "env" "log" (func (param i32))))')
    linker = wasmtime.Linker(it.engine)
    linker.define_func("env", "log", wasmtime.FuncType([], []), lambda: None)
    message = refused(runtime.OtherImportTypeError, it, linker)
    assert message.startswith(f"{it.path} imports env::log with another type than the linker defines: ")
    assert message.endswith("; define it with the type that the module expects")


def test_names_are_safe_to_show(tmp_path: Path) -> None:
    it = opened(tmp_path, r'(module (import "\1b[31m" "x" (func)) (import "env" "\0a" (func)))')
    assert "\\x1b[31m::x, env::\\n;" in refused(runtime.UnknownImportError, it, wasmtime.Linker(it.engine))


def test_many_are_cut(tmp_path: Path) -> None:
    imports = "".join(f'(import "env" "f{number}" (func))' for number in range(15))
    it = opened(tmp_path, f"(module {imports})")
    with pytest.raises(runtime.UnknownImportError) as caught:
        runtime.instantiate(it, wasmtime.Linker(it.engine), wasmtime.Store(it.engine))
    assert "env::f9 and 5 more; define" in str(caught.value)
    assert len(caught.value.missing) == 15


def test_components(tmp_path: Path) -> None:
    it = opened(tmp_path, '(component (import "wasi:cli/environment@0.2.0" (instance (export "get" (func)))))')
    message = refused(runtime.UnknownImportError, it, component.Linker(it.engine))
    assert message.startswith(
        f"{it.path} imports the instance wasi:cli/environment@0.2.0, which the linker does not define"
    )
    assert message.endswith("; call linker.add_wasip2() and store.set_wasi(wasmtime.WasiConfig())")
    other = opened(tmp_path, '(component (import "host:log/log" (func)))')
    assert refused(runtime.UnknownImportError, other, component.Linker(other.engine)).endswith(
        "; define it below linker.root()"
    )


@pytest.mark.parametrize(
    "name",
    [
        "wasi:logging/logging",
        "wasi:nn/tensor@0.2.0-rc-2024-10-28",
        "wasi:keyvalue/store@0.2.0-draft",
        "wasi:cli/environment@0.2.0-rc-2023-11-10",
        "wasi:http/incoming-handler@0.2.0",
    ],
)
def test_a_component_of_what_is_not_given_by_wasi_0_2(tmp_path: Path, name: str) -> None:
    it = opened(tmp_path, f'(component (import "{name}" (instance (export "log" (func)))))')
    linker = component.Linker(it.engine)
    linker.add_wasip2()
    linker.add_wasi_http()
    assert refused(runtime.UnknownImportError, it, linker).endswith("; define it below linker.root()")
    with linker.root() as root, root.add_instance(name) as instance:
        instance.add_func("log", lambda store: None)
    runtime.instantiate(it, linker, wasmtime.Store(it.engine))


def test_a_component_of_wasi_0_3(tmp_path: Path) -> None:
    for name in ("wasi:cli/stdout@0.3.0", "wasi:http/types@0.3.0-rc-2026-02-09"):
        it = opened(tmp_path, f'(component (import "{name}" (instance (export "log" (func)))))')
        assert refused(runtime.UnknownImportError, it, component.Linker(it.engine)).endswith(
            "; define it below linker.root(): the Python library gives WASI 0.2 alone"
        )


HTTP = """(component
  (import "wasi:http/types@0.2.0" (instance $types
    (export "fields" (type $fields (sub resource)))
    (export "[constructor]fields" (func (result (own $fields))))))
  (alias export $types "[constructor]fields" (func $new))
  (core func $lowered (canon lower (func $new)))
  (core module $m (import "" "new" (func (result i32))) (func (export "run") (result i32) (call 0)))
  (core instance $i (instantiate $m (with "" (instance (export "new" (func $lowered))))))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))"""


def test_a_component_that_asks_by_http(tmp_path: Path) -> None:
    """The whole of what is told: without its last call, the process ends where the component asks."""
    it = opened(tmp_path, HTTP)
    linker, store = component.Linker(it.engine), wasmtime.Store(it.engine)
    assert refused(runtime.UnknownImportError, it, linker).endswith(
        "; call linker.add_wasip2() and store.set_wasi(wasmtime.WasiConfig()), then linker.add_wasi_http() and "
        "store.set_wasi_http()"
    )
    linker.add_wasip2()
    store.set_wasi(wasmtime.WasiConfig())
    linker.add_wasi_http()
    store.set_wasi_http()
    run = runtime.instantiate(it, linker, store).get_func(store, "run")
    assert run is not None
    assert isinstance(run(store), int)


def test_a_linker_of_the_other_kind(tmp_path: Path) -> None:
    module = opened(tmp_path, "(module)")
    assert refused(runtime.OtherKindError, module, component.Linker(module.engine)) == (
        f"{module.path} is a module, and the linker is for the other kind; use wasmtime.Linker"
    )
    it = opened(tmp_path, "(component)")
    assert refused(runtime.OtherKindError, it, wasmtime.Linker(it.engine)).endswith("; use wasmtime.component.Linker")


def test_a_trap_stays_a_trap(tmp_path: Path) -> None:
    it = opened(tmp_path, "(module (func $start unreachable) (start $start))")
    with pytest.raises(wasmtime.Trap):
        runtime.instantiate(it, wasmtime.Linker(it.engine), wasmtime.Store(it.engine))


def test_a_trap_in_a_later_call_is_not_laid_to_its_start_function_alone() -> None:
    store = wasmtime.Store()
    module = wasmtime.Module(store.engine, '(module (func (export "f") unreachable))')
    function = wasmtime.Instance(store, module, []).exports(store)["f"]
    assert isinstance(function, wasmtime.Func)
    with pytest.raises(wasmtime.Trap) as caught:
        function(store)
    said = str(runtime.explain(caught.value, "a.cwasm"))
    assert "a.cwasm was loaded, and its own code failed: wasm `unreachable` instruction executed (in a call, or" in said


@pytest.mark.parametrize(
    ("body", "limits"),
    [("(memory 1)", {"memory_size": 10}), ("(table 2 funcref)", {"table_elements": 1}), ("", {"instances": 0})],
)
def test_a_store_that_is_let_have_too_little(tmp_path: Path, body: str, limits: dict[str, int]) -> None:
    path = tmp_path / "m.wat"
    path.write_text(f"(module {body})")
    opened = runtime.load_source(path)
    store = wasmtime.Store(opened.engine)
    store.set_limits(**limits)
    with pytest.raises(runtime.RefusedError) as caught:
        runtime.instantiate(opened, wasmtime.Linker(opened.engine), store)
    assert str(caught.value).startswith(f"{opened} is not instantiated: ")
    assert caught.value.hint == "let the store have more, with store.set_limits()"


@pytest.mark.parametrize("other", ["store", "linker", "both"])
def test_a_store_or_a_linker_of_another_engine(tmp_path: Path, other: str) -> None:
    path = tmp_path / "m.wat"
    path.write_text("(module)")
    opened = runtime.load_source(path)
    engine = wasmtime.Engine()
    store = wasmtime.Store(opened.engine if other == "linker" else engine)
    linker = wasmtime.Linker(opened.engine if other == "store" else engine)
    with pytest.raises(runtime.RefusedError) as caught:
        runtime.instantiate(opened, linker, store)
    assert (
        caught.value.problem == f"{opened} is not instantiated: it, the store and the linker are not all of one engine"
    )
    assert caught.value.hint == "make both with the engine that loaded it, such as wasmtime.Store(loaded.engine)"
