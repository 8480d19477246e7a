"""What headers and crates declare, held against settings: each mistake is told with its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from wasmbuild.engine import lines
from wasmbuild.engine.line import Line, Setting
from wasmbuild.errors import UsageError
from wasmbuild.line_check import setters

HEADERS = """
#ifndef WASMTIME_CONFIG_H
enum wasmtime_strategy_enum { // Strategy
  /// Picks one; not WASMTIME_STRATEGY_NONE,
  WASMTIME_STRATEGY_AUTO,
  WASMTIME_STRATEGY_CRANELIFT,
};
#define WASMTIME_CONFIG_PROP(ret, name, ty) \\
  WASM_API_EXTERN ret wasmtime_config_##name##_set(wasm_config_t *, ty);
WASMTIME_CONFIG_PROP(void, consume_fuel, bool)
#ifdef WASMTIME_FEATURE_THREADS
WASMTIME_CONFIG_PROP(void, wasm_threads, bool)
#endif // WASMTIME_FEATURE_THREADS
WASM_API_EXTERN void wasmtime_config_signals_set(wasm_config_t *, bool);
WASMTIME_CONFIG_PROP(void, strategy, wasmtime_strategy_t)
#endif
"""
CRATE = """
pub enum Strategy {
    /// The best one.
    Auto,
    Cranelift,
}
impl Config {
    /// Fuel.
    pub fn consume_fuel(&mut self, enable: bool) -> &mut Self {
    }

    #[cfg(feature = "threads")]
    pub fn wasm_threads(&mut self, enable: bool) -> &mut Self {
    }

    #[cfg(any(feature = "cranelift", feature = "winch"))]
    #[must_use]
    pub fn strategy(&mut self, strategy: Strategy) -> &mut Self {
    }
}
impl Other {
    pub fn signals(&mut self) {
        if !cfg!(feature = "async") && self.fuel {
        }
    }
}
"""
FUEL = Setting("consume-fuel", False, "equal", "", python="consume_fuel")
THREADS = Setting(
    "wasm-threads",
    True,
    "equal",
    "",
    python="wasm_threads",
    c_macro="WASMTIME_FEATURE_THREADS",
    rust_feature="threads",
)
STRATEGY = Setting(
    "strategy",
    "cranelift",
    "equal",
    "",
    choices=("cranelift",),
    c_api="wasmtime_config_strategy_set",
    c_values={"cranelift": 1},
    c_enum="WASMTIME_STRATEGY_",
    rust_values={"cranelift": "Strategy::Cranelift"},
    rust_feature="cranelift",
)


def line_of(*settings: Setting) -> Line:
    return lines.newest()._replace(settings={setting.name: setting for setting in settings})


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    for path, text in (("include/wasmtime/config.h", HEADERS), ("src/config.rs", CRATE)):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_what_is_as_declared(sources: Path) -> None:
    line = line_of(FUEL, THREADS, STRATEGY)
    for topic in (setters.c_setters(line, sources / "include"), setters.rust_setters(line, sources)):
        assert topic.grouped() == []
        assert topic.untried == []
        assert topic.tried > 3


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (FUEL._replace(python="fuel"), "settings.consume-fuel.c-api: the headers have no wasmtime_config_fuel_set; "),
        (
            FUEL._replace(python=None),
            "settings.consume-fuel.c-api: the headers have wasmtime_config_consume_fuel_set; ",
        ),
        (
            THREADS._replace(c_macro=None),
            "settings.wasm-threads.c-macro: wasmtime_config_wasm_threads_set is declared for WASMTIME_FEATURE_THREADS",
        ),
        (
            STRATEGY._replace(choices=("cranelift", "winch")),
            "settings.strategy.c-values: the headers have no WASMTIME_STRATEGY_WINCH; ",
        ),
        (
            STRATEGY._replace(c_values={"cranelift": 2}),
            "settings.strategy.c-values: WASMTIME_STRATEGY_CRANELIFT is 1; ",
        ),
    ],
)
def test_what_the_headers_declare_otherwise(sources: Path, setting: Setting, said: str) -> None:
    (told,) = setters.c_setters(line_of(setting), sources / "include").grouped()
    assert told.startswith(said)


def test_a_feature_without_which_the_crate_refuses_a_setting(sources: Path) -> None:
    assert setters.rust_setters(line_of(FUEL._replace(rust_feature="async")), sources).grouped() == []


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (FUEL._replace(rust="fuel"), "settings.consume-fuel.rust: the crate has no Config::fuel; "),
        (
            FUEL._replace(rust_feature="gc"),
            "settings.consume-fuel.rust-feature: Config::consume_fuel is there with all ",
        ),
        (
            THREADS._replace(rust_feature=""),
            "settings.wasm-threads.rust-feature: Config::wasm_threads is there with the ",
        ),
        (
            STRATEGY._replace(rust_values={"winch": "Strategy::Winch"}),
            "settings.strategy.rust-values: the crate has no Strategy::Winch; ",
        ),
        (FUEL._replace(rust="signals"), "settings.consume-fuel.rust: the crate has no Config::signals; "),
    ],
)
def test_what_the_crate_has_otherwise(sources: Path, setting: Setting, said: str) -> None:
    (told,) = setters.rust_setters(line_of(setting), sources).grouped()
    assert told.startswith(said)


def test_a_setter_that_lacks_a_choice_is_none(sources: Path) -> None:
    setting = STRATEGY._replace(c_api=None, choices=("cranelift", "winch"))
    assert setters.c_setters(line_of(setting), sources / "include").grouped() == []


def test_other_directories(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no headers of Wasmtime; name the directory include of its C API"):
        setters.c_setters(line_of(FUEL), tmp_path)
    with pytest.raises(UsageError, match=r"has no src/config.rs; name the directory of the crate wasmtime"):
        setters.rust_setters(line_of(FUEL), tmp_path)
