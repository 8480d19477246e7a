"""What is edited, damaged, swapped or in the way in a build directory is made again, and nothing else."""

from __future__ import annotations

import json
import os
import sys

import pytest
from support import ALL, SUB, Project

DAMAGED = "its record is damaged, or of another version of wasmbuild"


@pytest.mark.parametrize(
    "harm", ["edit", "truncate", "delete", "swap", "delete record", "damage record", "empty record"]
)
def test_a_harmed_artifact_is_built_again(project: Project, harm: str) -> None:
    project.compiled()
    good = project.files()
    artifact = project.build / "x64/add.cwasm"
    other = project.build / "x64/sub.cwasm"
    record = project.build / "x64/add.cwasm.json"
    data = bytearray(artifact.read_bytes())
    stale = {"add@x64"}
    if harm == "edit":
        before = artifact.stat()
        data[len(data) // 2] ^= 1
        artifact.write_bytes(data)
        os.utime(artifact, ns=(before.st_atime_ns, before.st_mtime_ns))
        reason = "the artifact was changed after it was built"
    elif harm == "truncate":
        artifact.write_bytes(data[:-1])
        reason = "the artifact was changed after it was built"
    elif harm == "delete":
        artifact.unlink()
        reason = "the artifact is missing"
    elif harm == "swap":
        artifact.write_bytes(other.read_bytes())
        other.write_bytes(data)
        stale = {"add@x64", "sub@x64"}
        reason = "the artifact was changed after it was built"
    elif harm == "delete record":
        record.unlink()
        reason = "its record is missing"
    elif harm == "damage record":
        record.write_text(record.read_text()[:100])
        reason = DAMAGED
    else:
        record.write_text("")
        reason = DAMAGED
    assert project.reasons("add@x64") == [reason]
    assert project.compiled() == stale
    assert project.files() == good


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ('"name": "add", "type"', '"name": "adx", "type"'),
        ('"size": ', '"size": 1'),
        ('"kind": "module", "schema"', '"kind": "component", "schema"'),
        ('"compiler": {"sha256": "', '"compiler": {"sha256": "0'),
        ('"wasm_sha256": "', '"wasm_sha256": "0'),
        ('"br-table": 0', '"br-table": 7'),
    ],
)
def test_a_record_that_tells_what_is_not_so_is_mended_before_a_manifest_repeats_it(
    project: Project, said: str, wrong: str
) -> None:
    project.compiled()
    good = project.files()
    record = project.build / "x64/add.cwasm.json"
    text = record.read_text()
    at = text.index(said)
    harmed = text[:at] + wrong + text[at + len(said) :]
    if said.endswith('sha256": "'):
        digits = at + len(wrong)
        harmed = harmed[:digits] + harmed[digits + 1 :]
    record.write_text(harmed)
    assert project.compiled() == set()
    assert project.files() == good


@pytest.mark.parametrize("suffix", ["", ".json"])
@pytest.mark.parametrize(("kind", "said"), [("directory", "Is a directory"), ("fifo", "not a regular file")])
def test_what_is_in_the_way_of_an_artifact_keeps_no_other_from_being_built(
    project: Project, suffix: str, kind: str, said: str
) -> None:
    shown = f"build/x64/add.cwasm{suffix}"
    path = project.root / shown
    path.parent.mkdir(parents=True)
    if kind == "directory":
        path.mkdir()
    else:
        os.mkfifo(path)
    error = project.run("build", status=3).stderr
    assert f"error: add@x64: {shown}: cannot be read: {said}" in error
    assert "; move it away\n" in error
    outcomes = project.outcomes(status=3)
    assert outcomes == {id: "failed" if id == "add@x64" else "up-to-date" for id in ALL}
    explained = project.run("explain", "add@x64").stdout
    assert explained.startswith(f"add@x64: cannot be built: {shown}: cannot be read: {said}")
    assert explained.endswith("; move it away\n")
    path.rmdir() if kind == "directory" else path.unlink()
    assert project.compiled() == {"add@x64"}


@pytest.mark.parametrize("suffix", ["", ".json"])
def test_a_link_in_place_of_an_artifact_is_replaced_and_what_it_leads_to_stays(project: Project, suffix: str) -> None:
    project.compiled()
    good = project.files()
    path, elsewhere = project.build / f"x64/add.cwasm{suffix}", project.root / "elsewhere"
    for target in (elsewhere, path):
        path.rename(elsewhere) if target == elsewhere else path.unlink()
        path.symlink_to(target)
        assert project.reasons("add@x64") == [f"{'its record' if suffix else 'the artifact'} is a link, not a file"]
        assert project.compiled() == {"add@x64"}
        assert not path.is_symlink()
    assert project.files() == good
    assert elsewhere.exists()
    project.run("verify", "build")


def test_the_directory_of_a_target_that_leads_elsewhere_is_told_by_all_in_the_same_words(project: Project) -> None:
    project.compiled()
    (project.build / "x64").rename(project.root / "elsewhere")
    (project.build / "x64").symlink_to(project.root / "elsewhere")
    words = "leads out of the directory through a link"
    error = project.run("build", status=3).stderr
    assert f"error: add@x64, sub@x64: {project.build / 'x64'} {words}: " in error
    assert "; remove the link, or set build-dir to a directory on that disk" in error
    assert words in project.run("explain", "add@x64").stdout
    (project.build / "x64").unlink()
    assert project.compiled() == {"add@x64", "sub@x64"}
    (project.build / "x64").rename(project.root / "again")
    (project.build / "x64").symlink_to(project.root / "again")
    verified = project.run("verify", "build", status=1)
    assert words in verified.stdout + verified.stderr
    (project.build / "x64").unlink()
    (project.root / "again").rename(project.build / "x64")
    project.run("verify", "build")


def test_swapped_artifacts_with_their_records_are_built_again(project: Project) -> None:
    project.compiled()
    good = project.files()
    for suffix in ("", ".json"):
        one, two = (project.build / f"x64/{name}.cwasm{suffix}" for name in ("add", "sub"))
        kept = one.read_bytes()
        one.write_bytes(two.read_bytes())
        two.write_bytes(kept)
    assert project.reasons("add@x64") == ["its record is that of sub@x64"]
    assert project.compiled() == {"add@x64", "sub@x64"}
    assert project.files() == good


@pytest.mark.parametrize("name", ["index.json", "x64/manifest.json"])
@pytest.mark.parametrize("harm", ["delete", "edit"])
def test_a_harmed_manifest_or_index_is_written_again_without_compiling(project: Project, name: str, harm: str) -> None:
    project.compiled()
    good = project.files()
    path = project.build / name
    path.unlink() if harm == "delete" else path.write_text(path.read_text().replace("demo", "evil"))
    assert project.compiled() == set()
    assert project.files() == good


# Nobody could read so much.
HUGE = 1 << 40
sparse = pytest.mark.skipif(sys.platform == "win32", reason="a file takes room for what was never written to it")


@sparse
@pytest.mark.parametrize("name", ["index.json", "x64/manifest.json", "x64/add.cwasm.json"])
def test_what_is_larger_than_any_of_its_kind_is_made_again_unread(project: Project, name: str) -> None:
    project.compiled()
    good = project.files()
    os.truncate(project.build / name, HUGE)
    is_record = name == "x64/add.cwasm.json"
    assert project.reasons("add@x64") == ([DAMAGED] if is_record else [])
    assert project.compiled() == ({"add@x64"} if is_record else set())
    assert project.files() == good


@sparse
@pytest.mark.parametrize("name", ["noop.json", "state.tsv"])
def test_what_is_remembered_in_too_many_bytes_is_forgotten_unread(project: Project, name: str) -> None:
    project.compiled()
    remembered = project.build / ".wasmbuild" / name
    os.truncate(remembered, HUGE)
    project.write("add.wat", SUB)
    assert project.compiled() == {"add@x64", "add@arm"}
    assert remembered.stat().st_size < HUGE
    assert project.compiled() == set()


@sparse
@pytest.mark.parametrize("name", ["manifest.json", "gone.cwasm.json"])
def test_what_is_not_declared_and_too_large_is_not_ours(project: Project, name: str) -> None:
    path = project.write(f"build/gone/{name}", "{}")
    os.truncate(path, HUGE)
    project.compiled()
    path.unlink()


@sparse
def test_a_step_writes_a_record_again_that_is_too_large(project: Project) -> None:
    record = project.root / "add.cwasm.json"
    step = ("compile", "add.wat", "--target", "x64", "--module", "add", "-o", "add.cwasm", "--record", str(record))
    project.run(*step)
    good = record.read_bytes()
    os.truncate(record, HUGE)
    project.run(*step)
    assert record.read_bytes() == good


def test_what_failed_is_told_where_what_is_remembered_cannot_be_written(project: Project) -> None:
    project.write("sub.wat", "(module (func (result i32) i64.const 1))")
    (project.build / ".wasmbuild/state.tsv").mkdir(parents=True)
    ended = project.run("build", "--json", status=3)
    told = ("error: sub@x64: ", "4 artifacts: 2 compiled, 2 failed", "error: ")
    failed, summary, disk = map(ended.stderr.rindex, told)
    assert failed < summary < disk
    assert ended.stderr[disk:].partition("state.tsv")[2].startswith(": cannot be written: ")
    report = json.loads(ended.stdout)
    outcomes = {entry["id"]: entry["outcome"] for entry in report["artifacts"]}
    assert outcomes == {"add@x64": "compiled", "add@arm": "compiled", "sub@x64": "failed", "sub@arm": "failed"}
    assert [f"error: {error}\n" for error in report["errors"]] == [ended.stderr[disk:]]
    assert not report["ok"]
