"""Python distributions that have native code besides their artifacts."""

from __future__ import annotations

from pathlib import Path

import pytest
from distributions import FILES, TABLES, Distribution

pytestmark = pytest.mark.needs_modules("editables")

TOLD = "platform-wheel = true: the tag would be that of artifacts alone"
# Bytes in the place of what a compiler makes.
EXTENSION = """
from pathlib import Path
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

class Made(build_ext):
    def build_extension(self, extension):
        path = Path(self.get_ext_fullpath(extension.name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"native")

setup(ext_modules=[Extension("edge._native", ["native.c"])], cmdclass={"build_ext": Made})
"""
BINARIES = """
from setuptools import Distribution, setup

class Binaries(Distribution):
    def has_ext_modules(self):
        return True

setup(distclass=Binaries)
"""
# As setuptools-rust does: of the object, before ours or after it.
PATCHED = """
from setuptools import Distribution, setup

class Patched(Distribution):
    def finalize_options(self):
        {}()
        {}()

    def finalize(self):
        super().finalize_options()

    def patch(self):
        others = self.has_ext_modules
        self.has_ext_modules = lambda: others() or True

setup(distclass=Patched)
"""
HOOK = """
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

class Native(BuildHookInterface):
    def initialize(self, version, build_data):
        build_data["pure_python"] = False
        build_data[{key!r}] = {value!r}
"""
CUSTOM = "[tool.hatch.build.hooks.custom]"


def check_told(distribution: Distribution) -> None:
    """Build a platform wheel, which is refused, and then what the message says to."""
    table = TABLES[distribution.backend]
    distribution.edit(table, f"{table}\nplatform-wheel = true")
    said = distribution.build("--wheel", status=1, WASMBUILD_TARGETS="linux-x64")
    assert TOLD in said
    assert "leave it out, and the wheel has that one; targets, or WASMBUILD_TARGETS, names the artifacts" in said
    assert not list((distribution.root / "dist").glob("*.whl"))
    distribution.edit("\nplatform-wheel = true", "")
    distribution.build("--wheel", WASMBUILD_TARGETS="linux-x64")
    assert {name for name in FILES if "arm64" not in name and "portable" not in name} <= distribution.shipped()
    assert "-py3-none-" not in distribution.wheel.name
    assert "Root-Is-Purelib: false" in distribution.metadata("WHEEL")


@pytest.mark.parametrize(
    "script",
    [
        EXTENSION,
        BINARIES,
        PATCHED.format("self.patch", "self.finalize"),
        PATCHED.format("self.finalize", "self.patch"),
    ],
    ids=["extension", "binaries", "patched", "patched-later"],
)
def test_extension_modules_of_setuptools_keep_their_tag(script: str, tmp_path: Path) -> None:
    distribution = Distribution("setuptools", tmp_path / "project")
    (distribution.root / "setup.py").write_text(script)
    check_told(distribution)


@pytest.mark.parametrize("order", ["{ours}\n{other}", "{other}\n{ours}"], ids=["after", "before"])
def test_a_hook_of_hatch_that_has_a_tag_inferred_keeps_it(order: str, tmp_path: Path) -> None:
    distribution = Distribution("hatch", tmp_path / "project")
    project = distribution.root / "pyproject.toml"
    before, table, ours = project.read_text().partition(TABLES["hatch"])
    project.write_text(before + order.format(ours=table + ours, other=CUSTOM))
    (distribution.root / "hatch_build.py").write_text(HOOK.format(key="infer_tag", value=True))
    check_told(distribution)


def test_a_hook_of_hatch_that_has_a_tag_keeps_it(tmp_path: Path) -> None:
    distribution = Distribution("hatch", tmp_path / "project")
    distribution.edit(TABLES["hatch"], f"{CUSTOM}\n{TABLES['hatch']}")
    (distribution.root / "hatch_build.py").write_text(HOOK.format(key="tag", value="cp311-abi3-linux_x86_64"))
    check_told(distribution)
    assert distribution.wheel.name.endswith("-cp311-abi3-linux_x86_64.whl")
