from __future__ import annotations

import ast
import hashlib
import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from wasmbuild.embed import c, python, rust, sha256
from wasmbuild.embed.literals import filled, quoted
from wasmbuild.embed.spec import Spec
from wasmbuild.engine import lines
from wasmbuild.errors import UsageError

SETTINGS = lines.get(48).settings
Make = Callable[..., Spec]

# What the C API of 48 cannot set, of what an engine has to agree in or is told.
C_LACKS = ("collector", "compiler-inlining", "guard-before-linear-memory", "table-lazy-init")


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
    elif name == "generate-address-map":
        assert "// generate-address-map is not told: the C API cannot" in c.generate(made)
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
    if name == "generate-address-map":
        assert "# generate-address-map is not told" in text
    else:
        assert f"    config.{property_name} = " in text or f"_bindings.wasmtime_config_{property_name}_set(" in text


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


@pytest.mark.parametrize("name", ["wasm-threads", "wasm-exceptions", "wasm-component-model"])
def test_a_crate_without_features_lacks_methods(name: str, spec: Make) -> None:
    with pytest.raises(UsageError) as caught:
        rust.generate(spec({"embedder": "rust-minimal", name: True}))
    assert f"engine.{name} = true: Config::" in str(caught.value)
    assert "which rust-minimal lacks; leave the setting out, or write embedder" in str(caught.value)


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
        assert "#if (defined(__x86_64__) || defined(_M_X64)) && defined(__linux__) // server" in text
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


def test_constants_of_sha256() -> None:
    """Hash with them, and compare with hashlib."""
    data = b"wasmbuild" * 20
    assert _sha256(data) == hashlib.sha256(data).hexdigest()


def _sha256(data: bytes) -> str:
    mask = 0xFFFFFFFF

    def rotate(x: int, n: int) -> int:
        return (x >> n | x << (32 - n)) & mask

    state = list(sha256.START)
    padded = data + b"\x80" + bytes((55 - len(data)) % 64) + (8 * len(data)).to_bytes(8, "big")
    for at in range(0, len(padded), 64):
        words = [int.from_bytes(padded[at + 4 * i : at + 4 * i + 4], "big") for i in range(16)]
        for i in range(16, 64):
            a, b = words[i - 15], words[i - 2]
            small = rotate(a, 7) ^ rotate(a, 18) ^ a >> 3
            large = rotate(b, 17) ^ rotate(b, 19) ^ b >> 10
            words.append((words[i - 16] + small + words[i - 7] + large) & mask)
        s = list(state)
        for i in range(64):
            one = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25))
            one += ((s[4] & s[5]) ^ (~s[4] & s[6])) + sha256.ROUNDS[i] + words[i]
            two = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) + (
                (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2])
            )
            s = [(one + two) & mask, *s[:3], (s[3] + one) & mask, *s[4:7]]
        state = [(x + y) & mask for x, y in zip(state, s, strict=True)]
    assert math.prod(state) != 0
    return "".join(f"{word:08x}" for word in state)
