"""The recipes of docs/cache.md, run as far as that can be without the service: their steps in a shell, in order."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cache_servers import nginx, s3
from support import HEAD, MODULES, TARGETS, Project

pytestmark = pytest.mark.needs_modules("moto", "yaml")

DOCS = Path(__file__).resolve().parents[3] / "docs" / "cache.md"
IN_ORDER = ("github directory", "gitlab directory", "github bucket", "gitlab bucket")

Member = Callable[..., Project]


def recipe(name: str) -> Any:
    import yaml

    blocks = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    return dict(zip(IN_ORDER, map(yaml.safe_load, blocks), strict=True))[name]


class Runner:
    """A run of CI in a fresh checkout; ``secrets`` are variables of GitHub's."""

    def __init__(
        self, checkout: Path, environment: Mapping[str, str], secrets: Mapping[str, str] | None = None
    ) -> None:
        self.checkout = checkout
        checkout.mkdir()
        project = Project(checkout)
        self.declare = project.declare
        declaration = HEAD + TARGETS + MODULES
        self.declare(declaration)
        self.declaration = declaration
        (checkout / "requirements.txt").write_text("")
        scripts = str(Path(sys.executable).parent)
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WASMBUILD")},
            **environment,
            "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
            "NO_COLOR": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        self._secrets = secrets or {}

    def github(self, recipe: Mapping[str, Any], *, ref: str = "refs/heads/main") -> str:
        """Run the steps of the one job that have a shell, and return what they wrote."""
        (job,) = recipe["jobs"].values()
        told = ""
        for step in job["steps"]:
            if "run" in step and self._holds(step.get("if"), ref):
                told += self._shell(step["run"], {**job.get("env", {}), **step.get("env", {})})
        return told

    def gitlab(self, recipe: Mapping[str, Any], **variables: str) -> str:
        """Run the script of the one job, in one shell, and return what it wrote."""
        (job,) = recipe.values()
        return self._shell("\n".join(job["script"]), {**job.get("variables", {}), **variables})

    def _holds(self, condition: str | None, ref: str) -> bool:
        if condition is None:
            return True
        left, operator, right = condition.split()
        assert left == "github.ref"
        return (right.strip("'") == ref) == {"==": True, "!=": False}[operator]

    def _value(self, text: str) -> str:
        text = text.replace("${{ github.workspace }}", str(self.checkout)).replace(
            "$CI_PROJECT_DIR", str(self.checkout)
        )
        return re.sub(r"\$\{\{ secrets\.(\w+) \}\}", lambda found: self._secrets[found[1]], text)

    def _shell(self, script: str, variables: Mapping[str, str]) -> str:
        known = {name: self._value(value) for name, value in variables.items()}
        # As both services run it.
        ended = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.checkout,
            env={**self._environment, **known, "RUNNER_TEMP": str(self.checkout.parent)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout + ended.stderr


@pytest.fixture
def bucket() -> Iterator[dict[str, str]]:
    with s3("artifacts") as environment:
        yield environment


@pytest.mark.parametrize("service", ["github", "gitlab"])
def test_the_directory_is_carried(tmp_path: Path, service: str) -> None:
    steps = recipe(f"{service} directory")
    first, second = (Runner(tmp_path / name, {}) for name in ("first", "second"))
    assert "4 compiled" in getattr(first, service)(steps)
    if service == "github":
        (path,) = [step["with"]["path"] for step in steps["jobs"]["build"]["steps"] if "cache" in step.get("uses", "")]
    else:
        (path,) = steps["build"]["cache"]["paths"]
    # The service's part.
    shutil.copytree(first.checkout / path, second.checkout / path)
    assert "4 restored" in getattr(second, service)(steps)


def keyed(runner: Runner, public: str) -> None:
    runner.declare(f'{runner.declaration}\n[cache]\nremote = "s3://artifacts/main"\nkeys = ["{public}"]\n')


def test_a_bucket_on_github(tmp_path: Path, member: Member, bucket: dict[str, str]) -> None:
    public = member().run("cache", "keygen", str(tmp_path / "key.pem")).stdout.strip()
    secrets = {
        "AWS_ACCESS_KEY_ID": bucket["AWS_ACCESS_KEY_ID"],
        "AWS_SECRET_ACCESS_KEY": bucket["AWS_SECRET_ACCESS_KEY"],
        "WASMBUILD_CACHE_KEY": (tmp_path / "key.pem").read_text(),
    }
    outside = {"AWS_ENDPOINT_URL": bucket["AWS_ENDPOINT_URL"]}
    runners = [
        Runner(tmp_path / f"run{n}", {**outside, "XDG_CACHE_HOME": str(tmp_path / f"home{n}")}, secrets)
        for n in range(3)
    ]
    for runner in runners:
        keyed(runner, public)
    assert "4 compiled in" in runners[0].github(recipe("github bucket"), ref="refs/heads/topic")
    assert "4 compiled, 4 pushed in" in runners[1].github(recipe("github bucket"))
    assert (tmp_path / "cache.pem").stat().st_mode & 0o777 == 0o600
    assert "4 restored (4 from afar) in" in runners[2].github(recipe("github bucket"), ref="refs/heads/topic")


def test_a_bucket_on_gitlab(tmp_path: Path, member: Member, bucket: dict[str, str]) -> None:
    public = member().run("cache", "keygen", str(tmp_path / "key.pem")).stdout.strip()
    runners = [Runner(tmp_path / f"run{n}", {**bucket, "XDG_CACHE_HOME": str(tmp_path / f"home{n}")}) for n in range(2)]
    for runner in runners:
        keyed(runner, public)
    told = runners[0].gitlab(recipe("gitlab bucket"), CI_COMMIT_BRANCH="main", CACHE_KEY=str(tmp_path / "key.pem"))
    assert "4 compiled, 4 pushed in" in told
    assert "4 restored (4 from afar) in" in runners[1].gitlab(recipe("gitlab bucket"), CI_COMMIT_BRANCH="topic")


@pytest.mark.needs("nginx")
def test_the_lines_for_nginx(tmp_path: Path, member: Member) -> None:
    (location,) = re.findall(r"```nginx\n(.*?)```", DOCS.read_text(), re.DOTALL)
    (tmp_path / "cache").mkdir()
    location = location.replace("/srv/cache", str(tmp_path / "cache"))
    told = {}
    for allowed in ("127.0.0.1", "10.0.0.0/8"):
        with nginx(tmp_path / allowed.replace("/", "-"), location=location.replace("10.0.0.0/8", allowed)) as address:
            line = f'remote = "{address}/wasmbuild"'
            told[allowed] = member(line).run("build", "--push", "add@*" if allowed == "127.0.0.1" else "*").stderr
    assert "2 compiled, 2 pushed in" in told["127.0.0.1"]
    assert len(list((tmp_path / "cache" / "wasmbuild" / "ac").iterdir())) == 2
    assert "2 compiled, 2 restored (2 from afar) in" in told["10.0.0.0/8"]
    assert "/wasmbuild does not let this user write\n" in told["10.0.0.0/8"]
