"""The release that will load: what would crash in it is told by build, and verify and audit fail by it."""

from __future__ import annotations

import json

import pytest
from support import HEAD, TARGETS, Project

from wasmbuild.toolchain import loads_here

TAGGED = """(module (memory 1) {tags} (data $d "x") (func (export "f") (result i32)
    (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)) (i32.load8_u (i32.const 0))))"""
MODULES = """
[modules.odd]
source = "odd.wat"
[[modules.odd.tests]]
call = "f"
returns = [120]
[modules.even]
source = "even.wat"
"""
ADVISORY = "GHSA-p79w-pv2r-29qp"


@pytest.fixture
def tagged(project: Project) -> Project:
    if not (loads_here.installed() or "").startswith("48.0.0"):
        pytest.skip("is about releases of line 48 before and after 48.0.6")
    project.write("odd.wat", TAGGED.format(tags="(tag)"))
    project.write("even.wat", TAGGED.format(tags="(tag) (tag)"))
    return project


def declare(project: Project, engine: str, targets: str = TARGETS) -> None:
    project.declare(HEAD + engine + targets + MODULES)


def entries(project: Project, *arguments: str, status: int) -> dict[str, dict[str, object]]:
    document = json.loads(project.run("verify", "--json", *arguments, status=status).stdout)
    return {entry["id"]: entry for entry in document["artifacts"]}


def judged(project: Project, *arguments: str, status: int) -> dict[str, tuple[str | None, str]]:
    """Return of each artifact the runtime, and the verdict on it of the one record."""
    document = json.loads(project.run("audit", "--json", *arguments, status=status).stdout)
    return {
        artifact["id"]: (
            artifact["runtime"],
            next((found["verdict"] for found in artifact["advisories"] if found["id"] == ADVISORY), ""),
        )
        for artifact in document["artifacts"]
    }


def test_what_would_crash_in_the_declared_release_fails(tagged: Project) -> None:
    declare(tagged, "")
    assert "would crash" not in tagged.run("build").stderr
    # Nothing is compiled for it, and it is told all the same.
    declare(tagged, '[engine]\nruntime = "48.0.8"\n')
    said = tagged.run("build").stderr
    assert "2 of 4 artifacts would crash where they are loaded (GHSA-p79w-pv2r-29qp: has an odd number of tags" in said
    assert "4 artifacts: 4 up to date" in said
    assert "would crash" not in tagged.run("build").stderr
    manifest = json.loads((tagged.build / "x64" / "manifest.json").read_bytes())
    assert manifest["wasmtime"]["runtime"] == "48.0.8"

    found = entries(tagged, "build", status=1)
    for id in ("odd@x64", "odd@arm"):
        assert found[id]["failed"] == "consistent"
        assert "would crash in Wasmtime 48.0.8, which loads it as its manifest says" in str(found[id]["message"])
    assert found["even@x64"]["level"] == "loaded"
    assert found["even@arm"]["level"] == "consistent"
    verdicts = judged(tagged, "build", status=1)
    assert verdicts["odd@arm"] == ("48.0.8", "affected")
    assert verdicts["even@arm"] == ("48.0.8", "not affected")
    # Whoever says it on the command line knows better.
    assert judged(tagged, "build", "--runtime", "48.0.0", status=0)["odd@arm"] == ("48.0.0", "not affected")


def test_data_that_is_spread_crashes_where_no_image_is_made_of_it(tagged: Project) -> None:
    spread = '(module (memory 200) (tag) (data (i32.const 0) "a") (data (i32.const 5000000) "b"))'
    tagged.write("odd.wat", spread)
    modules = '[modules.odd]\nsource = "odd.wat"\n'
    setting = "engine = { memory-guaranteed-dense-image-size = 4096 }\n"
    tagged.declare(f'{HEAD}[engine]\nruntime = "48.0.8"\n{TARGETS}{setting}{modules}')
    assert "1 of 2 artifacts would crash" in tagged.run("build").stderr
    found = entries(tagged, "build", status=1)
    assert (found["odd@x64"]["ok"], found["odd@arm"]["failed"]) == (True, "consistent")
    verdicts = judged(tagged, "build", status=1)
    assert {id: verdict for id, (_, verdict) in verdicts.items()} == {"odd@x64": "not affected", "odd@arm": "affected"}


def test_passive_data_that_no_code_reads_crash_nowhere(tagged: Project) -> None:
    unread = '(module (memory 1) (tag) (data "x") (func (export "f") (result i32) i32.const 120))'
    tagged.write("odd.wat", unread)
    declare(tagged, '[engine]\nruntime = "48.0.8"\n')
    assert "would crash" not in tagged.run("build").stderr
    assert judged(tagged, "build", status=0)["odd@arm"] == ("48.0.8", "not affected")


def test_of_one_target(tagged: Project) -> None:
    declare(tagged, '[engine]\nruntime = "48.0.0"\n', TARGETS + 'engine = { runtime = "48.0.6" }\n')
    tagged.run("build")
    found = entries(tagged, "build", status=1)
    assert (found["odd@x64"]["ok"], found["odd@x64"]["level"]) == (True, "tested")
    assert found["odd@arm"]["failed"] == "consistent"


def test_the_library_here_is_taken_to_load_what_is_for_this_machine(tagged: Project) -> None:
    """It may fail something, and vouches for nothing: another one may load it elsewhere."""
    declare(tagged, "")
    tagged.run("build")
    assert judged(tagged, "build", status=0)["odd@x64"] == (None, "unknown")
    for target in ("x64", "arm"):
        manifest = tagged.build / target / "manifest.json"
        document = json.loads(manifest.read_bytes())
        document["wasmtime"]["compiler"] = "48.0.8"
        manifest.write_text(json.dumps(document))
    paths = [f"build/{target}/manifest.json" for target in ("x64", "arm")]
    found = entries(tagged, *paths, status=1)
    assert "would crash in Wasmtime 48.0.0, the library here: 48.0.8 compiled it" in str(found["odd@x64"]["message"])
    assert found["odd@arm"]["ok"]
    verdicts = judged(tagged, *paths, status=1)
    assert (verdicts["odd@x64"], verdicts["odd@arm"]) == ((None, "affected"), (None, "unknown"))


def test_what_the_library_here_would_crash_over_is_not_tested_in_it(tagged: Project) -> None:
    declare(tagged, '[engine]\nruntime = "48.0.8"\n')
    tagged.run("build")
    manifest = tagged.build / "x64" / "manifest.json"
    document = json.loads(manifest.read_bytes())
    document["wasmtime"]["compiler"] = "48.0.8"
    manifest.write_text(json.dumps(document))
    found = entries(tagged, "build/x64/manifest.json", status=0)["odd@x64"]
    assert (found["level"], found["lacks"]) == ("loaded", "wasmtime")
    assert "was not tested: it would crash in the library here" in str(found["message"])
