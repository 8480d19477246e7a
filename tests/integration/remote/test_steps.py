"""Steps of other builds: of a store that is of no use, the first one that asks tells the others."""

from __future__ import annotations

import http.server
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cache_behaviours import broken, drops, forbidden, unknown
from cache_servers import Server, answer, nobody
from support import Project

from wasmbuild.builder.cache import lateness

Member = Callable[..., Project]
Handler = http.server.BaseHTTPRequestHandler
DODO = "from wasmbuild.doit import load\n\nDOIT_CONFIG, task_compile, _ = load().dodo()\n"
NO_CACHE = "does not answer as a cache does"

ways = pytest.mark.parametrize("record", [(), ("--record", "o.cwasm.json")], ids=["alone", "record"])


def step(project: Project, source: str, *options: str) -> str:
    """Compile one source as a step of another build does; return what it said."""
    return project.run("compile", source, "--target", "arm", "-o", "o.cwasm", *options).stderr


@ways
def test_of_many_steps_one_waits_for_one_that_hangs(
    filled: Server, member: Member, monkeypatch: pytest.MonkeyPatch, record: tuple[str, ...]
) -> None:
    filled.behave = lambda server, handler: server.ending.wait()
    project = member(f'remote = "{filled.address}"', "timeout = 1")

    # What it says is told of and not what the server saw: on a busy machine its second is over before a request is out.
    told = f"{filled.address} kept the build waiting for 1 s ([cache] timeout); it is done without\n"
    assert step(project, "add.wat", *record) == told
    assert step(project, "sub.wat", *record) == ""
    # A build of its own asks, and so does a step that comes later.
    assert told in project.run("build", "sub@x64").stderr
    filled.behave = answer
    project.declare((project.root / "wasmbuild.toml").read_text().replace("timeout = 1", "timeout = 60"))
    monkeypatch.setattr(lateness, "_SECONDS", 0)
    shutil.rmtree(project.environment["WASMBUILD_CACHE"])
    asked = len(filled.seen)
    assert step(project, "add.wat", *record) == ""
    assert len(filled.seen) > asked


@ways
@pytest.mark.parametrize(
    ("behave", "why"), [(None, "connection refused"), (broken, "status 500"), (drops, "connection closed")]
)
@pytest.mark.parametrize("push", [(), ("--push",)], ids=["take", "push"])
def test_of_many_steps_one_finds_that_nobody_answers(
    server: Server,
    member: Member,
    monkeypatch: pytest.MonkeyPatch,
    behave: Callable[[Server, Handler], None] | None,
    why: str,
    record: tuple[str, ...],
    push: tuple[str, ...],
) -> None:
    if behave is not None:
        server.behave = behave
        server.keep = lambda server, handler, data: behave(server, handler)
    address = f"{nobody() if behave is None else server.address}/x"
    project = member(f'remote = "{address}"', steps=True)
    told = f"{address} {NO_CACHE} ({why}); it is done without\n"
    lacks = f"{address} did not get 1 of what was compiled ({why})\n" if push else ""
    assert step(project, "add.wat", *record, *push) == told + lacks
    asked = len(server.seen)
    assert step(project, "sub.wat", *record, *push) == ""
    assert len(server.seen) == asked
    # A build of its own asks, and so does a step that comes later.
    assert told in project.run("build", "sub@x64").stderr
    monkeypatch.setattr(lateness, "_SECONDS", 0)
    project.environment["WASMBUILD_CACHE"] = "off"
    (project.root / "o.cwasm").unlink()
    assert step(project, "add.wat", *record) == told


@ways
def test_one_answer_that_fails_keeps_no_other_step_away(
    server: Server, member: Member, record: tuple[str, ...]
) -> None:
    server.behave = broken
    project = member(f'remote = "{server.address}"', steps=True)
    assert step(project, "add.wat", *record, "--push") == ""
    server.behave = answer
    assert step(project, "sub.wat", *record, "--push") == ""
    assert len(server.kept) == 2


@ways
@pytest.mark.parametrize(
    ("behave", "why"),
    [
        (unknown, "asks who this is (401), and its credentials are missing or wrong; it is done without"),
        (forbidden, "gives this user nothing (403): check its credentials, and the address"),
    ],
)
def test_what_the_user_mends_is_told_until_it_is_mended(
    filled: Server, member: Member, behave: Callable[[Server, Handler], None], why: str, record: tuple[str, ...]
) -> None:
    filled.behave = behave
    project = member(f'remote = "{filled.address}"', steps=True)
    project.environment["WASMBUILD_CACHE"] = "off"
    assert step(project, "add.wat", *record) == f"{filled.address} {why}\n"
    assert step(project, "sub.wat", *record) == f"{filled.address} {why}\n"
    filled.behave = answer
    (project.root / "o.cwasm").unlink()
    asked = len(filled.seen)
    assert step(project, "add.wat", *record) == ""
    assert len(filled.seen) == asked + 1


def test_who_gives_no_token_is_asked_again(member: Member, server: Server) -> None:
    project = member('remote = "az://box"', steps=True)
    names = ("STORAGE_ACCOUNT_NAME", "CLIENT_ID", "CLIENT_SECRET", "TENANT_ID")
    project.environment.update({f"AZURE_{name}": "me" for name in names})
    project.environment.update({"AZURE_AUTHORITY_HOST": nobody(), "AZURE_ENDPOINT": server.address})
    told = f"az://box {NO_CACHE} (no token for its credentials: connection refused); it is done without\n"
    assert [step(project, source) for source in ("add.wat", "sub.wat")] == [told, told]


def test_a_directory_that_was_missing_serves_at_once(member: Member, tmp_path: Path) -> None:
    store = tmp_path / "store"
    project = member(f'remote = "file://{store}"', steps=True)
    for source in ("add.wat", "sub.wat"):
        assert step(project, source, "--push").startswith(f"file://{store} is no directory; it is done without")
    store.mkdir()
    project.write("add.wat", "(module)")
    assert step(project, "add.wat", "--push") == ""
    assert len(list(store.rglob("?" * 64))) == 1


def in_processes(project: Project) -> str:
    """Have doit compile everything in processes of its own; return what it said."""
    project.write("dodo.py", DODO)
    command = [sys.executable, "-m", "doit", "-n", "4", "-P", "process", "compile"]
    environment = {**os.environ, **project.environment}
    ended = subprocess.run(command, cwd=project.root, env=environment, capture_output=True, text=True, check=True)
    said = ended.stdout + ended.stderr
    assert "4 compiled in" in said
    return said


@pytest.mark.skipif(sys.platform == "win32", reason="doit forks no processes there")
def test_of_the_processes_of_doit_one_waits(server: Server, member: Member) -> None:
    server.behave = lambda server, handler: server.ending.wait()
    project = member(f'remote = "{server.address}"', "timeout = 1")
    said = in_processes(project)
    assert said.count(f"{server.address} kept the build waiting for 1 s ([cache] timeout); it is done without\n") == 1
    # On a busy machine, its second is over before its request is out.
    assert len(server.seen) <= 1


@pytest.mark.skipif(sys.platform == "win32", reason="doit forks no processes there")
@pytest.mark.parametrize("push", ["", "push = true"])
def test_of_the_processes_of_doit_one_finds_that_nobody_answers(member: Member, push: str) -> None:
    address = nobody()
    said = in_processes(member(f'remote = "{address}"', push, steps=True))
    assert said.count(address) == (2 if push else 1)
    assert said.count(f"{address} {NO_CACHE} (connection refused); it is done without\n") == 1
