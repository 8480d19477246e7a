from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.formats.documents import Source
from wasmbuild.formats.extern import Export, Import
from wasmbuild.formats.manifest import Manifest, ManifestArtifact
from wasmbuild.formats.record import Record
from wasmbuild.inspection.facts import Origin
from wasmbuild.inspection.origin import Origins

DATA = b"an artifact"
DIGEST = hashlib.sha256(DATA).hexdigest()
IMPORTS = (Import("env", "log", "func", "(i32) -> ()"),)
EXPORTS = (Export("run", "func", "() -> ()"),)
SOURCE = Source("src/fib.wat", "1" * 64)


def record(sha256: str = DIGEST, inputs: Any = None) -> bytes:
    inputs = {"compiler": {"version": "48.0.8"}, "engine": {"consume-fuel": True}} if inputs is None else inputs
    return Record(
        "plugins/fib@pi", "0" * 64, inputs, len(DATA), sha256, "module", SOURCE, "2" * 64, IMPORTS, EXPORTS
    ).to_bytes()


def manifest(sha256: str = DIGEST) -> bytes:
    entry = ManifestArtifact(
        "plugins/fib", "module", "plugins/fib.cwasm", len(DATA), sha256, "0" * 64, SOURCE, IMPORTS, EXPORTS
    )
    return Manifest(
        "filters", "pi", "aarch64-unknown-linux-gnu", None, {}, 48, "48.0.2", "3" * 64,
        {"embedder": "c-api", "consume-fuel": True}, None, (entry,),
    ).to_bytes()  # fmt: skip


@pytest.fixture
def fib(tmp_path: Path) -> Path:
    (tmp_path / "plugins").mkdir()
    path = tmp_path / "plugins" / "fib.cwasm"
    path.write_bytes(DATA)
    return path


def origins(path: Path) -> tuple[Origin, ...]:
    return Origins().of(str(path), len(DATA), DIGEST)


def test_a_record_beside_the_artifact_and_a_manifest_above_it(fib: Path) -> None:
    (fib.parent / "fib.cwasm.json").write_bytes(record())
    (fib.parents[1] / "manifest.json").write_bytes(manifest())
    of_record, of_manifest = origins(fib)
    for origin in (of_record, of_manifest):
        assert origin.matches
        assert origin.id == "plugins/fib@pi"
        assert origin.source == "src/fib.wat"
        assert (origin.imports, origin.exports) == (IMPORTS, EXPORTS)
        assert origin.engine is not None
        assert origin.engine["consume-fuel"] is True
    assert (of_record.compiler, of_record.wasm_sha256) == ("48.0.8", "2" * 64)
    assert (of_manifest.compiler, of_manifest.wasm_sha256) == ("48.0.2", None)


def test_nothing_near_is_nothing(fib: Path) -> None:
    assert origins(fib) == ()


def test_of_other_bytes_they_say_so_and_nothing_else(fib: Path) -> None:
    (fib.parent / "fib.cwasm.json").write_bytes(record("4" * 64))
    (fib.parents[1] / "manifest.json").write_bytes(manifest("4" * 64))
    of_record, of_manifest = origins(fib)
    assert "fib.cwasm.json is the record of other bytes" in of_record.problem
    assert "manifest.json lists other bytes" in of_manifest.problem
    for origin in (of_record, of_manifest):
        assert not origin.matches
        assert origin == Origin(origin.file, matches=False, problem=origin.problem)


def test_a_manifest_that_does_not_list_the_file_is_not_its(fib: Path) -> None:
    (fib.parents[1] / "manifest.json").write_bytes(manifest())
    other = fib.with_name("other.cwasm")
    other.write_bytes(DATA)
    assert origins(other) == ()


def test_the_manifest_of_something_else_is_passed_over(fib: Path) -> None:
    (fib.parent / "manifest.json").write_text('{"name": "a browser extension", "manifest_version": 3}')
    (fib.parents[1] / "manifest.json").write_bytes(manifest())
    assert [origin.matches for origin in origins(fib)] == [True]


def test_a_damaged_record_and_manifest_are_named(fib: Path) -> None:
    (fib.parent / "fib.cwasm.json").write_bytes(record()[:-20])
    (fib.parents[1] / "manifest.json").write_bytes(manifest().replace(b'"major": 48', b'"major": true'))
    of_record, of_manifest = origins(fib)
    assert "fib.cwasm.json" in of_record.problem
    assert "manifest.json: wasmtime.major" in of_manifest.problem
    assert not of_record.matches
    assert not of_manifest.matches


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_a_fifo_in_place_of_a_record_is_not_waited_for(fib: Path) -> None:
    os.mkfifo(fib.parent / "fib.cwasm.json")
    os.mkfifo(fib.parents[1] / "manifest.json")
    (origin,) = origins(fib)
    assert "fib.cwasm.json is a FIFO, not a regular file" in origin.problem


@given(
    inputs=st.dictionaries(
        st.sampled_from(["compiler", "engine"]),
        st.none()
        | st.booleans()
        | st.text()
        | st.lists(st.integers(0, 9))
        | st.fixed_dictionaries({"version": st.none() | st.integers(1, 9)}),
    )
)
def test_inputs_of_any_shape_are_taken(tmp_path_factory: pytest.TempPathFactory, inputs: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "any.cwasm"
    path.with_name("any.cwasm.json").write_bytes(record(inputs=inputs))
    (origin,) = origins(path)
    assert origin.matches
    assert origin.compiler == ""
