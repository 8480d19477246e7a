"""Which artifacts a program can load, by its triple alone."""

from __future__ import annotations

import pytest

from wasmbuild.engine import triples
from wasmbuild.engine.programs import program

LINUX, MUSL, ARM = "x86_64-unknown-linux-gnu", "x86_64-unknown-linux-musl", "aarch64-unknown-linux-gnu"
PULLEYS = ("pulley32", "pulley64", "pulley32be", "pulley64be")


@pytest.mark.parametrize(
    ("text", "loaded"),
    [
        (LINUX, {LINUX, MUSL, "pulley64"}),
        ("x86_64-alpine-linux-musl", {LINUX, MUSL, "pulley64"}),
        (ARM, {ARM, "pulley64"}),
        ("aarch64-linux-android", {ARM, "pulley64"}),
        ("aarch64-android", {ARM, "pulley64"}),
        ("x86_64-pc-windows-msvc", {"pulley64"}),
        ("s390x-unknown-linux-gnu", {"pulley64be"}),
        ("armv7-unknown-linux-gnueabihf", {"pulley32"}),
        ("mips-unknown-linux-gnu", {"pulley32be"}),
        ("ppc-linux", {"pulley32be"}),
        ("csky-linux", {"pulley32"}),
        ("powerpc64le-unknown-linux-gnu", {"pulley64"}),
        ("riscv64imac-unknown-none-elf", {"pulley64"}),
        ("powerpc64-unknown-linux-gnu", {"pulley64be"}),
    ],
)
def test_a_program_loads_its_own_and_the_interpreter_s(text: str, loaded: set[str]) -> None:
    found = program(text)
    assert {triple for triple in (LINUX, MUSL, ARM, *PULLEYS) if found.loads(triples.parse(triple))} == loaded
    assert found.loads(triples.parse(found.example))


@pytest.mark.parametrize("text", ["", "pulley64", "wasm32-wasip1", "x86_64", "z80-unknown-linux-gnu"])
def test_what_is_no_machine_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=";"):
        program(text)
