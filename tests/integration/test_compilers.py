"""Compilers that are missing, wrong or broken: one clear error, nothing lost."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support import ALL, HEAD, MODULES, TARGETS, Project

from wasmbuild.toolchain.find import find

Script = Callable[..., Path]


def use(project: Project, compiler: Path | str, extra: str = "") -> None:
    project.declare(f'{HEAD}compiler = "{compiler}"\n{extra}{TARGETS}{MODULES}')


def test_a_compiler_that_is_missing(project: Project) -> None:
    use(project, "/nowhere/wasmtime")
    error = project.run("build", status=2).stderr
    assert error.startswith(
        "error: [toolchain] compiler: /nowhere/wasmtime cannot be used: No such file or directory; "
    )
    assert len(error.splitlines()) == 1
    assert not project.build.exists()


@pytest.mark.parametrize("place", ["toolchain", "target", "nowhere"])
def test_a_compiler_of_another_line(project: Project, script: Script, place: str) -> None:
    """The line is declared there; nowhere, it is the library's."""
    of_library = int(importlib.metadata.version("wasmtime").partition(".")[0])
    line, version = {"toolchain": (48, "49.0.3"), "target": (49, "48.0.7")}.get(
        place, (of_library, "48.0.7" if of_library == 49 else "49.0.3")
    )
    path = script("exit 0", version=f"wasmtime {version}")
    head = HEAD.replace('wasmtime = "48"\n', "") if place == "nowhere" else HEAD
    targets = TARGETS.replace("triple", 'wasmtime = "49"\ntriple') if place == "target" else TARGETS
    declaration = f'{head}compiler = "{path}"\n{targets}{MODULES}'
    project.declare(declaration)
    written = f'wasmtime = "{version[:2]}"'
    assert project.run("build", status=2).stderr == (
        f"error: [toolchain] compiler: {path} is Wasmtime {version}, not {line}; name another executable there, "
        f"or write {written} in place of line {line}, under [toolchain] or in a target\n"
    )
    was, now = ("[toolchain]", f"[toolchain]\n{written}") if place == "nowhere" else (f'wasmtime = "{line}"', written)
    project.declare(declaration.replace(was, now))
    assert version in project.run("toolchain", "which").stderr


def test_a_script_that_starts_another_compiler_than_is_locked(project: Project) -> None:
    """Its bytes are the same."""
    real = find("cli", 48, project.root).path
    says = project.write("says", "48.0.0")
    script = project.write(
        "w", f'#!/bin/sh\n[ "$1" = --version ] && echo "wasmtime $(cat {says})" && exit\nexec {real} "$@"\n'
    )
    script.chmod(0o755)
    use(project, script)
    project.run("lock")
    assert project.compiled() == ALL
    says.write_text("48.0.1")
    project.write("add.wat", "(module)")
    said = project.run("build", status=2).stderr
    assert "wasmbuild.lock: the compiler that is found is not the one that is locked" in said


def test_no_compiler_but_the_library(project: Project) -> None:
    use(project, "embedded")
    outcomes = project.outcomes(status=2)
    assert outcomes == {"add@x64": "compiled", "sub@x64": "compiled", "add@arm": "failed", "sub@arm": "failed"}
    error = project.run("build", status=2).stderr
    (line,) = [line for line in error.splitlines() if line.startswith("error:")]
    assert "add@arm" in line
    assert "sub@arm" in line
    assert (
        "the wasmtime Python package compiles for x86_64-unknown-linux-gnu and pulley64 alone, not for aarch64" in line
    )
    assert line.endswith('; leave out compiler = "embedded" under [toolchain], and a wasmtime executable compiles')
    assert (project.build / "x64/manifest.json").is_file()
    assert not (project.build / "arm/manifest.json").exists()


def test_the_library_is_never_asked_for_what_it_cannot_express(project: Project) -> None:
    """It would make an artifact of another collector without a word."""
    project.declare(HEAD + 'compiler = "embedded"\n[engine]\nembedder = "rust"\n' + TARGETS + MODULES)
    error = project.run("build", "add@x64", status=2).stderr
    assert "the wasmtime Python package cannot compile with collector as set under [engine]" in error
    assert not list(project.build.rglob("*.cwasm"))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("kill -SEGV $$", "was killed by SIGSEGV"),
        ("echo nothing good >&2; exit 3", "ended with status 3"),
        ("exit 0", "reported success but wrote nothing"),
        (
            'while [ "$1" != -o ]; do shift; done; echo partial > "$2"',
            "reported success, but what it wrote is no whole artifact",
        ),
    ],
)
def test_a_compiler_that_breaks(project: Project, script: Script, body: str, said: str) -> None:
    assert project.compiled() == ALL
    good = project.files()
    use(project, script(body))
    assert set(project.outcomes(status=1).values()) == {"failed"}
    error = project.run("build", status=1).stderr
    assert said in error
    left = project.files()
    assert all(left[name] == good[name] for name in good if name.endswith((".cwasm", ".cwasm.json")))
    assert not list(project.build.glob("*/manifest.json"))


def test_a_compiler_that_writes_for_another_target(project: Project, script: Script) -> None:
    project.compiled()
    wrong = project.build / "arm/add.cwasm"
    kept = project.root / "kept.cwasm"
    kept.write_bytes(wrong.read_bytes())
    use(project, script(f'while [ "$1" != -o ]; do shift; done; cp {kept} "$2"'))
    error = project.run("build", "add@x64", status=1).stderr
    assert (
        "is a module for aarch64-unknown-linux-gnu of Wasmtime 48, not the module for x86_64-unknown-linux-gnu" in error
    )


def test_a_compiler_that_is_replaced_while_it_compiles(project: Project, script: Script) -> None:
    project.compiled()
    good = project.build / "x64/add.cwasm"
    another = 'cp "$0" "$0.new"; echo "# another" >> "$0.new"; mv "$0.new" "$0"'
    use(project, script(f'{another}; while [ "$1" != -o ]; do shift; done; cp {good} "$2"'))
    error = project.run("build", "add@x64", "--no-cache", status=1).stderr
    assert "was replaced while it compiled; build again when what installs it has ended" in error


def test_a_compiler_that_hangs(project: Project, script: Script) -> None:
    use(project, script("sleep 600"), extra="time-limit = 1\n")
    error = project.run("build", "add@x64", status=1).stderr
    assert "did not end within 1 s: raise time-limit under [toolchain]" in error


def test_a_named_compiler_that_is_no_wasmtime(project: Project, script: Script) -> None:
    path = script("exit 0", version="something else")
    use(project, path)
    error = project.run("build", status=2).stderr
    assert error.startswith(f'error: [toolchain] compiler: {path} is not wasmtime: its --version says "something else"')


def test_the_environment_names_a_compiler(project: Project, script: Script) -> None:
    project.environment["WASMBUILD_WASMTIME"] = str(script("exit 7"))
    assert "ended with status 7" in project.run("build", status=1).stderr


@pytest.mark.needs("cc")
def test_a_newer_compiler_that_appears_is_noticed_by_a_build_that_had_nothing_to_do(
    project: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    project.environment["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
    project.compiled()
    assert project.compiled() == set()
    source = tmp_path / "newer.c"
    source.write_text(
        "#include <stdio.h>\n#include <string.h>\nint main(int n, char **a) {\n"
        '  return n > 1 && !strcmp(a[1], "--version") ? (puts("wasmtime 48.0.99"), 0) : 7; }\n'
    )
    subprocess.run(["cc", source, "-o", folder / "wasmtime"], check=True)
    assert set(project.outcomes(status=1).values()) == {"failed"}
    assert "wasmtime 48.0.99 ended with status 7" in project.run("build", status=1).stderr
    (folder / "wasmtime").unlink()
    assert project.compiled() == set()


def test_a_declared_line_asks_for_no_library(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package of an environment is there without its library, as for another machine."""
    (tmp_path / "site" / "wasmtime").mkdir(parents=True)
    (tmp_path / "site" / "wasmtime" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "site")
    project.write("m.wasm", b"\0asm\1\0\0\0")
    module = '[modules.m]\nsource = "m.wasm"\n'
    project.declare('[project]\nname = "demo"\n' + TARGETS + module)
    error = project.run("build", status=2).stderr
    assert error.startswith(
        "error: wasmbuild.toml: toolchain.wasmtime: is missing, and the wasmtime Python package is not installed here, "
        'or has no version that can be told; write one of "48", '
    )
    project.declare(HEAD + TARGETS + module)
    assert project.compiled() == {"m@x64", "m@arm"}
    assert "line 48 that was found" in project.run("toolchain", "which").stderr
