"""An engine in the words of each compiler: options, calls on the library, the key."""

from __future__ import annotations

from typing import Any

from wasmbuild.engine import settings, translations


def test_arguments_of_the_executable() -> None:
    assert translations.cli_args({"embedder": "c-api"}, 48) == ["-Ccache=n", "-Ccollector=drc"]
    declared = {
        "embedder": "rust",
        "consume-fuel": True,
        "cranelift-opt-level": "speed_and_size",
        "cranelift-flags": {"regalloc_algorithm": "single_pass", "regalloc_checker": True},
        "max-wasm-stack": 1000,
        "memory-guard-size": 65536,
        "wasm-reference-types": False,
    }
    arguments = [
        "-Ccache=n",
        "-Ccollector=copying",
        "-Wfuel=1",
        "-Oopt-level=s",
        "-Wmax-wasm-stack=1000",
        "-Omemory-guard-size=65536",
        "-Wreference-types=n",
    ]
    flags = ["-Ccranelift-regalloc_algorithm=single_pass", "-Ccranelift-regalloc_checker=true"]
    assert translations.cli_args(settings.expand(declared, 48), 48) == [*arguments, *flags]
    assert translations.cli_args(settings.expand(declared, 49), 49) == [
        *arguments,
        "-Wcomponent-model-async=n",
        *flags,
    ]


def test_calls_on_the_library() -> None:
    declared = {
        "concurrency-support": False,
        "consume-fuel": True,
        "cranelift-flags": {"regalloc_checker": True, "tls_model": "macho"},
        "max-wasm-stack": 1000,
        "parallel-compilation": False,
        "strategy": "winch",
        "wasm-reference-types": False,
    }
    calls: list[list[Any]] = [
        ["c-api", "wasmtime_config_concurrency_support_set", False],
        ["property", "consume_fuel", True],
        ["property", "max_wasm_stack", 1000],
        ["c-api", "wasmtime_config_strategy_set", 2],
        ["property", "wasm_reference_types", False],
        ["flag_set", "regalloc_checker", "true"],
        ["flag_set", "tls_model", "macho"],
    ]
    assert translations.config_calls(settings.expand(declared, 48), 48) == calls
    assert ["c-api", "wasmtime_config_wasm_component_model_async_set", False] in translations.config_calls(
        settings.expand(declared, 50), 50
    )
    runtime = translations.config_calls(settings.expand(declared, 48), 48, runtime=True)
    assert [call for call in runtime if call not in calls] == [["property", "parallel_compilation", False]]


def test_what_the_library_lacks() -> None:
    assert translations.library_lacks({"embedder": "c-api"}, 48) == []
    assert translations.library_lacks(settings.expand({"embedder": "rust"}, 48), 48) == ["collector"]
    assert translations.library_lacks(settings.expand({"embedder": "rust-minimal"}, 48), 48) == []
    assert translations.library_lacks({"wasm-stack-switching": True}, 48) == ["wasm-stack-switching"]
    assert translations.library_lacks({"wasm-stack-switching": True}, 48, runs=False) == []
    declared = {"generate-address-map": False, "table-lazy-init": False, "wasm-component-model-implements": True}
    assert translations.library_lacks(settings.expand(declared, 48), 48) == list(declared)
    assert translations.library_lacks(settings.expand(declared, 49), 49) == list(declared)[:2]


def test_what_reaches_the_compiler() -> None:
    declared = {"embedder": "rust", "shared-memory": True, "consume-fuel": True, "cranelift-flags": {"is_pic": True}}
    assert translations.compiler_inputs(settings.expand(declared, 48), 48) == {
        "collector": "copying",
        "consume-fuel": True,
        "cranelift-flags": {"is_pic": True},
    }
