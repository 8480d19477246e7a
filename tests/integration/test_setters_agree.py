"""The files of lines against the headers of the C API and the crate, as cargo has them from the registry of crates."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from wasmbuild.engine import lines
from wasmbuild.line_check import setters

# The crate and its C API; a package of the latter is not there for each release.
RELEASES = {36: ("36.0.20", "36.0.20"), 48: ("48.0.8", "48.0.0"), 49: ("49.0.5", "49.0.5"), 50: ("50.0.1", "50.0.1")}

pytestmark = [pytest.mark.slow, pytest.mark.needs("cargo")]


@pytest.fixture(scope="module", params=sorted(RELEASES))
def release(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path, Path]:
    """Return a line, the headers of its C API, and its crate."""
    crate, c_api = RELEASES[request.param]
    found = []
    for name, version in (("wasmtime-c-api-impl", c_api), ("wasmtime", crate)):
        folder = tmp_path_factory.mktemp(name)
        (folder / "lib.rs").touch()
        (folder / "Cargo.toml").write_text(
            '[package]\nname = "asks"\nversion = "1.0.0"\nedition = "2021"\n[lib]\npath = "lib.rs"\n'
            f'[dependencies]\n{name} = {{ version = "={version}", default-features = false }}\n'
        )
        asked = ["cargo", "metadata", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"]
        packages = json.loads(subprocess.check_output(asked, cwd=folder))["packages"]
        found += [Path(each["manifest_path"]).parent for each in packages if each["name"] == name]
    headers, sources = found
    return request.param, headers / "include", sources


def test_what_is_written_for_c_and_rust_is_there(release: tuple[int, Path, Path]) -> None:
    number, headers, sources = release
    for topic in (setters.c_setters(lines.get(number), headers), setters.rust_setters(lines.get(number), sources)):
        assert topic.grouped() == []
        assert topic.tried > 50
