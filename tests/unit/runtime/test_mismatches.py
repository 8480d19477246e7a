"""Headers tell why a file does not fit before Wasmtime is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from wasmbuild.runtime import load_precompiled
from wasmbuild.runtime.engines import library_line
from wasmbuild.runtime.errors import (
    DamagedError,
    LoadError,
    NotPrecompiledError,
    OtherArchitectureError,
    OtherLineError,
)

FOREIGN = "s390x-unknown-linux-gnu"


def refused(kind: type[LoadError], path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(kind) as caught:
        load_precompiled(path)
    assert type(caught.value) is kind
    return str(caught.value)


def test_the_line_comes_before_the_machine(tmp_path: Path, make_artifact: Callable[..., bytes]) -> None:
    path = tmp_path / "a.cwasm"
    assert refused(OtherLineError, path, make_artifact(FOREIGN, version="7")).startswith(
        f"{path} is for Wasmtime 7, and the library of the wasmtime package here is of {library_line()}; "
    )
    here = library_line()
    other = 49 if here == 48 else 48
    assert refused(OtherLineError, path, make_artifact(version=str(other))).endswith(
        f'under [toolchain] or in the target, or install that line: pip install "wasmtime>={other},<{other + 1}"'
    )
    # No library of such a line loads what another release compiled.
    for version in ("7", "36.0.20", "7.0-dev\x1b"):
        assert refused(OtherLineError, path, make_artifact(version=version)).endswith(
            f'; build again with wasmtime = "{here}" under [toolchain] or in the target'
        )
    assert refused(OtherArchitectureError, path, make_artifact(FOREIGN)).startswith(f"{path} is for {FOREIGN}, and ")


def test_a_triple_that_nobody_knows(tmp_path: Path, make_artifact: Callable[..., bytes]) -> None:
    data = make_artifact(FOREIGN).replace(b"s390x", b"z80\x1b9")
    assert "is for z80\\x1b9-unknown-linux-gnu, and this machine" in refused(
        OtherArchitectureError, tmp_path / "a.cwasm", data
    )


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"", DamagedError, "is an empty file, and a precompiled artifact is needed here; build again"),
        (bytes(99), DamagedError, "is a file of zeros only, and a precompiled artifact is needed here; build again"),
        (
            b" ;; a comment\n",
            DamagedError,
            "is a file of blanks and comments only, and a precompiled artifact is needed",
        ),
        (
            b"\x7fELF" + bytes(60),
            DamagedError,
            "is an ELF file for machine 0, and a precompiled artifact is needed here; ",
        ),
        (b"hello", DamagedError, "is text, but not WebAssembly text: "),
        (
            b"(module)",
            NotPrecompiledError,
            "is WebAssembly text, and a precompiled artifact is needed here; compile it",
        ),
        (b"\0asm\x0d\0\1\0", NotPrecompiledError, "is a WebAssembly component, and a precompiled artifact is needed"),
    ],
)
def test_what_is_no_artifact(content: bytes, kind: type[LoadError], message: str, tmp_path: Path) -> None:
    assert refused(kind, tmp_path / "file", content).startswith(f"{tmp_path / 'file'} {message}")
