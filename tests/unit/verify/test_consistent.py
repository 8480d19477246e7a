from __future__ import annotations

from typing import Any

import pytest

from wasmbuild.engine import cpu
from wasmbuild.formats.cwasm import ArtifactFacts, ReadAt
from wasmbuild.verify.consistent import Consistent
from wasmbuild.verify.outcomes import WASMTIME, Broken, Obstacle, Unreachable
from wasmbuild.verify.reference import Reference

HAND = "was it built or changed by hand, or by another tool? build it again"
AGAIN = "build again, or copy it again from where it was built"


def other_settings(reference: Reference, facts: ArtifactFacts) -> str:
    return "" if (reference.tail, reference.shared_flags) == (facts.tail, facts.shared_flags) else "has other settings"


def checked(
    maker: Any, data: bytes, *, kind: str = "module", no_reference: bool = False, **changes: Any
) -> Obstacle | None:
    manifest = maker.manifest(**changes)
    reference = Reference(manifest.config, maker.shared, maker.tail)
    consistent = Consistent(
        manifest, Unreachable("no reference", WASMTIME) if no_reference else reference, other_settings
    )
    entry = maker.entry(data, kind=kind)
    source = ReadAt(lambda offset, size: data[offset : offset + size], len(data))
    first = consistent.check(entry, source)
    # Nothing that was seen before changes a verdict.
    assert consistent.check(entry, source) == first
    return first


def message(maker: Any, data: bytes, **changes: Any) -> str:
    obstacle = checked(maker, data, **changes)
    assert isinstance(obstacle, Broken)
    return obstacle.message


@pytest.mark.parametrize(
    ("declared", "written", "architecture", "flags", "isa"),
    [
        ("aarch64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64", {}, {"has_lse": False}),
        ("aarch64-apple-darwin", "aarch64-apple-darwin", "aarch64", {"has_lse": True}, {"has_lse": True}),
        ("arm64-apple-darwin", "aarch64-apple-darwin", "aarch64", {}, {}),
        ("x86_64-linux-gnu", "x86_64-unknown-linux-gnu", "x86_64", {}, {}),
        ("s390x-unknown-linux-gnu", "s390x-unknown-linux-gnu", "s390x", {"has_mie3": True}, {"has_mie3": True}),
        (
            "riscv64gc-unknown-linux-gnu",
            "riscv64gc-unknown-linux-gnu",
            "riscv64",
            {"has_v": True},
            dict.fromkeys(("has_m", "has_a", "has_f", "has_d", "has_zicsr", "has_zifencei", "has_v"), True),
        ),
        (
            "pulley64",
            "pulley64-unknown-unknown-elf",
            "pulley64",
            {},
            {"pointer_width": "pointer64", "big_endian": False},
        ),
        (
            "pulley32be",
            "pulley32be-unknown-unknown-elf",
            "pulley32be",
            {},
            {"pointer_width": "pointer32", "big_endian": True},
        ),
    ],
)
def test_what_was_declared_is_consistent(
    maker: Any, declared: str, written: str, architecture: str, flags: dict[str, bool], isa: dict[str, Any]
) -> None:
    data = maker.artifact(written, architecture=architecture, isa=isa)
    assert checked(maker, data, triple=declared, isa_flags=flags) is None


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64", "riscv64", "s390x"])
def test_every_cpu_level_is_checked_flag_by_flag(maker: Any, architecture: str) -> None:
    triple = {"riscv64": "riscv64gc-unknown-linux-gnu"}.get(architecture, f"{architecture}-unknown-linux-gnu")
    always = ("has_m", "has_a", "has_f", "has_d", "has_zicsr", "has_zifencei") if architecture == "riscv64" else ()
    for level in cpu.levels(architecture):
        flags = cpu.isa_flags(architecture, level, [])
        isa = {**dict.fromkeys(always, True), **flags}
        data = maker.artifact(triple, architecture=architecture, isa=isa)
        assert checked(maker, data, triple=triple, isa_flags=flags) is None
        for flag in isa:
            data = maker.artifact(triple, architecture=architecture, isa={**isa, flag: False})
            assert f"{flag} is false instead of true" in message(maker, data, triple=triple, isa_flags=flags)


def test_a_component_in_place_of_a_module_is_told(maker: Any) -> None:
    assert message(maker, maker.artifact(kind="component")) == (
        f"checksum.cwasm is a component, and its manifest says module; {HAND}"
    )
    assert checked(maker, maker.artifact(kind="component"), kind="component") is None


def test_another_line_is_told(maker: Any) -> None:
    assert message(maker, maker.artifact(version="49")) == (
        f"checksum.cwasm is of Wasmtime 49, and its manifest says 48; {HAND}"
    )


@pytest.mark.parametrize(
    "triple", ["x86_64-unknown-linux-gnu", "aarch64-apple-darwin", "aarch64-unknown-linux-musl", "???"]
)
def test_another_target_is_told(maker: Any, triple: str) -> None:
    assert message(maker, maker.artifact(triple)) == (
        f"checksum.cwasm is for {triple}, and target pi is aarch64-unknown-linux-gnu; {HAND}"
    )


def test_a_header_of_another_machine_is_told(maker: Any) -> None:
    assert message(maker, maker.artifact(architecture="x86_64")) == (
        f"checksum.cwasm says it is for aarch64-unknown-linux-gnu, but its ELF header is not one of that machine; "
        f"{HAND}"
    )


def test_cpu_flags_that_were_not_declared_are_told(maker: Any) -> None:
    assert message(maker, maker.artifact(isa={"has_lse": True, "has_fp16": False}), isa_flags={"has_fp16": True}) == (
        f"checksum.cwasm has other CPU flags than target pi declares: has_fp16 is false instead of true, "
        f"has_lse is true instead of false; {HAND}"
    )


def test_a_number_is_no_truth(maker: Any) -> None:
    assert "has_lse is 1 instead of true" in message(
        maker, maker.artifact(isa={"has_lse": 1}), isa_flags={"has_lse": True}
    )


@pytest.mark.parametrize("changes", [{"tail": bytes(60)}, {"shared": {"opt_level": "none", "unwind_info": True}}])
def test_other_settings_are_told(maker: Any, changes: dict[str, Any]) -> None:
    assert message(maker, maker.artifact(**changes)) == f"checksum.cwasm has other settings; {HAND}"


def test_without_a_reference_the_rest_is_still_checked(maker: Any) -> None:
    assert checked(maker, maker.artifact(), no_reference=True) == Unreachable("no reference", WASMTIME)
    assert isinstance(checked(maker, maker.artifact(version="49"), no_reference=True), Broken)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\0asm\x01\0\0\0", f"a core WebAssembly module, not an artifact that was compiled from one; {HAND}"),
        (b"\0asm\x0d\0\x01\0", f"a WebAssembly component, not an artifact that was compiled from one; {HAND}"),
        (b"(module)", f"WebAssembly text, not an artifact that was compiled from one; {HAND}"),
        (
            b"\x7fELF\x02\x01\x01\0" + bytes(8) + b"\x03\0\x3e\0" + bytes(100),
            f"an ELF program or shared library for x86-64, not an artifact; {AGAIN}",
        ),
        (
            b"\0asm\1\0\0\0\1\x7f",
            f"a core WebAssembly module that was cut off or damaged (it has 10 bytes), not an artifact; {AGAIN}",
        ),
        (
            b"version https://git-lfs.github.com/spec/v1",
            f"a Git LFS pointer, not the file itself, not an artifact; {AGAIN}",
        ),
        (b"", "not an artifact: the file is empty; build it again"),
    ],
)
def test_what_is_no_artifact_is_called_what_it_is(maker: Any, data: bytes, what: str) -> None:
    assert message(maker, data) == f"checksum.cwasm is {what}"


def test_a_truncated_artifact_is_told(maker: Any) -> None:
    assert "a damaged artifact" in message(maker, maker.artifact()[:-1])


def test_terminal_escapes_of_an_artifact_are_not_shown(maker: Any) -> None:
    for data in (maker.artifact("a\x1b[31m"), maker.artifact(version="\x1b"), maker.artifact(isa={"\x1b": True})):
        assert message(maker, data).isprintable()
