from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from wasmbuild.engine import settings, triples
from wasmbuild.verify.report import WASMTIME, Unreachable, Unverified
from wasmbuild.verify.tools import Tools, translated

X86, ARM = triples.parse("x86_64-unknown-linux-gnu"), triples.parse("aarch64-unknown-linux-gnu")
WINDOWS, PULLEY = triples.parse("x86_64-pc-windows-msvc"), triples.parse("pulley64")


@pytest.mark.parametrize(
    ("declared", "triple", "other", "expected"),
    [
        ({}, ARM, X86, {}),
        ({"epoch-interruption": True}, ARM, X86, {"epoch-interruption": True}),
        ({"embedder": "rust", "collector": "drc"}, X86, X86, {}),
        ({"embedder": "rust"}, X86, X86, {"collector": "copying"}),
        # Winch has threads on x86-64 and not on aarch64: what is a default there has to be said here.
        ({"strategy": "winch"}, ARM, X86, {"strategy": "winch", "wasm-threads": False}),
        (
            {"cranelift-flags": {"regalloc_algorithm": "single_pass"}},
            ARM,
            X86,
            {"cranelift-flags": {"regalloc_algorithm": "single_pass"}},
        ),
        ({"memory-guard-size": 0}, triples.parse("pulley64be"), PULLEY, {}),
    ],
)
def test_settings_mean_the_same_on_another_target(
    declared: dict[str, Any], triple: triples.TargetTriple, other: triples.TargetTriple, expected: dict[str, Any]
) -> None:
    engine = settings.expand(declared, 48, triple)
    assert translated(engine, 48, triple, other) == {"embedder": "c-api", **expected}


def test_settings_that_the_other_target_refuses_have_no_translation() -> None:
    engine = settings.expand({"native-unwind-info": False}, 48, X86)
    with pytest.raises(ValueError, match="native-unwind-info"):
        translated(engine, 48, X86, WINDOWS)


def test_an_executable_that_cannot_be_found_is_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WASMBUILD_WASMTIME", str(tmp_path / "none"))
    with Tools("auto") as tools:
        reason = tools.executable(48)
        assert isinstance(reason, Unverified)
        assert "WASMBUILD_WASMTIME" in reason.message
        assert "\n" not in reason.message


def test_that_no_executable_of_a_line_is_there_is_known_of_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WASMBUILD_WASMTIME", raising=False)
    with Tools("auto") as tools:
        reason = tools.executable(7)
        assert isinstance(reason, Unreachable)
        assert reason.lacks == WASMTIME
        assert "\n" not in reason.message


def test_the_private_directory_goes() -> None:
    with Tools("auto") as tools:
        directory = tools.directory()
        assert directory.is_dir()
        if os.name != "nt":
            assert directory.stat().st_mode & 0o77 == 0
    assert not directory.exists()
