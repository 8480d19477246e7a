"""Finding settings of programs that do something else than to load a module: what is found, or why nothing is."""

from __future__ import annotations

import sys
import tomllib

import pytest
from fitting import LOADER, fit, loader, refusal
from support import Project

from wasmbuild.engine import host, lines


def test_a_program_that_loads_components(project: Project) -> None:
    project.write("loader.py", LOADER.replace("wasmtime.Module", "component.Component").replace(
        "import wasmtime\n", "import wasmtime\nfrom wasmtime import component\n"
    ))  # fmt: skip
    done = project.run("fit", "--", sys.executable, "loader.py", "{}", "consume_fuel=True")
    assert "1. it loads components  (incompatible object file format)\n" in done.stderr
    assert tomllib.loads(done.stdout)["engine"] == {"embedder": "c-api", "consume-fuel": True}


def test_a_program_that_wants_more_than_an_empty_module(project: Project) -> None:
    project.write("loader.py", LOADER + "\nprint('no export run')\nsys.exit(3)\n")
    command = [sys.executable, "loader.py", "{}"]
    assert refusal(project, *command) == (
        f"error: {sys.executable} ended with status 3, and wrote nothing that Wasmtime's loader says; if it has loaded "
        f"the artifact and wants more of it, give it a module of its own with --source FILE, or tell with "
        f"--success-text what it writes then; if it hides what Wasmtime says, let it print that\n"
        f"    ready\n"
        f"    no export run\n"
    )
    assert fit(project, command, "--success-text", "ready") == {"embedder": "c-api"}
    assert fit(project, command, "--success-exit", "3") == {"embedder": "c-api"}
    said = refusal(project, *command, options=("--success-text", "done"))
    assert "with --source FILE; if it hides what Wasmtime says, let it print that\n" in said
    assert "--success-text" not in said


def test_a_source_of_one_s_own(project: Project) -> None:
    project.write("loader.py", LOADER + "\nsys.exit(not len(module.exports))\n")
    command = [sys.executable, "loader.py", "{}", "consume_fuel=True"]
    assert "wrote nothing that Wasmtime's loader says" in refusal(project, *command)
    assert fit(project, command, "--source", "add.wat") == {"embedder": "c-api", "consume-fuel": True}


def test_a_program_that_does_not_end(project: Project) -> None:
    project.write(
        "loader.py", LOADER.replace('print("ready")', 'print("ready", flush=True)\nimport time\ntime.sleep(60)')
    )
    command = [sys.executable, "loader.py", "{}", "consume_fuel=True"]
    assert refusal(project, *command, options=("--timeout", "2")).splitlines()[-1] == (
        f"error: {sys.executable} did not end within 2 s and was killed; let it end after loading, tell with "
        f"--success-text what it writes when it has loaded, or give it longer with --timeout"
    )
    options = ("--timeout", "2", "--success-text", "done")
    assert refusal(project, *command, options=options).splitlines()[-1] == (
        f"error: {sys.executable} did not end within 2 s and was killed; it had not written 'done': let it do so when "
        "it has loaded, or give it longer with --timeout"
    )
    options = ("--timeout", "8", "--success-text", "ready")
    assert fit(project, command, *options) == {"embedder": "c-api", "consume-fuel": True}


def test_a_program_that_compiles(project: Project) -> None:
    project.write("compiles.py", "import sys, wasmtime\nwasmtime.Module.from_file(wasmtime.Engine(), sys.argv[1])\n")
    said = refusal(project, sys.executable, "compiles.py", "{}")
    assert said.startswith(f'error: {sys.executable} does not load artifacts: it says "input was not valid utf-8"')
    assert "wasmtime_module_deserialize_file in C, Module::deserialize_file in Rust" in said


def test_a_program_that_never_fails(project: Project) -> None:
    program = [sys.executable, "-c", "pass", "{}"]
    said = (
        "even with an artifact that nothing can load: it does not load what it is given, or does not say when that "
        "fails; let it load {}"
    )
    assert refusal(project, *program) == (
        f"error: {sys.executable} succeeds {said} and end with another status when it cannot, or tell with "
        "--success-text what it writes only when it has loaded it\n"
    )
    talker = [sys.executable, "-c", "print('ready')", "{}"]
    options = ("--success-text", "ready")
    assert refusal(project, *talker, options=options) == (
        f"error: {sys.executable} writes that {said}, and name as --success-text what it writes only when it has "
        "loaded it\n"
    )


def test_a_failure_that_is_told_with_status_0_is_one(project: Project) -> None:
    project.write("loader.py", LOADER.replace("sys.exit(f", "sys.exit(print(f").replace('{error}")', '{error}"))'))
    assert fit(project, [sys.executable, "loader.py", "{}", "consume_fuel=True"]) == {
        "embedder": "c-api",
        "consume-fuel": True,
    }


def test_a_program_that_crashes(project: Project) -> None:
    crash = "import os, signal, sys; print('on my way', flush=True); os.kill(os.getpid(), signal.SIGSEGV)"
    assert refusal(project, sys.executable, "-c", crash, "{}") == (
        f"error: {sys.executable} was killed by SIGSEGV over an artifact, and wrote nothing that Wasmtime's loader "
        f"says; find out with a debugger whether that is in loading; a program that fails has to say why\n"
        f"    on my way\n"
    )


CHANGED_MIND = """
with open("asked", "a+") as asked:
    asked.seek(0)
    count = len(asked.read())
    asked.write("x")
words = [("without", "is"), ("with", "is not")][%s]
exit("Module was compiled {} fuel support but it {} enabled for the host".format(*words))
"""


def test_settings_that_go_round_in_circles_end(project: Project) -> None:
    project.write("loader.py", CHANGED_MIND % "count % 2")
    assert refusal(project, sys.executable, "loader.py", "{}").splitlines()[-1] == (
        f"error: {sys.executable} wants consume-fuel both ways, after other settings had changed; its engine cannot be "
        f"matched: Module was compiled without fuel support but it is enabled for the host"
    )
    project.write("loader.py", CHANGED_MIND % "0")
    assert refusal(project, sys.executable, "loader.py", "{}").splitlines()[-1] == (
        f"error: {sys.executable} refuses what it asked for: artifacts with consume-fuel = true are still refused with "
        f'"Module was compiled without fuel support but it is enabled for the host"; its Wasmtime may be a changed one'
    )


def test_what_no_setting_changes_ends_it(project: Project) -> None:
    said = "Module was compiled without shadow stacks but it is enabled for the host"
    assert refusal(project, sys.executable, "-c", f"exit('{said}')", "{}") == (
        f'error: {sys.executable} says "{said}": no setting of wasmbuild.toml changes that; give the program\'s engine '
        f"its default there\n"
    )


def test_a_feature_that_no_setting_here_switches_ends_it(project: Project) -> None:
    said = refusal(project, *loader(project, "wasmtime_config_wasm_component_model_async_set=0"))
    assert 'feature `cm_async` but it is not enabled for the host": no setting of wasmbuild.toml changes that' in said


OTHER_LINE = """
import sys
data = open(sys.argv[1], "rb").read()
for line in range(10, 99):
    if b"\\x00\\x02%d" % line in data[:100] and line != LINE:
        exit(f"Module was compiled with incompatible version '{line}'")
exit("failed to parse the target")
"""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (49, 'has Wasmtime 49, and these artifacts are for 48; write wasmtime = "49" under [toolchain], or try again'),
        (46, f"has Wasmtime 46, and wasmbuild knows {', '.join(map(str, lines.known()))}; build it with one of those"),
        (90, "has a Wasmtime of another line than 48, and none from 38 to 63; find out which"),
    ],
)
def test_the_line_of_a_program_is_found(line: int, words: str, project: Project) -> None:
    project.write("loader.py", OTHER_LINE.replace("LINE", str(line)))
    said = refusal(project, sys.executable, "loader.py", "{}")
    assert words in said
    assert ("wasmbuild toolchain install 49" in said) == (line == 49)


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
