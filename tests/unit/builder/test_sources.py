"""What is known of a source: what its bytes say is remembered, what befell whoever read them is not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wasmbuild.builder import examining, source_facts
from wasmbuild.builder.memory import Memory
from wasmbuild.builder.sources import SourceReader
from wasmbuild.digest import sha256_hex
from wasmbuild.errors import CompileError
from wasmbuild.formats import wasm
from wasmbuild.formats.identify import MAX_SOURCE
from wasmbuild.project.declared import Module
from wasmbuild.toolchain.job import NoVerdictError

EMPTY = b"\0asm\x01\0\0\0"
KILLED = NoVerdictError("the library was killed by SIGKILL")
WRONG = CompileError("is not valid WebAssembly text")
LATER = 2**62


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Module:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = tmp_path / "src.wat"
    source.write_text("(module)")
    return Module("m", source, "src.wat", None, None)


def after(*ends: CompileError) -> Callable[[bytes], bytes]:
    """Return a translator that fails with each of these, and then translates."""
    left: Iterator[CompileError] = iter(ends)

    def translate(text: bytes) -> bytes:
        for end in left:
            raise end
        return EMPTY

    return translate


def sources(
    memory: Path,
    translate: Callable[[bytes], bytes],
    write: Callable[[bytes], object] = lambda data: None,
    translator: str = "0" * 64,
) -> SourceReader:
    remembered = Memory(memory)
    remembered.now = LATER
    return SourceReader(remembered, translate, lambda: translator, lambda path, data: write(data) and None)


def test_the_death_of_the_translator_is_not_remembered_as_a_fault_of_the_text(module: Module, tmp_path: Path) -> None:
    made = sources(tmp_path / "state.json", after(KILLED, KILLED))
    with pytest.raises(CompileError, match=r"^src\.wat: the library was killed by SIGKILL$"):
        made.look(module)
    with pytest.raises(CompileError, match=r"^src\.wat: the library was killed by SIGKILL$"):
        made.copy(module, tmp_path)
    assert made.look(module).kind == "module"


def test_a_fault_of_the_text_is_remembered(module: Module, tmp_path: Path) -> None:
    made = sources(tmp_path / "state.json", after(WRONG))
    for _ in range(2):
        with pytest.raises(CompileError, match=r"^src\.wat: is not valid WebAssembly text$"):
            made.look(module)


def test_a_source_that_is_gone(module: Module, tmp_path: Path) -> None:
    module.source.unlink()
    made = sources(tmp_path / "state.json", after())
    for look in (made.look, lambda module: made.copy(module, tmp_path)):
        with pytest.raises(CompileError) as error:
            look(module)
        assert str(error.value) == "src.wat: there is no such file; make it, or correct the path"


class TestText:
    """What text is, and a small binary of it, is remembered for the user: to translate takes a process of its own."""

    def test_another_build_does_not_translate_it(self, module: Module, tmp_path: Path) -> None:
        first, _ = sources(tmp_path / "state.json", after()).copy(module, tmp_path)
        written: list[bytes] = []
        other = sources(tmp_path / "other.json", after(KILLED, KILLED), written.append)
        assert other.look(module) == first
        assert other.copy(module, tmp_path)[0] == first
        assert written == [EMPTY]

    def test_another_translator_does(self, module: Module, tmp_path: Path) -> None:
        sources(tmp_path / "state.json", after()).look(module)
        other = sources(tmp_path / "other.json", after(KILLED), translator="1" * 64)
        with pytest.raises(CompileError, match="was killed"):
            other.look(module)

    def test_a_large_binary_is_made_again(
        self, module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(source_facts, "KEPT_BYTES", len(EMPTY) - 1)
        sources(tmp_path / "state.json", after()).look(module)
        other = sources(tmp_path / "other.json", after(KILLED))
        assert other.look(module).kind == "module"
        with pytest.raises(CompileError, match=r"^src\.wat: the library was killed"):
            other.copy(module, tmp_path)


class TestLargeModules:
    """What a large module is, is remembered for the user by the digest of its bytes."""

    @pytest.fixture
    def large(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Module:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setattr(source_facts, "WORTH_BYTES", len(EMPTY))
        source = tmp_path / "m.wasm"
        source.write_bytes(EMPTY)
        return Module("m", source, "m.wasm", None, None)

    def documents(self, tmp_path: Path) -> list[Path]:
        return sorted((tmp_path / "cache" / "wasmbuild" / "sources").iterdir())

    def test_another_build_does_not_look_at_it(
        self, large: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = sources(tmp_path / "state.json", after()).look(large)
        assert len(self.documents(tmp_path)) == 1
        monkeypatch.setattr(wasm, "interface", None)
        other = sources(tmp_path / "other.json", after())
        assert other.look(large) == first
        assert other.copy(large, tmp_path)[0] == first

    def test_other_bytes_are_looked_at(self, large: Module, tmp_path: Path) -> None:
        first = sources(tmp_path / "state.json", after()).look(large)
        large.source.write_bytes(EMPTY + b"\0\x03\x01a1")
        assert sources(tmp_path / "other.json", after()).look(large).wasm_sha256 != first.wasm_sha256

    def test_its_bytes_are_hashed_once(self, large: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        hashed = []

        def digest(data: bytes) -> str:
            hashed.append(data)
            return sha256_hex(data)

        monkeypatch.setattr(examining, "sha256_hex", digest)
        made = sources(tmp_path / "state.json", after())
        first = made.known(large)
        assert [made.known(large), made.known(large)] == [first, first]
        assert hashed == [EMPTY]
        large.source.write_bytes(EMPTY + b"\0\x03\x01a1")
        assert made.known(large).sha256 == sha256_hex(EMPTY + b"\0\x03\x01a1")
        assert len(hashed) == 2

    @pytest.mark.parametrize("damage", [b"", b"{}", b"null", b"\xff" * 70])
    def test_what_is_damaged_is_as_good_as_nothing(self, large: Module, tmp_path: Path, damage: bytes) -> None:
        first = sources(tmp_path / "state.json", after()).look(large)
        (document,) = self.documents(tmp_path)
        whole = document.read_bytes()
        document.write_bytes(damage)
        assert sources(tmp_path / "other.json", after()).look(large) == first
        assert document.read_bytes() == whole

    def test_what_others_may_have_written_is_not_believed(self, large: Module, tmp_path: Path) -> None:
        first = sources(tmp_path / "state.json", after()).look(large)
        (document,) = self.documents(tmp_path)
        document.chmod(0o666)
        source_facts.remember("0" * 64, {})
        assert sources(tmp_path / "other.json", after()).look(large) == first
        assert document.stat().st_mode & 0o777 == 0o600


def test_a_source_that_is_too_large_is_told_unread(module: Module, tmp_path: Path) -> None:
    os.truncate(module.source, MAX_SOURCE + 1)
    made = sources(tmp_path / "state.json", after())
    for look in (made.look, lambda module: made.copy(module, tmp_path)):
        with pytest.raises(CompileError, match=rf"it has {MAX_SOURCE + 1} bytes, and at most {MAX_SOURCE} are read; c"):
            look(module)
