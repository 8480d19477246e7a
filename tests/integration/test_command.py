"""The command: what it prints, where, and its exit codes."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from support import ADD, HEAD, MODULES, SUB, TARGETS, Project

from wasmbuild.cli import main
from wasmbuild.files import signature
from wasmbuild.project.levels import LEVELS
from wasmbuild.toolchain.process import memory_can_be_limited


def test_help_shows_commands_and_examples(project: Project) -> None:
    text = project.run("--help").stdout
    for command in ("build", "compile", "plan", "explain", "verify", "schema"):
        assert f"\n  {command}" in text
        help_ = project.run(command, "--help").stdout
        assert "\nexample:\n  wasmbuild " + command in help_
    assert project.run("--version").stdout.startswith("wasmbuild 0.")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("version", "did you mean --version?"),
        ("watch", "did you mean build --watch?"),
        ("clean", "remove the build directory, which has all that was built"),
    ],
)
def test_what_other_tools_have_a_command_for_is_told(project: Project, name: str, told: str) -> None:
    error = project.run(name, status=2).stderr
    assert error == f"error: wasmbuild: there is no command '{name}'; {told}\n"


def test_without_a_command_it_says_what_there_is(project: Project) -> None:
    assert "commands:" in project.run(status=2).stderr
    assert (
        project.run("biuld", status=2).stderr == "error: wasmbuild: there is no command 'biuld'; did you mean build?\n"
    )
    assert project.run("build", "--jobs", "none", status=2).stderr == (
        "error: wasmbuild build: argument -j/--jobs: 'none' is not a number from 1 to 1024; "
        "see wasmbuild build --help\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["build", "--config", "\x1b[2J"],
        ["build", "--\x1b[2J"],
        ["compile", "\x1b[2J", "--triple", "pulley64", "-o", "y"],
        ["fit", "--", "./\x1b[2J", "{}"],
        ["cache", "stats"],
    ],
    ids=" ".join,
)
def test_what_was_typed_is_shown_and_drives_no_terminal(project: Project, arguments: list[str]) -> None:
    project.environment["WASMBUILD_CACHE"] = str(project.write("\x1b[2J.file", ""))
    said = project.start(*arguments).communicate()[1]
    assert "\\x1b[2J" in said
    assert "\x1b" not in said


@pytest.mark.parametrize("option", ["--build-dir", "--state-dir"])
@pytest.mark.parametrize("glue", [" ", "="])
def test_a_directory_without_a_name_is_not_the_current_one(project: Project, option: str, glue: str) -> None:
    """A variable of a script that was not set would have everything built among the sources."""
    before = sorted(path.name for path in project.root.iterdir())
    error = project.run("build", *f"{option}{glue}".split(" "), status=2).stderr
    assert error == (
        f'error: wasmbuild build: argument {option}: "" names no directory; write . for the current one; '
        "see wasmbuild build --help\n"
    )
    assert sorted(path.name for path in project.root.iterdir()) == before


@pytest.mark.parametrize(
    ("command", "metavar"), [("verify", "MANIFEST|DIR"), ("audit", "DIR|MANIFEST|INDEX"), ("inspect", "FILE")]
)
def test_what_has_no_name_is_not_what_is_meant(project: Project, command: str, metavar: str) -> None:
    project.run("build", "-q")
    assert project.run(command, "", status=2).stderr == (
        f'error: wasmbuild {command}: argument {metavar}: "" names nothing; write a name, or set the variable that '
        f"stands for it; see wasmbuild {command} --help\n"
    )


def test_no_declaration(project: Project) -> None:
    (project.root / "wasmbuild.toml").unlink()
    for command in (["build"], ["plan"], ["explain", "x"]):
        error = project.run(*command, status=2).stderr
        assert error == (
            "error: wasmbuild.toml: there is no such file; name the one that is meant, or have wasmbuild init write a "
            "first one\n"
        )


def test_a_declaration_further_up(project: Project) -> None:
    below = Project(project.root / "src" / "deep")
    (below.root / "wasmbuild.toml").unlink()
    below.environment = project.environment
    error = below.run("build", status=2).stderr
    found = "../../wasmbuild.toml"
    told = f"there is no such file; {found} is one: run this where that is, or name it with --config"
    assert error == f"error: wasmbuild.toml: {told}\n"
    assert "compiled" in below.run("build", "--config", found).stderr


@pytest.mark.skipif(os.name != "posix", reason="a working directory can be deleted on POSIX")
@pytest.mark.parametrize("command", ["build", "plan", "explain x"])
def test_a_working_directory_that_was_deleted(project: Project, command: str) -> None:
    gone = project.root / "gone"
    gone.mkdir()
    script = (
        f"import os, sys; from wasmbuild.cli import main; os.rmdir({str(gone)!r}); sys.exit(main({command.split()}))"
    )
    ended = subprocess.run([sys.executable, "-c", script], cwd=gone, capture_output=True, text=True, check=False)
    assert ended.stderr == (
        "error: wasmbuild.toml: the working directory is not there any more; change to one that is\n"
    )
    assert ended.returncode == 2


def test_another_declaration_from_elsewhere(project: Project) -> None:
    outside = project.root.parent
    project.run("build", "--config", "project/wasmbuild.toml", cwd=outside)
    assert project.compiled() == set()
    error = project.run("build", "--config", "project", status=2, cwd=outside).stderr
    assert error == "error: project: is a directory; name the file in it, project/wasmbuild.toml\n"


def test_a_build_tells_what_why_how_long_and_how_large_and_ends_with_a_summary(project: Project) -> None:
    ended = project.run("build")
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    assert len(lines) == 6
    assert all(line.endswith("never built") and " kB " in line and " s " in line for line in lines[:4])
    assert lines[0].startswith("[1/4]  ")
    assert "known faults" in lines[4]
    assert lines[4].endswith(": wasmbuild audit build")
    assert lines[5].startswith("4 artifacts: 4 compiled in ")
    assert "\x1b" not in ended.stderr
    assert project.run("build", "-q").stderr == ""


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")
def test_on_a_terminal_there_is_a_live_bar_and_colour_unless_no_color(project: Project) -> None:
    def on_terminal(**environment: str) -> str:
        parent, child = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "wasmbuild.cli", "build"],
            cwd=project.root,
            stdin=child,
            stdout=child,
            stderr=child,
            env={key: value for key, value in {**os.environ, **environment}.items() if key != "CI"} | {"TERM": "xterm"},
        )
        os.close(child)
        seen = b""
        try:
            while chunk := os.read(parent, 4096):
                seen += chunk
        except OSError:
            pass  # the other side is closed
        process.wait()
        os.close(parent)
        return seen.decode()

    live = on_terminal(NO_COLOR="")
    assert "━" in live or "╌" in live
    assert "\x1b[2m" in live
    project.write("add.wat", SUB)
    plain = on_terminal(NO_COLOR="1")
    assert "╌" in plain
    assert "\x1b[2m" not in plain


def test_plan_names_every_artifact(project: Project) -> None:
    assert project.run("plan").stdout.splitlines() == [
        "add@x64  x86_64-unknown-linux-gnu    add.wat",
        "sub@x64  x86_64-unknown-linux-gnu    sub.wat",
        "add@arm  aarch64-unknown-linux-gnu   add.wat",
        "sub@arm  aarch64-unknown-linux-gnu   sub.wat",
    ]
    plan = json.loads(project.run("plan", "--json").stdout)
    assert [step["id"] for step in plan["steps"][:2]] == ["add@x64", "sub@x64"]
    assert plan["steps"][0]["outputs"] == ["build/x64/add.cwasm", "build/x64/add.cwasm.json"]
    assert not project.build.exists()


def test_explain_changes_nothing(project: Project) -> None:
    assert project.run("explain", "add@*").stdout == "add@x64: never built\nadd@arm: never built\n"
    assert not project.build.exists()
    project.run("build")
    assert project.run("explain", "add@x64").stdout == "add@x64: up to date\n"
    project.write("add.wat", "(module")
    assert project.run("explain", "add@x64").stdout.startswith(
        "add@x64: cannot be built: add.wat: is not valid WebAssembly text\n"
    )


def test_schemas_describe_the_files(project: Project) -> None:
    project.run("build")
    names = project.run("schema").stdout.split()
    assert {"wasmbuild.toml", "record", "manifest", "index", "report"} <= set(names)
    schemas = {name: json.loads(project.run("schema", name).stdout) for name in names}
    of_formats = {name: schema["$id"] for name, schema in schemas.items() if name != "wasmbuild.toml"}
    assert of_formats == {name: f"urn:wasmbuild:{name}:1" for name in of_formats}
    for name, path in {
        "record": "x64/add.cwasm.json",
        "manifest": "x64/manifest.json",
        "index": "index.json",
    }.items():
        jsonschema.validate(json.loads((project.build / path).read_text()), schemas[name])
    report = json.loads(project.run("verify", "--json", "build").stdout)
    jsonschema.validate(report, schemas["report"])
    error = project.run("schema", "manfest", status=2).stderr
    assert error.startswith("error: wasmbuild schema: argument NAME: invalid choice: 'manfest' (choose from ")


def test_verify_shows_a_table(project: Project) -> None:
    project.run("build")
    lines = project.run("verify", "build").stdout.splitlines()
    assert lines[0].split() == ["artifact", "proved", "required", "time"]
    assert re.fullmatch(r"add@x64 +loaded +loaded +\d\.\d\d s  ok", lines[1])
    assert re.fullmatch(r"add@arm +consistent +consistent +\d\.\d\d s  ok", lines[3])
    at = lines.index("")
    assert lines[at + 1].split() == ["target", "artifacts", *LEVELS, "failed", "time"]
    assert re.fullmatch(r"x64 +2 +2 +2 +2 +0 +0 +\d\.\d\d s", lines[at + 2])
    assert re.fullmatch(r"arm +2 +2 +2 +0 +0 +0 +\d\.\d\d s", lines[at + 3])
    assert lines[-1] == "4 artifacts verified: 2 consistent, 2 loaded"
    (project.build / "arm/add.cwasm").unlink()
    failed = project.run("verify", "build", status=1).stdout
    assert "FAILED  not intact: " in failed
    assert failed.splitlines()[-1] == "4 artifacts verified: 1 consistent, 2 loaded, 1 failed"


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--memory-limit", "64m", '"64m" is no amount of memory; write "64 MiB"'),
        ("--memory-limit", "64k", '"64k" is out of range; write an amount from "1 MiB" to "1024 TiB"'),
        ("--memory-limit", "5", '5 is out of range; write an amount from "1 MiB" to "1024 TiB"'),
        ("--time-limit", "0", "0 s is no time to do anything in; write more"),
        ("--time-limit", "soon", "'soon' is not a number of seconds from 0 to 86400"),
    ],
)
def test_limits_of_a_verification_that_mean_nothing(project: Project, option: str, value: str, said: str) -> None:
    project.run("build")
    assert project.run("verify", "build", option, value, status=2).stderr == (
        f"error: wasmbuild verify: argument {option}: {said}; see wasmbuild verify --help\n"
    )


@pytest.mark.skipif(not memory_can_be_limited(), reason="this system cannot limit memory")
def test_the_memory_limit_is_that_of_what_loads(project: Project) -> None:
    project.run("build")
    lines = project.run("verify", "build", "--memory-limit", "1 MiB", status=3).stdout.splitlines()
    for name in ("add", "sub"):
        said = next(line for line in lines if line.startswith(f"{name}@x64 "))
        assert re.search(
            r"  NOT VERIFIED  was not loaded: the probe with the library of wasmtime 48\.\d\.\d could not be started: "
            r"it (?:ran out of memory|ended with status 1) \(.+\); allow it more memory than 1 MiB$",
            said,
        )
    assert "2 loaded" in project.run("verify", "build", "--memory-limit", "512 MiB", "--time-limit", "60").stdout


class TestCompile:
    """``wasmbuild compile``: a step of another build system."""

    def test_one_output_with_its_depfile(self, project: Project) -> None:
        project.run("compile", "add.wat", "--target", "arm", "-o", "out dir/add.cwasm", "--depfile", "out dir/add.d")
        assert sorted(path.name for path in (project.root / "out dir").iterdir()) == ["add.cwasm", "add.d"]
        project.run("build")
        made = (project.root / "out dir/add.cwasm").read_bytes()
        assert made == (project.build / "arm/add.cwasm").read_bytes()
        rule = (project.root / "out dir/add.d").read_text()
        assert rule.startswith("out\\ dir/add.cwasm: add.wat wasmbuild.toml /")
        first, *empty = rule.splitlines()
        assert [line.removesuffix(":") for line in empty] == first.partition(": ")[2].split()
        assert len(empty) >= 3

    def test_a_depfile_that_cannot_be_written_leaves_no_output(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Make would take an output without one for up to date from then on."""
        monkeypatch.chdir(project.root)
        project.write("file", "")
        assert main(["compile", "add.wat", "--target", "x64", "-o", "o.cwasm", "--depfile", "file/d"]) in (2, 3)
        assert main(["embed", "--lang", "c", "-o", "o.h", "--depfile", "file/d"]) in (2, 3)
        assert main(["compile", "add.wat", "--target", "x64", "-o", "a;b.cwasm", "--depfile", "d"]) == 2
        assert sorted(path.name for path in project.root.iterdir()) == ["add.wat", "file", "sub.wat", "wasmbuild.toml"]

    def test_an_output_that_stays_the_same_is_untouched_for_restat(self, project: Project) -> None:
        arguments = ["compile", "add.wat", "--target", "x64", "-o", "add.cwasm", "--restat"]
        project.run(*arguments)
        before = signature((project.root / "add.cwasm").stat())
        project.write("add.wat", ADD + " ;; the same")
        project.run(*arguments)
        assert signature((project.root / "add.cwasm").stat()) == before
        project.write("add.wat", SUB)
        project.run(*arguments)
        assert signature((project.root / "add.cwasm").stat()) != before

    def test_no_module_has_to_be_declared(self, project: Project) -> None:
        project.declare(HEAD + TARGETS)
        project.run("compile", "add.wat", "--target", "x64", "-o", "add.cwasm")

    def test_a_failure_keeps_the_old_output(self, project: Project) -> None:
        project.run("compile", "add.wat", "--target", "x64", "-o", "add.cwasm")
        good = (project.root / "add.cwasm").read_bytes()
        project.write("add.wat", "(module (func (result i32)))")
        error = project.run("compile", "add.wat", "--target", "x64", "-o", "add.cwasm", status=1).stderr
        assert error.startswith("error: wasmtime 48.0.2 ended with status 1: add.wat is not valid WebAssembly\n")
        assert (project.root / "add.cwasm").read_bytes() == good
        assert not list(project.root.glob(".wasmbuild-*"))

    @pytest.mark.parametrize(
        ("arguments", "status", "said"),
        [
            ("add.wat --target x46 -o a.cwasm", 2, "wasmbuild.toml: there is no target 'x46'; did you mean x64?"),
            (
                "nothing.wat --target x64 -o a.cwasm",
                1,
                "nothing.wat: there is no such file; make it, or correct the path\n",
            ),
            ("add.wat --target x64 -o .", 2, ".: is a directory; name the artifact"),
            (
                "add.wat -o a.cwasm",
                2,
                "wasmbuild compile: what is it for? name a target of wasmbuild.toml with --target",
            ),
        ],
    )
    def test_wrong_requests(self, project: Project, arguments: str, status: int, said: str) -> None:
        assert project.run("compile", *shlex.split(arguments), status=status).stderr.startswith(f"error: {said}")


def test_modules_are_not_needed_for_a_plan_of_targets(project: Project) -> None:
    project.declare(HEAD + TARGETS + MODULES)
    assert project.run("plan").returncode == 0


def test_hooks_of_pre_commit_are_commands() -> None:
    from wasmbuild.command_line.parsers import of_command

    text = (Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text()
    entries = [line.partition("entry: ")[2].split() for line in text.splitlines() if "entry: " in line]
    assert [entry[:2] for entry in entries] == [["wasmbuild", "plan"], ["wasmbuild", "build"]]
    for _, name, *rest in entries:
        of_command(name).parse_args([*rest, "--config", "wasm/wasmbuild.toml"])
    plan, build = (line.partition("files: ")[2] for line in text.splitlines() if "files: " in line)
    for path in ("wasmbuild.toml", "wasm/wasmbuild.toml", "src/filter.wat"):
        assert re.search(plan, path)
        assert re.search(build, path)
    assert re.search(build, "wasmbuild.lock")
