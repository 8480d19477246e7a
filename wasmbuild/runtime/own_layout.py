"""How the library here is laid out, told by what it compiles: bundles and copied trees leave its metadata behind."""

from __future__ import annotations

import wasmtime

from wasmbuild.formats import cwasm, layouts
from wasmbuild.lean.functools import lru_cache

_READS_BEHIND_TAGS = """(module {tags} (memory 1) (data $d "x")
    (func (export "f") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))))"""


@lru_cache(maxsize=1)
def release_alike(line: int) -> str:
    """Return a release of the library's ``line`` that is laid out as the library is, whichever that one is itself.

    What stands behind tags stands at the same place behind one and behind two where it is aligned, and the code that
    reads it is the same. Seen of the executables 48.0.2, 49.0.1 and 49.0.3, and of the libraries 48.0.0 and 49.0.0.
    """
    moved = layouts.moved_in(line)
    is_moved = moved and _code("(tag)") == _code("(tag) (tag)")
    return f"{line}.0.{moved if is_moved else 0}"


def _code(tags: str) -> bytes:
    config = wasmtime.Config()
    # Bytecode needs no executable memory, which a process may be denied.
    config.target = "pulley64"
    # Threads that compile would be left behind in a process that only loads.
    config.parallel_compilation = False
    artifact = bytes(wasmtime.Module(wasmtime.Engine(config), _READS_BEHIND_TAGS.format(tags=tags)).serialize())
    return b"".join(
        artifact[section.offset : section.offset + section.size]
        for section in cwasm.read(artifact).sections
        if section.name == ".text"
    )
