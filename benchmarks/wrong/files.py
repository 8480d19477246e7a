"""Artifacts that are not what their manifest declares, with and without its digest made to agree."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from benchmarks.workspace import LINE
from benchmarks.wrong.crate import CONSISTENT, INTACT, LOADED, Crate, UnfitError
from benchmarks.wrong.shipments import Shipment
from wasmbuild.formats import cwasm

_OSABI = 7
_MACHINE = 18
_E_FLAGS = 48
_NATIVE = Path(sys.executable)

# --- the manifest does not know ---------------------------------------------------------------------------------------


def cut(crate: Crate) -> None:
    artifact = crate.pick()
    data = crate.data(artifact)
    crate.put(artifact, data[: crate.chance.randrange(len(data))])
    crate.blame(INTACT, artifact)


def grown(crate: Crate) -> None:
    artifact = crate.pick()
    crate.put(artifact, crate.data(artifact) + crate.chance.randbytes(crate.chance.randint(1, 4096)))
    crate.blame(INTACT, artifact)


def overwritten(crate: Crate) -> None:
    artifact = crate.pick()
    data = bytearray(crate.data(artifact))
    at, count = crate.chance.randrange(len(data)), crate.chance.randint(1, 64)
    data[at : at + count] = bytes(byte ^ 0xFF for byte in data[at : at + count])
    crate.put(artifact, bytes(data))
    crate.blame(INTACT, artifact)


def missing(crate: Crate) -> None:
    artifact = crate.pick()
    crate.put(artifact, None)
    crate.blame(INTACT, artifact)


def exchanged(crate: Crate) -> None:
    one, other = crate.pick_two()
    crate.put(one, crate.data(other))
    crate.put(other, crate.data(one))
    crate.blame(INTACT, one, other)


def no_file(crate: Crate) -> None:
    """Something that is opened never ends, or is not below the directory: even right bytes are not taken from there."""
    artifact = crate.pick()
    right = crate.shipment.files[artifact["path"]]

    def directory(path: Path) -> None:
        path.mkdir()

    def fifo(path: Path) -> None:
        os.mkfifo(path)

    def link_out(path: Path) -> None:
        path.symlink_to(right)

    def link_to_nothing(path: Path) -> None:
        path.symlink_to("nothing.cwasm")

    def link_to_itself(path: Path) -> None:
        path.symlink_to(path.name)

    def link_to_a_device(path: Path) -> None:
        path.symlink_to("/dev/zero")

    crate.put(artifact, crate.one_of([directory, fifo, link_out, link_to_nothing, link_to_itself, link_to_a_device]))
    crate.blame(INTACT, artifact)


# --- the manifest agrees with the bytes -------------------------------------------------------------------------------


def _swapped(crate: Crate, differs: Callable[[Shipment, Shipment], bool]) -> None:
    """Declare the artifact that another target has of the same module."""
    artifact = crate.pick()
    other = crate.one_of([other for other in crate.others if differs(crate.shipment, other)])
    crate.declare(artifact, other.data(artifact["module"]))
    crate.blame(CONSISTENT, artifact)


def of_another_machine(crate: Crate) -> None:
    _swapped(crate, lambda one, other: one.machine != other.machine)


def of_another_cpu(crate: Crate) -> None:
    _swapped(crate, lambda one, other: one.machine == other.machine and one.isa_flags != other.isa_flags)


def of_another_engine(crate: Crate) -> None:
    _swapped(
        crate,
        lambda one, other: (
            (one.machine, one.isa_flags) == (other.machine, other.isa_flags) and one.engine != other.engine
        ),
    )


def of_another_kind(crate: Crate) -> None:
    one, other = crate.pick_two()
    if one["kind"] == other["kind"]:
        raise UnfitError
    crate.declare(one, crate.data(other))
    crate.blame(CONSISTENT, one)


def of_another_module(crate: Crate) -> None:
    """Found where what loads it shows the interface; elsewhere nothing in an artifact says which module it is."""
    one, other = crate.pick_two()
    if one["kind"] != other["kind"] or not crate.shipment.shows_interface:
        raise UnfitError
    crate.declare(one, crate.data(other))
    crate.blame(LOADED, one)


def of_another_line(crate: Crate) -> None:
    artifact = crate.pick()
    data = crate.data(artifact)
    right = str(LINE).encode()
    # A zero byte and the length of the version are before it.
    at = data.index(bytes([0, len(right)]) + right, _engine_at(data)) + 2
    major = str(crate.chance.choice([line for line in range(36, 60) if line != LINE])).encode()
    crate.declare(artifact, data[:at] + major + data[at + len(right) :])
    crate.blame(CONSISTENT, artifact)


def of_another_header(crate: Crate) -> None:
    """The ELF header names another machine or kind; the engine section does not."""
    artifact = crate.pick()
    data = bytearray(crate.data(artifact))
    order: Literal["big", "little"] = "big" if data[5] == 2 else "little"
    header = cwasm.read(bytes(data))
    machine = crate.chance.choice(sorted({other.machine for other in cwasm.HEADERS.values()} - {header.machine}))
    if crate.chance.random() < 0.5:
        data[_MACHINE : _MACHINE + 2] = machine.to_bytes(2, order)
    else:
        here = int.from_bytes(data[_E_FLAGS : _E_FLAGS + 4], order)
        flags = crate.chance.choice([flags for flags in range(16) if flags != here])
        data[_E_FLAGS : _E_FLAGS + 4] = flags.to_bytes(4, order)
    crate.declare(artifact, bytes(data))
    crate.blame(CONSISTENT, artifact)


def of_another_tail(crate: Crate) -> None:
    """A bit of the settings that are written by position."""
    artifact = crate.pick()
    data = bytearray(crate.data(artifact))
    facts = cwasm.read(bytes(data))
    end = _engine_at(bytes(data)) + len(facts.engine)
    data[end - 1 - crate.chance.randrange(len(facts.tail))] ^= 1 << crate.chance.randrange(8)
    crate.declare(artifact, bytes(data))
    crate.blame(CONSISTENT, artifact)


def cut_and_declared(crate: Crate) -> None:
    artifact = crate.pick()
    data = crate.data(artifact)
    crate.declare(artifact, data[: crate.chance.randrange(len(data))])
    crate.blame(CONSISTENT, artifact)


def no_artifact(crate: Crate) -> None:
    artifact = crate.pick()
    data = bytearray(crate.data(artifact))
    data[_OSABI] = crate.chance.choice([abi for abi in range(256) if abi != cwasm.OSABI_WASMTIME])
    some = crate.chance.randbytes(crate.chance.randint(1, 1 << 16))
    head = crate.chance.randint(64, 1 << 16)
    instead = [
        b"",
        some,
        bytes(len(some)),
        b"\0asm\x01\0\0\0",
        b"\0asm\x0d\0\x01\0",
        b"(module)",
        b"#!/bin/sh\nexit 0\n",
        b"\x89PNG\r\n\x1a\n" + some,
        _NATIVE.read_bytes()[:head],
        bytes(data),
        crate.manifest(),
    ]
    crate.declare(artifact, crate.one_of(instead))
    crate.blame(CONSISTENT, artifact)


def _engine_at(data: bytes) -> int:
    [section] = [section for section in cwasm.read(data).sections if section.name == cwasm.ENGINE_SECTION]
    return section.offset


WAYS = (
    cut, grown, overwritten, missing, exchanged, no_file, of_another_machine, of_another_cpu, of_another_engine,
    of_another_kind, of_another_module, of_another_line, of_another_header, of_another_tail, cut_and_declared,
    no_artifact,
)  # fmt: skip
