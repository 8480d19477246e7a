from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.engine import lines
from wasmbuild.fit.messages import (
    AlreadyLoaded,
    Change,
    Compiles,
    NonexistentTarget,
    Obstacle,
    OtherKind,
    OtherLine,
    OtherPlatform,
    meaning,
)

# All that `check_tunables` of Wasmtime 48 compares as a bool, with the setting, if there is one.
BOOLS = {
    "native debug information support": "debug-info",
    "guest debug": "guest-debug",
    "debug symbols": "debug-symbols",
    "WebAssembly backtrace support": None,
    "fuel support": "consume-fuel",
    "epoch interruption": "epoch-interruption",
    "memory may move": "memory-may-move",
    "guard before linear memory": "guard-before-linear-memory",
    "table lazy init": "table-lazy-init",
    "relaxed simd deterministic semantics": "wasm-relaxed-simd-deterministic",
    "Signals-based traps": "signals-based-traps",
    "memory initialization with CoW": "memory-init-cow",
    "concurrency support": "concurrency-support",
    "RR recording support": None,
    "GC heap may move": "gc-heap-may-move",
    "AddressSanitizer stack-switching support": None,
}
NUMBERS = {
    "memory reservation": "memory-reservation",
    "memory guard size": "memory-guard-size",
    "function inlining small-callee size": None,
    "function inlining sum-size threshold": None,
    "GC heap reservation": "gc-heap-reservation",
    "GC heap guard size": "gc-heap-guard-size",
    "GC heap initial size": "gc-heap-initial-size",
}
FEATURES = {
    "reference_types": "wasm-reference-types",
    "multi_value": "wasm-multi-value",
    "bulk_memory": "wasm-bulk-memory",
    "simd": "wasm-simd",
    "relaxed_simd": "wasm-relaxed-simd",
    "threads": "wasm-threads",
    "tail_call": "wasm-tail-call",
    "multi_memory": "wasm-multi-memory",
    "exceptions": "wasm-exceptions",
    "memory64": "wasm-memory64",
    "component_model": "wasm-component-model",
    "function_references": "wasm-function-references",
    "gc": "wasm-gc",
    "custom_page_sizes": "wasm-custom-page-sizes",
    "gc_types": "gc-support",
    "stack_switching": "wasm-stack-switching",
    "wide_arithmetic": "wasm-wide-arithmetic",
    "cm_async": None,
    "cm_map": "wasm-component-model-map",
    "cm_implements": "wasm-component-model-implements",
    "bulk_memory_opt": "wasm-bulk-memory",
    "call_indirect_overlong": "wasm-reference-types",
    "shared_everything_threads": None,
    "memory_control": None,
}


@pytest.mark.parametrize("words", BOOLS)
@pytest.mark.parametrize("on", [True, False])
def test_switches(words: str, on: bool) -> None:
    has, wants = ("without", "is") if on else ("with", "is not")
    said = f"Module was compiled {has} {words} but it {wants} enabled for the host"
    found = meaning(
        f"Error: failed deserialization for: /tmp/1.cwasm\n\nCaused by:\n    {said}\n\nStack backtrace:\n  0: x"
    )
    setting = BOOLS[words]
    if setting is None:
        assert isinstance(found, Obstacle)
        assert found.said == said
    else:
        assert found == Change({setting: on}, said)


@pytest.mark.parametrize("words", NUMBERS)
def test_numbers(words: str) -> None:
    said = f"Module was compiled with a {words} of '33554432' but '65536' is expected for the host"
    found = meaning(said)
    setting = NUMBERS[words]
    if setting is None:
        assert isinstance(found, Obstacle)
    else:
        assert found == Change({setting: 65536}, said)


@pytest.mark.parametrize("feature", FEATURES)
def test_features(feature: str) -> None:
    said = f"Module was compiled with support for WebAssembly feature `{feature}` but it is not enabled for the host"
    found = meaning(said)
    setting = FEATURES[feature]
    if setting is None:
        assert isinstance(found, Obstacle)
    else:
        assert isinstance(found, Change)
        assert setting in lines.every_setting()
        assert found.settings[setting] is False


def test_simd_is_never_switched_off_alone() -> None:
    said = "Module was compiled with support for WebAssembly feature `simd` but it is not enabled for the host"
    found = meaning(said)
    assert isinstance(found, Change)
    assert found.settings == {"wasm-simd": False, "wasm-relaxed-simd": False}


@pytest.mark.parametrize(
    ("said", "settings"),
    [
        (
            "module was compiled for the copying collector but the host is configured to use the deferred "
            "reference-counting collector",
            {"collector": "drc"},
        ),
        (
            "module was compiled for the deferred reference-counting collector but the host is configured to use the "
            "copying collector",
            {"collector": "copying"},
        ),
        (
            "module was compiled for the copying collector but the host is configured to use the null collector",
            {"collector": "null"},
        ),
        ("module was compiled with GC however GC is disabled in the host", {"gc-support": False}),
        (
            "Module was compiled without Winch calling convention but it is enabled for the host",
            {"strategy": "winch"},
        ),
        (
            "Module was compiled with Winch calling convention but it is not enabled for the host",
            {"strategy": "cranelift"},
        ),
        (
            "module was compiled without intra-module inlining however the host is configured with intra-module "
            "inlining",
            {"compiler-inlining": True},
        ),
        (
            "module was compiled with intra-module inlining however the host is configured without intra-module "
            "inlining",
            {"compiler-inlining": False},
        ),
        (
            "module was compiled without intra-module inlining however the host is configured with intra-module "
            "inlining only when using GC",
            {"compiler-inlining": "gc"},
        ),
        (
            "module was compiled without intra-module inlining however the host is configured with intrinsic inlining",
            {"compiler-inlining": "intrinsics"},
        ),
        (
            "Module was compiled without function inlining but it is enabled for the host",
            {"compiler-inlining": True},
        ),
    ],
)
def test_settings_with_words_of_their_own(said: str, settings: dict[str, bool | str]) -> None:
    assert meaning(f"host: {said}.") == Change(settings, said)


@pytest.mark.parametrize(
    "said",
    [
        "module was compiled without intra-module inlining however the host is configured with inter-module inlining",
        "Module costs are incompatible",
        'compilation setting "has_avx" is enabled, but not available on the host',
        'setting "stack_switch_model" is configured to Enum("basic") which is not supported',
        "failed to parse precompiled artifact as an ELF",
        "failed to parse section headers",
    ],
)
def test_what_no_setting_changes(said: str) -> None:
    found = meaning(f"Caused by:\n    0: {said}\n")
    assert isinstance(found, Obstacle)
    assert found.said == said
    assert found.meaning


@pytest.mark.parametrize("said", ["architecture 'x86_64'", "operating system 'linux'"])
def test_a_foreign_platform_is_no_matter_of_settings(said: str) -> None:
    said = f"Module was compiled for {said}"
    assert meaning(f"Caused by:\n    0: {said}\n") == OtherPlatform(said)


def test_what_is_no_matter_of_settings() -> None:
    for said in ("incompatible version '48'", "incompatible Wasmtime version '36.0.9'"):
        assert isinstance(meaning(f"Module was compiled with {said}"), OtherLine)
    without = "module was compiled without GC but GC is enabled in the host"
    assert meaning(without, 36) == Change({"strategy": "cranelift"}, without)
    assert isinstance(meaning("Caused by:\n    incompatible object file format"), OtherKind)
    assert meaning("Error: Unrecognized architecture: ?86_64\n") == NonexistentTarget(
        "Unrecognized architecture: ?86_64"
    )
    for said in (
        "magic header not detected: bad magic number",
        "input was not valid utf-8",
        "input bytes aren't valid utf-8",
    ):
        assert isinstance(meaning(f"host: {said}"), Compiles)
    for said in ("failed to find function export `run`", "unknown import: `wasi::x`", "expected 3 imports, found 0"):
        assert isinstance(meaning(f"host: {said}"), AlreadyLoaded)


def test_the_first_message_counts() -> None:
    first = "Module was compiled with fuel support but it is not enabled for the host"
    second = "Module was compiled with memory may move but it is not enabled for the host"
    assert meaning(f"retry: {first}\ngave up: {second}") == Change({"consume-fuel": False}, first)


@given(st.text(max_size=300))
def test_other_output_means_nothing(output: str) -> None:
    if not any(
        word in output
        for word in ("odule", "ailed", "agic", "nput", "xpected", "nknown", "etting", "ncompat", "nrecog")
    ):
        assert meaning(output) is None
