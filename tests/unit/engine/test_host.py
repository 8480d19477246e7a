from __future__ import annotations

import platform
import sys

import pytest

from wasmbuild.engine import host, triples


def test_this_machine() -> None:
    own = host.triple()
    if sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64"):
        assert own is not None
        assert own.startswith(f"{platform.machine()}-unknown-linux-")
    if own is not None:
        triple = triples.parse(own)
        assert host.runs(triple)
        assert not host.runs(triple._replace(os="solaris"))
        assert host.runs(triple._replace(environment="other"))
    assert host.runs(triples.parse("pulley64")) == (sys.maxsize > 2**32 and sys.byteorder == "little")
    assert not host.runs(triples.parse("pulley32"))


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [
        ("linux", "x86_64", "x86_64-unknown-linux-"),
        ("linux", "riscv64", "riscv64gc-unknown-linux-"),
        ("darwin", "arm64", "aarch64-apple-darwin"),
        ("win32", "AMD64", "x86_64-pc-windows-"),
        ("freebsd14", "amd64", "x86_64-unknown-freebsd"),
        ("linux", "ppc64le", None),
        ("sunos5", "x86_64", None),
    ],
)
def test_other_machines(system: str, machine: str, expected: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.delattr("os.uname", raising=False)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    own = host.triple()
    assert own is None if expected is None else own is not None and own.startswith(expected)
    if own is not None:
        assert triples.parse(own).text == own
