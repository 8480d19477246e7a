"""What upstream attests, and what is not locked or installed without it.

Stand-ins take the places of ``gh`` and ``sigstore``, which ask GitHub and Sigstore: they are given what the real ones
are given, and answer as those do.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import serving
from launcher import reporting
from releases import ARM64, Release, elf, tar
from support import Project

from wasmbuild.installing import attestation
from wasmbuild.toolchain import installed, lockfile, platforms

HOST = platforms.host()
# As gh prints what `--jq` selects: digests of subjects, one a line.
CONFIRMS = 'shift 2\nsha256sum "$1" | cut -d" " -f1\n'
REFUSES = "echo 'Error: HTTP 404: Not Found' >&2\necho 'no attestations found' >&2\nexit 1\n"
NO_ACCOUNT = "echo 'To get started with GitHub CLI, please run:  gh auth login' >&2\nexit 4\n"

Tool = Callable[[str, str], Path]


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """Make a program that is the only one on PATH besides the system's; it notes its arguments in ``NAME.asked``."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setattr(attestation, "_HERE", str(programs))

    def make(name: str, body: str) -> Path:
        path = programs / name
        asked = programs / f"{name}.asked"
        path.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{asked}"\n{body}')
        path.chmod(0o755)
        return asked

    return make


@pytest.fixture
def project(user: Path, tmp_path: Path, site: serving.Site, release: Release) -> Project:
    (tmp_path / "p").mkdir()
    site.put(release.path, release.archive)
    return Project(tmp_path / "p")


def locked(project: Project) -> dict[str, lockfile.Executable]:
    (found,) = lockfile.read(project.root)
    return dict(found.platforms)


def test_what_gh_confirms_is_locked_as_attested(project: Project, tool: Tool, release: Release) -> None:
    project.environment["WASMBUILD_WASMTIME"] = str(release.program)
    asked = tool("gh", CONFIRMS)
    said = project.run("lock", "--attestation").stderr
    assert f"wasmbuild.lock locks Wasmtime {release.version} for {HOST}, attested" in said
    assert locked(project)[HOST].attested_by == "bytecodealliance/wasmtime"
    assert locked(project)[HOST].sha256 == hashlib.sha256(release.program.read_bytes()).hexdigest()
    words = asked.read_text().splitlines()
    assert words[:2] == ["attestation", "verify"]
    assert words[3:9] == ["--repo", "bytecodealliance/wasmtime", "--hostname", "github.com", "--format", "json"]
    digest = hashlib.sha256(release.archive).hexdigest()
    assert words[9:] == [
        "--jq",
        f'.[].verificationResult.statement.subject[] | select(.digest.sha256 == "{digest}") | .digest.sha256',
    ]
    asked.unlink()
    # Nothing is asked twice, and whoever locks again loses nothing.
    assert "is up to date" in project.run("lock").stderr
    assert not asked.exists()
    assert len(project.compiled()) == 4
    asked.with_name("gh").unlink()
    (told,) = json.loads(project.run("lock", "--json").stdout)["toolchains"]
    assert told["platforms"][HOST]["attested_by"] == "bytecodealliance/wasmtime"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            REFUSES,
            "gh does not confirm that bytecodealliance/wasmtime built it; nothing was taken from it\n    Error: ",
        ),
        # What releases up to 2.66 did where nothing was attested.
        ("exit 0\n", "gh does not confirm that bytecodealliance/wasmtime built it; nothing was taken from it"),
        (f"echo {'0' * 64}\n", "gh does not confirm"),
    ],
    ids=["refused", "silent", "of another file"],
)
def test_what_is_not_confirmed_is_not_locked(project: Project, tool: Tool, body: str, words: str) -> None:
    tool("gh", body)
    assert words in project.run("lock", "--attestation", status=1).stderr
    assert not (project.root / "wasmbuild.lock").exists()
    assert words in project.run("toolchain", "install", "48.0.2", "--attestation", status=1).stderr
    assert installed.folders() == []


def test_without_a_tool_nothing_is_asked_of_the_network(project: Project, tool: Tool, site: serving.Site) -> None:
    for command in (["lock", "--attestation"], ["toolchain", "install", "48.0.2", "--attestation"]):
        said = project.run(*command, status=3).stderr
        assert said == (
            "error: --attestation: neither gh nor sigstore is here to check attestations; install gh "
            "(https://cli.github.com) and run: gh auth login; or run: pip install sigstore\n"
        )
    assert site.requests == []
    for body, words in (
        (NO_ACCOUNT, "run: gh auth login"),
        ('echo \'unknown command "attestation" for "gh"\' >&2; exit 1\n', "install gh 2.67 or later"),
        ("echo 'error connecting to api.github.com' >&2; exit 1\n", "gh could not check it; check the network"),
    ):
        tool("gh", body)
        assert words in project.run("lock", "--attestation", status=3).stderr
    assert not (project.root / "wasmbuild.lock").exists()


def test_a_tool_that_hangs_is_given_up(project: Project, tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    tool("gh", "sleep 60\n")
    monkeypatch.setattr(attestation, "_SECONDS", 0.2)
    assert "gh did not end within 0.2 s" in project.run("lock", "--attestation", status=3).stderr


def test_what_was_attested_stays_so_unless_asked(
    project: Project, tool: Tool, site: serving.Site, release: Release
) -> None:
    project.environment["WASMBUILD_WASMTIME"] = str(release.program)
    program = tool("gh", CONFIRMS).with_name("gh")
    project.run("lock", "--attestation")
    arm = platforms.PLATFORMS["linux-arm64"].archive("48.0.2")
    site.put(f"/v48.0.2/{arm}", tar("48.0.2", "linux-arm64", elf(ARM64)))
    program.write_text(f"#!/bin/sh\n{REFUSES}")
    before = (project.root / "wasmbuild.lock").read_bytes()
    assert "does not confirm" in project.run("lock", "--platform", "linux-arm64", status=1).stderr
    assert (project.root / "wasmbuild.lock").read_bytes() == before
    project.run("lock", "--platform", "linux-arm64", "--no-attestation")
    assert {name: each.attested_by for name, each in locked(project).items()} == {
        HOST: "bytecodealliance/wasmtime",
        "linux-arm64": "",
    }
    program.write_text(f"#!/bin/sh\n{CONFIRMS}")
    project.run("lock", "--attestation")
    assert all(each.attested_by for each in locked(project).values())


def test_a_program_that_is_not_of_the_archive_is_not_locked(
    project: Project, tool: Tool, site: serving.Site, release: Release, tmp_path: Path
) -> None:
    tool("gh", CONFIRMS)
    another = reporting(tmp_path / "another", release.version).read_bytes()
    site.put(release.path, tar(release.version, HOST, another))
    said = project.run("lock", "--attestation", status=2).stderr
    assert f"is not the executable in upstream's archive for {HOST}; nothing was locked" in said
    assert f"attested: SHA-256 {hashlib.sha256(another).hexdigest()}" in said
    assert not (project.root / "wasmbuild.lock").exists()


def test_installing_takes_an_archive_that_is_attested(
    project: Project, tool: Tool, release: Release, tmp_path: Path
) -> None:
    asked = tool("gh", CONFIRMS)
    project.run("toolchain", "install", release.version)
    assert not asked.exists()
    # What is there was not confirmed: it is looked at again.
    said = project.run("toolchain", "install", release.version, "--attestation").stderr
    assert "is installed already" in said
    assert said.rstrip().endswith(", attested")
    assert asked.exists()
    archive = tmp_path / "archive.tar.xz"
    archive.write_bytes(release.archive)
    assert "attested" in project.run("toolchain", "install", "48", "--from", str(archive), "--attestation").stderr
    assert asked.read_text().splitlines()[2] == str(archive)
    for source in ("cargo", str(release.program)):
        said = project.run("toolchain", "install", "48.0.2", "--from", source, "--attestation", status=2).stderr
        assert "attestations are of archives of releases" in said


def test_sigstore_checks_what_github_has(
    project: Project, tool: Tool, site: serving.Site, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.environment["WASMBUILD_WASMTIME"] = str(release.program)
    asked = tool("sigstore", 'grep -q right "$6" || { echo "FAIL: no identity" >&2; exit 1; }\n')
    digest = hashlib.sha256(release.archive).hexdigest()
    monkeypatch.setattr(attestation, "BUNDLES", f"{site.address}/attestations/sha256:")
    monkeypatch.setenv("WASMBUILD_MIRROR_AUTHORIZATION", "Bearer of-the-mirror")
    monkeypatch.setenv("SIGSTORE_INSTANCE", "https://elsewhere.example")
    # GitHub has none.
    assert (
        "nothing attests that bytecodealliance/wasmtime built it"
        in project.run("lock", "--attestation", status=1).stderr
    )
    path = f"/attestations/sha256:{digest}"
    site.put(path, json.dumps({"attestations": [{"bundle": {"a": "wrong"}}]}).encode())
    assert "sigstore does not confirm" in project.run("lock", "--attestation", status=1).stderr
    program = asked.with_name("sigstore")
    right = program.read_text()
    program.write_text("#!/bin/sh\necho 'Failed to refresh TUF metadata.' >&2\nexit 1\n")
    said = project.run("lock", "--attestation", status=3).stderr
    assert "sigstore could not check it; check the network, and try again\n    Failed to refresh TUF metadata." in said
    program.write_text(right)
    site.put(path, b"[]")
    assert "is no list of attestations" in project.run("lock", "--attestation", status=3).stderr
    assert not (project.root / "wasmbuild.lock").exists()
    site.put(path, json.dumps({"attestations": [{"bundle": {"a": "wrong"}}, {"bundle": {"a": "right"}}]}).encode())
    project.run("lock", "--attestation")
    assert locked(project)[HOST].attested_by == "bytecodealliance/wasmtime"
    words = asked.read_text().splitlines()
    assert words[:5] == ["verify", "github", "--repository", "bytecodealliance/wasmtime", "--bundle"]
    # Another host than the mirror's is not told what the mirror is.
    told = [headers for asked_path, headers in site.requests if asked_path == path]
    assert told
    assert not any("Authorization" in headers for headers in told)
