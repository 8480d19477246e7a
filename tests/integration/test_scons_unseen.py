"""What SCons cannot see: artifacts of other sources or settings than those that it knows, with the real one."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from scons_command import EPOCHS, SCONSTRUCT, Built, is_up_to_date
from support import ADD, HEAD, MODULES, SUB

from wasmbuild import api

pytestmark = pytest.mark.needs_modules("SCons")

MUL = ADD.replace("i32.add", "i32.mul")


def of_another_source(built: Built) -> set[str]:
    source = built.root / "add.wat"
    source.rename(built.root / "kept")
    built.write("add.wat", MUL)
    assert built.compiled() == {"add@arm", "add@x64"}
    (built.root / "kept").replace(source)
    return {"arm/add", "x64/add"}


def of_other_settings(built: Built) -> set[str]:
    declaration = built.root / "wasmbuild.toml"
    declaration.rename(built.root / "kept")
    built.declare(HEAD + EPOCHS + MODULES)
    assert built.compiled() == {"add@arm", "sub@arm"}
    (built.root / "kept").replace(declaration)
    return {"arm/add", "arm/sub"}


def of_a_build_directory_put_back(built: Built) -> set[str]:
    shutil.copytree(built.build, built.root / "kept", symlinks=True)
    built.write("add.wat", MUL)
    assert built.made() == {"arm/add", "x64/add"}
    shutil.rmtree(built.build)
    shutil.copytree(built.root / "kept", built.build, symlinks=True)
    return {"arm/add", "x64/add"}


def of_a_source_with_the_time_of_another(built: Built) -> set[str]:
    old = (built.root / "add.wat").stat()
    built.write("add.wat", MUL)
    os.utime(built.root / "add.wat", ns=(old.st_atime_ns, old.st_mtime_ns))
    return {"arm/add", "x64/add"}


@pytest.mark.parametrize("decider", ["content", "timestamp-newer", "MD5-timestamp"])
@pytest.mark.parametrize(
    "leave",
    [
        of_another_source,
        of_other_settings,
        of_a_build_directory_put_back,
        of_a_source_with_the_time_of_another,
    ],
)
def test_artifacts_of_others_are_made_again(tmp_path: Path, leave: Callable[[Built], set[str]], decider: str) -> None:
    built = Built(tmp_path, SCONSTRUCT.replace("])", f'])\nenv.Decider("{decider}")', 1))
    # SCons reads no source again that has had its time for two days.
    os.utime(tmp_path / "add.wat", (1e9, 1e9))
    built.scons()
    outdated = leave(built)
    before = built.files()
    assert built.made("-n") == outdated
    assert built.files() == before
    assert built.made("-j4") == outdated
    api.verify(built.build, config=tmp_path / "wasmbuild.toml")
    assert is_up_to_date(built)
    assert built.compiled() == set()


def test_they_are_made_before_what_is_made_of_them_and_a_clean_removes_them(tmp_path: Path) -> None:
    built = Built(tmp_path, SCONSTRUCT + 'env.Install("dist", wasm["add@x64"])\n')
    built.scons()
    installed = tmp_path / "dist/add.cwasm"
    good = installed.read_bytes()
    of_another_source(built)
    installed.unlink()
    built.scons("-j4")
    assert installed.read_bytes() == good
    of_another_source(built)
    built.scons("-c")
    assert [path for path in built.build.rglob("*") if not path.is_dir()] == []


def test_the_reason_is_told_and_is_none_once_it_is_gone(tmp_path: Path) -> None:
    built = Built(tmp_path)
    built.scons()
    outdated = of_another_source(built)
    said = built.scons("--debug=explain", "--interactive", typed="build\nbuild\nexit\n")
    for name in outdated:
        path = f"build/{name}.cwasm"
        assert f"rebuilding `{path}' because `wasmbuild: the artifact, as it is declared' changed\n" in said
        assert said.count(f"wasmbuild {path}\n") == 1
    built.write("add.wat", MUL)
    assert "rebuilding `build/x64/add.cwasm' because:\n           `add.wat' changed\n" in built.scons("--debug=explain")


def test_one_that_was_not_reached_is_made_by_the_next_scons(tmp_path: Path) -> None:
    built = Built(tmp_path, SCONSTRUCT + 'Depends(wasm["add@x64"], "needed")\n')
    built.write("needed", "")
    built.scons()
    of_another_source(built)
    (tmp_path / "needed").unlink()
    assert "`needed' not found" in built.scons(status=2)
    built.write("needed", "")
    assert "x64/add" in built.made()
    api.verify(built.build)
    assert is_up_to_date(built)


def test_what_another_build_leaves_below_an_interactive_scons_is_told_with_what_helps(tmp_path: Path) -> None:
    built = Built(tmp_path)
    built.write("other", SUB.replace('"sub"', '"add"'))
    built.write("good", ADD)
    command = f"{shlex.quote(sys.executable)} -m wasmbuild.cli build --quiet"
    built.write("others.sh", f"cp other add.wat\n{command}\ncp good add.wat\n")
    said = built.scons("--interactive", typed="build\nshell sh others.sh\nbuild\nexit\n")
    told = "not built as declared; a source or an artifact changed after SCons had looked at it; run scons again (leave"
    assert f"scons: *** [build/index.json] add@x64, add@arm: {told} an interactive one)\n" in said
    assert built.made() == {"arm/add", "x64/add"}
    api.verify(built.build)
    assert is_up_to_date(built)


def test_another_build_gets_in_where_a_part_was_built(tmp_path: Path) -> None:
    """What follows the part may be such a build, or take long, and an interactive SCons waits for its next command."""
    inner = f"{sys.executable} -m wasmbuild build --lock-timeout 60"
    command = f'env.Command("log", wasm["add@x64"], "{inner} > $TARGET 2>&1")\n'
    project = Built(tmp_path, f"{SCONSTRUCT}import os\nenv['ENV'] = dict(os.environ)\n{command}")
    project.scons("log")
    assert project.compiled() == set()
    project.write("add.wat", SUB)
    project.scons("--interactive", typed=f"build build/x64/add.cwasm\nshell {inner}\nbuild\nexit\n")
    assert project.compiled() == set()


def test_an_interactive_scons_builds_what_it_cleaned_after_a_part_was_built(tmp_path: Path) -> None:
    built = Built(tmp_path)
    built.scons()
    built.write("add.wat", SUB)
    # When another build got in, it has the directory no more.
    other = f"shell {sys.executable} -m wasmbuild build --lock-timeout 60"
    said = built.scons("--interactive", typed=f"build build/x64/add.cwasm\n{other}\nclean\nbuild\nexit\n")
    assert "scons: ***" not in said
    assert built.compiled() == set()
