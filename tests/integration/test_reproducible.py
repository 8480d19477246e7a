"""``build --check-reproducible``: the same bytes come again, or what differs is named."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from mounts import run_under
from support import ADD, Project

from wasmbuild.formats import cwasm


def test_the_same_bytes_come_again(project: Project, tmp_path: Path) -> None:
    project.environment["WASMBUILD_CACHE"] = str(tmp_path / "cache")
    ended = project.run("build", "--check-reproducible")
    assert "4 compiled in " in ended.stderr
    assert ended.stderr.endswith("4 artifacts compiled again: 4 with the same bytes\n")
    # What is up to date is compiled again too, and what is in the cache.
    assert "1 artifact compiled again: 1 " in project.run("build", "--check-reproducible", "add@arm").stderr


@pytest.mark.parametrize("read_only", [".", "build"])
def test_where_nothing_may_be_written(project: Project, read_only: str) -> None:
    """As in a step of CI that only checks."""
    project.run("build")
    mount = f"mount --bind {read_only} {read_only} && mount -o remount,bind,ro {read_only} && cd $PWD"
    ended = run_under(mount, "build", "--check-reproducible", cwd=project.root)
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (
        0,
        "4 artifacts compiled again: 4 with the same bytes",
    )
    assert not [*project.build.glob(".wasmbuild-*")]


def test_what_could_not_be_compiled_is_not_counted(project: Project) -> None:
    project.run("build")
    small = "mkdir -p small && mount -t tmpfs -o size=4k tmpfs small && export TMPDIR=$PWD/small"
    ended = run_under(small, "build", "--check-reproducible", cwd=project.root)
    assert ended.returncode == 3
    told = f"error: add@x64: in a directory below {project.root}/small, for which TMPDIR can name another place: "
    assert told in ended.stderr
    assert "free some and build again" in ended.stderr
    assert ended.stderr.endswith("\n0 artifacts compiled again: 0 with the same bytes\n")


def test_what_failed_before_is_told_where_nothing_can_be_compiled_again(project: Project) -> None:
    project.write("sub.wat", "(module (func (result i32) nop))")
    project.build.mkdir()
    places = ("/tmp", "/var/tmp", "$PWD")  # noqa: S108 -- where Python looks for one
    nowhere = [f"mount --bind {place} {place} && mount -o remount,bind,ro {place}" for place in places]
    mounts = " && ".join([*nowhere, "cd $PWD", "mount -t tmpfs tmpfs build", "unset TMPDIR TMP TEMP"])
    ended = run_under(mounts, "build", "--check-reproducible", "--json", cwd=project.root)
    assert ended.returncode == 3
    assert "error: sub@x64: " in ended.stderr
    assert "set TMPDIR to a directory that you may write to" in ended.stderr
    report = json.loads(ended.stdout)
    assert [entry["id"] for entry in report["artifacts"] if entry["outcome"] == "failed"] == ["sub@x64", "sub@arm"]


@pytest.mark.parametrize("target", ["x64", "arm"])
def test_what_differs_is_named(project: Project, target: str) -> None:
    """What another compiler of the same name once made, with a record that says so, is found out."""
    project.write("add.wat", ADD.replace("i32.add", "i32.const 77123 i32.add i32.add"))
    project.run("build")
    artifact = project.build / target / "add.cwasm"
    record = artifact.with_name("add.cwasm.json")
    data = artifact.read_bytes()
    text = next(section for section in cwasm.read(data).sections if section.name == ".text")
    other = data[: text.offset] + bytes([data[text.offset] ^ 1]) + data[text.offset + 1 :]
    artifact.write_bytes(other)
    digests = [hashlib.sha256(each).hexdigest() for each in (data, other)]
    record.write_text(record.read_text().replace(*digests))
    ended = project.run("build", "--check-reproducible", "--json", status=1)
    assert ended.stderr.endswith(" artifacts compiled again: 3 with the same bytes\n")
    report = json.loads(ended.stdout)
    entries = {entry["id"]: entry for entry in report["artifacts"]}
    assert {id for id, entry in entries.items() if entry["outcome"] == "failed"} == {f"add@{target}"}
    said = entries[f"add@{target}"]["error"]
    assert said.startswith("is not reproducible: compiled again by ")
    assert "it differs in function wasm[0]::function[0]" in said
    assert said.endswith("section .text")
    assert artifact.read_bytes() == other
