"""A whole project as one step of another build: where it goes, what it depends on, and how it says that it is done."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from mounts import run_under
from support import ADD, ALL, HEAD, MODULES, SUB, TARGETS, Project

from wasmbuild.builder import output
from wasmbuild.builder.session import Session
from wasmbuild.cli import main
from wasmbuild.errors import DiskError
from wasmbuild.formats.record import Record
from wasmbuild.toolchain import installed

NATIVE = {"add@x64", "sub@x64"}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "élsewhere, with blanks"


def files(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def dependencies(depfile: Path) -> tuple[str, set[str]]:
    """Return the output and the inputs of a depfile without blanks in names; each input has an empty rule."""
    rule, *empty = depfile.read_text().splitlines()
    output, _, inputs = rule.partition(": ")
    assert empty == [f"{name}:" for name in inputs.split(" ")]
    return output, set(inputs.split(" "))


def test_elsewhere_lies_what_a_build_makes_and_nothing_else(project: Project, out: Path, tmp_path: Path) -> None:
    project.run("build", "-q")
    step = ("--build-dir", str(out), "--state-dir", str(tmp_path / "state"))
    assert project.compiled(*step) == ALL
    assert files(out) == project.files()
    assert project.compiled(*step) == set()
    assert "4 artifacts are up to date" in project.run("build", *step).stderr
    project.write("add.wat", SUB)
    assert project.compiled(*step) == {"add@x64", "add@arm"}
    (out / "arm" / "sub.cwasm").write_bytes(b"edited")
    assert project.compiled(*step) == {"sub@arm"}
    assert project.compiled() == {"add@x64", "add@arm"}


def test_who_may_only_read_what_is_all_built_is_told_so(project: Project) -> None:
    """As where another user built it: what is remembered lies where this one may write, and nothing else has to."""
    project.declare(HEAD + TARGETS + MODULES.replace("[modules.sub]", "[modules.sub]\nship-source = true"))
    project.run("build", "-q")
    shutil.rmtree(project.build / ".wasmbuild")
    read_only = "mount --bind build build && mount -o remount,bind,ro build"
    for told in ("4 artifacts: 4 up to date in ", "4 artifacts are up to date\n"):
        ended = run_under(read_only, "build", "--state-dir", "state", cwd=project.root)
        assert (ended.returncode, ended.stdout) == (0, "")
        assert ended.stderr.startswith(told)


def test_what_is_remembered_of_one_directory_says_nothing_of_another(project: Project, tmp_path: Path) -> None:
    """Each is to have a state directory of its own; where two have one, neither is stale."""
    one, other = (("--build-dir", str(tmp_path / name), "--state-dir", str(tmp_path / "state")) for name in "ab")
    for step in (one, other, one):
        project.run("build", "-q", *step)
    project.write("add.wat", SUB)
    for step in (other, one):
        assert project.compiled(*step) == {"add@x64", "add@arm"}
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_another_drive(project: Project, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From one to another of Windows there is no relative path: what lies there is shown as a whole one."""
    real = os.path.relpath

    def relpath(path: str, start: str = os.curdir) -> str:
        if len({Path(os.path.abspath(each)).is_relative_to(out) for each in (path, start)}) == 2:
            raise ValueError("path is on mount 'D:', start on mount 'C:'")
        return real(path, start)

    out.mkdir()
    (out / "made.wat").write_text(SUB)
    (out / "key.pem").touch()
    project.declare(HEAD + f"[cache]\nsigning-key = '{out / 'key.pem'}'\n" + TARGETS + MODULES)
    monkeypatch.setattr(os.path, "relpath", relpath)
    step = ("--build-dir", str(out / "b"), "--source", f"add={out / 'made.wat'}")
    assert project.compiled(*step, "--stamp", str(out / "b/stamp"), "--depfile", str(out / "b/d")) == ALL
    stamp = ("--stamp", str(out / "b/x64/add.cwasm"))
    assert "would overwrite what the build makes there" in project.run("build", *step, *stamp, status=2).stderr
    assert f"\t{out / 'b/x64/add.cwasm'}\n" in project.run("plan", "--lines", *step).stdout
    error = project.run("plan", "--json", *step, status=2).stderr
    assert error == (
        f"error: {out / 'b'} is on another drive than {project.root}, from where a plan tells of files; have both on "
        f"one drive\n"
    )


def test_why_a_step_would_build(project: Project, out: Path, tmp_path: Path) -> None:
    made = tmp_path / "made.wat"
    made.write_text(SUB)
    step = (
        "--build-dir",
        str(out),
        "--state-dir",
        str(tmp_path / "state"),
        "--source",
        f"add={made}",
        "--target",
        "x64",
    )
    assert project.run("explain", "*", *step).stdout.splitlines() == ["add@x64: never built", "sub@x64: never built"]
    project.run("build", "-q", *step)
    assert project.run("explain", "*", *step).stdout.splitlines() == ["add@x64: up to date", "sub@x64: up to date"]
    made.write_text(ADD)
    add, sub = project.run("explain", "*", *step).stdout.splitlines()
    assert add.startswith("add@x64: source changed")
    assert sub == "sub@x64: up to date"


def test_the_depfile_names_all_that_brings_the_step_back(project: Project) -> None:
    project.write("more/deep/c.wat", ADD)
    project.declare(HEAD + TARGETS + MODULES + '[modules."**"]\nsource = "more/**/*.wat"\nship-source = true\n')
    project.run("lock")
    project.run("build", "-q", "--build-dir", "d", "--stamp", "stamp", "--depfile", "stamp.d")
    output, inputs = dependencies(project.root / "stamp.d")
    made = {f"d/{target}/{name}" for target in ("x64", "arm") for name in ("manifest.json", "add.cwasm", "sub.cwasm")}
    made |= {f"d/{target}/deep/c.{kind}" for target in ("x64", "arm") for kind in ("cwasm", "wasm")}
    mine = {name for name in inputs if not os.path.isabs(name)}
    assert output == "stamp"
    assert mine == {
        "wasmbuild.toml",
        "wasmbuild.lock",
        "add.wat",
        "sub.wat",
        "more",
        "more/deep",
        "more/deep/c.wat",
        "d/index.json",
        *made,
    }
    assert any("wasmtime" in name for name in inputs - mine)
    assert inputs > {str(path) for path in installed.watched()}
    assert all((project.root / name).exists() for name in inputs)


@pytest.mark.parametrize(
    ("build_dir", "state_dir", "folders"),
    [
        ("gen", "state", {".", "gen/src"}),
        (".", "state", {".", "gen", "gen/src"}),
        ("out", ".", {".", "gen", "gen/src"}),
    ],
)
def test_folders_that_the_step_writes_into_do_not_bring_it_back(
    project: Project, build_dir: str, state_dir: str, folders: set[str]
) -> None:
    project.write("gen/src/a.wat", ADD)
    project.declare(f'{HEAD}{TARGETS}[modules."**"]\nsource = "**/*.wat"\n')
    for _ in range(2):
        step = ("--build-dir", build_dir, "--state-dir", state_dir, "--stamp", "stamp", "--depfile", "stamp.d")
        project.run("build", "-q", *step)
    found = {name for name in dependencies(project.root / "stamp.d")[1] if (project.root / name).is_dir()}
    assert {name for name in found if not os.path.isabs(name)} == folders


def test_from_another_directory_all_paths_are_as_seen_from_there(project: Project) -> None:
    (project.root / "below").mkdir()
    step = ("build", "-q", "--config", "../wasmbuild.toml", "--depfile", "d")
    project.run(*step, cwd=project.root / "below")
    output, inputs = dependencies(project.root / "below" / "d")
    assert output == "../build"
    assert {"../wasmbuild.toml", "../add.wat", "../build/x64/add.cwasm"} <= inputs
    project.write("add.wat", "nonsense")
    said = project.run(*step, cwd=project.root / "below", status=1).stderr
    assert "../add.wat: " in said
    assert " add.wat: " not in said


def test_the_sign_comes_last_and_only_when_all_is_right(project: Project) -> None:
    step = ("build", "-q", "--build-dir", "d", "--stamp", "out/stamp", "--depfile", "out/stamp.d")
    project.write("add.wat", "nonsense")
    project.run(*step, status=1)
    assert not (project.root / "out").exists()
    project.write("add.wat", ADD)
    project.run(*step)
    stamped = (project.root / "out/stamp").stat().st_mtime_ns
    _, inputs = dependencies(project.root / "out/stamp.d")
    assert all((project.root / name).stat().st_mtime_ns <= stamped for name in inputs)


def test_without_a_stamp_the_directory_is_the_sign(project: Project) -> None:
    step = ("build", "-q", "--build-dir", "d", "--state-dir", "s")
    project.run(*step)
    os.utime(project.root / "d", (0, 0))
    project.run(*step)
    assert (project.root / "d").stat().st_mtime_ns >= max(path.stat().st_mtime_ns for path in project.root.rglob("*.*"))


@pytest.mark.parametrize(
    "command",
    [
        ("build", "--stamp", "stamp"),
        ("compile", "add.wat", "--target", "x64", "-o", "add.cwasm"),
        ("plan", "--ninja", "-o", "build.ninja"),
        ("embed", "--lang", "c", "--target", "x64", "-o", "engine.h"),
    ],
    ids=lambda command: command[0],
)
def test_how_a_depfile_is_written_takes_a_depfile(project: Project, command: tuple[str, ...]) -> None:
    assert project.run(*command, "--depfile-for-cmake", status=2).stderr == (
        f"error: wasmbuild {command[0]}: --depfile-for-cmake says how the depfile is written; name that with "
        "--depfile\n"
    )
    project.run(*command, "--depfile-for-cmake", "--depfile", "stamp.d")
    assert len((project.root / "stamp.d").read_text().splitlines()) == 1


def test_a_directory_is_no_sign_where_the_depfile_cannot_be_written(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(path: Path, data: bytes) -> None:
        raise DiskError(f"{path}: cannot be written")

    monkeypatch.setattr(output, "write", refuses)
    project.run("build", "-q", "--build-dir", "d", "--depfile", "d.d", status=3)
    assert (project.root / "d").stat().st_mtime_ns == 0


@pytest.mark.parametrize("stamp", [(), ("--stamp", "stamp")])
@pytest.mark.parametrize(
    ("edited", "text", "said"),
    [
        ("add.wat", SUB, "error: add@arm: changed while it was built; build again\nerror: add@x64: "),
        ("more/b.wat", ADD, "error: b@arm: changed while it was built; build again\nerror: b@x64: "),
        ("wasmbuild.toml", HEAD + TARGETS, "error: wasmbuild.toml: modules: is missing"),
        ("wasmbuild.toml", HEAD + TARGETS + '[modules.add]\nsource = "add.wat"\n', "error: wasmbuild.toml: changed "),
    ],
)
def test_what_is_edited_before_the_sign_gets_its_time_is_built_again(
    project: Project, monkeypatch: pytest.MonkeyPatch, stamp: tuple[str, ...], edited: str, text: str, said: str
) -> None:
    """The edit comes when the build has looked at everything for the last time, and before it tells that it is done."""
    project.write("more/a.wat", ADD)
    project.declare(HEAD + TARGETS + MODULES + '[modules."*"]\nsource = "more/*.wat"\n')
    step = ("build", "-q", "--build-dir", "d", *stamp)
    close = Session.close

    def closes(session: Session) -> None:
        close(session)
        monkeypatch.undo()
        project.write(edited, text)

    monkeypatch.setattr(Session, "close", closes)
    error = project.run(*step, status=2 if "is missing" in said else 1).stderr
    assert said in error
    sign = project.root / (stamp[1] if stamp else "d")
    assert not sign.exists() if stamp else sign.stat().st_mtime_ns == 0
    if "is missing" not in said:
        project.run(*step)
        assert sign.stat().st_mtime_ns > (project.root / edited).stat().st_mtime_ns


@pytest.mark.parametrize("kind", ["touched", "a link", "without a note"])
def test_what_is_right_is_done_whatever_is_noted_of_it(
    project: Project, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    step = ("build", "-q", "--build-dir", "d", "--stamp", "stamp")
    if kind == "a link":
        project.write("d/elsewhere/.keep", "")
        (project.root / "d/x64").symlink_to("elsewhere")
    close = Session.close

    def closes(session: Session) -> None:
        close(session)
        monkeypatch.undo()
        if kind == "touched":
            project.write("add.wat", ADD)
        elif kind == "without a note":
            (project.root / "d/.wasmbuild/noop.json").unlink()

    if kind != "a link":
        monkeypatch.setattr(Session, "close", closes)
    project.run(*step)
    assert (project.root / "stamp").exists()


@pytest.mark.parametrize("sign", ["out", "out/index.json", "stamp"])
def test_what_joins_a_folder_right_after_is_younger_than_the_sign(
    project: Project, monkeypatch: pytest.MonkeyPatch, sign: str
) -> None:
    monkeypatch.chdir(project.root)
    step = ["build", "-q", "--build-dir", "out", *(["--stamp", "stamp"] if sign == "stamp" else [])]
    for number in range(3):
        assert main(step) == 0
        if sign == "out/index.json":
            assert main(["manifest", "--build-dir", "out"]) == 0
        joined = project.write(f"plugins/{number}.wat", ADD)
        assert joined.parent.stat().st_mtime_ns > (project.root / sign).stat().st_mtime_ns


def test_a_source_that_is_made_elsewhere(project: Project, tmp_path: Path) -> None:
    project.run("build", "-q")
    before = project.files()
    os.rename(project.root / "add.wat", tmp_path / "made.wat")
    assert project.compiled("--build-dir", "d", "--source", "add=../made.wat") == ALL
    assert files(project.root / "d").items() >= before.items()
    record = Record.from_bytes((project.root / "d/x64/add.cwasm.json").read_bytes(), where="")
    assert record.source.path == "add.wat"
    project.run("build", "-q", "--depfile", "x.d", "--source", "add=../made.wat")
    assert "../made.wat" in dependencies(project.root / "x.d")[1]
    (tmp_path / "made.wat").write_text("nonsense")
    assert "../made.wat: " in project.run("build", "--source", "add=../made.wat", status=1).stderr


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("add=gone.wasm", 'wasmbuild.toml: modules.add.source: there is no file "gone.wasm", which was given '),
        ("add=.", 'modules.add.source: "." is a directory, and was given in its place; give another file'),
        ("ad=sub.wat", "modules.ad: is not declared, but a source was given for it; did you mean add?"),
        ("more/*=sub.wat", 'modules."more/*".source: is many files, and one was given in their place; '),
        ("add", "argument --source: 'add' is not NAME=PATH, such as filter=out/filter.wasm"),
        ("sub=add.wat", "--source gives 'sub' two files, sub.wat and add.wat; leave out one of them"),
    ],
)
def test_a_source_that_takes_no_place(project: Project, source: str, said: str) -> None:
    project.write("more/c.wat", ADD)
    project.declare(HEAD + TARGETS + MODULES + '[modules."more/*"]\nsource = "more/*.wat"\n')
    assert said in project.run("build", "--source", "sub=sub.wat", "--source", source, status=2).stderr
    assert not project.build.exists()


def test_a_source_where_all_modules_are_of_globs(project: Project) -> None:
    project.write("more/c.wat", ADD)
    project.declare(HEAD + TARGETS + '[modules."*"]\nsource = "more/*.wat"\n')
    said = project.run("build", "--source", "d=sub.wat", status=2).stderr
    assert "for it; every module is of a glob: declare the one that is made elsewhere under a name of its own" in said


def test_some_targets(project: Project) -> None:
    assert project.compiled("--build-dir", "d") == ALL
    assert set(project.outcomes("--build-dir", "d", "--for", "x86_64-alpine-linux-musl")) == NATIVE
    assert not (project.root / "d/arm").exists()
    assert set(project.outcomes("--build-dir", "d", "--target", "x*", "--target", "arm")) == ALL
    assert set(project.outcomes("--build-dir", "d", "--target", "x*")) == NATIVE
    said = project.run("build", "--for", "riscv64gc-unknown-linux-gnu", status=2).stderr
    assert 'declare a target with the triple "riscv64gc-unknown-linux-gnu"' in said
    assert "no target matches 'x65'; did you mean x64?" in project.run("build", "--target", "x65", status=2).stderr


def test_what_is_read_is_not_overwritten(project: Project) -> None:
    for option in ("--stamp", "--depfile"):
        assert f"{option} add.wat would overwrite" in project.run("build", option, "add.wat", status=2).stderr
    assert (project.root / "add.wat").read_text() == ADD
    assert "selects artifacts" in project.run("build", "add@*", "--stamp", "s", status=2).stderr
