"""Instantiate, and say all that is missing when a module imports what nobody defines."""

from __future__ import annotations

import re
from typing import overload

import wasmtime

from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.runtime.errors import (
    LoadError,
    OtherImportTypeError,
    OtherKindError,
    RefusedError,
    TrapError,
    UnknownImportError,
)
from wasmbuild.runtime.file_errors import of_system, said_by_host
from wasmbuild.runtime.loaded import Loaded, Opened
from wasmbuild.text import listed, printable

if TYPE_CHECKING:
    from collections.abc import Sequence, Set

    from wasmtime import component

_UNKNOWN = re.compile(r"unknown import: `(.*?)` has not been defined")
_UNMATCHED = re.compile(r"component imports (.+) `(.*?)`, but a matching implementation was not found in the linker")
_OTHER_TYPE = re.compile(r"incompatible import type for `(.*?)`")
_OTHER_COUNT = re.compile(r"expected \d+ imports, found \d+")
_OTHER_ENGINE = re.compile("cross-`Engine` (?:instantiation|usage) is not")
_STORE_LIMIT = re.compile(
    r"minimum size of \d+ \w+ exceeds \w+ limits|resource limit exceeded: \w+ count too high at \d+"
)
_TRAP = re.compile(r"wasm trap: (.*)")
# What an engine with a limit says of a store that allows nothing, as a new one does.
_LIMITS = {
    "interrupt": "its engine has epoch-interruption: give the store a deadline, store.set_epoch_deadline(1) or later",
    "all fuel consumed by WebAssembly": "its engine has consume-fuel: give the store fuel, store.set_fuel(1_000_000)",
}
_WASI_0_2 = "call linker.add_wasip2() and store.set_wasi(wasmtime.WasiConfig())"
_BELOW_ROOT = "define it below linker.root()"
_SHOWN = 10


def missing_imports(
    opened: Opened | wasmtime.Module, linker: wasmtime.Linker, store: wasmtime.Store
) -> tuple[tuple[str, str], ...]:
    """Return the imports of a core module, as (module, name), that a linker does not define, in the module's order."""
    module = opened.module if isinstance(opened, Opened) else opened
    imported = dict.fromkeys((wanted.module, wanted.name or "") for wanted in module.imports)
    return tuple(each for each in imported if not _defines(linker, store, *each))


def _defines(linker: wasmtime.Linker, store: wasmtime.Store, module: str, name: str) -> bool:
    try:
        linker.get(store, module, name)
    except wasmtime.WasmtimeError:
        return False
    return True


@overload
def instantiate(opened: Opened, linker: wasmtime.Linker, store: wasmtime.Store) -> wasmtime.Instance: ...


@overload
def instantiate(opened: Opened, linker: component.Linker, store: wasmtime.Store) -> component.Instance: ...


def instantiate(
    opened: Opened, linker: wasmtime.Linker | component.Linker, store: wasmtime.Store
) -> wasmtime.Instance | component.Instance:
    """Instantiate a module or a component with what a linker of its kind defines.

    Raises UnknownImportError with all that a module lacks (of a component, with what Wasmtime names first),
    OtherImportTypeError, OtherKindError for a linker of the other kind, RefusedError for a store of another engine or
    with limits that are too low, and HostLimitError for memory, address space or descriptors that this process may not
    have; a trap and an exit of the start function are Wasmtime's own, and so is any other error.
    """
    if (opened.kind == "module") != isinstance(linker, wasmtime.Linker):
        owner = "wasmtime.Linker" if opened.kind == "module" else "wasmtime.component.Linker"
        raise OtherKindError(f"{opened} is a {opened.kind}, and the linker is for the other kind", f"use {owner}")
    try:
        if isinstance(linker, wasmtime.Linker):
            return linker.instantiate(store, opened.module)
        return linker.instantiate(store, opened.component)
    except wasmtime.ExitTrap:
        raise
    except wasmtime.WasmtimeError as error:
        known = _not_instantiated(opened, error, linker, store)
        if known is None:
            raise
        raise known from None


def _not_instantiated(
    opened: Opened, error: wasmtime.WasmtimeError, linker: wasmtime.Linker | component.Linker, store: wasmtime.Store
) -> LoadError | None:
    try:
        if (found := _UNKNOWN.search(str(error))) is not None:
            return _unknown(opened, found[1], linker, store)
        return of_instantiation(str(opened), error)
    except OSError as refused:
        return of_system(str(opened), refused)


def of_instantiation(subject: str, error: Exception) -> LoadError | None:
    """Return what it means that Wasmtime did not instantiate a module or component, None for other errors of its.

    Raises OSError.
    """
    from wasmbuild.diagnosis.wording import one_line

    message = str(error)
    if (found := _UNMATCHED.search(message)) is not None:
        return _of_component(subject, found[1], found[2], message)
    if (found := _UNKNOWN.search(message)) is not None:
        name = found[1]
        hint = f"{_how_to_define([name])}; {__package__}.instantiate names all that is missing"
        return UnknownImportError(
            f"{subject} imports {printable(name)}, which the linker does not define", hint, [name]
        )
    if (found := _OTHER_TYPE.search(message)) is not None:
        return OtherImportTypeError(
            f"{subject} imports {printable(found[1])} with another type than the linker defines: {one_line(message)}",
            "define it with the type that the module expects",
            found[1],
        )
    if _OTHER_COUNT.search(message) is not None:
        return RefusedError(
            f"{subject} is not instantiated: {one_line(message)}",
            "give wasmtime.Instance() one import for each of module.imports, in their order, or define them in a "
            f"linker and use {__package__}.instantiate",
        )
    if _OTHER_ENGINE.search(message) is not None:
        return RefusedError(
            f"{subject} is not instantiated: it, the store and the linker are not all of one engine",
            "make both with the engine that loaded it, such as wasmtime.Store(loaded.engine)",
        )
    if _STORE_LIMIT.search(message) is not None:
        return RefusedError(
            f"{subject} is not instantiated: {one_line(message)}", "let the store have more, with store.set_limits()"
        )
    if isinstance(error, wasmtime.ExitTrap):
        return TrapError(f"{subject} was loaded, and its own code ended with exit status {error.code}", "")
    if isinstance(error, wasmtime.Trap):
        found = _TRAP.search(message)
        cause = printable(found[1]) if found is not None else one_line(message)
        if (limit := _LIMITS.get(cause)) is not None:
            return TrapError(f"{subject} was loaded, and stopped: {cause}", limit)
        return TrapError(
            f"{subject} was loaded, and its own code failed: {cause} (in a call, or when it was instantiated: in its "
            "start function, or for data and elements that do not fit its memories and tables)",
            "",
        )
    return said_by_host(subject, message)


def _unknown(
    opened: Opened, first: str, linker: wasmtime.Linker | component.Linker, store: wasmtime.Store
) -> UnknownImportError:
    missing: Sequence[tuple[str, str]] = ()
    others: set[str] = set()
    if isinstance(linker, wasmtime.Linker):
        missing = missing_imports(opened, linker, store)
        imports = opened.module.imports
        others = {f"{i.module}::{i.name or ''}" for i in imports if not isinstance(i.type, wasmtime.FuncType)}
    names = [f"{module}::{name}" for module, name in missing] or [first]
    types = {}
    if isinstance(opened, Loaded):
        types = {f"{i.module}::{i.name}": f" ({i.kind} {i.type})" for i in opened.artifact.imports if i.type}
    return UnknownImportError(
        f"{opened} imports what the linker does not define: {_listed([name + types.get(name, '') for name in names])}",
        _how_to_define(names, others),
        names,
    )


def _how_to_define(names: list[str], others: Set[str] = frozenset()) -> str:
    """Return how to define imports in a linker; ``others`` are those that are known to be no functions."""
    of_wasi = _of_define_wasi(names)
    ways = []
    if of_wasi:
        ways.append("call linker.define_wasi() and store.set_wasi(wasmtime.WasiConfig())")
    if rest := set(names).difference(of_wasi):
        call = "define(store, module, name, item)" if rest <= others else "define_func(module, name, type, function)"
        ways.append(
            f"define it in the linker, for example with linker.{call}, or link the module that exports it with "
            "linker.define_instance()"
        )
    return "; ".join(ways)


def _of_define_wasi(names: list[str]) -> list[str]:
    """Return those that the library has: neither wasi_unstable nor what other runtimes add to preview 1."""
    engine = wasmtime.Engine()
    linker, store = wasmtime.Linker(engine), wasmtime.Store(engine)
    linker.define_wasi()
    split = [(name, *name.partition("::")[::2]) for name in names]
    return [name for name, module, field in split if _defines(linker, store, module, field)]


def _of_component(subject: str, what: str, name: str, message: str) -> UnknownImportError:
    cause = message.rpartition("Caused by:")[2].strip().splitlines()
    why = f" ({printable(cause[-1].strip())})" if len(cause) > 0 and "Caused by:" in message else ""
    return UnknownImportError(
        f"{subject} imports the {what} {printable(name)}, which the linker does not define{why}",
        _how_to_define_for_component(name),
        (name,),
    )


def _how_to_define_for_component(name: str) -> str:
    from wasmtime import component

    from wasmbuild.formats import wasi

    if wasi.version(name) == "0.2":
        return _WASI_0_2
    if wasi.is_http_client(name) and hasattr(component.Linker, "add_wasi_http"):
        # Without the store's part, a call ends the process.
        return f"{_WASI_0_2}, then linker.add_wasi_http() and store.set_wasi_http()"
    if name.startswith("wasi:") and "@0.3." in name:
        return f"{_BELOW_ROOT}: the Python library gives WASI 0.2 alone"
    return _BELOW_ROOT


def _listed(names: list[str]) -> str:
    return listed([printable(name) for name in names], _SHOWN)
