"""What a mirror has that is not what it should be: it is not locked, since nothing would take its place any more."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
import serving
from launcher import IS_RUN_HERE, reporting
from releases import ARM64, Release, elf, mach_o, pe, tar
from support import Project

from wasmbuild.toolchain import lockfile, platforms

pytestmark = pytest.mark.skipif(not IS_RUN_HERE, reason="other platforms than x86-64 Linux are meant to be others")

HOST = platforms.host()
PAGE = b"<html>Not Found, sorry.</html>\n"


@pytest.fixture
def project(user: Path, tmp_path: Path) -> Project:
    (tmp_path / "p").mkdir()
    project = Project(tmp_path / "p")
    project.run("lock")
    return project


def test_a_bump_locks_what_can_be_installed(
    project: Project, site: serving.Site, release: Release, tmp_path: Path
) -> None:
    before = (project.root / "wasmbuild.lock").read_bytes()
    path = f"/v48.0.77/{platforms.PLATFORMS[HOST].archive('48.0.77')}"
    site.put("/index.json", json.dumps({"versions": ["48.0.77"]}).encode())
    for program, problem in (
        (PAGE, "cannot be run: Exec format error, as it is no program, or one for another machine"),
        (reporting(tmp_path / "older", "48.0.2").read_bytes(), "is Wasmtime 48.0.2, not 48.0.77"),
    ):
        site.put(path, tar("48.0.77", HOST, program))
        for options in ([], ["--dry-run"]):
            assert project.run("lock", "--bump", *options, status=2).stderr == (
                f"error: what {site.address}{path} gave {problem}; nothing was locked; name another --mirror\n"
            )
        assert (project.root / "wasmbuild.lock").read_bytes() == before
    site.put(path, tar("48.0.77", HOST, reporting(tmp_path / "newer", "48.0.77").read_bytes()))
    assert f"locks Wasmtime {release.version} → 48.0.77 for {HOST}" in project.run("lock", "--bump").stderr
    assert "Wasmtime 48.0.77 installed, from " in project.run("toolchain", "install", "--locked").stderr


def test_for_another_platform_a_program_of_it_is_locked(project: Project, site: serving.Site, release: Release) -> None:
    before = (project.root / "wasmbuild.lock").read_bytes()
    # One address for all of them.
    mirror = site.put("/a", b"") + "?{version}"
    path = mirror.removeprefix(site.address).format(version=release.version)

    def refusal(program: bytes, platform: str) -> str:
        site.put(path, tar(release.version, "linux-x64", program))
        said = project.run("lock", "--platform", platform, "--mirror", mirror, status=2).stderr
        assert (project.root / "wasmbuild.lock").read_bytes() == before
        what, undone = f"error: what {site.address}{path} gave is ", "; nothing was locked; name another --mirror\n"
        assert said.startswith(what)
        assert said.endswith(undone)
        return said[len(what) : -len(undone)]

    for platform in ("linux-arm64", "macos-arm64", "macos-x64"):
        assert refusal(elf(62), platform) == f"a program for x86_64 (ELF), and not one for {platform}"
    assert refusal(mach_o(0x01000007), "macos-arm64") == "a program for x86_64 (Mach-O), and not one for macos-arm64"
    assert refusal(PAGE, "linux-arm64") == "an HTML page, and no program for linux-arm64"
    assert refusal(b"", "macos-arm64") == "an empty file, and no program for macos-arm64"

    programs = {
        "linux-arm64-musl": elf(ARM64),
        "linux-riscv64": elf(243),
        "linux-s390x": b"\x7fELF\x02\x02\x01" + bytes(9) + b"\0\2\0\x16",
        "macos-arm64": mach_o(0x0100000C),
    }
    for platform, program in programs.items():
        site.put(path, tar(release.version, platform, program))
        project.run("lock", "--platform", platform, "--mirror", mirror)
    (locked,) = lockfile.read(project.root)
    assert set(locked.platforms) == {HOST, *programs}


def test_a_page_in_place_of_a_program_of_windows(project: Project, site: serving.Site, release: Release) -> None:
    path = f"/v{release.version}/{platforms.PLATFORMS['windows-arm64'].archive(release.version)}"
    for program, status in ((pe(0x8664), 2), (pe(0xAA64), 0)):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as opened:
            opened.writestr("w/wasmtime.exe", program)
        site.put(path, buffer.getvalue())
        said = project.run("lock", "--platform", "windows-arm64", status=status).stderr
        assert ("is a program for x86_64 (PE), and not one for windows-arm64" in said) == bool(status)
