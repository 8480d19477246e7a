"""A step gives text to the executable as it is: the artifact is that of its binary, and what is wrong is told alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from wasmbuild.cli import main
from wasmbuild.toolchain.embedded import Embedded

DECLARATION = """\
[project]
name = "p"
[targets.x64]
triple = "x86_64-unknown-linux-gnu"
[targets.fast]
triple = "x86_64-unknown-linux-gnu"
engine = { strategy = "winch" }
[targets.debug]
triple = "x86_64-unknown-linux-gnu"
engine = { debug-info = true }
[targets.arm]
triple = "aarch64-unknown-linux-gnu"
[targets.portable]
triple = "pulley64"
[modules.a]
source = "a.wat"
"""
MODULE = """(module $named
  (import "env" "log" (func $log (param i32)))
  (memory (export "memory") 1 10)
  (data (i32.const 16) "polynomial")
  (func $sum (export "sum") (param $left i32) (param $right i32) (result i32)
    (call $log (local.get $left)) (i32.add (i32.load (i32.const 16)) (local.get $right))))"""
COMPONENT = """(component
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wasmbuild.toml").write_text(DECLARATION)
    return tmp_path


@pytest.mark.parametrize("text", [MODULE, COMPONENT, f"(; first ;)\n{MODULE}"], ids=["module", "component", "comment"])
def test_text_and_its_binary_are_one_artifact(root: Path, embedded: Embedded, text: str) -> None:
    (root / "a.wat").write_text(text)
    (root / "a.wasm").write_bytes(embedded.translate(text.encode()))
    for target in ("x64", "debug", "arm", "portable", *(["fast"] if text == MODULE else [])):
        for name in ("a.wat", "a.wasm"):
            assert main(["compile", name, "--target", target, "-o", f"{name}.cwasm"]) == 0
        assert (root / "a.wat.cwasm").read_bytes() == (root / "a.wasm.cwasm").read_bytes(), target


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(module (func (result i32)", "a.wat: is not valid WebAssembly text"),
        ("(module (func (result i32)))", "type mismatch"),
        ("hello", "a.wat: is"),
        ("", "a.wat: is an empty file"),
        ("\x7fELF", "a.wat: is"),
    ],
)
def test_what_is_wrong_is_told(root: Path, capfd: pytest.CaptureFixture[str], text: str, said: str) -> None:
    (root / "a.wat").write_text(text)
    assert main(["compile", "a.wat", "--target", "x64", "-o", "a.cwasm"]) == 1
    error = capfd.readouterr().err
    assert said in error
    assert ".wasmbuild-" not in error
    assert sorted(path.name for path in root.iterdir()) == ["a.wat", "wasmbuild.toml"]


def test_a_source_that_is_not_there(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "a.wat", "--target", "x64", "-o", "a.cwasm"]) == 1
    assert "a.wat: there is no such file" in capfd.readouterr().err
