"""What an enemy does to a directory that was shipped, and a watch that tells whether anybody opened a file."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

LOG_LOADS = """
import hashlib, os, runpy, sys
from wasmtime import Module
from wasmtime.component import Component

def log(data):
    with open(os.environ["LOADED"], "a") as file:
        file.write(hashlib.sha256(data).hexdigest() + "\\n")

def logged(kind):
    deserialize, deserialize_file = kind.deserialize, kind.deserialize_file
    kind.deserialize = lambda engine, data: log(data) or deserialize(engine, data)
    kind.deserialize_file = lambda engine, path: log(open(path, "rb").read()) or deserialize_file(engine, path)

logged(Module)
logged(Component)
while os.path.basename(sys.argv[0]) != "probe_main.py":
    del sys.argv[0]
sys.path[0] = os.path.dirname(sys.argv[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""A program that runs the probe of verification, and notes the digests of what that deserializes in ``$LOADED``."""


class Shipment:
    """What was shipped to one target; the second artifact of its manifest, ``m``, is the one that is harmed."""

    def __init__(self, directory: Path, workshop: Any) -> None:
        self.directory = directory
        self.workshop = workshop
        self.manifest = directory / "manifest.json"
        self.artifact = directory / "m.cwasm"

    def say(self, value: object, *place: str | int) -> None:
        """Write a value into the manifest."""
        document = json.loads(self.manifest.read_bytes())
        *steps, last = place
        at = document
        for step in steps:
            at = at[step]
        at[last] = value
        self.manifest.write_text(json.dumps(document))

    def replace(self, data: bytes) -> None:
        """Write another artifact, and its size and digest into the manifest."""
        self.artifact.write_bytes(data)
        self.say(len(data), "artifacts", 1, "size")
        self.say(hashlib.sha256(data).hexdigest(), "artifacts", 1, "sha256")


Mischief = Callable[[Shipment], object]
Replace = Callable[[Path], object]
"""Puts something in place of a file that is there."""


def artifact(replace: Replace) -> Mischief:
    return lambda shipment: replace(shipment.artifact)


def manifest(replace: Replace) -> Mischief:
    return lambda shipment: replace(shipment.manifest)


def says(value: object, *place: str | int) -> Mischief:
    return lambda shipment: shipment.say(value, *place)


def compiled(text: str, triple: str, **settings: Any) -> Mischief:
    """Put a right artifact of something else there, and its digest into the manifest."""
    return lambda shipment: shipment.replace(shipment.workshop.compile(text, triple, **settings))


def written(data: bytes | Path) -> Mischief:
    """Put other bytes there, and their digest into the manifest."""
    return lambda shipment: shipment.replace(data if isinstance(data, bytes) else data.read_bytes())


def edited(edit: Callable[[bytes], bytes]) -> Mischief:
    """Edit the artifact, and put its digest into the manifest."""
    return lambda shipment: shipment.replace(edit(shipment.artifact.read_bytes()))


def link(to: str) -> Replace:
    """Put a symbolic link, ``to`` being as the system reads it."""

    def replace(path: Path) -> None:
        path.unlink()
        path.symlink_to(to)

    return replace


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def unix_socket(path: Path) -> None:
    path.unlink()
    # The path of a socket may have a hundred characters.
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)


def device(path: Path) -> None:
    """Put a device that gives zeros without end. Raises PermissionError for whom it is forbidden to make one."""
    path.unlink()
    os.mknod(path, 0o600 | 0o020000, os.stat("/dev/zero").st_rdev)


def through_a_directory(shipment: Shipment) -> None:
    shipment.say("plugins/m.cwasm", "artifacts", 1, "path")
    (shipment.directory / "plugins").symlink_to("../../outside/t")


def through_a_chain(shipment: Shipment) -> None:
    link("one/m.cwasm")(shipment.artifact)
    (shipment.directory / "one").symlink_to("two")
    (shipment.directory / "two").symlink_to("../../outside/t")


def wasm(size: int) -> bytes:
    """Return a module with a section of so many bytes that nobody knows."""
    length = bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14 & 0x7F | 0x80, size >> 21])
    return b"\0asm\1\0\0\0\0" + length + b"\1x" + bytes(size - 2)


class Watch:
    """Notes which files below a directory are opened from now on, by whatever process. Linux alone."""

    _IN_ACCESS, _IN_OPEN = 0x1, 0x20
    _EVENT = struct.Struct("iIII")

    def __init__(self, directory: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self._descriptor >= 0
        for folder in [folder for folder, _, _ in os.walk(directory)]:
            wanted = self._IN_OPEN | self._IN_ACCESS
            assert libc.inotify_add_watch(self._descriptor, os.fsencode(folder), wanted) >= 0

    def opened(self) -> set[str]:
        """Return the names of those that were, and stop to watch."""
        found = set()
        with open(self._descriptor, "rb", buffering=0) as events:
            while data := events.read(1 << 16):
                at = 0
                while at < len(data):
                    *_, length = self._EVENT.unpack_from(data, at)
                    at += self._EVENT.size
                    found.add(os.fsdecode(data[at : at + length].rstrip(b"\0")))
                    at += length
        return found
