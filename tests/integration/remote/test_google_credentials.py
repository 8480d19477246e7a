"""Who a build is to Google Cloud: files of its tools, identities of CI services, and what is said of useless ones."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google_service import GoogleService, make_account
from support import Project

from wasmbuild.builder.cache import google_credentials

Member = Callable[..., Project]

DEFAULT = "application_default_credentials.json"


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleService]:
    for name in [name for name in os.environ if name.startswith(("GOOGLE_", "CLOUDSDK_"))]:
        monkeypatch.delenv(name)
    with GoogleService(tmp_path / "google") as running:
        yield running


@pytest.fixture
def project(member: Member, service: GoogleService) -> Project:
    made = member('remote = "gs://artifacts/main"')
    # What CI services set; else google-auth asks Google for it.
    made.environment = {**made.environment, **service.environment, "GOOGLE_CLOUD_PROJECT": "project"}
    return made


def told(project: Project, *options: str) -> str:
    """Build one artifact, which may not fail, and return what was said of the remote cache and the artifact."""
    lines = project.run("build", "add@x64", *options).stderr.splitlines()
    return "\n".join(line for line in lines if line.startswith(("gs://", "1 artifact")))


@pytest.mark.parametrize("place", ["CLOUDSDK_CONFIG", "HOME"])
def test_what_gcloud_wrote_is_found(project: Project, service: GoogleService, tmp_path: Path, place: str) -> None:
    if place == "HOME" and os.name == "nt":
        pytest.skip("gcloud has its files in APPDATA there")
    folder = tmp_path / "home" if place == "CLOUDSDK_CONFIG" else tmp_path / "home/.config/gcloud"
    folder.mkdir(parents=True)
    shutil.copy(service.account, folder / DEFAULT)
    del project.environment["GOOGLE_APPLICATION_CREDENTIALS"]
    project.environment[place] = str(tmp_path / "home")
    assert "1 compiled, 1 pushed in" in told(project, "--push")


def test_without_a_home_nothing_is_taken_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith(("GOOGLE_", "CLOUDSDK_", "APPDATA"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path / "gcloud", tmp_path / "~/.config/gcloud"):
        folder.mkdir(parents=True)
        make_account(folder / DEFAULT)
    assert google_credentials.found() == (None, None)


@pytest.mark.needs_modules("google.auth")
def test_the_identity_of_a_run_is_exchanged(project: Project, service: GoogleService, tmp_path: Path) -> None:
    project.environment["GOOGLE_APPLICATION_CREDENTIALS"] = str(tmp_path / "run.json")
    service.make_identity(tmp_path / "run.json", "main")
    assert "1 compiled, 1 pushed in" in told(project, "--push")


@pytest.mark.needs_modules("google.auth")
def test_an_identity_that_is_refused(project: Project, service: GoogleService, tmp_path: Path) -> None:
    project.environment["GOOGLE_APPLICATION_CREDENTIALS"] = str(tmp_path / "run.json")
    service.make_identity(tmp_path / "run.json", "fork")
    line, summary = told(project).splitlines()
    why = "has no credentials that can be used (no token for them: OAuthError)"
    assert line == f"gs://artifacts/main {why}; it is done without"
    assert "1 compiled in" in summary


def test_without_google_auth_that_is_asked_for(
    project: Project, service: GoogleService, tmp_path: Path, without: Callable[[str], None]
) -> None:
    named = tmp_path / "run.json"
    project.environment["GOOGLE_APPLICATION_CREDENTIALS"] = str(named)
    service.make_identity(named, "main")
    without("google.auth")
    line, _ = told(project).splitlines()
    what = "credentials of this kind take google-auth: pip install 'google-auth[requests]'"
    assert line == f"gs://artifacts/main has no credentials that can be used ({named}: {what}); it is done without"


def _key_of_nobody(path: Path) -> None:
    make_account(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "private_key": "a secret"}))


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: None, "no such file or directory"),
        (lambda path: path.write_text("a secret"), "no credentials of Google Cloud"),
        (lambda path: path.write_text("[]"), "no credentials of Google Cloud"),
        (
            lambda path: path.write_text('{"type": "authorized_user"}'),
            "not all of it is there, or its private key is none",
        ),
        (_key_of_nobody, "not all of it is there, or its private key is none"),
    ],
)
def test_a_file_of_no_use_is_named(project: Project, tmp_path: Path, make: Callable[[Path], object], why: str) -> None:
    named = tmp_path / "named.json"
    make(named)
    project.environment["GOOGLE_APPLICATION_CREDENTIALS"] = str(named)
    line, summary = told(project).splitlines()
    assert line == f"gs://artifacts/main has no credentials that can be used ({named}: {why}); it is done without"
    assert "1 compiled in" in summary


def test_a_key_that_google_does_not_know(project: Project, tmp_path: Path) -> None:
    make_account(tmp_path / "other.json")
    project.environment["GOOGLE_APPLICATION_CREDENTIALS"] = str(tmp_path / "other.json")
    line, summary = told(project, "--push").splitlines()
    assert line.startswith(
        "gs://artifacts/main asks who this is (401), and its credentials are missing or wrong; it is"
    )
    assert "1 compiled in" in summary
