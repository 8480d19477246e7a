"""Keys: everything that decides the bytes, and nothing else; and what the difference of two says."""

from __future__ import annotations

import json
import re
from typing import Any

from engines import engine
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.builder import key
from wasmbuild.builder.explain import differences
from wasmbuild.builder.key import SCHEMA, CompilerIdentity, digest
from wasmbuild.formats.documents import Source
from wasmbuild.formats.key_inputs import KeyInputs
from wasmbuild.formats.record import Record

COMPILER = CompilerIdentity("48.0.2", "c" * 64)


def document(
    *, compiler: CompilerIdentity = COMPILER, wasm: str = "a" * 64, kind: str = "module", **changes: Any
) -> KeyInputs:
    made = {name: changes.pop(name) for name in ("triple", "isa_flags") if name in changes}
    return key.document(engine(changes.pop("engine", {}), **made), compiler, wasm, kind)


def test_what_only_the_runtime_sees_is_not_in_the_key() -> None:
    same = digest(document())
    assert digest(document(engine={"max-wasm-stack": 65536, "parallel-compilation": False})) == same
    assert digest(document(engine={"embedder": "rust", "collector": "drc"})) == same


def test_each_input_changes_the_key_and_is_told_in_words() -> None:
    wanted = document()
    for changed, reason in [
        (document(wasm="b" * 64), "source changed"),
        (document(kind="component"), "kind changed from component to module"),
        (
            document(triple="aarch64-apple-darwin"),
            "triple changed from aarch64-apple-darwin to x86_64-unknown-linux-gnu",
        ),
        (document(isa_flags={"has_avx": True}), "CPU flag has_avx is no longer set (was true)"),
        (document(engine={"consume-fuel": True}), "engine setting consume-fuel is no longer set (was true)"),
        (document(compiler=COMPILER._replace(version="48.0.8")), "compiler 48.0.8 → 48.0.2"),
        (document(compiler=COMPILER._replace(sha256="d" * 64)), "another build of compiler 48.0.2"),
    ]:
        assert digest(changed) != digest(wanted)
        assert differences(changed, wanted) == [reason]
        assert differences(wanted, wanted) == []
    flags = {"cranelift-flags": {"regalloc_algorithm": "single_pass"}}
    assert differences(document(), document(engine={"memory-guard-size": 65536, **flags})) == [
        "engine setting cranelift-flags is now {regalloc_algorithm = single_pass}",
        "engine setting memory-guard-size is now 65536",
    ]


def test_what_is_written_once_for_all_sources_is_what_json_makes_of_each() -> None:
    for wasm in ("a" * 64, "b" * 64):
        made = document(wasm=wasm)
        assert digest(made) == digest(dict(made))
        assert made.head + made.tail == json.dumps(made, sort_keys=True)
        record = Record("m@t", digest(made), made, 1, "e" * 64, "module", Source("m.wat", "f" * 64), wasm, (), ())
        assert record.to_bytes() == record._replace(inputs=dict(made)).to_bytes()


def test_a_record_of_another_schema_is_told_apart() -> None:
    assert differences({"schema": "wasmbuild/key/0"}, document()) == [
        f"the key's schema changed from wasmbuild/key/0 to {SCHEMA}"
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=10),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=10), values, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=10), json_values, max_size=5))
def test_equal_documents_have_equal_keys_whatever_their_order(value: dict[str, Any]) -> None:
    reordered = dict(reversed(list(value.items())))
    assert digest(value) == digest(reordered)
    assert re.fullmatch("[0-9a-f]{64}", digest(value))


@given(
    st.dictionaries(
        st.sampled_from(["schema", "wasm", "kind", "triple", "isa-flags", "engine", "compiler"]),
        json_values,
        max_size=4,
    )
)
def test_whatever_a_record_holds_the_difference_is_words(stored: dict[str, Any]) -> None:
    reasons = differences({"schema": SCHEMA, **stored}, document())
    assert reasons
    assert all(isinstance(reason, str) for reason in reasons)
