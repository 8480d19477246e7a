"""Builds and proofs by calls, with real compilers."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from support import ADD, ALL, HEAD, SUB, TARGETS, Project

from wasmbuild import api
from wasmbuild.errors import CompileError, DeclarationError, DiskError, UsageError, WasmbuildError


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_build_tells_what_is_there(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    built = api.build(project.root / "wasmbuild.toml", on_compiled=told.append)
    assert set(built.artifacts) == set(built.compiled) == set(told) == ALL
    assert built.build_dir == project.build
    for artifact in built.artifacts.values():
        data = artifact.path.read_bytes()
        assert (artifact.size, artifact.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert artifact.reasons == ("never built",)
    again = api.build(project.root / "wasmbuild.toml")
    assert again.compiled == ()
    assert again.artifacts["add@x64"] == built.artifacts["add@x64"]._replace(reasons=())
    report = api.verify(project.build)
    assert {entry.id for entry in report.artifacts} == ALL
    assert capfd.readouterr() == ("", "")


def test_paths_are_those_of_pathlib(project: Project) -> None:
    (project.root / "other.wat").write_text("(module)")
    for placed in ({}, {"build_dir": project.root / "elsewhere", "sources": {"add": project.root / "other.wat"}}):
        plan = api.plan(project.root / "wasmbuild.toml", **placed)
        paths = (plan.directory, plan.build_dir, *(module.source for module in plan.modules))
        assert all(isinstance(path, Path) for path in paths)
    built = api.build(project.root / "wasmbuild.toml")
    assert all(isinstance(path, Path) for path in (built.build_dir, *(made.path for made in built.artifacts.values())))


def test_it_may_be_elsewhere_from_other_sources_and_for_some_targets(project: Project, tmp_path: Path) -> None:
    project.run("build")
    (project.root / "add.wat").rename(tmp_path / "made.wat")
    out = tmp_path / "out"
    built = api.build(
        project.root / "wasmbuild.toml",
        build_dir=out,
        state_dir=tmp_path / "state",
        sources={"add": tmp_path / "made.wat"},
        program="x86_64-unknown-linux-musl",
        jobs=1,
    )
    assert set(built.artifacts) == {"add@x64", "sub@x64"}
    assert sorted(path.name for path in out.iterdir()) == ["index.json", "x64"]
    assert (out / "x64/manifest.json").read_bytes() == (project.build / "x64/manifest.json").read_bytes()


def test_all_that_failed_is_told_by_id_and_the_rest_is_built(project: Project) -> None:
    project.write("add.wat", "(module (func (nonsense)))")
    with pytest.raises(api.BuildError) as raised:
        api.build(project.root / "wasmbuild.toml")
    assert set(raised.value.failures) == {"add@x64", "add@arm"}
    assert all(isinstance(error, CompileError) for error in raised.value.failures.values())
    assert raised.value.exit_code == 1
    assert "add@arm: " in str(raised.value)
    assert (project.build / "x64/sub.cwasm").exists()
    project.write("add.wat", ADD)
    assert set(api.build(project.root / "wasmbuild.toml").compiled) == {"add@x64", "add@arm"}


def test_what_failed_is_told_with_the_files_that_can_be_no_module(project: Project) -> None:
    project.declare(HEAD + TARGETS + '[modules."p/*"]\nsource = "p/*.wat"\n')
    project.write("p/good.wat", ADD)
    project.write("p/two words.wat", ADD)
    with pytest.raises(DeclarationError) as alone:
        api.build(project.root / "wasmbuild.toml")
    project.write("p/bad.wat", "(module (func (nonsense)))")
    with pytest.raises(api.BuildError) as raised:
        api.build(project.root / "wasmbuild.toml")
    assert set(raised.value.failures) == {"p/bad@x64", "p/bad@arm"}
    assert raised.value.refused == alone.value.mistakes != ()
    assert str(raised.value).endswith(f"\n{alone.value}")


def test_what_failed_is_told_where_the_disk_ended_the_build(project: Project) -> None:
    project.write("sub.wat", "(module (func (result i32) i64.const 1))")
    (project.build / ".wasmbuild/state.tsv").mkdir(parents=True)
    with pytest.raises(api.BuildError) as raised:
        api.build(project.root / "wasmbuild.toml")
    assert set(raised.value.failures) == {"sub@x64", "sub@arm"}
    assert raised.value.exit_code == 3
    project.write("sub.wat", SUB)
    with pytest.raises(DiskError) as alone:
        api.build(project.root / "wasmbuild.toml")
    assert str(raised.value).endswith(f"\n{alone.value}")
    assert str(raised.value.ended_by) == str(alone.value)


def test_what_does_not_hold_is_an_exception_with_the_report(project: Project) -> None:
    built = api.build(project.root / "wasmbuild.toml")
    built.artifacts["add@arm"].path.write_bytes(b"")
    with pytest.raises(api.VerificationError, match="add@arm: ") as raised:
        api.verify(project.build)
    assert [entry.id for entry in raised.value.report.artifacts if not entry.ok] == ["add@arm"]


def test_what_is_not_there_is_named_once(tmp_path: Path) -> None:
    with pytest.raises(api.VerificationError) as raised:
        api.verify(tmp_path / "none")
    missing = f"{tmp_path / 'none'} is missing; name a manifest, an index or a build directory that is there"
    assert str(raised.value) == missing
    (unreadable := tmp_path / "index@x.json").write_text("{")
    with pytest.raises(api.VerificationError) as raised:
        api.verify(unreadable)
    assert str(raised.value).count(str(unreadable)) == 1


def test_mistakes_are_exceptions(project: Project) -> None:
    assert {artifact.id for artifact in api.plan(project.root / "wasmbuild.toml").artifacts} == ALL
    with pytest.raises(UsageError, match="did you mean x64"):
        api.plan(project.root / "wasmbuild.toml", targets=["x46"])
    with pytest.raises(UsageError, match="jobs is 0"):
        api.build(project.root / "wasmbuild.toml", jobs=0)
    with pytest.raises(UsageError, match="name what is to be verified"):
        api.verify()
    project.declare("")
    with pytest.raises(DeclarationError):
        api.build(project.root / "wasmbuild.toml")
    assert not project.build.exists()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (partial(api.build, sources={"ad": "sub.wat"}), "modules.ad: is not declared, but a source was given for it; "),
        (partial(api.plan, sources={"add": "gone.wat"}), 'modules.add.source: there is no file "gone.wat", which was '),
        (partial(api.build, sources={"add": "."}), 'modules.add.source: "." is a directory, and was given in its '),
        (partial(api.build, executor="http://x", build_dir="new"), 'executor: "http://x" is no place to compile; '),
        (partial(api.build, program="x64"), "program: 'x64' "),
        (partial(api.build, build_dir=""), 'build_dir: "" names no directory; write "." for the current one'),
        (partial(api.build, state_dir=""), 'state_dir: "" names no directory; '),
        (partial(api.plan, build_dir=""), 'build_dir: "" names no directory; '),
        (partial(api.verify, level="fine"), "there is no level 'fine'; write one of intact, consistent, "),
        (partial(api.verify, index_sha256="0"), "0 is no SHA-256 of an index; "),
        (partial(api.verify, "again", index_sha256="0" * 64), "a SHA-256 pins one index; "),
        (partial(api.verify, index_sha256="0" * 64), "not the one that is pinned: "),
        (partial(api.verify, level="tested"), "this verification demands the level tested; "),
    ],
)
def test_errors_name_what_a_call_has(
    project: Project, call: partial[object], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.run("build")
    monkeypatch.chdir(project.root)
    with pytest.raises(WasmbuildError) as raised:
        call(*(["build"] if call.func is api.verify else []))
    assert said in str(raised.value)
    assert "--" not in str(raised.value)


def test_one_glob_selects_targets(project: Project) -> None:
    config = project.root / "wasmbuild.toml"
    assert set(api.build(config, targets="x*").artifacts) == {"add@x64", "sub@x64"}


def test_known_faults_that_are_not_let_pass_fail_every_build(project: Project) -> None:
    collected = """(module (type $s (struct (field i32)))
      (func (export "f") (result i32) (struct.get $s 0 (struct.new $s (i32.const 7)))))"""
    project.write("add.wat", collected)
    project.declare((project.root / "wasmbuild.toml").read_text() + '[audit]\nenforce = ["build"]\n')
    for _ in range(2):
        with pytest.raises(api.KnownFaultError, match="GHSA-43j2-gcp4-m22g"):
            api.build(project.root / "wasmbuild.toml")


def test_a_file_whose_name_is_no_module_fails_when_the_rest_is_built(project: Project) -> None:
    project.write("sub sub.wat", ADD)
    project.declare(HEAD + TARGETS + '[modules."*"]\nsource = "*.wat"\n')
    for _ in range(2):
        with pytest.raises(DeclarationError, match='the module "sub sub"'):
            api.build(project.root / "wasmbuild.toml")
        assert set(project.verdicts()) == ALL


def test_a_program_has_its_own_main_thread_after_a_compile_that_failed(project: Project) -> None:
    """Python 3.11's ``threading`` takes who imports it first for that: it would wait for no thread at the end."""
    # Of type [] -> [i32], and without the number.
    right = bytes.fromhex("0061736d01000000 0105016000017f 03020100 0a06010400 41000b")
    project.write("wasmbuild.toml", HEAD + TARGETS + '[modules.add]\nsource = "add.wasm"\n')
    project.write("add.wasm", right)
    api.build(project.root / "wasmbuild.toml")
    project.write("add.wasm", right.replace(b"\x41", b"\x42"))
    program = """
import sys
from wasmbuild import api
assert "threading" not in sys.modules
try:
    api.build("wasmbuild.toml")
except api.BuildError:
    import _thread, threading
    print(threading.main_thread().ident == _thread.get_ident())
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=project.root, capture_output=True, text=True)
    assert (ended.stdout, ended.stderr) == ("True\n", "")
