"""Plans for other programs: what is written is what the schema says, and what is read back is the plan or refused."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from building import load
from hypothesis import given
from hypothesis import strategies as st
from matrix import examples

from wasmbuild.errors import FormatError
from wasmbuild.plan.document import from_bytes, to_json
from wasmbuild.plan.graph import Plan, plan
from wasmbuild.plan.placement import placement
from wasmbuild.plan.schema import PLAN_SCHEMA

PROJECTS = sorted((Path(__file__).parents[2] / "projects" / "good").iterdir())
EDGE = next(directory for directory in PROJECTS if directory.name == "edge-filters")
Change = Callable[[Any], object]


def planned(directory: Path) -> Plan:
    return plan(load(directory / "wasmbuild.toml"))


def read(document: object, directory: Path) -> Plan:
    return from_bytes(json.dumps(document).encode(), directory, where="plan.json")


@pytest.mark.parametrize("directory", PROJECTS, ids=lambda directory: directory.name)
def test_what_is_written_is_read_back(directory: Path) -> None:
    made = planned(directory)
    document = to_json(made)
    jsonschema.validate(json.loads(json.dumps(document)), PLAN_SCHEMA)
    assert read(document, directory) == made._replace(folders=())


@pytest.mark.parametrize("build_dir", [".", "..", "../élsewhere/x y", "deep/er"])
def test_a_build_that_goes_elsewhere_is_written_and_read_back_with_the_files_that_it_is_given(build_dir: str) -> None:
    given = {"checksum": EDGE.parent / "made" / "checksum.wasm"}
    project = load(EDGE / "wasmbuild.toml")
    made = plan(project, placement(EDGE / build_dir, sources=given, awaited=True))
    document = to_json(made)
    jsonschema.validate(json.loads(json.dumps(document)), PLAN_SCHEMA)
    assert read(document, EDGE) == made._replace(folders=())
    assert document["build-dir"] == build_dir
    [inputs] = {tuple(step["inputs"]) for step in document["steps"] if step.get("module") == "checksum"}
    assert inputs == ("../made/checksum.wasm",)
    outputs = {os.path.normpath(EDGE / path) for step in document["steps"] for path in step["outputs"]}
    assert {str(made.build_dir / artifact.path) for artifact in made.artifacts} < outputs


@pytest.mark.parametrize("directory", PROJECTS, ids=lambda directory: directory.name)
def test_each_step_comes_after_those_it_needs_and_no_file_is_made_twice(directory: Path) -> None:
    done: set[str] = set()
    made: list[str] = []
    for step in planned(directory).steps():
        assert done.issuperset(step.needs)
        assert step.id not in done
        done.add(step.id)
        made += step.outputs
    assert len(set(made)) == len(made)


def put(value: object, *path: str | int) -> Change:
    def change(document: Any) -> None:
        for part in path[:-1]:
            document = document[part]
        document[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("wasmbuild/plan/2", "schema"), r"^plan\.json: schema: must be"),
        (put("../x", "build-dir"), r"^plan\.json: steps\[0\]: is not what follows"),
        (put("x/../y", "build-dir"), r"^plan\.json: build-dir: must be a path from"),
        (put("/x", "build-dir"), r"^plan\.json: build-dir: must be a path from"),
        (put("../../x.cwasm", "steps", 0, "outputs", 0), r"^plan\.json: steps\[0\]: is not what follows"),
        (put("../x.wasm", "modules", 0, "file"), r"^plan\.json: steps\[\d\]: is not what follows"),
        (put("src/checksum.wat", "modules", 0, "file"), r"^plan\.json: modules\[0\]: is not what follows"),
        (put("build/x.cwasm", "steps", 0, "outputs", 0), r"^plan\.json: steps\[0\]: is not what follows"),
        (put("nobody", "steps", 0, "module"), r'^plan\.json: steps\[0\]: names "nobody", which is not there'),
        (put(["-Cx"], "targets", 0, "arguments"), r"^plan\.json: targets\[0\]: is not what follows"),
        (put("i686-unknown-linux-gnu", "targets", 0, "triple"), r"^plan\.json: targets\[0\]\.triple: "),
        (put("\\", "compiler"), r"^plan\.json: compiler: is not as it is written here"),
        (put("bin/wasmtime", "compiler"), r"^plan\.json: compiler: is not as it is written here"),
        (put(7, "targets", 0, "wasmtime", "line"), r"^plan\.json: targets\[0\]\.wasmtime\.line: "),
        (put({"embedder": "c-api", "no-such": 1}, "targets", 0, "engine"), r"^plan\.json: targets\[0\]\.engine"),
        (lambda document: document["steps"].pop(), r"^plan\.json: steps: are not those of the targets and modules"),
        (lambda document: document["modules"].append(document["modules"][0]), r"is there twice"),
        (put({"0" * 64: {}}, "directories"), r"^plan\.json: directories\.0+: is named by no test"),
        (
            put({"argv": ["p"], "dirs": {"d": "0" * 64}}, "modules", 0, "tests", 0, "wasi"),
            r"^plan\.json: modules\[0\]\.tests\[0\]\.wasi\.dirs\.d: names what is not in directories",
        ),
        (put(1, "unknown"), r"^plan\.json: unknown: is not a key"),
    ],
)
def test_what_does_not_fit_is_refused(change: Change, said: str) -> None:
    document = json.loads(json.dumps(to_json(planned(EDGE))))
    change(document)
    with pytest.raises(FormatError, match=said):
        read(document, EDGE)


@pytest.fixture(scope="module")
def written() -> Any:
    return json.loads(json.dumps(to_json(planned(EDGE))))


@examples(2)
@given(data=st.data())
def test_whatever_is_changed_it_is_read_as_it_stands_or_refused(written: Any, data: st.DataObject) -> None:
    document = copy.deepcopy(written)
    place = document
    while True:
        keys: list[Any] = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=2))
    try:
        found = read(document, EDGE)
    except FormatError:
        return
    assert json.loads(json.dumps(to_json(found))) == document
