"""The engine as a value: what it is made of is settled once, and everything else is told from it."""

from __future__ import annotations

import json
import pickle
import tomllib
from typing import Any

import pytest
from declarations import ARM, LINUX, PULLEY, RISCV, WINDOWS, declarations, lines_of_wasmtime, targets
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from wasmbuild.engine import lines, rules
from wasmbuild.engine.config import EngineConfig, engine_toml
from wasmbuild.engine.rules import EngineError
from wasmbuild.engine.settings import of_line
from wasmbuild.engine.triples import TargetTriple, parse

_PRESETS = st.sampled_from(["c-api", "rust", "rust-minimal", "cli"])


def declared(table: dict[str, Any], triple: TargetTriple = LINUX, line: int = 48, **cpu: Any) -> EngineConfig:
    return EngineConfig.declared(table, line=line, triple=triple, **cpu)


def drawn(table: dict[str, Any], triple: TargetTriple, line: int) -> EngineConfig | None:
    cpu = "rv64gcv" if triple is RISCV else None
    try:
        return declared(table, triple, line, cpu=cpu)
    except EngineError:
        return None


def test_two_ways_to_write_one_engine_are_one_value() -> None:
    one = declared({"embedder": "rust", "memory-may-move": True, "strategy": "auto"})
    other = declared({"embedder": "rust", "collector": "copying"})
    assert one == other
    assert hash(one) == hash(other)
    assert one.engine_table() == {"embedder": "rust", "collector": "copying"}
    assert one != declared({"embedder": "rust", "collector": "drc"})
    assert one != declared({"embedder": "rust"}, ARM)
    assert one != declared({"embedder": "rust"}, cpu="x86-64-v3")
    assert one != declared({"embedder": "rust"}, line=49)


def test_a_preset_is_expanded_once_and_its_name_brings_nothing_back() -> None:
    overridden = declared({"embedder": "rust-minimal", "wasm-threads": True, "wasm-gc": True})
    assert overridden.values()["wasm-threads"] is True
    assert overridden.changed({"consume-fuel": True}).values()["wasm-threads"] is True
    assert overridden.on(ARM).values()["wasm-threads"] is True
    assert overridden.named("c-api").values() == overridden.values()
    assert EngineConfig.from_json(overridden.to_json()) == overridden


def test_it_is_never_changed() -> None:
    config = declared({"epoch-interruption": True, "cranelift-flags": {"is_pic": True}}, cpu="x86-64-v2")
    with pytest.raises(AttributeError, match="never changed"):
        config.line = 49  # type: ignore[misc]
    with pytest.raises(AttributeError, match="never changed"):
        del config.settings
    for table in (config.settings, config.cranelift_flags, config.isa_flags):
        with pytest.raises(TypeError):
            table["is_pic"] = False  # type: ignore[index]


def test_all_mistakes_are_told_at_once_each_with_its_fix() -> None:
    with pytest.raises(EngineError) as raised:
        declared({"epoch": 1, "native-unwind-info": False}, WINDOWS, cpu="x86-64-v5")
    assert [key for key, _problem, _fix in raised.value.problems] == ["cpu", "epoch", "native-unwind-info"]
    assert str(raised.value).splitlines()[2] == (
        "native-unwind-info: Windows cannot do without unwind tables; write native-unwind-info = true for this target"
    )


def test_an_executable_is_told_target_engine_and_cpu() -> None:
    config = declared({"wasm-simd": False, "wasm-relaxed-simd": False}, cpu_features=["sse3"])
    assert config.executable_arguments() == [
        "--target", "x86_64-unknown-linux-gnu", "-Ccache=n", "-Ccollector=drc", "-Wrelaxed-simd=n", "-Wsimd=n",
        "-Ccranelift-has_sse3=true",
    ]  # fmt: skip
    assert config.loading_arguments() == ["-Ccache=n", "-Ccollector=drc", "-Wrelaxed-simd=n", "-Wsimd=n"]
    assert declared({}, PULLEY).loading_arguments() == ["-Ccache=n", "-Ccollector=drc", "--target", "pulley64"]


def test_the_key_has_what_reaches_the_compiler_and_nothing_else() -> None:
    config = declared({"embedder": "rust", "max-wasm-stack": 65536, "profiler": "perfmap"}, cpu_features=["sse3"])
    assert config.key_inputs() == {
        "triple": "x86_64-unknown-linux-gnu",
        "isa-flags": {"has_sse3": True},
        "engine": {"collector": "copying"},
    }
    assert config.library_lacks() == ["collector"]
    assert config.library_calls() == [["property", "max_wasm_stack", 65536]]
    assert config.library_calls(runtime=True) == [*config.library_calls(), ["property", "profiler", "perfmap"]]


def test_differences_are_those_of_values_not_of_words() -> None:
    one = declared({"embedder": "rust", "memory-guard-size": 65536})
    other = declared({"collector": "copying", "cranelift-flags": {"is_pic": True}})
    assert one.differences(other) == {
        "cranelift-flags.is_pic": (None, True),
        "memory-guard-size": (65536, 32 << 20),
    }
    assert declared({}).differences(declared({"embedder": "c-api"}, ARM)) == {}
    assert declared({}).differences(declared({}, PULLEY)) == {
        "memory-guard-size": (32 << 20, 0), "signals-based-traps": (True, False), "wasm-threads": (True, False),
    }  # fmt: skip


def test_on_another_target_the_values_stay_though_defaults_differ() -> None:
    there = declared({"epoch-interruption": True}, LINUX).changed({"wasm-threads": False}).on(PULLEY)
    assert there.values() == {**declared({}).values(), "epoch-interruption": True, "wasm-threads": False}
    with pytest.raises(EngineError, match="pulley64 has no threads"):
        declared({}, LINUX).on(PULLEY)


@pytest.mark.parametrize(
    ("table", "triple", "other", "expected"),
    [
        ({}, ARM, LINUX, {}),
        ({"epoch-interruption": True}, ARM, LINUX, {"epoch-interruption": True}),
        ({"embedder": "rust", "collector": "drc"}, LINUX, LINUX, {}),
        ({"embedder": "rust"}, LINUX, LINUX, {"collector": "copying"}),
        # Winch has threads on x86-64 and not on aarch64: what is a default there has to be said here.
        ({"strategy": "winch"}, ARM, LINUX, {"strategy": "winch", "wasm-threads": False}),
        (
            {"cranelift-flags": {"regalloc_algorithm": "single_pass"}},
            ARM,
            LINUX,
            {"cranelift-flags": {"regalloc_algorithm": "single_pass"}},
        ),
        ({"memory-guard-size": 0}, parse("pulley64be"), PULLEY, {}),
    ],
)
def test_settings_mean_the_same_on_another_target(
    table: dict[str, Any], triple: TargetTriple, other: TargetTriple, expected: dict[str, Any]
) -> None:
    there = declared(table, triple).on(other).named("c-api")
    assert there.triple == other
    assert there.engine_table() == {"embedder": "c-api", **expected}


@pytest.mark.parametrize(
    ("table", "line", "other", "named"),
    [
        ({}, 48, 49, {"wasm-wide-arithmetic": False}),
        ({}, 49, 48, {"wasm-wide-arithmetic": True}),
        ({"wasm-wide-arithmetic": False}, 49, 48, {"wasm-wide-arithmetic": False}),
        ({}, 49, 50, {}),
        # Winch of 49 has GC on, which is not to be had from Winch of 48.
        ({"strategy": "winch"}, 49, 48, {"strategy": "winch", "wasm-wide-arithmetic": True}),
    ],
)
def test_for_another_line_its_other_defaults_are_named(
    table: dict[str, Any], line: int, other: int, named: dict[str, Any]
) -> None:
    assert of_line(declared(table, line=line).engine_table(), line, other, LINUX) == {"embedder": "c-api", **named}


@hypothesis_settings(deadline=None)
@given(declarations, targets, lines_of_wasmtime, lines_of_wasmtime)
def test_for_another_line_the_values_stay_unless_they_cannot_be(
    table: dict[str, Any], triple: TargetTriple, line: int, other: int
) -> None:
    engine = drawn(table, triple, line)
    if engine is None:
        return
    there = EngineConfig(other, triple, {}, of_line(engine.engine_table(), line, other, triple))
    plain = EngineConfig(other, triple, {}, engine.engine_table())
    assert {name for name, *_ in there.problems()} <= {name for name, *_ in plain.problems()}
    for name in lines.get(line).settings.keys() & lines.get(other).settings.keys():
        wanted, is_there = engine.values()[name], there.values()[name]
        named = EngineConfig(other, triple, {}, {**there.engine_table(), name: wanted})
        assert is_there == wanted or len(named.problems()) > len(there.problems())


def test_what_the_other_target_refuses_has_no_engine_there() -> None:
    with pytest.raises(EngineError, match="native-unwind-info"):
        declared({"native-unwind-info": False}).on(WINDOWS)


@hypothesis_settings(deadline=None)
@given(declarations, targets, lines_of_wasmtime)
def test_what_is_written_down_is_the_same_engine_again(table: dict[str, Any], triple: TargetTriple, line: int) -> None:
    config = drawn(table, triple, line)
    if config is None:
        return
    assert config.problems() == []
    assert EngineConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    assert pickle.loads(pickle.dumps(config)) == config  # noqa: S301 -- its own
    flags = {f"cranelift-flags.{name}": value for name, value in config.cranelift_flags.items()}
    written = engine_toml({**config.declaration(config.embedder), **flags})
    assert drawn(tomllib.loads(written)["engine"], triple, line) == config
    assert config.changed({}) == config
    assert config.differences(config) == {}
    again = EngineConfig.from_remembered(json.loads(json.dumps(config.to_remembered())))
    assert again == config
    assert again.executable_arguments() == config.executable_arguments()
    assert again.key_inputs() == config.key_inputs()


@hypothesis_settings(deadline=None)
@given(declarations, targets, lines_of_wasmtime, _PRESETS)
def test_every_preset_can_declare_it(table: dict[str, Any], triple: TargetTriple, line: int, preset: str) -> None:
    config = drawn({name: value for name, value in table.items() if name != "cranelift-flags"}, triple, line)
    if config is not None and preset in lines.get(line).embedders:
        again = drawn(dict(config.declaration(preset)), triple, line)
        assert again is not None
        assert again.values() == config.values()


def test_a_remembered_engine_needs_no_data_of_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    remembered = declared({"embedder": "rust"}).to_remembered()
    monkeypatch.setattr(rules, "effective", None)
    monkeypatch.setattr(lines, "get", None)
    again = EngineConfig.from_remembered(
        {**remembered, "line": 12, "arguments": ["a"], "compiled": {"b": 1}, "own-release-only": True}
    )
    assert again.executable_arguments() == ["a"]
    assert again.version_in_artifacts("12.0.1") == "12.0.1"
    assert again.key_inputs()["engine"] == {"b": 1}


_GOOD = declared({"embedder": "rust", "consume-fuel": True}, cpu_features=["sse3"]).to_json()


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"line": True}, "line: must be a number, not true; write it again with this version of wasmbuild"),
        (
            {"line": 12},
            f"line: {rules.line_problem(12)}; use a version of wasmbuild that knows that line",
        ),
        ({"triple": 1}, 'triple: 1 is empty; write a target triple, for example "x86_64-unknown-linux-gnu"'),
        (
            {"isa-flags": []},
            "isa-flags: must be an object, not an array; write it again with this version of wasmbuild",
        ),
        ({"isa-flags": {"has_sse3": 1}}, "isa-flags.has_sse3: is not true; leave out what is off"),
        (
            {"engine": {}},
            "engine.embedder: nothing is no embedder that is known here; write it again with this version",
        ),
        (
            {"engine": {"embedder": "c-api", "consume-fuel": False}},
            "engine.consume-fuel: says what is the default, which is left out of a manifest; write it again",
        ),
        ({"engine": {"embedder": "c-api", "consume-fuel": 1}}, "engine.consume-fuel: must be true or false, not 1; "),
        (
            {"engine": {"embedder": "c-api", "cranelift-flags": {"is_pic": False}}},
            "engine.cranelift-flags: says what is the default, which is left out of a manifest; ",
        ),
        ({"more": 1}, "must be an object with engine, isa-flags, line, triple; write it again with this version"),
    ],
)
def test_what_others_wrote_is_not_believed(changed: dict[str, Any], problem: str) -> None:
    with pytest.raises(EngineError) as raised:
        EngineConfig.from_json({**_GOOD, **changed})
    assert str(raised.value).startswith(problem)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=10), lambda inner: st.lists(inner, max_size=2)
    )
)
def test_any_json_is_an_engine_or_a_problem(value: object) -> None:
    for key in _GOOD:
        if value != _GOOD[key] and not (key == "line" and value in lines.known()):
            with pytest.raises(EngineError):
                EngineConfig.from_json({**_GOOD, key: value})
    with pytest.raises(EngineError):
        EngineConfig.from_json(value)


def test_what_follows_another_setting_is_left_out_where_it_does() -> None:
    followed = declared({"memory-guard-size": 65536})
    assert followed.values()["gc-heap-guard-size"] == 65536
    assert followed == declared({"memory-guard-size": 65536, "gc-heap-guard-size": 65536})
    apart = declared({"memory-guard-size": 65536, "gc-heap-guard-size": 32 << 20})
    assert apart.settings == {"gc-heap-guard-size": 32 << 20, "memory-guard-size": 65536}
    assert followed.differences(declared({})) == {"memory-guard-size": (65536, 32 << 20)}
    assert apart.differences(followed) == {"gc-heap-guard-size": (32 << 20, 65536)}


def test_one_of_those_that_follow_others_has_none_of_them_do_so() -> None:
    """As in Wasmtime, where one that is set for the GC heap leaves the rest of it at defaults that never change."""
    leaders = {"memory-may-move": False, "memory-reservation": 1 << 20}
    apart = declared({**leaders, "gc-heap-may-move": True})
    assert apart.values()["gc-heap-reservation"] == 1 << 32
    alike = {**leaders, "gc-heap-may-move": True, "gc-heap-reservation": 1 << 20}
    assert declared(alike).settings == alike
    assert declared(alike).differences(declared({})) == {
        "gc-heap-reservation": (1 << 20, 1 << 32),
        "memory-may-move": (False, True),
        "memory-reservation": (1 << 20, 1 << 32),
    }
    for engine in (apart, declared(alike)):
        assert engine.changed({}) == engine
        assert EngineConfig.from_json(engine.to_json()) == engine
        assert declared(engine.declaration("rust")).named("c-api") == engine
    pulley = EngineConfig.declared({"gc-heap-may-move": False}, line=48, triple=parse("pulley32"))
    assert pulley.values()["gc-heap-reservation"] == 10 << 20


def test_what_a_setting_brings_is_its_default_then() -> None:
    debugged = declared({"guest-debug": True})
    assert debugged.values()["signals-based-traps"] is False
    assert debugged == declared({"guest-debug": True, "signals-based-traps": False})
    assert debugged.settings == {"guest-debug": True}
    with pytest.raises(EngineError) as raised:
        declared({"guest-debug": True, "signals-based-traps": True})
    assert str(raised.value) == (
        "signals-based-traps: guests cannot be debugged with signals-based traps; leave it out, or write "
        "guest-debug = false"
    )


def test_what_a_setting_needs_is_told_where_it_was_declared() -> None:
    for table, problem in (
        (
            {"embedder": "rust-minimal", "wasm-component-model-threading": True},
            "wasm-component-model-threading: needs concurrency-support; leave it out, or write "
            "concurrency-support = true",
        ),
        (
            {"wasm-component-model-error-context": True, "concurrency-support": False},
            "concurrency-support: wasm-component-model-error-context needs it; leave it out, or write "
            "wasm-component-model-error-context = false",
        ),
        (
            {"debug-info": True, "debug-symbols": False},
            "debug-symbols: debug-info needs it; leave it out, or write debug-info = false",
        ),
    ):
        with pytest.raises(EngineError) as raised:
            declared(table)
        assert str(raised.value) == problem


def test_a_preset_is_applied_once() -> None:
    """What somebody declared against the preset stays so, however often the value is changed, moved or read again."""
    engine = EngineConfig.declared({"embedder": "rust", "collector": "drc"}, line=48, triple=LINUX)
    for again in (
        engine,
        engine.changed({"consume-fuel": True}),
        engine.on(ARM),
        engine.with_isa_flags({"has_avx": True}),
        EngineConfig.from_json(engine.to_json()),
        EngineConfig(48, LINUX, {}, engine.engine_table()),
    ):
        assert again.values()["collector"] == "drc"
        assert "-Ccollector=drc" in again.executable_arguments()
        assert again.embedder == "rust"
    assert rules.effective(engine.engine_table(), 48, LINUX)["collector"] == "drc"
