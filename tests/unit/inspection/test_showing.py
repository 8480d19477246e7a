"""What people and programs are shown, of descriptions as hostile files could make them."""

from __future__ import annotations

import io
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrix import examples

from wasmbuild.audit.database import bundled
from wasmbuild.audit.judge import VERDICTS, Finding
from wasmbuild.console.terminal import Console
from wasmbuild.engine.triples import ARCHITECTURES
from wasmbuild.formats.extern import COMPONENT_KINDS, CORE_KINDS, Export, Import
from wasmbuild.formats.traits import ODD_TAGS_WITH, Traits
from wasmbuild.inspection import compare
from wasmbuild.inspection.facts import ArtifactDescription, Cpu, Description, Engine, Origin, Section, WebAssembly
from wasmbuild.inspection.report import JSON_SCHEMA, to_json
from wasmbuild.inspection.roles import ROLES
from wasmbuild.inspection.text import tell, tell_comparison

VALIDATOR = jsonschema.Draft202012Validator(JSON_SCHEMA)
# A description is large.
FEW = examples(0.4)

TEXT = st.text(st.characters() | st.sampled_from("\x1b\n\r\u202e\u2028\x07\x9b"), max_size=30)
VALUE = st.booleans() | st.integers(0, 255) | TEXT
DIGEST = st.sampled_from(["0" * 64, "1" * 64])
KIND = st.sampled_from(["module", "component"])
EXTERN = st.sampled_from([*CORE_KINDS, *COMPONENT_KINDS])
IMPORTS = st.lists(st.builds(Import, TEXT, TEXT, EXTERN, TEXT), max_size=30).map(tuple)
EXPORTS = st.lists(st.builds(Export, TEXT, EXTERN, TEXT), max_size=30).map(tuple)
SECTIONS = st.lists(
    st.builds(Section, TEXT, st.integers(0, 1 << 40), st.sampled_from(list(ROLES)), st.none() | DIGEST), max_size=30
).map(tuple)
FLAGS = st.dictionaries(TEXT, VALUE, max_size=5)
NAMES = st.lists(TEXT, max_size=5).map(tuple)
TOLD: list[dict[str, Any]] = [
    {"embedder": "c-api"},
    {"embedder": "rust", "collector": "copying", "consume-fuel": True},
    {"embedder": "c-api", "cranelift-flags": {"regalloc_algorithm": "single_pass"}, "memory-guard-size": 65536},
]
ENGINE = st.builds(Engine, st.sampled_from(TOLD), st.booleans(), NAMES, st.just("")) | st.builds(
    Engine, st.none(), st.just(False), st.just(()), TEXT
)
PROPOSALS = st.lists(st.sampled_from(["simd", "threads", "gc"]), unique=True).map(tuple)
TRAITS = st.none() | st.builds(
    Traits, PROPOSALS, st.integers(0, 3), st.lists(st.sampled_from(ODD_TAGS_WITH), unique=True).map(tuple),
    st.integers(0, 1 << 64), *[st.booleans(), *[st.integers(0, 1 << 20)] * 3, *[st.booleans()] * 6],
)  # fmt: skip
FINDING = st.builds(
    Finding, st.sampled_from(bundled().advisories), st.sampled_from(VERDICTS), TEXT, st.none() | st.just("48.0.8")
)
FAULTS = st.none() | st.lists(FINDING, max_size=5).map(tuple)
# Settings are told of known lines and targets only.
ARTIFACT = st.builds(
    ArtifactDescription, KIND, st.just("48"), st.just("x86_64-unknown-linux-gnu"),
    st.sampled_from([None, *ARCHITECTURES]), st.builds(Cpu, st.none() | TEXT, NAMES, FLAGS), ENGINE, FLAGS, SECTIONS,
    FAULTS,
)  # fmt: skip
FEATURES = st.sampled_from([(), ("wasm-simd",), ("wasm-custom-page-sizes", "wasm-threads")])
WEBASSEMBLY = st.builds(
    WebAssembly, KIND, DIGEST, IMPORTS, EXPORTS, st.lists(st.just("1..2"), max_size=3).map(tuple), st.booleans(),
    SECTIONS, st.just(48), st.none() | FEATURES, TEXT, TRAITS,
)  # fmt: skip
ORIGIN = st.builds(
    Origin, TEXT, st.just(True), st.just(""), TEXT, TEXT, DIGEST, st.none() | DIGEST, TEXT, st.none(), st.none(),
    IMPORTS, EXPORTS, TRAITS, st.none(),
)  # fmt: skip
ORIGINS = st.lists(ORIGIN, max_size=2).map(tuple)
DESCRIPTION = st.builds(
    Description, TEXT, st.just("artifact"), st.integers(0, 1 << 40), DIGEST, ARTIFACT, st.none(), ORIGINS, st.just(())
) | st.builds(
    Description, TEXT, st.sampled_from(["module", "text"]), st.integers(0, 1 << 40), DIGEST, st.none(), WEBASSEMBLY,
    st.just(()), st.just(()),
)  # fmt: skip


def told(description: Description) -> str:
    stream = io.StringIO()
    tell(description, Console(stream))
    return stream.getvalue()


def assert_harmless(text: str) -> None:
    assert all(line.isprintable() for line in text.split("\n")), repr(text)


@FEW
@given(DESCRIPTION)
def test_nothing_that_a_file_says_reaches_the_terminal_unescaped(description: Description) -> None:
    text = told(description)
    assert_harmless(text)
    assert max(map(len, text.splitlines())) < 1200


@FEW
@given(DESCRIPTION, DESCRIPTION)
def test_neither_does_what_differs(left: Description, right: Description) -> None:
    stream = io.StringIO()
    tell_comparison(left, right, compare(left, right), Console(stream))
    assert_harmless(stream.getvalue())


@FEW
@given(DESCRIPTION, DESCRIPTION, st.booleans())
def test_json_is_as_its_schema_says(left: Description, right: Description, both: bool) -> None:
    text = to_json([left, right], compare(left, right) if both else None)
    assert_harmless(text)
    VALIDATOR.validate(json.loads(text))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(JSON_SCHEMA)


@FEW
@given(DESCRIPTION)
def test_a_file_does_not_differ_from_itself(description: Description) -> None:
    assert compare(description, description).differences == ()
    other = description._replace(sha256="f" * 64)
    assert compare(description, other).differences == ()


def described(**changes: Any) -> Description:
    cpu = Cpu("x86-64-v3", ("avx512f",), {"has_avx2": True})
    sections = (Section(".text", 4096, "code", "a" * 64), Section(".rodata.wasm", 10, "data", "b" * 64))
    engine = Engine({"embedder": "rust", "collector": "copying", "epoch-interruption": True}, exact=True)
    artifact = ArtifactDescription(
        "module", "48", "x86_64-unknown-linux-gnu", "x86_64", cpu, engine, {"opt_level": "speed"}, sections
    )._replace(**changes)
    return Description("fib.cwasm", "artifact", 5000, "c" * 64, artifact)


def test_an_artifact_in_words() -> None:
    text = told(described())
    for words in (
        "fib.cwasm: a module that Wasmtime 48 precompiled for x86_64-unknown-linux-gnu\n",
        "  load with   Rust     unsafe { Module::deserialize_file(&engine, path) }\n",
        "              command  wasmtime run --allow-precompiled -Wtimeout=60s\n",
        '"magic header not detected"',
        "  CPU         x86-64-v3 or better, with avx512f\n",
        '  engine      embedder = "rust"          as the Rust crate and the wasmtime command have by default\n',
        "              epoch-interruption = true\n",
        "  size        5.0 kB: 4.1 kB code, 10 B data of the WebAssembly\n",
        "  sections    .text           4.1 kB  code\n",
    ):
        assert words in text
    assert "collector" not in text


@pytest.mark.parametrize(
    ("settings", "by_library"),
    [
        ({"consume-fuel": True}, True),
        ({"collector": "null"}, False),
        ({"memory-guaranteed-dense-image-size": 0}, True),
        ({"wasm-component-model-gc": True}, False),
    ],
)
def test_python_and_c_are_told_where_their_engine_can_load_it(settings: dict[str, Any], by_library: bool) -> None:
    text = told(described(engine=Engine({"embedder": "c-api", **settings}, exact=True)))
    assert ("wasmtime.Module.deserialize_file(engine, path)\n" in text) is by_library
    assert ("wasmtime_module_deserialize_file\n" in text) is by_library


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ({"consume-fuel": True}, "-Wfuel=N"),
        ({"consume-fuel": True, "epoch-interruption": True}, "-Wfuel=N -Wtimeout=60s"),
        ({"epoch-interruption": False}, "-Wepoch-interruption=n"),
    ],
)
def test_what_stops_at_a_limit_is_given_one(settings: dict[str, Any], options: str) -> None:
    text = told(described(engine=Engine({"embedder": "rust", "collector": "copying", **settings}, exact=True)))
    assert f"wasmtime run --allow-precompiled {options}\n" in text


def test_bytecode_is_loaded_with_its_target_named_once() -> None:
    pulley = {"triple": "pulley64-unknown-unknown-elf", "architecture": "pulley64"}
    known = Engine({"embedder": "c-api"}, exact=True)
    for engine, options in (
        (known, "-Ccollector=drc --target pulley64-unknown-unknown-elf"),
        (Engine(None, exact=False, problem="no Wasmtime 48 is installed"), "--target pulley64"),
    ):
        text = told(described(**pulley, engine=engine))
        assert f"wasmtime run --allow-precompiled {options}\n" in text


def test_of_a_line_whose_releases_load_their_own_artifacts_alone_no_call_of_python_is_told() -> None:
    text = told(described(line="36.0.20", engine=Engine({"embedder": "c-api"}, exact=True)))
    assert "  load with   C        wasmtime_module_deserialize_file\n" in text
    assert "that it is not valid UTF-8 (Rust)" in " ".join(text.split())


def test_settings_that_were_not_told_say_why_and_show_flags() -> None:
    text = told(described(engine=Engine(None, exact=False, problem="no Wasmtime 48 is installed")))
    assert "  engine      settings are not told: no Wasmtime 48 is installed\n" in text
    assert '  flags       opt_level = "speed"\n' in text
    assert "wasmtime run --allow-precompiled\n" in text


def test_settings_that_are_not_all_say_so() -> None:
    text = told(described(engine=Engine({"embedder": "c-api"}, exact=False, unnamed=("1 more that has no name here",))))
    assert "the settings are not all of it; besides: 1 more that has no name here" in text


def test_long_lists_are_cut() -> None:
    exports = tuple(Export(f"f{number}", "func", "() -> ()") for number in range(1000))
    origin = Origin("fib.cwasm.json", True, exports=exports)
    text = told(described()._replace(origins=(origin,)))
    assert "f23" in text
    assert "f24" not in text
    assert "… and 976 more; --json has all" in text


def test_the_right_call_for_what_is_not_compiled() -> None:
    webassembly = WebAssembly("module", "d" * 64, (), (), (), False, (), 48, ("wasm-custom-page-sizes",), "")
    text = told(Description("m.cwasm", "module", 8, "d" * 64, None, webassembly))
    assert "m.cwasm: a core module in WebAssembly, not compiled yet\n" in text
    assert "wasmtime.Module(engine, data)" in text
    assert "failed to parse precompiled artifact as an ELF" in " ".join(text.split())
    assert "takes it only with wasm-custom-page-sizes = true under [engine]" in text
    component = told(Description("c.wasm", "component", 8, "d" * 64, None, webassembly._replace(kind="component")))
    assert "wasmtime.component.Component(engine, data)" in component
