"""What the generated C header says of files that a program has it compile, and that are no modules."""

from __future__ import annotations

import pytest
import wasmtime
from c_programs import Host

pytestmark = pytest.mark.needs("cc", "cargo")


def test_what_is_no_module_to_compile(host: Host) -> None:
    root = host.make("").project.root
    module = bytes(wasmtime.wat2wasm((root / "gcd.wat").read_bytes()))
    for name, data in {
        "damaged.wasm": module[:-9], "component.wasm": b"\0asm\r\0\1\0", "empty.wasm": b"", "few.wasm": b"\0asm",
        "comment.wat": b" ;; gcd\n(module)",
    }.items():  # fmt: skip
        (root / name).write_bytes(data)

    def refusal(name: str) -> str:
        return host.refusal("--compile", name).removeprefix(f"{name}: ")

    assert refusal("damaged.wasm").startswith("is no WebAssembly that this engine compiles: ")
    assert refusal("few.wasm").startswith("is no WebAssembly that this engine compiles: ")
    assert refusal("empty.wasm") == "is empty; make it again, or copy it again"
    for name in ("gcd.wat", "comment.wat"):
        assert refusal(name) == (
            "is WebAssembly text, not binary; translate it with wasmtime_wat2wasm() and compile that with "
            "wasmtime_module_new(), or precompile it with wasmbuild and load what that writes with wasmbuild_load()"
        )
    assert refusal("component.wasm") == (
        "is a component, not a module; compile it with wasmtime_component_new(), or precompile it with wasmbuild and "
        "load what that writes with wasmbuild_load_component()"
    )
    for name in ("main.c", "host"):
        assert refusal(name) == "is neither WebAssembly nor a precompiled artifact; pass a .wasm"
