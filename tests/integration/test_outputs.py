"""What commands write where the user says, and say of files they read: nothing is overwritten that must stay."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest
from shell import device, posix, wasmbuild
from support import ADD, HEAD, MODULES, TARGETS, Project

from wasmbuild.engine import host


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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("compile add.wat --target x64 -o add.wat", "-o add.wat would overwrite IN add.wat"),
        ("compile ./sub/../add.wat --target x64 -o add.wat", "-o add.wat would overwrite IN sub/../add.wat"),
        (
            "compile add.wat --target x64 -o wasmbuild.toml",
            "-o wasmbuild.toml would overwrite --config wasmbuild.toml",
        ),
        (
            "compile add.wat --target x64 --config other.toml -o other.toml",
            "-o other.toml would overwrite --config other.toml",
        ),
        ("compile add.wat --target x64 -o x --depfile x", "--depfile x would overwrite -o x"),
        ("compile add.wat --target x64 -o x --depfile ./sub/../x", "--depfile sub/../x would overwrite -o x"),
        ("compile add.wat --target x64 -o x --depfile add.wat", "--depfile add.wat would overwrite IN add.wat"),
        (
            "compile add.wat --target x64 -o x --depfile wasmbuild.toml",
            "--depfile wasmbuild.toml would overwrite --config wasmbuild.toml",
        ),
        ("embed --lang c -o wasmbuild.toml", "-o wasmbuild.toml would overwrite --config wasmbuild.toml"),
        (
            "embed build/x64/manifest.json --lang c -o build/x64/manifest.json",
            "-o build/x64/manifest.json would overwrite MANIFEST build/x64/manifest.json",
        ),
        ("verify build --junit wasmbuild.toml", "--junit wasmbuild.toml would overwrite --config wasmbuild.toml"),
        ("build --stamp add.wat", "--stamp add.wat would overwrite the source add.wat"),
        ("build --stamp s --depfile s", "--depfile s would overwrite --stamp s"),
        ("build --depfile wasmbuild.lock", "--depfile wasmbuild.lock would overwrite the lock file wasmbuild.lock"),
        ("plan --ninja -o add.wat", "-o add.wat would overwrite the source add.wat"),
        ("plan --ninja -o w.ninja --depfile add.wat", "--depfile add.wat would overwrite the source add.wat"),
        (
            "plan --ninja -o w.ninja --depfile wasmbuild.toml",
            "--depfile wasmbuild.toml would overwrite --config wasmbuild.toml",
        ),
        ("plan --ninja -o w.ninja --depfile w.ninja", "--depfile w.ninja would overwrite -o w.ninja"),
        (
            "plan --ninja -o other.toml --source add=other.toml",
            "-o other.toml would overwrite --source other.toml",
        ),
        (
            "verify build/x64/manifest.json --junit build/x64/manifest.json",
            "--junit build/x64/manifest.json would overwrite MANIFEST build/x64/manifest.json",
        ),
    ],
)
def test_no_command_overwrites_what_it_reads(project: Project, arguments: str, said: str) -> None:
    project.run("build", "-q")
    project.write("other.toml", (project.root / "wasmbuild.toml").read_bytes())
    (project.root / "sub").mkdir()
    before = {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}
    command, *rest = arguments.split()
    option = said.partition(" ")[0]
    assert project.run(command, *rest, status=2).stderr == (
        f"error: wasmbuild {command}: {said}, which is the same file; name another one with {option}\n"
    )
    assert {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "made", ["index.json", "x64/manifest.json", "x64/add.cwasm", "x64/add.cwasm.json", "../build/arm/add.cwasm"]
)
def test_a_step_overwrites_nothing_that_the_build_makes(project: Project, made: str) -> None:
    project.run("build", "-q")
    before = project.files()
    for *command, option in (("build", "--stamp"), ("build", "--depfile"), ("plan", "--ninja", "-o")):
        path = f"build/{made}"
        assert project.run(*command, option, path, status=2).stderr == (
            f"error: wasmbuild {command[0]}: {option} {path} would overwrite what the build makes there; name another "
            f"one with {option}\n"
        )
    assert project.files() == before
    project.run("build", "--stamp", "build/stamp", "--depfile", "build/x64/add.d")


STEP = ("compile", "add.wat", "--target", "x64")
BESIDE = [
    (*STEP, "-o"),
    (*STEP, "-o", "new", "--record"),
    (*STEP, "-o", "new", "--depfile"),
    ("embed", "--lang", "c", "-o"),
    ("embed", "--lang", "c", "-o", "new", "--depfile"),
    ("verify", "shipped", "--junit"),
]
MORE = """
[modules."of-*"]
source = "folder/*.wat"
[modules."**"]
source = "deep/**/*.wat"
[modules.reads]
source = "reads.wat"
ship-source = true
tests = [{ call = "add", args = [1, 2], returns = [3], wasi = { dirs = ["given"] } }]
"""


@posix
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("sub.wat", "the source sub.wat"),
        ("link", "the source sub.wat"),
        ("hard", "the source sub.wat"),
        ("folder/b.wat", "the source folder/b.wat"),
        ("to-b", "the source to-b"),
        ("deep/er/c.wat", "the source deep/er/c.wat"),
        ("given/d.txt", "the file of a test given/d.txt"),
        ("wasmbuild.lock", "the lock file wasmbuild.lock"),
        ("build/index.json", None),
        ("build/arm/manifest.json", None),
        ("build/x64/sub.cwasm", None),
        ("build/arm/add.cwasm.json", None),
        ("build/x64/of-b.cwasm", None),
        ("build/x64/reads.wasm", None),
    ],
)
def test_nothing_that_is_declared_is_overwritten(project: Project, path: str, said: str | None) -> None:
    for name in ("folder/b.wat", "deep/er/c.wat", "reads.wat"):
        project.write(name, ADD)
    project.write("given/d.txt", "d")
    project.declare(HEAD + TARGETS + MODULES + MORE)
    project.run("build", "-q")
    shutil.copytree(project.build, project.root / "shipped")
    project.write("wasmbuild.lock", "version = 1\n")
    (project.root / "link").symlink_to("sub.wat")
    os.link(project.root / "sub.wat", project.root / "hard")
    (project.root / "to-b").symlink_to("folder/b.wat")
    before = {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}
    what = "what the build makes there" if said is None else f"{said}, which is the same file"
    for command, *options in BESIDE:
        option = options[-1]
        assert project.run(command, *options, path, status=2).stderr == (
            f"error: wasmbuild {command}: {option} {path} would overwrite {what}; name another one with {option}\n"
        )
    assert {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()} == before


def test_an_artifact_may_be_made_in_its_own_place(project: Project) -> None:
    own = "build/x64/add.cwasm"
    for _ in range(2):
        project.run(*STEP, "-o", own, "--record", f"{own}.json", "--depfile", f"{own}.d", "--restat")
    project.run(*STEP, "-o", own)
    assert project.compiled("add@x64") == set()
    for other in (("-o", f"{own}.json"), ("-o", "new", "--record", own), ("-o", "build/x64/sub.cwasm")):
        assert "would overwrite what the build makes there" in project.run(*STEP, *other, status=2).stderr
    project.run(*STEP, "-o", "build/x64/neither.cwasm")


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


def test_a_link_to_what_is_read_is_no_way_around(project: Project) -> None:
    (project.root / "link").symlink_to("add.wat")
    error = project.run("compile", "add.wat", "--target", "x64", "-o", "link", status=2).stderr
    assert error.startswith("error: wasmbuild compile: -o link would overwrite IN add.wat, which is the same file; ")
    assert (project.root / "add.wat").read_text() == ADD


@pytest.mark.parametrize(
    "name", ["index.json", "x64/manifest.json", "x64/add.cwasm", "x64/add.cwasm.json", "x64/add.wasm"]
)
@pytest.mark.parametrize("named", ["build", "build/x64"])
def test_a_report_overwrites_nothing_that_is_verified(project: Project, name: str, named: str) -> None:
    project.declare(HEAD + TARGETS + MODULES.replace('"add.wat"', '"add.wat"\nship-source = true'))
    project.run("build", "-q")
    before = project.files()
    what = "what the build makes there" if (name, named) == ("index.json", "build/x64") else "a file that is verified"
    assert project.run("verify", named, "--junit", f"build/{name}", status=2).stderr == (
        f"error: wasmbuild verify: --junit build/{name} would overwrite {what}; name another one with --junit\n"
    )
    assert project.files() == before


def test_a_report_may_lie_beside_what_is_verified_and_be_written_again(project: Project) -> None:
    project.run("build", "-q")
    for _ in range(2):
        project.run("verify", "build", "--junit", "build/report.xml")
    assert (project.build / "report.xml").read_text().endswith("</testsuites>\n")


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
        ("wasmbuild.toml", "is no manifest; name a declaration with --config wasmbuild.toml"),
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_told_from_one(project: Project, name: str, said: str) -> None:
    project.run("build", "-q")
    project.write("package.json", '{"name": "p"}')
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


HERE = host.triple()
ELSEWHERE = "aarch64-unknown-linux-gnu" if HERE != "aarch64-unknown-linux-gnu" else "x86_64-unknown-linux-gnu"


@pytest.mark.parametrize(
    ("options", "fix"),
    [
        (
            ("--triple", ELSEWHERE),
            f"which are for {ELSEWHERE}; leave --triple out for a program of this machine ({HERE}), or name another "
            f"one, such as riscv64gc-unknown-linux-gnu, or pulley64 for an engine that interprets",
        ),
        ((), f"which are for {HERE}; name its target with --triple, such as {ELSEWHERE}, or pulley64 for an engine "
         "that interprets"),
        (
            ("--triple", "pulley64"),
            f"which are for pulley64; leave --triple out for a program of this machine ({HERE}), or name another one, "
            f"such as {ELSEWHERE}",
        ),
    ],
)  # fmt: skip
def test_fit_never_advises_the_triple_that_was_refused(project: Project, options: tuple[str, ...], fix: str) -> None:
    foreign = "Module was compiled for architecture 'aarch64'"
    error = project.run("fit", *options, "--", sys.executable, "-c", f'exit("{foreign}")', "{}", status=1).stderr
    assert error == (
        f'error: {sys.executable} says "{foreign}": its engine is for another platform than these artifacts, {fix}\n'
    )
