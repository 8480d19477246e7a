from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from wasmbuild.embed import c, csharp, go, python, rust
from wasmbuild.embed.literals import filled, loader, quoted
from wasmbuild.embed.spec import ProbeArtifact, Spec, TargetEngine, platforms
from wasmbuild.engine import lines
from wasmbuild.errors import UsageError

SETTINGS = lines.get(48).settings
Make = Callable[..., Spec]

# What the C API of 48 cannot set, of what an engine has to agree in or is told.
C_LACKS = (
    "collector", "compiler-inlining", "debug-symbols", "gc-heap-guard-size", "gc-heap-initial-size", "gc-heap-may-move",
    "gc-heap-reservation", "guard-before-linear-memory", "guest-debug", "table-lazy-init",
    "wasm-component-model-error-context", "wasm-component-model-fixed-length-lists", "wasm-component-model-gc",
    "wasm-component-model-memory64", "wasm-component-model-threading", "wasm-stack-switching",
)  # fmt: skip
# What it cannot set either, and no engine looks at.
UNTOLD = ("gc-heap-reservation-for-growth", "generate-address-map", "memory-guaranteed-dense-image-size")


def other(name: str) -> dict[str, Any]:
    """Return a declaration with another value than the default of one setting, and what has to go with it."""
    setting = SETTINGS[name]
    default = setting.default
    if isinstance(default, bool):
        value: Any = not default
    elif isinstance(default, int):
        value = default + (1 << 16)
    else:
        value = next(choice for choice in setting.choices if choice not in (default, "auto"))
    brought: dict[str, Any] = {"wasm-relaxed-simd": False} if name == "wasm-simd" else {}
    return {**brought, name: value}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_told_or_refused_in_c(name: str, spec: Make) -> None:
    made = spec(other(name))
    if name in C_LACKS or name == "wasm-component-model-implements":
        with pytest.raises(UsageError, match=rf"wasmbuild\.toml: engine\.{name} = .*: the C API of Wasmtime 48"):
            c.generate(made)
    elif name in UNTOLD:
        assert f"// {name} is not told: the C API cannot" in c.generate(made)
    else:
        call = {"cache": "wasmtime_config_cache_config_load("}.get(
            name, f"wasmtime_config_{name.replace('-', '_')}_set("
        )
        assert call in c.generate(made)
        assert call not in c.generate(spec({}))


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_told_in_rust(name: str, spec: Make) -> None:
    declared = {**other(name), "embedder": "rust"}
    if name == "collector":
        declared[name] = "null"
    method = {"wasm-relaxed-simd-deterministic": "relaxed_simd_deterministic"}.get(name, name.replace("-", "_"))
    assert f"config.{method}(" in rust.generate(spec(declared))
    assert f"config.{method}(" not in rust.generate(spec({"embedder": "rust"}))


def test_a_call_that_a_crate_without_default_features_lacks_is_explained_in_rust(spec: Make) -> None:
    made = rust.generate(spec({}))
    needs = '// Needs the crate\'s feature gc: with runtime and std alone, declare embedder = "rust-minimal".\n'
    assert f"    {needs}    config.collector(" in made
    assert needs not in rust.generate(spec({"embedder": "rust"}))
    assert "// Needs" not in rust.generate(spec({"embedder": "rust-minimal", "consume-fuel": True}))


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_told_or_refused_in_python(name: str, spec: Make) -> None:
    made = spec(other(name))
    if name in C_LACKS or name == "wasm-component-model-implements":
        with pytest.raises(UsageError, match=rf"engine\.{name} = .*: the Python package of Wasmtime 48"):
            python.generate(made)
        return
    text = python.generate(made)
    ast.parse(text)
    property_name = name.replace("-", "_")
    if name in UNTOLD:
        assert f"# {name} is not told" in text
    else:
        assert f"    config.{property_name} = " in text or f"_bindings.wasmtime_config_{property_name}_set(" in text


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize(("language", "who"), [(go, "wasmtime-go"), (csharp, "Wasmtime.NET")])
def test_every_setting_is_told_or_refused_where_the_package_has_some(
    name: str, language: Any, who: str, spec: Make
) -> None:
    made = spec(other(name))
    relaxed = language is csharp and name in csharp._RELAXED
    if name == "cache" or relaxed or (name in language._METHODS and name != "strategy"):
        call = {"cache": "CacheConfig"}.get(name, "WithRelaxedSIMD(" if relaxed else f".{language._METHODS.get(name)}(")
        assert call in language.generate(made)
        assert f"config{call}" not in language.generate(spec({}))
    elif SETTINGS[name].check == "unseen":
        assert f"// {name} is not told: {who} cannot" in language.generate(made)
    else:
        with pytest.raises(
            UsageError, match=rf"wasmbuild\.toml: engine\.{name} = .*: {who}.* no way to set it"
        ) as told:
            language.generate(made)
        if "in a program of C" in str(told.value):
            c.generate(made)
        else:
            assert str(told.value).endswith('; write embedder = "c-api" under [engine], and only settings that it has')
            with pytest.raises(UsageError):
                c.generate(made)


def test_go_refuses_what_the_module_of_an_earlier_line_lacks(spec: Make) -> None:
    with pytest.raises(UsageError) as told:
        go.generate(spec({"wasm-component-model": False}, 36))
    assert str(told.value) == (
        "wasmbuild.toml: engine.wasm-component-model = false: wasmtime-go of Wasmtime 36 has no way to set it; leave "
        "it out under [engine], or load the artifacts in a program of C"
    )


@pytest.mark.parametrize("language", [go, csharp])
def test_what_the_embedder_brings_is_not_to_be_left_out(language: Any, spec: Make) -> None:
    with pytest.raises(UsageError) as told:
        language.generate(spec({"embedder": "rust-minimal"}))
    assert str(told.value).endswith('; write embedder = "c-api" under [engine], and only settings that it has')
    language.generate(spec({"embedder": "c-api"}))


def test_pulley_where_a_package_has_it_and_where_not(spec: Make) -> None:
    text = go.generate(spec({}, triple="pulley64"))
    assert 'config.SetTarget("pulley64")' in text
    assert '\t\t"pulley64": {' in text
    with pytest.raises(UsageError, match=r"is of Pulley, and Wasmtime\.NET has no way to choose it; name a native"):
        csharp.generate(spec({}, triple="pulley64"))


@pytest.mark.parametrize("language", [go, csharp])
def test_what_a_package_cannot_switch_off_is_refused(language: Any, spec: Make) -> None:
    with pytest.raises(UsageError, match="no way to switch component-model-async off, which goes with it"):
        language.generate(spec({"wasm-reference-types": False}, line=49))


def test_a_preset_that_the_c_api_cannot_be_is_refused(spec: Make) -> None:
    with pytest.raises(UsageError) as caught:
        c.generate(spec({"embedder": "rust"}))
    assert str(caught.value) == (
        'wasmbuild.toml: engine.collector = "copying": the C API of Wasmtime 48 has no way to set it; write embedder = '
        '"c-api" under [engine], and only settings that it has'
    )


def test_the_crate_s_own_defaults_are_not_told(spec: Make) -> None:
    assert "    // All defaults.\n" in rust.generate(spec({"embedder": "rust"}))
    assert "config.collector(wasmtime::Collector::DeferredReferenceCounting);" in rust.generate(spec({}))


@pytest.mark.parametrize(
    ("line", "value", "told"),
    [
        (36, True, "true"),
        (48, True, "wasmtime::Inlining::Yes"),
        (48, "gc", "wasmtime::Inlining::InterModuleAndIntraGc"),
        (50, "intrinsics", "wasmtime::Inlining::Intrinsics"),
    ],
)
def test_a_value_is_told_in_the_words_of_its_line(line: int, value: bool | str, told: str, spec: Make) -> None:
    declared = {"embedder": "rust", "compiler-inlining": value}
    assert f"config.compiler_inlining({told});" in rust.generate(spec(declared, line))


@pytest.mark.parametrize("name", ["wasm-threads", "wasm-exceptions", "wasm-component-model"])
def test_a_crate_without_features_lacks_methods(name: str, spec: Make) -> None:
    with pytest.raises(UsageError) as caught:
        rust.generate(spec({"embedder": "rust-minimal", name: True}))
    assert f"engine.{name} = true: Config::" in str(caught.value)
    assert "which rust-minimal lacks; leave the setting out, or write embedder" in str(caught.value)


@pytest.mark.parametrize("line", [48, 49, 50])
@pytest.mark.parametrize(("name", "feature"), [("gc-support", "gc"), ("concurrency-support", "component-model-async")])
def test_a_crate_without_features_refuses_what_it_has_methods_for(
    line: int, name: str, feature: str, spec: Make
) -> None:
    method = name.replace("-", "_")
    with pytest.raises(UsageError, match=rf"Config::{method} needs the crate's feature {feature}, which rust-minimal "):
        rust.generate(spec({"embedder": "rust-minimal", name: True}, line))
    assert method not in rust.generate(spec({"embedder": "rust-minimal", name: False}, line))
    assert f"config.{method}(false);" in rust.generate(
        spec(
            {
                "embedder": "rust",
                "wasm-exceptions": False,
                "wasm-gc": False,
                "wasm-function-references": False,
                name: False,
            },
            line,
        )
    )


def test_a_crate_without_a_compiler_is_not_told_how_to_compile(spec: Make) -> None:
    declared = {"embedder": "rust-minimal", "cranelift-opt-level": "none", "cranelift-flags": {"is_pic": True}}
    text = rust.generate(spec(declared))
    assert "    // cranelift-opt-level is not told" in text
    assert "    // cranelift-flags are not told" in text
    assert _told(text) == ["config.wasm_gc(false);"]


def test_an_engine_without_a_collector_is_told_to_refuse_what_it_cannot_run(spec: Make) -> None:
    assert _told(rust.generate(spec({"embedder": "rust-minimal"}))) == ["config.wasm_gc(false);"]
    assert _told(rust.generate(spec({"embedder": "rust-minimal", "wasm-gc": True}))) == []


def _told(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip().startswith("config.")]


@pytest.mark.parametrize("generate", [c.generate, rust.generate, python.generate])
def test_pulley_is_a_target_of_the_engine(generate: Callable[[Spec], str], spec: Make) -> None:
    text = generate(spec({"embedder": "rust-minimal"} if generate is rust.generate else {}, triple="pulley64"))
    assert '"pulley64"' in text
    assert '"pulley64"' not in generate(spec({"embedder": "rust-minimal"} if generate is rust.generate else {}))


@pytest.mark.parametrize(
    ("generate", "call"),
    [
        (c.generate, "wasmtime_config_wasm_component_model_async_set(config, false);"),
        (rust.generate, "config.wasm_component_model_async(false);"),
        (python.generate, "_bindings.wasmtime_config_wasm_component_model_async_set(config.ptr(), False)"),
    ],
)
def test_later_lines_need_more_to_be_without_reference_types(
    generate: Callable[[Spec], str], call: str, spec: Make
) -> None:
    declared: Mapping[str, Any] = {"wasm-reference-types": False}
    assert call in generate(spec(declared, line=49))
    assert call not in generate(spec(declared, line=48))


def test_a_header_is_for_its_line(spec: Make) -> None:
    assert "#if WASMTIME_VERSION_MAJOR != 49\n" in c.generate(spec({}, line=49))


@pytest.mark.parametrize("generate", [c.generate, rust.generate, python.generate])
def test_every_platform_has_its_own_probe(generate: Callable[[Spec], str], spec: Make) -> None:
    linux, mac = spec({}), spec({}, triple="aarch64-apple-darwin")
    probes = (*linux.probes, mac.probes[0]._replace(artifact=mac.probes[0].artifact[:300]))
    text = generate(linux._replace(probes=probes))
    if generate is c.generate:
        assert (
            "#if (defined(__x86_64__) || defined(_M_X64)) && defined(__linux__) && !defined(__ANDROID__) // server"
            in text
        )
        assert "#elif (defined(__aarch64__) || defined(_M_ARM64)) && defined(__APPLE__) && TARGET_OS_OSX" in text
        assert "#define WASMBUILD_PROBE_SIZE 300" in text
    elif generate is rust.generate:
        assert '#[cfg(all(target_arch = "x86_64", target_os = "linux"))]' in text
        assert '#[cfg(all(target_arch = "aarch64", target_os = "macos"))]' in text
    else:
        assert '("x86_64", "linux"): (' in text
        assert '("aarch64", "darwin"): (' in text


@pytest.mark.parametrize("generate", [c.generate, rust.generate, python.generate])
def test_odd_names_do_not_break_out(generate: Callable[[Spec], str], spec: Make) -> None:
    made = spec({})._replace(origin='a"b\\c\n*/é', command="x")
    text = generate(made._replace(origin=made.origin.replace("\n", "")))
    if generate is python.generate:
        ast.parse(text)
    assert 'a\\"b\\\\c*/_' in text


def test_names_of_templates_are_all_filled(spec: Make) -> None:
    with pytest.raises(KeyError):
        filled("@unknown@", known=1)
    for generate in (c.generate, rust.generate, python.generate):
        assert not [line for line in generate(spec({})).splitlines() if "@" in line]


def test_quoted() -> None:
    assert quoted('a"\\\tä') == '"a\\"\\\\__"'
    assert "??" not in quoted("a???/")


@pytest.mark.parametrize(
    ("generate", "file"),
    [
        (c.generate, "loader.h"),
        (rust.generate, "loader.rs"),
        (python.generate, "loader.py"),
        (csharp.generate, "loader.cs"),
    ],
)
def test_what_is_always_the_same_is_a_file_of_its_own(generate: Callable[[Spec], str], file: str, spec: Make) -> None:
    same = loader(file)
    one, other_ = generate(spec({})), generate(spec({"epoch-interruption": True, "embedder": "c-api"}))
    assert one != other_
    for text in (one, other_):
        assert text.count(same) == 1


def test_the_c_header_hashes_as_hashlib_does() -> None:
    """Its constants are those of FIPS 180-4; C has no library for them."""
    numbers = {int(number, 16) for number in re.findall(r"0x[0-9a-f]{8}\b", loader("loader.h"))}
    primes = [n for n in range(2, 312) if all(n % d for d in range(2, n))]
    rounds = {_root(prime << 96, 3) & 0xFFFFFFFF for prime in primes}
    start = {math.isqrt(prime << 64) & 0xFFFFFFFF for prime in primes[:8]}
    assert numbers == rounds | start


def _root(number: int, degree: int) -> int:
    low, high = 0, number
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**degree <= number else (low, middle - 1)
    return low


@pytest.mark.parametrize(
    "status",
    [
        "ok",
        "unreadable",
        "not_precompiled",
        "precompiled",
        "other_kind",
        "other_line",
        "other_platform",
        "other_cpu",
        "other_settings",
        "damaged",
        "no_wasm",
        "not_valid",
        "host_limit",
    ],
)
def test_every_status_is_in_every_loader(status: str) -> None:
    assert f"  WASMBUILD_{status.upper()}" in loader("loader.h")
    if status not in ("ok", "precompiled", "not_valid"):
        assert f"    {''.join(word.capitalize() for word in status.split('_'))},\n" in loader("loader.rs")
        assert re.search(rf"\b{status}\b", loader("loader.py"))


@pytest.mark.parametrize(
    ("language", "linux", "android"),
    [
        (c, "defined(__linux__) && !defined(__ANDROID__)", "&& defined(__ANDROID__)"),
        (python, '("aarch64", "linux")', '("aarch64", "android")'),
        (csharp, '"linux/arm64"', '"android/arm64"'),
        (go, '"linux/arm64"', '"android/arm64"'),
        (rust, 'target_os = "linux"', 'target_os = "android"'),
    ],
    ids=["c", "python", "csharp", "go", "rust"],
)
def test_android_is_a_system_of_its_own(
    language: Any, linux: str, android: str, machine: Callable[..., TargetEngine]
) -> None:
    found = platforms([machine("board", "aarch64-unknown-linux-gnu"), machine("phone", "aarch64-linux-android")])
    probes = tuple(ProbeArtifact(platform, b"\x7fELF" + bytes(100)) for platform in found)
    text = language.generate(Spec("wasmbuild.toml", "wasmbuild embed", found[0].engine, probes))
    assert text.count(linux) == text.count(android) > 0
