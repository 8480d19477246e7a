"""System × behaviour, with the real tools: the same steps for each, one after the other in one project.

``python tests/systems/table.py`` prints the table for docs/build-systems.md.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import wasmtime
from support import ADD, SUB
from systems import System, systems
from systems.project import BINARIES, DECLARATION, Built

from wasmbuild.runtime import load
from wasmbuild.toolchain.search_path import executables

pytestmark = pytest.mark.needs_modules("cmake", "mesonbuild", "SCons")

ALL = {f"{module}@{target}" for module in ("add", "sub", "plugins/one") for target in ("x64", "portable")}
EVERYTHING = f"{DECLARATION}[engine]\nconsume-fuel = true\n"


@pytest.fixture(scope="module", params=systems(), ids=lambda system: system.name)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The project after its first build, below a directory with a blank and a letter that is none of ASCII."""
    system: System = request.param
    if missing := [tool for tool in system.needs if shutil.which(tool) is None]:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"needs {', '.join(missing)}")
    made = Built(system, tmp_path_factory.mktemp(system.name) / "süß und gut" / "project")
    made.build()
    return made


@pytest.fixture(autouse=True)
def cell(request: pytest.FixtureRequest, built: Built) -> Iterator[None]:
    """Leave the project as it was; a behaviour that a system cannot have has to fail, for the reason that is told."""
    behaviour = request.node.originalname.removeprefix("test_")
    if behaviour in built.system.reasons:
        request.applymarker(pytest.mark.xfail(reason=built.system.reasons[behaviour], strict=True))
    yield
    for source, text in (("add", ADD), ("sub", SUB), ("plugins/one", ADD)):
        if (built.root / f"{source}.wasm").read_bytes() != BINARIES[text]:
            built.write(f"{source}.wasm", BINARIES[text])
    if (built.root / "wasmbuild.toml").read_text() != DECLARATION:
        built.write("wasmbuild.toml", DECLARATION)
    for name in ("plugins/two.wasm", "wasmbuild.lock"):
        (built.root / name).unlink(missing_ok=True)
    code, _ = built.run(built.system.build)
    if code or behaviour in built.system.reasons:
        built.clean()
        shutil.rmtree(built.out, ignore_errors=True)
        built.build()


def test_same_as_doit_compile(built: Built) -> None:
    assert set(built.facts()) == ALL
    built.assert_right()


def test_verify_and_load_take_the_result(built: Built) -> None:
    code, said = built.run(("wasmbuild", "verify", "-q", str(built.out)))
    assert code == 0, said
    loaded = load(built.out, "add")
    assert loaded.target == "x64"
    store = wasmtime.Store(loaded.engine)
    assert wasmtime.Instance(store, loaded.module, []).exports(store)["add"](store, 2, 3) == 5


def test_no_op(built: Built) -> None:
    said = built.build()
    assert re.fullmatch(built.system.idle, said), said


def test_source_edited(built: Built) -> None:
    built.write("add.wasm", BINARIES[SUB])
    assert built.compiled() == {"add@x64", "add@portable"}
    assert re.fullmatch(built.system.idle, built.build())
    built.assert_right()


def test_option_of_a_target_edited(built: Built) -> None:
    built.write("wasmbuild.toml", f"{DECLARATION}[targets.portable.engine]\nconsume-fuel = true\n")
    assert built.compiled() == {id for id in ALL if id.endswith("@portable")}
    assert re.fullmatch(built.system.idle, built.build())
    built.assert_right()


def test_comment_edited(built: Built) -> None:
    built.write("wasmbuild.toml", f"{DECLARATION}# a comment\n")
    assert built.compiled() == set()
    assert re.fullmatch(built.system.idle, built.build())


def test_deleted(built: Built) -> None:
    (built.out / "x64" / "add.cwasm").unlink()
    assert built.compiled() == {"add@x64"}
    built.assert_right()


def test_manifest_deleted(built: Built) -> None:
    (built.out / "x64" / "manifest.json").unlink()
    built.build()
    built.assert_right()
    assert re.fullmatch(built.system.idle, built.build())


def test_manifest_tampered(built: Built) -> None:
    with (built.out / "x64" / "manifest.json").open("a") as manifest:
        manifest.write("\n")
    built.build()
    built.assert_right()
    assert re.fullmatch(built.system.idle, built.build())


def test_tampered(built: Built) -> None:
    artifact = built.out / "x64" / "add.cwasm"
    artifact.write_bytes(artifact.read_bytes()[:-1] + b"?")
    built.build()
    built.assert_right()


def test_compiler_changed(built: Built) -> None:
    with built.compiler.open("a") as script:
        script.write("# another one\n")
    assert built.compiled() == ALL
    built.assert_right()


def test_compiler_replaced_by_an_older_file(built: Built, tmp_path: Path) -> None:
    def replace(release: str) -> None:
        """Put a compiler there as ``tar`` and ``mv`` do, with the date that it has."""
        other = shutil.copy(built.compiler, tmp_path / "other")
        other.write_text(f"{other.read_text()}# {release}\n")
        os.utime(other, (10**9, 10**9))
        other.rename(built.compiler)

    replace("48.0.77")
    assert built.compiled() == ALL
    assert re.fullmatch(built.system.idle, built.build())
    built.assert_right()
    # Where it is not alone, as in /usr/bin, its folder tells nothing.
    other = built.compiler.with_name("other")
    other.touch()
    built.build()
    replace("48.0.78")
    (built.root / "wasmbuild.toml").touch()
    assert built.compiled() == ALL
    assert re.fullmatch(built.system.idle, built.build())
    other.unlink()


def test_lock_file_edited(built: Built) -> None:
    code, said = built.run(("wasmbuild", "lock"))
    assert code == 0, said
    # No system watches what is not there.
    built.write("wasmbuild.toml", f"{DECLARATION}# locked\n")
    assert built.compiled() == set()
    assert re.fullmatch(built.system.idle, built.build())
    lock = built.root / "wasmbuild.lock"
    good = lock.read_text()
    lock.write_text(re.sub(r'(executable-sha256 = )".*"', rf'\1"{"0" * 64}"', good))
    code, said = built.run(built.system.build)
    assert code != 0
    assert "the compiler that is found is not the one that is locked" in said
    lock.write_text(good)
    assert built.compiled() == set()
    assert re.fullmatch(built.system.idle, built.build())


def test_compiler_installed(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(built.environment, "WASMBUILD_WASMTIME")
    # No system but Cargo watches the environment.
    built.write("wasmbuild.toml", f"{DECLARATION}# of what is found\n")
    assert built.compiled() == ALL
    assert re.fullmatch(built.system.idle, built.build())
    code, said = built.run(("wasmbuild", "toolchain", "remove", "1.2.3"))
    assert code == 2, said
    assert re.fullmatch(built.system.idle, built.build())
    other = tmp_path / "wasmtime"
    other.write_bytes(executables()[0].path.read_bytes() + b"another one")
    code, said = built.run(("wasmbuild", "toolchain", "install", "--from", str(other)))
    assert code == 0, said
    assert built.compiled() == ALL
    assert re.fullmatch(built.system.idle, built.build())
    built.assert_right()


def test_bad_wasm(built: Built) -> None:
    good = built.files()
    built.write("add.wasm", b"garbage")
    code, said = built.run(built.system.build)
    assert code != 0
    assert re.search(r"^.*\badd\.wasm: is ", said, re.MULTILINE), said
    artifacts = {name: data for name, data in good.items() if name.endswith(".cwasm")}
    assert {name: data for name, data in built.files().items() if name.endswith(".cwasm")} == artifacts


def test_file_joins_and_leaves_a_glob(built: Built) -> None:
    two = built.write("plugins/two.wasm", BINARIES[SUB])
    assert built.compiled() == {"plugins/two@x64", "plugins/two@portable"}
    built.assert_right()
    two.unlink()
    assert built.compiled() == {"plugins/two@x64", "plugins/two@portable"}
    built.assert_right()


def test_interrupted(built: Built) -> None:
    _stopped(built, signal.SIGINT)


def test_killed(built: Built) -> None:
    _stopped(built, signal.SIGKILL)


def _stopped(built: Built, number: signal.Signals) -> None:
    built.write("wasmbuild.toml", EVERYTHING)
    built.stop_amid(number)
    built.build()
    built.assert_right()
    assert re.fullmatch(built.system.idle, built.build())


def test_one_job_and_four(built: Built) -> None:
    four = built.files()
    built.clean()
    built.build(jobs=1)
    assert built.files() == four


def test_clean(built: Built) -> None:
    built.clean()
    assert not [path for path in built.out.rglob("*") if path.is_file()]
    built.build()
    built.assert_right()


def test_build_directory_elsewhere(built: Built, tmp_path: Path) -> None:
    _builds_elsewhere(built.system, "../elsewhere/öut", tmp_path)


def test_build_directory_with_a_blank(built: Built, tmp_path: Path) -> None:
    _builds_elsewhere(built.system, "../else where/out", tmp_path)


def _builds_elsewhere(system: System, out: str, directory: Path) -> None:
    placed = Built(system.placed(out), directory / "project")
    placed.build()
    placed.assert_right()
    assert re.fullmatch(placed.system.idle, placed.build())
    placed.write("add.wasm", BINARIES[SUB])
    assert placed.compiled() == {"add@x64", "add@portable"}
    assert not list(placed.root.rglob("*.cwasm"))
