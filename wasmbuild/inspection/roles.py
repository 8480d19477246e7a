"""What the sections of artifacts, modules and components are for."""

from __future__ import annotations

CODE, DATA, UNWIND, DEBUG, TRAPS, NAMES, SETTINGS, INTERFACE, OTHER = (
    "code", "data", "unwind", "debug", "traps", "names", "settings", "interface", "other",
)  # fmt: skip
ROLES = {
    CODE: "code",
    DATA: "data of the WebAssembly",
    UNWIND: "unwind tables",
    DEBUG: "debug info",
    TRAPS: "what traps and exceptions mean",
    NAMES: "names",
    SETTINGS: "settings of the engine",
    INTERFACE: "types, imports, exports",
    OTHER: "other",
}
"""Every role, with what it is called."""

# crates/environ/src/obj.rs of Wasmtime 48 to 50.
_OF_ARTIFACT = {
    ".text": CODE,
    ".wasmtime.bti": CODE,
    ".rodata.wasm": DATA,
    ".eh_frame": UNWIND,
    ".pdata": UNWIND,
    ".xdata": UNWIND,
    ".wasmtime.dwarf": DEBUG,
    ".wasmtime.frames": DEBUG,
    ".wasmtime.addrmap": TRAPS,
    ".wasmtime.traps": TRAPS,
    ".wasmtime.exceptions": TRAPS,
    ".wasmtime.stackmap": TRAPS,
    ".name.wasm": NAMES,
    ".symtab": NAMES,
    ".strtab": NAMES,
    ".shstrtab": NAMES,
    ".wasmtime.engine": SETTINGS,
    ".wasmtime.info": INTERFACE,
}
_MODULE = (
    "custom", "type", "import", "function", "table", "memory", "global", "export", "start", "element", "code", "data",
    "data count", "tag",
)  # fmt: skip
_COMPONENT = (
    "custom", "core module", "core instance", "core type", "component", "instance", "alias", "type", "canon", "start",
    "import", "export", "value",
)  # fmt: skip
_OF_WEBASSEMBLY = {
    "code": CODE,
    "core module": CODE,
    "component": CODE,
    "data": DATA,
    "data count": DATA,
    "element": DATA,
    "type": INTERFACE,
    "import": INTERFACE,
    "function": INTERFACE,
    "table": INTERFACE,
    "memory": INTERFACE,
    "global": INTERFACE,
    "export": INTERFACE,
    "tag": INTERFACE,
}


def of_artifact(name: str) -> str:
    """Return the role of a section of an artifact."""
    if name.startswith((".debug_", ".rela.debug_")):
        return DEBUG
    return _OF_ARTIFACT.get(name, OTHER)


def of_webassembly(kind: str, number: int, custom: str) -> tuple[str, str]:
    """Return name and role of a section by its id, in a ``kind`` of ``"module"`` or ``"component"``.

    ``custom`` is the name of a custom section, whose id is 0.
    """
    if number == 0:
        is_debug = custom.startswith((".debug_", "external_debug_info", "sourceMappingURL"))
        return custom, DEBUG if is_debug else NAMES if custom.endswith("name") else OTHER
    names = _MODULE if kind == "module" else _COMPONENT
    name = names[number] if number < len(names) else f"section {number}"
    return name, _OF_WEBASSEMBLY.get(name, OTHER)
