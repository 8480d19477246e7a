"""What one member of a team compiled, the others take: from a directory, nginx, S3, Azure and Google Cloud."""

from __future__ import annotations

import contextlib
import http.server
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest
from cache_servers import Server, azure, keep, nginx, s3
from google_service import GoogleService
from matrix import thorough
from support import ALL, Project

from wasmbuild.builder.cache import packed

Member = Callable[..., Project]
Opener = Callable[[Path], contextlib.AbstractContextManager[tuple[str, dict[str, str]]]]
ENDPOINTS = ("AWS_ENDPOINT_URL", "AZURE_STORAGE_ENDPOINT", "GOOGLE_BASE_URL")
EVERY = dict.fromkeys(ALL, "restored")


@contextlib.contextmanager
def directory(root: Path) -> Iterator[tuple[str, dict[str, str]]]:
    (root / "a folder").mkdir(parents=True)
    yield f"file://{root}/a%20folder", {}


@contextlib.contextmanager
def web(root: Path) -> Iterator[tuple[str, dict[str, str]]]:
    with nginx(root) as address:
        yield f"{address}/caches/wasm/", {}


@contextlib.contextmanager
def web_with_login(root: Path) -> Iterator[tuple[str, dict[str, str]]]:
    with nginx(root, login=("ann", "p@ss word")) as address:
        yield address.replace("://", "://ann:p%40ss%20word@"), {}


@contextlib.contextmanager
def web_with_netrc(root: Path) -> Iterator[tuple[str, dict[str, str]]]:
    with nginx(root, login=("ann", "secret")) as address:
        (root / "netrc").write_text("machine 127.0.0.1 login ann password secret\n")
        yield address, {"NETRC": str(root / "netrc")}


@contextlib.contextmanager
def bucket(root: Path) -> Iterator[tuple[str, dict[str, str]]]:
    with s3("artifacts") as environment:
        yield "s3://artifacts/main", environment


@contextlib.contextmanager
def bucket_by_profile(root: Path) -> Iterator[tuple[str, dict[str, str]]]:
    with s3("artifacts") as environment:
        (root).mkdir()
        (root / "credentials").write_text("[work]\naws_access_key_id = a\naws_secret_access_key = b\n")
        del environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]
        yield (
            "s3://artifacts",
            {
                **environment,
                "AWS_PROFILE": "work",
                "AWS_SHARED_CREDENTIALS_FILE": str(root / "credentials"),
            },
        )


@contextlib.contextmanager
def container(root: Path) -> Iterator[tuple[str, dict[str, str]]]:
    with azure(root, "artifacts") as environment:
        yield "az://artifacts/main", environment


@contextlib.contextmanager
def google_bucket(root: Path) -> Iterator[tuple[str, dict[str, str]]]:
    with GoogleService(root) as service:
        yield "gs://artifacts/main", service.environment


WEB = pytest.mark.needs("nginx")
MOTO = pytest.mark.needs_modules("moto")


@thorough(
    "store",
    [
        directory,
        pytest.param(web, marks=WEB),
        pytest.param(web_with_login, marks=WEB),
        pytest.param(web_with_netrc, marks=WEB),
        pytest.param(bucket, marks=MOTO),
        pytest.param(bucket_by_profile, marks=MOTO),
        google_bucket,
        pytest.param(container, marks=pytest.mark.needs("npm", "node")),
    ],
    always=2,
)
def test_one_compiles_and_the_others_take_it(member: Member, tmp_path: Path, store: Opener) -> None:
    with store(tmp_path / "store") as (address, environment):
        first, second, third = (member(f'remote = "{address}"') for _ in range(3))
        for each in (first, second, third):
            each.environment.update(environment)
        told = first.run("build", "--push").stderr
        assert "4 artifacts: 4 compiled, 4 pushed in " in told
        assert address.rpartition("@")[2] not in told
        told = second.run("build").stderr
        assert "4 artifacts: 4 restored (4 from afar) in " in told
        assert second.files() == first.files()
        second.verdicts()
        # What was taken is in the user's cache by now.
        second.environment.update(dict.fromkeys(ENDPOINTS, "http://127.0.0.1:1"))
        second.run("build")
        report = json.loads(third.run("build", "--json", "add@*").stdout)
        assert report["remote"] == {"taken": 2, "pushed": 0, "problems": []}
        assert third.outcomes() == {id: "up-to-date" if id.startswith("add") else "restored" for id in ALL}


def test_what_was_taken_is_kept_here_too(filled: Server, member: Member, tmp_path: Path) -> None:
    line = f'remote = "{filled.address}"'
    assert member(line, cache=tmp_path / "mine").outcomes() == EVERY
    asked = len(filled.seen)
    assert member(line, cache=tmp_path / "mine").outcomes() == EVERY
    assert len(filled.seen) == asked


def test_without_a_cache_of_this_machine_the_remote_one_serves(filled: Server, member: Member) -> None:
    other = member(f'remote = "{filled.address}"')
    other.environment["WASMBUILD_CACHE"] = "off"
    assert other.outcomes() == EVERY


def test_nothing_is_pushed_by_those_who_only_take(server: Server, member: Member) -> None:
    assert member(f'remote = "{server.address}"').compiled() == ALL
    assert server.kept == {}
    assert {seen.method for seen in server.seen} == {"GET"}


def test_push_in_the_declaration(server: Server, member: Member) -> None:
    first = member(f'remote = "{server.address}"', "push = true")
    assert first.compiled() == ALL
    assert len(server.kept) == 4
    assert all(path.startswith("/ac/") and len(path) == 68 for path in server.kept)
    # What is up to date, restored or failed is not pushed.
    server.kept.clear()
    first.run("build")
    first.write("add.wat", "(module (func (export")
    first.outcomes(status=1)
    assert server.kept == {}


def test_to_push_where_nothing_was_compiled_is_told(server: Server, member: Member) -> None:
    project = member(f'remote = "{server.address}"')
    project.run("build")
    told = "\nnothing was pushed: that is done with what a build compiles, and this one compiled nothing\n"
    assert told in f"\n{project.run('build', '--push').stderr}"
    assert told not in f"\n{project.run('build').stderr}"
    fresh = member(f'remote = "{server.address}"')
    assert told not in f"\n{fresh.run('build', '--push').stderr}"
    assert len(server.kept) == 4


def test_two_builds_that_push_the_same(server: Server, member: Member) -> None:
    others = [member(f'remote = "{server.address}"', "push = true") for _ in range(3)]
    running = [other.start("build") for other in others]
    for process in running:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    assert len(server.kept) == 4
    assert member(f'remote = "{server.address}"').outcomes() == EVERY


def test_killed_while_it_pushes_nothing_half_is_taken(server: Server, member: Member) -> None:
    numbers = itertools.count()

    def first_alone(server: Server, handler: http.server.BaseHTTPRequestHandler, data: bytes) -> None:
        if next(numbers):
            server.ending.wait(30)
        else:
            keep(server, handler, data)

    server.keep = first_alone
    killed = member(f'remote = "{server.address}"')
    with killed.start("build", "--push") as process:
        while sum(seen.method == "PUT" for seen in server.seen) < 2 or not server.kept:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
        process.communicate()
    # What was on its way when it was killed may still arrive there.
    with Server() as later:
        later.kept.update(server.kept)
        other = member(f'remote = "{later.address}"')
        told = other.run("build", "--push").stderr
        assert "4 artifacts: 3 compiled, 1 restored (1 from afar), 3 pushed in " in told
        declaration = (killed.root / "wasmbuild.toml").read_text()
        killed.declare(declaration.replace(server.address, later.address))
        killed.run("build")
    assert killed.files() == other.files()
    killed.verdicts()


def test_single_compiles_take_and_push(server: Server, member: Member) -> None:
    line = f'remote = "{server.address}"'
    first = member(line, steps=True)
    step = ("compile", "add.wat", "--target", "arm", "-o", "o.cwasm", "--record", "o.cwasm.json")
    first.run(*step, "--push")
    assert len(server.kept) == 1
    other = member(line, steps=True)
    other.run(*step)
    assert (other.root / "o.cwasm").read_bytes() == (first.root / "o.cwasm").read_bytes()
    assert server.seen[-1].method == "GET"
    assert other.outcomes()["add@arm"] == "restored"


def test_what_a_single_compile_took_is_told(server: Server, member: Member) -> None:
    step = ("compile", "add.wat", "--target", "arm", "-o", "o.cwasm", "--push")
    member(f'remote = "{server.address}"', steps=True).run(*step)
    [(path, data)] = server.kept.items()
    assert packed.unpack(data, path.rpartition("/")[2], None).seconds > 0


def test_doit_takes_and_tells_once(filled: Server, member: Member) -> None:
    dodo = "from wasmbuild.doit import load\n\nDOIT_CONFIG, task_compile, task_verify = load().dodo()\n"
    other, without = member(f'remote = "{filled.address}"'), member('remote = "http://127.0.0.1:1/x"')
    told = []
    for project in (other, without):
        project.write("dodo.py", dodo)
        command = [sys.executable, "-m", "doit", "-n", "2", "compile"]
        environment = {**os.environ, **project.environment}
        ended = subprocess.run(command, cwd=project.root, env=environment, capture_output=True, text=True, check=True)
        told.append(ended.stdout + ended.stderr)
    assert "4 restored in" in told[0]
    assert "4 compiled in" in told[1]
    away = "http://127.0.0.1:1/x does not answer as a cache does (connection refused); it is done without\n"
    assert told[1].count(away) == 1
    assert other.files() == without.files()


def test_to_look_at_a_build_asks_nobody(filled: Server, member: Member) -> None:
    project = member(f'remote = "{filled.address}"')
    assert project.reasons("add@x64") == ["never built"]
    assert filled.seen == []


@pytest.mark.parametrize("push", [(), ("--push",)])
@pytest.mark.parametrize(
    ("store", "what"),
    [
        pytest.param(bucket, "bucket", marks=MOTO),
        pytest.param(container, "container", marks=pytest.mark.needs("npm", "node")),
    ],
)
def test_a_bucket_that_is_not_there_is_told(
    member: Member, tmp_path: Path, store: Opener, what: str, push: tuple[str, ...]
) -> None:
    with store(tmp_path / "store") as (address, environment):
        wrong = address.replace("artifacts", "artifcats")
        project = member(f'remote = "{wrong}"')
        project.environment.update(environment)
        told = project.run("build", *push).stderr
    assert f"\n{wrong} names a {what} that does not exist; it is done without" in told
    assert "4 artifacts: 4 compiled in " in told


def test_a_step_without_a_declaration_has_nowhere_to_push_to(member: Member) -> None:
    step = ("compile", "add.wat", "-o", "a.cwasm", "--push", "--triple", "pulley64")
    ended = member('remote = "https://cache.example"').run(*step, status=2)
    told = "error: --push: --triple reads no declaration, which names the remote cache; name one of its targets\n"
    assert ended.stderr == told


def test_no_cache_asks_nobody(filled: Server, member: Member) -> None:
    assert member(f'remote = "{filled.address}"').compiled("--no-cache") == ALL
    assert member(f'remote = "{filled.address}"', "enabled = false").compiled() == ALL
    assert filled.seen == []
    ended = member(f'remote = "{filled.address}"').run("build", "--push", "--no-cache", status=2)
    assert "leave out one of them" in ended.stderr
    step = ("compile", "add.wat", "--target", "x64", "-o", "a.cwasm", "--push")
    assert "leave out one of them" in member("").run(*step, "--no-cache", status=2).stderr
    off = member(f'remote = "{filled.address}"', "enabled = false").run(*step, status=2).stderr
    assert off == "error: --push: fills a cache that enabled = false below [cache] leaves out; leave out one of them\n"
    without = member("")
    for _ in range(2):
        assert 'write remote = "…" below [cache]' in without.run("build", "--push", status=2).stderr
        without.run("build")


def _imported(project: Project) -> set[str]:
    code = "import sys; from wasmbuild import cli; cli.main(['build']); print(*sys.modules, sep='\\n')"
    environment = {**os.environ, **project.environment}
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=project.root, env=environment, capture_output=True, text=True, check=True
    )
    return set(ended.stdout.split())


def test_what_has_no_remote_cache_imports_nothing_of_it(member: Member) -> None:
    seen = _imported(member(""))
    assert "wasmbuild.builder.session" in seen
    unwanted = {f"wasmbuild.builder.cache.{name}" for name in ("remote", "tiered")}
    assert not seen & {"obstore", "cryptography", "asyncio", *unwanted}


def test_what_may_hang_or_crash_is_left_to_another_process(filled: Server, member: Member) -> None:
    project = member(f'remote = "{filled.address}"')
    seen = _imported(project)
    assert len(filled.seen) == 4
    assert "wasmbuild.builder.cache.remote" in seen
    assert not seen & {"obstore", "cryptography", "wasmbuild.builder.cache.transfers"}


def test_without_the_extra_it_is_done_without(filled: Server, member: Member, without: Callable[[str], None]) -> None:
    without("obstore")
    ended = member(f'remote = "{filled.address}"').run("build")
    what = "needs the extra remote, of which obstore is not installed: pip install 'wasmbuild[remote]'"
    assert f"{filled.address} {what}; it is done without\n" in ended.stderr
    assert "4 compiled" in ended.stderr
    step = ("compile", "add.wat", "--target", "arm", "-o", "o.cwasm", "--record", "o.cwasm.json")
    project = member(f'remote = "{filled.address}"', steps=True)
    assert [project.run(*step).stderr for _ in range(2)] == [f"{filled.address} {what}; it is done without\n", ""]
    asked = member(f'remote = "{filled.address}"').run("build", "--push", status=2)
    assert asked.stderr == f"error: --push: {filled.address} {what}\n"


def test_stats_show_it_without_credentials(member: Member) -> None:
    project = member('remote = "https://me:secret@cache.example/x"', "timeout = 9")
    ended = project.run("cache", "stats")
    line = "https://cache.example/x: believes whoever can write there, delays a build by at most 9 s\n"
    assert ended.stdout.endswith(line)
    report = json.loads(project.run("cache", "stats", "--json").stdout)
    jsonschema.validate(report, json.loads(project.run("schema", "cache").stdout))
    assert report["remote"] == {"address": "https://cache.example/x", "push": False, "timeout": 9, "keys": []}
