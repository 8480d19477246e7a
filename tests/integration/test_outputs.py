"""What commands write where the user says, and what they say of a file that is named and cannot be meant."""

from __future__ import annotations

import os
import stat
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
from shell import device, posix, wasmbuild
from support import Project


def commands(project: Project, name: str) -> list[tuple[str, ...]]:
    """Return each command that writes where it is told."""
    project.run("build", "-q")
    return [
        ("compile", "add.wat", "--target", "x64", "-o", name),
        ("compile", "add.wat", "--target", "x64", "-o", "add.cwasm", "--depfile", name),
        ("embed", "--lang", "c", "-o", name),
        ("verify", "build", "--junit", name),
    ]


@posix
def test_a_device_stays_one(project: Project) -> None:
    null = device(project, "null", 3)
    for command in [*commands(project, "null"), ("compile", "add.wat", "--target", "x64", "-o", "null", "--depfile",
                                                 "null")]:  # fmt: skip
        project.run(*command)
        assert stat.S_ISCHR(null.lstat().st_mode), command
    assert not list(project.root.glob(".wasmbuild-*"))


@posix
def test_a_fifo_gets_what_a_file_would(project: Project) -> None:
    fifo = project.root / "fifo"
    os.mkfifo(fifo)
    for to_file, to_fifo in zip(commands(project, "file"), commands(project, "fifo"), strict=True):
        project.run(*to_file)
        with (project.root / "piped").open("wb") as out, subprocess.Popen(["cat", fifo], stdout=out) as reader:
            try:
                project.run(*to_fifo)
                assert stat.S_ISFIFO(fifo.lstat().st_mode)
                reader.wait(60)
            finally:
                reader.kill()
        piped, written = ((project.root / name).read_bytes() for name in ("piped", "file"))
        # A report has times in it.
        start = 60 if "verify" in to_file else None
        assert piped[:start] == written[:start]
        assert piped


@posix
def test_standard_output_by_name_goes_with_what_else_is_written_there(project: Project) -> None:
    """To a pipe and to a file; the link that leads there is one of our own."""
    (project.root / "stdout").symlink_to("/proc/self/fd/1")
    if not (project.root / "stdout").exists():
        pytest.skip("this system has no /proc")
    project.run("build", "-q")
    embedded = project.run("embed", "--lang", "c").stdout
    assert project.run("embed", "--lang", "c", "-o", "stdout", alone=True).stdout == embedded
    file = project.root / "both"
    with file.open("wb") as opened:
        wasmbuild(project, "verify", "build", "--junit", "stdout", stdout=opened)
    report, _, table = file.read_text().partition("</testsuites>")
    assert ElementTree.fromstring(report + "</testsuites>").tag == "testsuites"  # noqa: S314  # it is our own
    assert table.endswith("4 artifacts verified: 2 consistent, 2 loaded\n")
    assert (project.root / "stdout").is_symlink()


@posix
@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_followed_and_stays(project: Project, there: bool) -> None:
    target = project.root / "elsewhere" / "target"
    link = project.root / "link"
    link.symlink_to(target)
    for command in commands(project, "link"):
        target.unlink(missing_ok=True)
        if there:
            project.write("elsewhere/target", "old")
        project.run(*command)
        assert link.is_symlink(), command
        assert target.is_file()
        assert target.read_bytes() != b"old"
        assert os.listdir(target.parent) == ["target"]
    project.run("compile", "add.wat", "--target", "x64", "-o", "link")
    os.utime(target, ns=(1, 1))
    project.run("compile", "add.wat", "--target", "x64", "-o", "link", "--restat")
    assert target.stat().st_mtime_ns == 1


def test_a_directory_is_refused_before_anything_is_done(project: Project) -> None:
    said = ".: is a directory; name the file that is to be written in it"
    for command in commands(project, "."):
        artifact = command[0] == "compile" and "--depfile" not in command
        error = project.run(*command, status=2).stderr
        expected = ".: is a directory; name the artifact that is to be written, such as x.cwasm" if artifact else said
        assert error == f"error: {expected}\n"
    assert not (project.root / "add.cwasm").exists()


def test_an_empty_name_is_that_of_no_file(project: Project) -> None:
    for *command, option in (
        ("build", "--stamp"),
        ("build", "--depfile"),
        ("build", "--config"),
        ("plan", "--ninja", "-o"),
        ("compile", "add.wat", "--target", "x64", "-o"),
        ("compile", "add.wat", "--target", "x64", "-o", "x", "--record"),
        ("embed", "--lang", "c", "-o"),
        ("verify", "build", "--junit"),
    ):
        error = project.run(*command, option, "", status=2).stderr
        assert '"" names no file; write its name, or set the variable that stands for it' in error, command
    project.run("compile", "", "--target", "x64", "-o", "x", status=2)
    assert "build" not in os.listdir(project.root)


@pytest.mark.parametrize(
    ("asked", "mended", "said"),
    [
        ("embed --lang c --restat", "embed --lang c --restat -o e.h", "embed: --restat is for a file, and none is wri"),
        ("embed --lang c --restat -o -", "embed --lang c", "embed: --restat is for a file, and none is written; name "),
        ("plan --state-dir s", "plan --state-dir s --ninja", "plan: --state-dir goes with --ninja, whose edges build"),
        ("plan --state-dir s --lines", "plan --lines", "plan: --state-dir goes with --ninja, whose edges build there"),
        (
            "verify build -q -v",
            "verify build -v",
            "verify: argument -v/--verbose: not allowed with argument -q/--quiet",
        ),
    ],
)
def test_what_would_have_no_effect_is_refused(project: Project, asked: str, mended: str, said: str) -> None:
    project.run("build")
    before = project.files()
    assert f"error: wasmbuild {said}" in project.run(*asked.split(), status=2).stderr
    assert project.files() == before
    project.run(*mended.split())


@posix
def test_a_dash_is_standard_output_and_never_a_file(project: Project) -> None:
    for command in (("embed", "--lang", "c"), ("plan", "--ninja")):
        assert project.run(*command, "-o", "-").stdout == project.run(*command).stdout != ""
    told = "write ./- for one that is called so"
    assert told in project.run("verify", "build", "--junit", "-", status=2).stderr
    assert not (project.root / "-").exists()
    project.run("build")
    project.run("verify", "build", "--junit", "./-")
    assert (project.root / "-").read_text().startswith("<?xml")


@posix
@pytest.mark.parametrize(
    "arguments",
    [
        "verify build --junit file/x",
        "embed --lang c -o file/x",
        "compile add.wat --target x64 -o file/x",
    ],
)
def test_advice_fits_a_file_that_a_user_named(project: Project, arguments: str) -> None:
    project.run("build", "-q")
    project.write("file", "")
    assert project.run(*arguments.split(), status=3).stderr == (
        "error: file/x: cannot be written: Not a directory; a part of the path is a file, or a link that leads "
        "nowhere; move that away, or name another path\n"
    )


@posix
def test_advice_where_nothing_may_be_written(project: Project) -> None:
    """Below a directory in which not even root makes files."""
    project.run("build", "-q")
    (project.root / "system").symlink_to("/proc/sys/kernel")
    if not (project.root / "system").exists():
        pytest.skip("this system has no /proc/sys")
    for *command, option, path in (
        ("verify", "build", "--junit", "system/report.xml"),
        ("compile", "add.wat", "--target", "x64", "-o", "system/add.cwasm"),
    ):
        error = project.run(*command, option, path, status=3).stderr
        assert error.startswith(f"error: {path}: cannot be written: ")
        assert error.endswith("or name another file\n")
        assert "build" not in error


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "build/index.json",
            "is an index, which names the manifests of all targets; name that of one, such as build/x64/manifest.json",
        ),
        ("build/x64/add.cwasm.json", "is the record of one artifact, not a manifest; name build/x64/manifest.json"),
        ("package.json", "is JSON that is not from wasmbuild, and no manifest; name the manifest.json of a target in "
         "the build directory"),
        ("report.json", 'is no manifest: its schema is "wasmbuild/report/1"; name the manifest.json of a target in the '
         "build directory"),
        ("add.wat", "is WebAssembly text, not a manifest; name the manifest.json of a target in the build directory"),
        ("Makefile", "is no manifest; name the manifest.json of a target in the build directory"),
        ("wasmbuild.toml", "is no manifest; name a declaration with --config wasmbuild.toml"),
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_told_from_one(project: Project, name: str, said: str) -> None:
    project.run("build", "-q")
    project.write("package.json", '{"name": "p"}')
    project.write("Makefile", "all:\n")
    project.write("report.json", '{"schema": "wasmbuild/report/1"}')
    assert project.run("embed", name, "--lang", "c", status=2).stderr == f"error: {name}: {said}\n"


def test_an_artifact_is_no_manifest(project: Project) -> None:
    project.run("build", "-q")
    error = project.run("embed", "build/arm/add.cwasm", "--lang", "c", status=2).stderr
    assert error == (
        "error: build/arm/add.cwasm: is an artifact that Wasmtime 48 precompiled for aarch64-unknown-linux-gnu, "
        "not a manifest; name build/arm/manifest.json\n"
    )


def test_a_damaged_manifest_is_still_one(project: Project) -> None:
    project.run("build", "-q")
    manifest = project.build / "x64/manifest.json"
    manifest.write_bytes(manifest.read_bytes()[:-10])
    assert (
        "the file was edited or damaged"
        in project.run("embed", "build/x64/manifest.json", "--lang", "c", status=1).stderr
    )
