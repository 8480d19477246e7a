"""The generated Python module, in processes that have the wasmtime package and not wasmbuild."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import wheels
from matrix import thorough
from support import Project

from wasmbuild.engine import host

# A process that loads what it is told with the generated module, and says how that went.
PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
import engine
assert "wasmbuild" not in sys.modules
for path, sha256 in json.loads(sys.argv[2]):
    try:
        loaded = engine.load(engine.engine(), path, sha256=sha256)
        print(json.dumps(["ok", [export.name for export in loaded.exports]]))
    except engine.LoadError as error:
        print(json.dumps([error.status, str(error)]))
"""
# What a pool does: an error that its worker cannot send leaves it waiting for ever, or broken.
POOLED = """
import pickle
import engine
try:
    engine.load(engine.engine(), "missing")
except engine.LoadError as error:
    again = pickle.loads(pickle.dumps(error))
    print([type(again) is engine.LoadError, again.status, str(again)])
"""
HEAD = '[project]\nname = "p"\n[toolchain]\nwasmtime = "48"\n'
MODULES = '[modules.add]\nsource = "add.wat"\n'
HERE = f'[targets.here]\ntriple = "{host.triple()}"\n'
ARCHITECTURE = str(host.triple()).partition("-")[0]
ELSEWHERE = '[targets.mainframe]\ntriple = "s390x-unknown-linux-gnu"\n'

ENGINES = {
    "defaults": "",
    "memory": "memory-guard-size = 65536\nmemory-reservation = 1048576\nmemory-init-cow = false\n"
    "memory-may-move = false\nmax-wasm-stack = 262144",
    "traps": "signals-based-traps = false\nconsume-fuel = true\nepoch-interruption = true\ndebug-info = true",
    "minimal": 'embedder = "rust-minimal"',
    "features": "wasm-simd = false\nwasm-relaxed-simd = false\nwasm-custom-page-sizes = true\n"
    "concurrency-support = false\nwasm-component-model-map = true",
    "compiler": 'cranelift-opt-level = "none"\ncranelift-flags = { regalloc_algorithm = "single_pass" }',
    "winch": 'strategy = "winch"',
}


def declare(project: Project, engine: str, targets: str = HERE) -> None:
    project.declare(f"{HEAD}[engine]\n{engine}\n{targets}{MODULES}")


def load(project: Project, *files: tuple[str, str | None], program: str = PROGRAM) -> list[tuple[str, object]]:
    """Load files with the generated module, and return what came of each."""
    done = subprocess.run(
        [sys.executable, "-c", program, project.root, json.dumps(files)],
        cwd=project.root, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


@thorough("name", list(ENGINES), always=3)
def test_engine_and_artifacts_agree(name: str, project: Project) -> None:
    declare(project, ENGINES[name])
    project.run("embed", "--lang", "python", "-o", "engine.py")
    project.run("build", "--quiet")
    assert load(project, ("build/here/add.cwasm", None)) == [("ok", ["add"])]
    declare(project, "memory-guard-size = 16777216")
    project.run("build", "--quiet")
    [(status, message)] = load(project, ("build/here/add.cwasm", None))
    assert status == "other_settings"
    assert "needs other settings than this engine has (" in str(message)


def test_wrong_files_have_their_own_words(project: Project) -> None:
    declare(project, "consume-fuel = true", HERE + ELSEWHERE)
    project.run("embed", "--lang", "python", "-o", "engine.py")
    project.run("build", "--quiet")
    artifact = (project.build / "here/add.cwasm").read_bytes()
    digest = hashlib.sha256(artifact).hexdigest()
    flipped = bytearray(artifact)
    flipped[4100] ^= 1
    project.write("flipped.cwasm", bytes(flipped))
    project.write("line.cwasm", artifact.replace(b"\x0248", b"\x0247", 1))
    project.write("cut.cwasm", artifact[:-100])
    project.write("short.cwasm", artifact[:20])
    project.write("empty.cwasm", b"")
    project.write("component.cwasm", artifact[:48] + b"\2" + artifact[49:])
    project.write("module.wasm", b"\0asm\1\0\0\0")
    project.write("component.wasm", b"\0asm\r\0\1\0")
    project.write("script", b"#!/bin/sh\n")
    assert load(
        project,
        ("build/here/add.cwasm", digest),
        ("flipped.cwasm", digest),
        ("build/mainframe/add.cwasm", None),
        ("line.cwasm", None),
        ("cut.cwasm", None),
        ("short.cwasm", None),
        ("empty.cwasm", None),
        ("component.cwasm", None),
        ("module.wasm", None),
        ("component.wasm", None),
        ("add.wat", None),
        ("script", None),
        ("missing", None),
    ) == [
        ("ok", ["add"]),
        (
            "damaged",
            f"flipped.cwasm: is damaged: its SHA-256 is {hashlib.sha256(flipped).hexdigest()}, not {digest}; build it "
            f"again, or copy it again from where it was built",
        ),
        (
            "other_platform",
            "build/mainframe/add.cwasm: was precompiled for another platform than this one (Module was compiled for "
            "architecture 's390x'); ship this machine the artifact of its own target",
        ),
        (
            "other_line",
            "line.cwasm: was precompiled by another line of Wasmtime than 48, which this program is for (Module was "
            "compiled with incompatible version '47'); build it with wasmtime = \"48\" "
            "under [toolchain] or in the target",
        ),
        (
            "damaged",
            "cut.cwasm: is damaged, cut short for example (Invalid ELF section header offset/size/alignment); build it "
            "again, or copy it again from where it was built",
        ),
        ("damaged", "short.cwasm: is damaged: it has 20 bytes only; build it again, or copy it again"),
        ("damaged", "empty.cwasm: is empty; build it again, or copy it again"),
        ("other_kind", "component.cwasm: is a precompiled component; load it with load_component()"),
        (
            "not_precompiled",
            "module.wasm: is standard WebAssembly, not a precompiled artifact; compile it with "
            "wasmtime.Module.from_file, or precompile it with wasmbuild and load what that writes",
        ),
        (
            "not_precompiled",
            "component.wasm: is standard WebAssembly, not a precompiled artifact; compile it with "
            "wasmtime.component.Component.from_file, or precompile it with wasmbuild and load what that writes",
        ),
        (
            "not_precompiled",
            "add.wat: is WebAssembly text, not a precompiled artifact; compile it with wasmtime.Module.from_file, or "
            "precompile it with wasmbuild and load what that writes",
        ),
        ("no_wasm", "script: is neither a precompiled artifact nor WebAssembly; pass a .cwasm that wasmbuild wrote"),
        ("unreadable", "missing: cannot be read: No such file or directory"),
    ]


def test_an_error_travels_between_processes(project: Project) -> None:
    declare(project, "")
    project.run("embed", "--lang", "python", "-o", "engine.py")
    command = [sys.executable, "-c", POOLED]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[True, 'unreadable', 'missing: cannot be read: No such file or directory']\n"


@pytest.mark.parametrize(
    ("line", "settings", "said"),
    [
        (36, "consume-fuel = true", "Wasmtime version "),
        # It has no function for that.
        (36, "concurrency-support = false", "Wasmtime version "),
        (49, "consume-fuel = true", "version "),
    ],
)
def test_a_library_of_another_line_is_what_is_wrong(
    line: int, settings: str, said: str, project: Project, tmp_path: Path
) -> None:
    declare(project, settings)
    project.run("embed", "--lang", "python", "-o", "engine.py")
    project.run("build", "--quiet")
    with zipfile.ZipFile(wheels.of_line(line)) as wheel:
        wheel.extractall(tmp_path / "library")
    program = f"import sys\nsys.path.insert(0, {str(tmp_path / 'library')!r})\n{PROGRAM}"
    [(status, message)] = load(project, ("build/here/add.cwasm", None), program=program)
    assert status == "other_line"
    assert f"(Module was compiled with incompatible {said}'48')" in str(message)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_path_that_is_not_utf_8(project: Project) -> None:
    declare(project, "", HERE + ELSEWHERE)
    project.run("embed", "--lang", "python", "-o", "engine.py")
    project.run("build", "--quiet")
    odd = os.fsdecode(b"w\xff")
    (project.build / "here").rename(project.build / odd)
    (project.build / "mainframe/add.cwasm").rename(project.root / odd)
    right, wrong = load(project, (f"build/{odd}/add.cwasm", None), (odd, None))
    assert right == ("ok", ["add"])
    assert wrong[0] == "other_platform"


@pytest.mark.skipif(os.name != "posix", reason="limits are those of POSIX")
def test_a_limit_of_the_process_is_no_damage(project: Project) -> None:
    declare(project, "")
    project.run("embed", "--lang", "python", "-o", "engine.py")
    project.run("build", "--quiet")
    # What follows an artifact is mapped with it, and nothing else is made of it.
    os.truncate(project.build / "here/add.cwasm", 4 << 30)
    assert load(project, ("build/here/add.cwasm", None)) == [("ok", ["add"])]
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30)){PROGRAM}"
    assert load(project, ("build/here/add.cwasm", None), program=limited) == [
        (
            "host_limit",
            "build/here/add.cwasm: takes what this program may not have (Cannot allocate memory (os error 12)); free "
            "memory, or raise its limits, such as those of address space (ulimit -v) and open files (ulimit -n)",
        )
    ]


def test_pulley(project: Project) -> None:
    declare(project, "consume-fuel = true", HERE + '[targets.portable]\ntriple = "pulley64"\n')
    native = project.run("embed", "--lang", "python", "-o", "engine.py")
    assert native.stderr == "portable is left out: Pulley needs an engine of its own; --target portable generates it\n"
    project.run("build", "--quiet")
    assert load(project, ("build/portable/add.cwasm", None))[0][0] == "other_platform"
    assert project.run("embed", "--lang", "python", "--target", "portable", "-o", "engine.py").stderr == ""
    assert load(project, ("build/portable/add.cwasm", None)) == [("ok", ["add"])]


def test_an_engine_for_another_machine_is_no_damage(project: Project) -> None:
    declare(project, "")
    project.run("embed", "--lang", "python", "-o", "engine.py")
    project.run("build", "--quiet")
    elsewhere = f"import wasmtime\nconfig = wasmtime.Config()\nconfig.target = '{ARCHITECTURE}-unknown-haiku'\n"
    program = elsewhere + PROGRAM.replace("engine.engine()", "wasmtime.Engine(config)")
    [(status, message)] = load(project, ("build/here/add.cwasm", None), program=program)
    assert status == "other_settings"
    assert "specified in the configuration does not match the host); create the engine as this file does" in str(
        message
    )


def test_components(project: Project) -> None:
    project.write("add.wat", "(component)")
    declare(project, "")
    project.run("embed", "--lang", "python", "-o", "engine.py")
    project.run("build", "--quiet")
    program = "import engine; engine.load_component(engine.engine(), 'build/here/add.cwasm'); print(engine.target())"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("here\n", "")


def test_a_manifest_has_all_that_is_needed(project: Project) -> None:
    declare(project, "epoch-interruption = true\nmemory-guard-size = 65536")
    project.run("build", "--quiet")
    (project.root / "wasmbuild.toml").unlink()
    project.run("embed", "build/here/manifest.json", "--lang", "python", "-o", "engine.py")
    assert load(project, ("build/here/add.cwasm", None)) == [("ok", ["add"])]


def test_the_file_stays_when_it_is_the_same(project: Project) -> None:
    declare(project, "")
    printed = project.run("embed", "--lang", "python").stdout
    project.run("embed", "--lang", "python", "-o", "sub/engine.py")
    path = project.root / "sub" / "engine.py"
    assert path.read_text() == printed
    os.utime(path, ns=(1, 1))
    inode = path.stat().st_ino
    project.run("embed", "--lang", "python", "-o", "sub/engine.py", "--restat")
    assert path.stat().st_mtime_ns == 1
    project.run("embed", "--lang", "python", "-o", "sub/engine.py")
    assert path.stat().st_mtime_ns > 1
    assert path.stat().st_ino == inode
    declare(project, "consume-fuel = true")
    project.run("embed", "--lang", "python", "-o", "sub/engine.py")
    assert path.read_text() != printed
    assert [entry.name for entry in path.parent.iterdir()] == ["engine.py"]


def test_what_is_asked_for_has_to_exist(project: Project, tmp_path: Path) -> None:
    declare(project, "", HERE + ELSEWHERE)
    command = ("embed", "--lang", "python")
    assert project.run(*command, "--target", "mainframes", status=2).stderr == (
        "error: wasmbuild.toml: there is no target 'mainframes'; did you mean mainframe?\n"
    )
    assert project.run(*command, "--target", "here", "--target", "mainframe", status=2).stderr == (
        "error: wasmbuild embed: --target chooses one target, not here and mainframe; name one of them, or leave "
        "--target out for all native ones\n"
    )
    for one in (["--target", "here"], []):
        assert "here" in project.run(*command, *one).stdout
    assert project.run(*command, ".", status=2).stderr == (
        "error: .: is a directory; name the manifest.json of a target in the build directory\n"
    )
    project.run("build", "-q")
    for directory, manifest in (
        ("build", "of a target in it, such as build/here/manifest.json"),
        ("build/here", "in it, build/here/manifest.json"),
    ):
        assert project.run(*command, directory, status=2).stderr == (
            f"error: {directory}: is a directory; name the manifest {manifest}\n"
        )
    assert project.run(*command, "nothing.json", status=1).stderr == (
        "error: nothing.json: cannot be read: No such file or directory; name the manifest.json of a target in the "
        "build directory\n"
    )
    assert project.run(*command, "add.wat", "--target", "here", status=2).stderr == (
        "error: --target chooses a target of wasmbuild.toml, and a manifest has one only; leave it out\n"
    )
    assert project.run(*command, "add.wat", status=2).stderr.startswith("error: add.wat: is WebAssembly text, not a ")
    assert project.run(*command, "-o", ".", status=2).stderr == (
        "error: .: is a directory; name the file that is to be written in it\n"
    )


def test_targets_that_differ_need_a_file_each(project: Project) -> None:
    declare(project, "", HERE + ELSEWHERE + "engine = { consume-fuel = true }\n")
    assert project.run("embed", "--lang", "python", status=2).stderr == (
        "error: wasmbuild.toml: the targets here and mainframe differ in consume-fuel, so that no engine serves both; "
        "generate a file for each, with --target here and --target mainframe\n"
    )
    assert "consume_fuel" in project.run("embed", "--lang", "python", "--target", "mainframe").stdout
