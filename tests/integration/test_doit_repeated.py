"""doit run several times in one process, as servers, notebooks and tests do: each run sees what is there by then."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from support import HEAD, MODULES, SUB, TARGETS, Project

RUNS = """from pathlib import Path

from doit.api import run_tasks
from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain

from wasmbuild.doit import load

SOURCE, ARTIFACT, CONFIG = Path("add.wat"), Path("build/x64/add.cwasm"), Path("wasmbuild.toml")
SUB, DECLARED = {sub!r}, {declared!r}


def run(creators, *names):
    if "DOIT_CONFIG" in creators:
        status = DoitMain(ModuleTaskLoader(creators)).run(list(names))
    else:
        status = run_tasks(ModuleTaskLoader(creators), {{name: {{}} for name in names}})
    print("status", status, flush=True)
    return status


{creators}

if __name__ == "__main__":
{steps}
"""

FRESH = """def creators():
    def task_wasm():
        yield from load("wasmbuild.toml").tasks(basename="wasm")

    def task_check():
        return load("wasmbuild.toml").verify(basename="wasm")

    return {"task_wasm": task_wasm, "task_check": task_check}, "wasm", "check"
"""

KEPT = """WASM = load("wasmbuild.toml")


def task_wasm():
    yield from WASM.tasks(basename="wasm")


def task_check():
    return WASM.verify(basename="wasm")


def creators():
    return {"task_wasm": task_wasm, "task_check": task_check}, "wasm", "check"
"""

DODO_FRESH = """def creators():
    config, task_compile, task_verify = load("wasmbuild.toml").dodo()
    return {"DOIT_CONFIG": config, "task_compile": task_compile, "task_verify": task_verify}, "compile", "verify"
"""

DODO_KEPT = """DODO = load("wasmbuild.toml").dodo()


def creators():
    return dict(zip(("DOIT_CONFIG", "task_compile", "task_verify"), DODO)), "compile", "verify"
"""

WAYS = pytest.mark.parametrize(
    "creators", [FRESH, KEPT, DODO_FRESH, DODO_KEPT], ids=["fresh", "kept", "dodo-fresh", "dodo-kept"]
)


def repeated(project: Project, creators: str, steps: str) -> str:
    declared = HEAD + MODULES + TARGETS
    # doit asks where in a file the creators are.
    project.write(
        "runs.py", RUNS.format(creators=creators, steps=textwrap.indent(steps, "    "), sub=SUB, declared=declared)
    )
    command = [sys.executable, "runs.py"]
    ended = subprocess.run(command, cwd=project.root, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


@WAYS
def test_each_run_finds_what_was_edited_and_damaged_since(project: Project, creators: str) -> None:
    output = repeated(
        project,
        creators,
        """assert run(*creators()) == 0
before = ARTIFACT.read_bytes()
SOURCE.write_text(SUB)
assert run(*creators()) == 0
edited = ARTIFACT.read_bytes()
assert edited != before
ARTIFACT.write_bytes(b"damaged")
assert run(*creators()) == 0
assert ARTIFACT.read_bytes() == edited
assert run(*creators()) == 0""",
    )
    assert output.count("status 0") == 4
    assert project.compiled() == set()


@pytest.mark.parametrize("how", ["thread", "process"])
def test_runs_at_once_are_of_the_build_of_their_run(project: Project, how: str) -> None:
    repeated(
        project,
        DODO_FRESH,
        f"""def compiled():
    return run(creators()[0], "-n", "4", "-P", "{how}", "compile")
assert compiled() == 0
SOURCE.write_text(SUB)
assert compiled() == 0
ARTIFACT.write_bytes(b"damaged")
assert compiled() == 0""",
    )
    assert project.compiled() == set()


@WAYS
def test_each_run_reads_the_declaration_of_then(project: Project, creators: str) -> None:
    output = repeated(
        project,
        creators,
        """CONFIG.write_text(DECLARED + "[modulez]\\n")
assert run(*creators()) != 0
CONFIG.write_text(DECLARED)
assert run(*creators()) == 0
CONFIG.write_text(DECLARED + '[modules.two]\\nsource = "add.wat"\\n')
assert run(*creators()) == 0
assert Path("build/x64/two.cwasm").exists()""",
    )
    assert "modulez" in output


@WAYS
def test_a_run_that_failed_keeps_nobody_out(project: Project, creators: str) -> None:
    project.write("add.wat", "(module")
    repeated(
        project,
        creators,
        """from wasmbuild import api
assert run(*creators()) != 0
SOURCE.write_text(SUB)
assert run(*creators()) == 0
assert len(api.build(lock_timeout=20).artifacts) == 4""",
    )
    assert project.compiled() == set()


LATER = """def creators():
    from doit import create_after

    def task_wasm():
        yield from load("wasmbuild.toml").tasks(basename="wasm")

    @create_after(executed="wasm")
    def task_check():
        return load("wasmbuild.toml").verify(basename="wasm")

    return {"task_wasm": task_wasm, "task_check": task_check}, "check"
"""


def test_tasks_that_are_made_amid_a_run_are_of_its_build(project: Project) -> None:
    output = repeated(
        project,
        LATER,
        """from wasmbuild.doit.builds import Build
made, initialize = [], Build.__init__
def counted(build, arguments):
    made.append(build)
    initialize(build, arguments)
Build.__init__ = counted
assert run(*creators()) == 0
SOURCE.write_text(SUB)
assert run(*creators()) == 0
print("builds", len(made))""",
    )
    assert "builds 2" in output
    assert project.compiled() == set()


VERIFICATION = """def creators():
    def task_check():
        return load("wasmbuild.toml").verify()

    return {"task_check": task_check}, "check"
"""


def test_a_verification_alone_reads_the_declaration_of_then(project: Project) -> None:
    project.run("build")
    repeated(
        project,
        VERIFICATION,
        """CONFIG.write_text("[modulez]")
assert run(*creators()) != 0
CONFIG.write_text(DECLARED)
assert run(*creators()) == 0""",
    )


ELSEWHERE = """import os

ROOT = Path.cwd()


def creators():
    def task_wasm():
        yield from load(os.path.relpath(ROOT / "wasmbuild.toml")).tasks(basename="wasm")

    return {"task_wasm": task_wasm}, "wasm"
"""


def test_each_run_counts_paths_from_the_directory_of_then(project: Project) -> None:
    output = repeated(
        project,
        ELSEWHERE,
        """assert run(*creators()) == 0
Path("below").mkdir()
os.chdir("below")
(ROOT / "add.wat").write_text(SUB)
assert run(*creators()) == 0
(ROOT / "wasmbuild.toml").write_text("[modulez]")
assert run(*creators()) != 0""",
    )
    assert "\n../wasmbuild.toml: modulez: " in output.replace("\\", "/")
    project.declare(HEAD + MODULES + TARGETS)
    assert project.compiled() == set()
