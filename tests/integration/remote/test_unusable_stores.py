"""Stores that cannot be used, for want of credentials or of the store itself: what people are told of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cache_servers import Server, send
from support import Project

Member = Callable[..., Project]
MOTO = pytest.mark.needs_modules("moto")


def test_where_there_are_no_credentials_that_is_said(member: Member, server: Server) -> None:
    project = member('remote = "s3://artifacts"', "timeout = 1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        assert name not in os.environ
    told = [line for line in project.run("build").stderr.splitlines() if line.startswith("s3://artifacts ")]
    assert len(told) == 1
    assert told[0].endswith("; it is done without")


@pytest.mark.parametrize(
    ("address", "environment", "why"),
    [
        ("az://box", {}, "AZURE_STORAGE_ACCOUNT_NAME is not set"),
        ("az://box", {"AZURE_STORAGE_ACCOUNT_KEY": "secret%"}, "AZURE_STORAGE_ACCOUNT_KEY is not in Base64"),
        (
            "az://box",
            {"AZURE_STORAGE_SAS_TOKEN": "secret"},
            "AZURE_STORAGE_SAS_TOKEN is no token of a shared access signature",
        ),
        ("s3://box", {"AWS_SECRET_ACCESS_KEY": "secret"}, "AWS_ACCESS_KEY_ID is not set"),
        ("s3://box", {"AWS_ACCESS_KEY_ID": "secret"}, "AWS_SECRET_ACCESS_KEY is not set"),
        ("s3://box/a%00", {}, "no store has such a path"),
        (
            "gs://box",
            {"GOOGLE_SERVICE_ACCOUNT": "/secret"},
            "the environment names no key of a service account that can be used",
        ),
        pytest.param("s3://box", {"AWS_PROFILE": "wrok"}, "there is no profile wrok", marks=MOTO),
    ],
)
def test_what_a_store_lacks_is_named(member: Member, address: str, environment: dict[str, str], why: str) -> None:
    project = member(f'remote = "{address}"')
    if environment:
        project.environment.update({"AZURE_STORAGE_ACCOUNT_NAME": "me", **environment})
    assert f"{address} cannot be opened ({why}); it is done without\n" in project.run("build").stderr


@pytest.mark.parametrize(
    ("address", "variable", "environment"),
    [
        (
            "az://box",
            "AZURE_FEDERATED_TOKEN_FILE",
            {"AZURE_STORAGE_ACCOUNT_NAME": "me", "AZURE_CLIENT_ID": "c", "AZURE_TENANT_ID": "t"},
        ),
        (
            "s3://box",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            {"AWS_ROLE_ARN": "arn:aws:iam::1:role/x", "AWS_REGION": "eu-west-1"},
        ),
    ],
)
def test_a_file_with_a_token_that_is_not_there_is_named_with_what_names_it(
    member: Member, tmp_path: Path, address: str, variable: str, environment: dict[str, str]
) -> None:
    project = member(f'remote = "{address}"')
    project.environment.update({**environment, variable: str(tmp_path / "token")})
    told = f"{address} has no credentials that can be used ({variable} names {tmp_path / 'token'}: no such file or dir"
    assert told in project.run("build").stderr
    (tmp_path / "token").mkdir()
    project.write("add.wat", "(module)")
    assert f"{tmp_path / 'token'}: is a directory); it is done without" in project.run("build").stderr


@pytest.mark.parametrize(
    ("address", "environment", "why"),
    [
        ("s3://box", {"AWS_ENDPOINT_URL": "localhost:7200"}, "AWS_ENDPOINT_URL is no address that starts with http"),
        ("gs://box", {"GOOGLE_BASE_URL": ""}, "GOOGLE_BASE_URL is no address that starts with http:// or https://"),
        (
            "s3://box",
            {"AZURE_CREDENTIALS": "{\n}", "AWS_SESSION_TOKEN": "secret\n"},
            "AWS_SESSION_TOKEN has the end of a line or the like in it",
        ),
        (
            "http://127.0.0.1:9",
            {"ALL_PROXY": "socks5://me:secret@127.0.0.1:9"},
            "the proxy that the environment names is none of http:// or https://",
        ),
    ],
)
def test_a_setting_of_the_environment_that_is_wrong_is_named(
    member: Member, address: str, environment: dict[str, str], why: str
) -> None:
    project = member(f'remote = "{address}"')
    project.environment.update(
        {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "secret", "GOOGLE_SKIP_SIGNATURE": "true", **environment}
    )
    told = project.run("build").stderr
    assert f"\n{address} does not answer as a cache does ({why}" in told
    assert "secret" not in told


@pytest.mark.parametrize(
    ("address", "variable"), [("s3://box", "AWS_ENDPOINT_URL"), ("az://box", "AZURE_STORAGE_ACCOUNT_NAME")]
)
def test_a_setting_of_the_environment_that_is_no_text_ends_no_build(
    member: Member, server: Server, address: str, variable: str
) -> None:
    project = member(f'remote = "{address}"')
    project.environment.update({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})
    project.environment.update({"AZURE_ENDPOINT": server.address, variable: f"{server.address}\udcff"})
    told = project.run("build").stderr
    assert f"\n{address} " in told
    assert "; it is done without\n" in told


@pytest.mark.parametrize("address", ["{server}", "gs://box", "az://box"])
def test_no_variable_is_at_fault_for_what_a_server_answers(server: Server, member: Member, address: str) -> None:
    server.behave = lambda _, handler: send(handler, b"", headers={"Last-Modified": "never"})
    address = address.format(server=server.address)
    project = member(f'remote = "{address}"')
    project.environment.update({f"{name}_CREDENTIALS": '{\n "type": "x"}' for name in ("AWS", "AZURE", "GOOGLE")})
    project.environment.update({f"{name}_SKIP_SIGNATURE": "true" for name in ("AZURE", "GOOGLE")})
    project.environment.update(dict.fromkeys(("AZURE_ENDPOINT", "GOOGLE_BASE_URL"), server.address))
    project.environment["AZURE_STORAGE_ACCOUNT_NAME"] = "me"
    told = project.run("build").stderr
    assert f"\n{address} does not answer as a cache does (GenericError" in told


def test_where_http_redirects_to_nowhere_no_region_is_wrong(server: Server, member: Member) -> None:
    server.behave = lambda _, handler: send(handler, b"", status=301)
    told = member(f'remote = "{server.address}"').run("build").stderr
    assert f"\n{server.address} does not answer as a cache does (it redirects to nowhere); it is done without\n" in told


@pytest.mark.parametrize("address", ["s3://box//a", "gs://box/a//b", "az://box/a//"])
def test_a_path_that_no_store_has_is_refused(member: Member, address: str) -> None:
    told = member(f'remote = "{address}"').run("build", status=2).stderr
    assert f'cache.remote: "{address}" has an empty part in its path; write one / between two parts\n' in told


def own_profile(project: Project, tmp_path: Path, *lines: str) -> None:
    (tmp_path / "config").write_text("\n".join(["[default]", *lines, ""]))
    project.environment["AWS_CONFIG_FILE"] = str(tmp_path / "config")


@pytest.mark.needs_modules("moto")
def test_a_program_that_is_to_print_credentials_is_waited_for_no_longer_than_declared(
    member: Member, tmp_path: Path
) -> None:
    project = member('remote = "s3://box"', "timeout = 1")
    own_profile(project, tmp_path, "credential_process = sleep 60")
    started = time.monotonic()
    told = project.run("build", alone=True).stderr
    assert time.monotonic() - started < 30
    assert "s3://box kept the build waiting for 1 s ([cache] timeout); it is done without\n" in told


@pytest.mark.needs_modules("moto")
def test_a_program_that_prints_no_credentials_is_told_as_that(member: Member, tmp_path: Path) -> None:
    project = member('remote = "s3://box"')
    own_profile(project, tmp_path, "credential_process = false")
    why = "boto3 raised CredentialRetrievalError"
    told = project.run("build").stderr
    assert f"s3://box has no credentials that can be used ({why}); it is done without\n" in told


@pytest.mark.parametrize("push", [(), ("--push",)])
@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"machine x login y\nwhat is this\n", "line 2 is not as that file is written; correct it"),
        (b"machine x login y password \xe9\n", "is not in UTF-8; correct it"),
    ],
)
def test_a_netrc_that_is_damaged_is_told_as_that(
    filled: Server, member: Member, tmp_path: Path, data: bytes, what: str, push: tuple[str, ...]
) -> None:
    project = member(f'remote = "{filled.address}"')
    (tmp_path / "netrc").write_bytes(data)
    project.environment["NETRC"] = str(tmp_path / "netrc")
    told = project.run("build", *push, alone=True).stderr
    assert (
        f"{filled.address} has no credentials that can be used ({tmp_path}/netrc: {what}); it is done without" in told
    )
    assert sum(line.startswith(filled.address) for line in told.splitlines()) == 1


@pytest.mark.parametrize(
    ("status", "body", "what"),
    [
        (301, "", "names a bucket of another region: set AWS_REGION to its own"),
        (400, "<Message>the region 'us-east-1' is wrong; expecting 'eu-west-1'</Message>", "names a bucket of another"),
        (400, "<Error><Code>ExpiredToken</Code></Error>", "says that the credentials have expired"),
        (403, "<Error><Code>RequestTimeTooSkewed</Code></Error>", "says that the clock of this machine is wrong"),
    ],
)
def test_what_s3_answers_to_everything_is_told(
    server: Server, member: Member, status: int, body: str, what: str
) -> None:
    server.behave = lambda _, handler: send(handler, body.encode(), status=status)
    project = member('remote = "s3://box"')
    project.environment.update(
        {"AWS_ENDPOINT_URL": server.address, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    )
    assert f"\ns3://box {what}" in project.run("build").stderr
