from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.engine import lines, triples
from wasmbuild.engine.config import engine_toml
from wasmbuild.engine.rules import effective, embedder_of
from wasmbuild.fit.table import shortest

SETTINGS = lines.get(48).settings
EMBEDDERS = {name: embedder.settings for name, embedder in lines.get(48).embedders.items()}
UNCONFIGURED = {name: embedder.unconfigured for name, embedder in lines.get(48).embedders.items()}
HOST = triples.parse("x86_64-unknown-linux-gnu")
CHECKED = [
    setting
    for setting in SETTINGS.values()
    if setting.check in ("equal", "feature") and setting.name != "strategy" and isinstance(setting.default, bool)
]
FOUND = st.dictionaries(st.sampled_from([setting.name for setting in CHECKED]), st.booleans()).flatmap(
    lambda switches: st.fixed_dictionaries(
        {},
        optional={"collector": st.sampled_from(["drc", "copying", "null"]), "memory-guard-size": st.integers(0, 2**32)},
    ).map(lambda more: {**switches, **more})
)


@pytest.mark.parametrize("preset", ["c-api", "rust", "rust-minimal"])
def test_a_preset_is_named_alone(preset: str) -> None:
    assert shortest(EMBEDDERS[preset], 48, HOST) == {"embedder": preset}


def test_a_preset_keeps_off_what_its_engine_accepts_and_cannot_run() -> None:
    found = {**EMBEDDERS["rust-minimal"], **UNCONFIGURED["rust-minimal"]}
    assert found["wasm-gc"] is True
    assert shortest(found, 48, HOST) == {"embedder": "rust-minimal"}


def test_of_presets_that_say_the_same_the_crate_comes_first() -> None:
    assert EMBEDDERS["cli"] == EMBEDDERS["rust"]
    assert shortest({"collector": "copying"}, 48, HOST) == {"embedder": "rust"}


def test_what_a_preset_lacks_is_added() -> None:
    found = {"collector": "copying", "consume-fuel": True, "memory-guard-size": 65536}
    declared = shortest(found, 48, HOST)
    assert declared == {"embedder": "rust", "consume-fuel": True, "memory-guard-size": 65536}
    assert engine_toml(declared) == '[engine]\nembedder = "rust"\nconsume-fuel = true\nmemory-guard-size = 65536\n'


def test_winch_comes_with_its_own_defaults() -> None:
    assert shortest({"strategy": "winch", "gc-support": False}, 48, HOST) == {"embedder": "c-api", "strategy": "winch"}


@given(FOUND)
def test_the_table_says_what_was_found(found: dict[str, bool | int | str]) -> None:
    declared = shortest(found, 48, HOST)
    again = tomllib.loads(engine_toml(declared))["engine"]
    assert again == declared
    kept_off = UNCONFIGURED.get(declared["embedder"], {})
    values = [effective(table, 48, HOST, embedder_of(table)).items() for table in (again, found)]
    differing = values[0] ^ values[1]
    assert {name for name, _value in differing} <= kept_off.keys()
