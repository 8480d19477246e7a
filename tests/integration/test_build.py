"""Building: exactly what is out of date, whatever made it so, and nothing else."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from support import ADD, ALL, HEAD, MODULES, SUB, TARGETS, Project

from wasmbuild import files
from wasmbuild.builder.lock import Lock
from wasmbuild.builder.workspace import Workspace
from wasmbuild.errors import DiskError
from wasmbuild.files import signature
from wasmbuild.formats.manifest import Index


def test_a_first_build_makes_everything_and_a_second_nothing(project: Project) -> None:
    assert project.compiled() == ALL
    assert set(project.files()) == {
        "index.json",
        *(f"{target}/{name}" for target in ("x64", "arm") for name in ("manifest.json",)),
        *(f"{t}/{m}.cwasm{s}" for t in ("x64", "arm") for m in ("add", "sub") for s in ("", ".json")),
    }
    before = project.files()
    stamps = {path: path.stat().st_mtime_ns for path in project.build.rglob("*.cwasm*")}
    assert project.compiled() == set()
    assert project.run("build").stderr == "4 artifacts are up to date\n"
    assert project.files() == before
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps


def test_nothing_is_done_after_an_edit_of_what_two_modules_are_made_from(project: Project) -> None:
    project.declare(HEAD + TARGETS + MODULES.replace("sub.wat", "add.wat"))
    project.run("build")
    project.write("add.wat", SUB)
    assert "4 artifacts" in project.run("build").stderr
    assert project.run("build").stderr == "4 artifacts are up to date\n"


def test_two_checkouts_in_two_places_give_identical_bytes(project: Project, tmp_path: Path) -> None:
    project.compiled()
    other = Project(tmp_path / "elsewhere" / "deep")
    other.compiled()
    assert other.files() == project.files()


@pytest.mark.parametrize(
    ("old", "new", "stale", "reason"),
    [
        ("[targets.x64]", "# a comment\n[targets.x64]", set(), ""),
        ("[targets.x64]", '[targets.x64]\nrequire = "intact"', set(), ""),
        (HEAD + TARGETS + MODULES, HEAD + MODULES + TARGETS, set(), ""),
        ("[targets.x64]", "[targets.x64]\nengine = { memory-guard-size = 33554432 }", set(), ""),
        (
            "[targets.x64]",
            '[targets.x64]\ncpu = "x86-64-v2"',
            {"add@x64", "sub@x64"},
            "CPU flag has_cmpxchg16b is now true",
        ),
        (
            "[targets.arm]",
            '[targets.arm]\ncpu-features = ["lse"]',
            {"add@arm", "sub@arm"},
            "CPU flag has_lse is now true",
        ),
        (
            "[targets.x64]",
            "[targets.x64]\nengine = { epoch-interruption = true }",
            {"add@x64", "sub@x64"},
            "engine setting epoch-interruption is now true",
        ),
        ("[targets.x64]", '[engine]\nembedder = "cli"\n[targets.x64]', ALL, "engine setting collector is now copying"),
        (
            'triple = "x86_64-unknown-linux-gnu"',
            'triple = "x86_64-unknown-linux-musl"',
            {"add@x64", "sub@x64"},
            "triple changed from x86_64-unknown-linux-gnu to x86_64-unknown-linux-musl",
        ),
    ],
)
def test_a_changed_declaration_builds_what_it_concerns(
    project: Project, old: str, new: str, stale: set[str], reason: str
) -> None:
    project.compiled()
    declaration = HEAD + TARGETS + MODULES
    assert old in declaration
    project.declare(declaration.replace(old, new))
    for id in sorted(stale):
        assert project.reasons(id) == [reason] or project.reasons(id)[0] == reason
    assert project.compiled() == stale
    project.run("verify", "build")
    assert project.compiled() == set()


def test_a_touched_source_builds_nothing(project: Project) -> None:
    project.compiled()
    os.utime(project.root / "add.wat", ns=(1, 1))
    assert project.compiled() == set()


def test_a_comment_in_text_builds_nothing_but_is_named_in_record_and_manifest(project: Project) -> None:
    project.compiled()
    artifact = project.build / "x64/add.cwasm"
    before = signature(artifact.stat())
    project.write("add.wat", ADD + "\n;; the same module\n")
    assert project.compiled() == set()
    assert signature(artifact.stat()) == before
    digest = hashlib.sha256((project.root / "add.wat").read_bytes()).hexdigest()
    for name in ("x64/add.cwasm.json", "x64/manifest.json", "arm/manifest.json"):
        assert digest in (project.build / name).read_text()
    project.run("verify", "build")


def test_a_changed_source_is_built_for_all_targets(project: Project) -> None:
    project.compiled()
    project.write("add.wat", SUB)
    assert project.reasons("add@x64") == ["source changed"]
    assert project.compiled() == {"add@x64", "add@arm"}


def test_a_changed_source_that_keeps_size_and_mtime_is_noticed(project: Project) -> None:
    project.compiled()
    source = project.root / "add.wat"
    before = source.stat()
    changed = source.read_bytes().replace(b"i32.add", b"i32.sub")
    source.write_bytes(changed)
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert source.stat().st_size == before.st_size
    assert project.compiled() == {"add@x64", "add@arm"}


def test_a_source_that_changes_right_after_a_build_is_noticed(project: Project) -> None:
    """The file system's clock may not have gone on since the build looked at the file."""
    for content in (SUB, ADD, SUB, ADD):
        project.write("add.wat", content)
        assert project.compiled() >= {"add@x64", "add@arm"}


def test_what_is_remembered_may_be_deleted_at_any_time(project: Project) -> None:
    project.compiled()
    good = {name: signature(os.stat(project.build / name)) for name in project.files()}
    shutil.rmtree(project.build / ".wasmbuild")
    assert project.compiled() == set()
    (project.build / ".wasmbuild/state.tsv").write_text('{"schema": "wasmbuild/state/3", "files": 3}')
    (project.build / ".wasmbuild/noop.json").write_text("[]")
    assert project.compiled() == set()
    # No rule that depends on one runs again, and whoever must not write there has nothing to write.
    assert {name: signature(os.stat(project.build / name)) for name in project.files()} == good
    assert project.run("build").stderr == "4 artifacts are up to date\n"


def test_a_removed_module_leaves_and_a_renamed_one_moves(project: Project) -> None:
    project.compiled()
    project.write("build/x64/mine.cwasm", "not made by wasmbuild")
    project.write("build/x64/notes.txt", "not made by wasmbuild")
    project.declare(HEAD + TARGETS + MODULES.replace("modules.sub", "modules.minus"))
    assert project.compiled() == {"minus@x64", "minus@arm"}
    left = {name for name in project.files() if name.startswith("x64/")}
    assert left == {
        "x64/manifest.json",
        *(f"x64/{name}.cwasm{suffix}" for name in ("add", "minus") for suffix in ("", ".json")),
        "x64/mine.cwasm",
        "x64/notes.txt",
    }
    manifest = json.loads((project.build / "x64/manifest.json").read_text())
    assert [entry["module"] for entry in manifest["artifacts"]] == ["add", "minus"]


def test_a_removed_target_leaves(project: Project) -> None:
    project.compiled()
    project.declare(HEAD + TARGETS[: TARGETS.index("[targets.arm]")] + MODULES)
    assert project.compiled() == set()
    assert not (project.build / "arm").exists()
    index = json.loads((project.build / "index.json").read_text())
    assert [target["name"] for target in index["targets"]] == ["x64"]


@pytest.mark.parametrize("index", ["as it was", "damaged", "gone"])
def test_a_directory_that_another_project_built_is_refused_and_left_as_it_is(project: Project, index: str) -> None:
    project.compiled()
    if index == "damaged":
        project.write("build/index.json", "{")
    elif index == "gone":
        (project.build / "index.json").unlink()
    good = project.files()
    state = {path: path.read_bytes() for path in (project.build / ".wasmbuild").iterdir()}
    other = (HEAD + TARGETS + MODULES).replace('"demo"', '"other"').replace("targets.", "targets.other-")
    project.write("two.toml", other)
    said = (
        'error: two.toml: project.build-dir: "build" holds what the project "demo" built; give this project a build '
        'directory of its own; if it was called "demo" until now, delete build first\n'
    )
    for command in (["build"], ["build", "add@other-x64"], ["explain", "*"]):
        assert project.run(*command, "--config", "two.toml", status=2).stderr == said
    assert project.files() == good
    assert {path: path.read_bytes() for path in (project.build / ".wasmbuild").iterdir()} == state
    shutil.rmtree(project.build)
    project.run("build", "--config", "two.toml")
    project.write("two.toml", other.replace("[toolchain]", 'build-dir = "build/../elsewhere"\n[toolchain]'))
    project.run("build", "--config", "two.toml")
    assert (project.root / "elsewhere/other-x64/add.cwasm").is_file()


def test_a_directory_that_another_project_takes_while_this_one_waits_is_refused(project: Project) -> None:
    lock = Lock(project.build / ".wasmbuild/lock")
    lock.acquire()
    process = project.start("build")
    assert process.stderr is not None
    assert process.stderr.readline().startswith("waiting for process ")
    index = Index("other", ()).to_bytes()
    project.write("build/index.json", index)
    lock.release()
    error = process.communicate(timeout=60)[1]
    assert error.startswith('error: wasmbuild.toml: project.build-dir: "build" holds what the project "other" built; ')
    assert process.returncode == 2
    assert project.files() == {"index.json": index}
    assert [path.name for path in (project.build / ".wasmbuild").iterdir()] == ["lock"]


def test_a_selection_builds_no_more_and_the_manifest_waits_for_the_rest(project: Project) -> None:
    assert project.outcomes("add@*") == {"add@x64": "compiled", "add@arm": "compiled"}
    assert not list(project.build.glob("*/manifest.json"))
    assert project.outcomes("*@x64") == {"add@x64": "up-to-date", "sub@x64": "compiled"}
    assert [path.parent.name for path in project.build.glob("*/manifest.json")] == ["x64"]
    index = json.loads((project.build / "index.json").read_text())
    assert [target["name"] for target in index["targets"]] == ["x64"]
    assert project.compiled() == {"sub@arm"}


def test_a_selector_that_matches_nothing_is_wrong(project: Project) -> None:
    assert (
        project.run("build", "ad@x64", status=2).stderr
        == "error: 'ad@x64' matches no artifact; did you mean add@x64?\n"
    )
    assert project.run("build", "add", status=2).stderr == ("error: 'add' matches no artifact; did you mean 'add@*'?\n")
    for target in ("arm", "*@amr", "*@ar"):
        said = f"error: {target!r} matches no artifact; did you mean '*@arm'?\n"
        assert project.run("build", target, status=2).stderr == said
    assert project.compiled("add@*") == {"add@arm", "add@x64"}
    project.compiled()
    assert project.run("build", "zzz", status=2).stderr == (
        "error: 'zzz' matches no artifact; wasmbuild plan lists the ids\n"
    )


def test_a_glob_takes_up_new_files_and_lets_go_of_old_ones(project: Project) -> None:
    project.write("plugins/one.wat", ADD)
    project.declare(HEAD + TARGETS + '[modules."plugins/*"]\nsource = "plugins/*.wat"\n')
    assert project.compiled() == {"plugins/one@x64", "plugins/one@arm"}
    assert project.compiled() == set()
    project.write("plugins/two.wat", SUB)
    assert project.compiled() == {"plugins/two@x64", "plugins/two@arm"}
    (project.root / "plugins/one.wat").unlink()
    assert project.compiled() == set()
    assert sorted(name for name in project.files() if name.endswith(".cwasm")) == [
        "arm/plugins/two.cwasm",
        "x64/plugins/two.cwasm",
    ]


def test_a_failing_module_leaves_its_last_good_artifact_and_no_manifest(project: Project) -> None:
    project.compiled()
    good = project.files()
    project.write("add.wat", "(module (func (result i32)))")
    outcomes = project.outcomes(status=1)
    assert outcomes == {"add@x64": "failed", "add@arm": "failed", "sub@x64": "up-to-date", "sub@arm": "up-to-date"}
    left = project.files()
    assert {name for name in good if name not in left} == {"arm/manifest.json", "x64/manifest.json"}
    assert all(left[name] == good[name] for name in left if name != "index.json")
    assert json.loads(left["index.json"])["targets"] == []
    project.write("add.wat", ADD)
    assert project.compiled() == set()
    assert project.files() == good


def test_allowed_imports_and_demanded_exports_are_held_even_when_nothing_changed(project: Project) -> None:
    project.write("add.wat", '(module (import "env" "log" (func)) (func (export "add")))')
    project.compiled()
    project.declare(HEAD + TARGETS + MODULES.replace('"add.wat"', '"add.wat"\nimports = ["wasi_*"]\nexports = ["run"]'))
    error = project.run("build", status=1).stderr
    assert (
        "error: add@arm, add@x64: add.wat: imports env.log, which modules.add.imports does not allow; "
        "add it there, or build the source without it\n" in error
    )
    project.declare(HEAD + TARGETS + MODULES.replace('"add.wat"', '"add.wat"\nexports = ["run"]'))
    error = project.run("build", status=1).stderr
    assert (
        "error: add@arm, add@x64: add.wat: does not export run, which modules.add.exports demands; it exports add\n"
        in error
    )


def test_another_compiler_builds_everything(project: Project, tmp_path: Path) -> None:
    """The embedded library gives the same bytes, but it is another compiler: the key tells them apart."""
    only_host = HEAD + TARGETS[: TARGETS.index("[targets.arm]")] + MODULES
    project.declare(only_host)
    project.compiled()
    before = project.files()
    project.declare(only_host.replace('wasmtime = "48"', 'wasmtime = "48"\ncompiler = "embedded"'))
    assert project.reasons("add@x64") == ["compiler 48.0.2 → 48.0.0"]
    assert project.compiled() == {"add@x64", "sub@x64"}
    after = project.files()
    assert {name for name in before if before[name] != after[name]} == {
        "index.json",
        "x64/manifest.json",
        "x64/add.cwasm.json",
        "x64/sub.cwasm.json",
    }


def test_a_target_directory_that_may_not_be_entered(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.compiled()
    project.write("add.wat", SUB)
    stat, open_ = os.stat, os.open

    def allowed(path: Any) -> Any:
        if not isinstance(path, int) and "build/x64/" in os.fspath(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return path

    monkeypatch.setattr(os, "stat", lambda path, **options: stat(allowed(path), **options))
    monkeypatch.setattr(os, "open", lambda path, *flags, **options: open_(allowed(path), *flags, **options))
    session = Workspace(project.root / "wasmbuild.toml").session()
    manifest = project.build / "x64/manifest.json"
    try:
        with pytest.raises(DiskError) as error:
            session.begin()
    finally:
        session.close()
    assert str(error.value) == f"{files.seen_from_here(manifest)}: cannot be read: Permission denied; make it readable"


@pytest.mark.parametrize("finished", [False, True])
def test_the_index_names_every_target_that_is_whole_though_it_is_not_written_for_each(
    project: Project, finished: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = [f"t{number}" for number in range(40)]
    tables = "".join(f'[targets.{name}]\ntriple = "x86_64-unknown-linux-gnu"\n' for name in targets)
    project.declare(f'{HEAD}{tables}[modules.add]\nsource = "add.wat"\n')
    monkeypatch.chdir(project.root)
    session = Workspace(Path("wasmbuild.toml")).session()
    written = []
    try:
        session.begin()
        for status in session.outdated()[1:]:
            assert session.compile(status.artifact, parallel=False).error is None
            named = {target["name"] for target in json.loads((project.build / "index.json").read_text())["targets"]}
            written.append(named)
            assert all((project.build / name / "manifest.json").exists() for name in named)
        if finished:
            session.finish()
    finally:
        session.close()
    assert len({frozenset(named) for named in written}) < 25
    named = [target["name"] for target in json.loads((project.build / "index.json").read_text())["targets"]]
    assert sorted(named) == sorted(path.parent.name for path in project.build.glob("*/manifest.json"))
    assert len(named) == 39
