"""What sets each setting in C and in Rust, as the headers of the C API and the sources of the crate declare it.

Both are read as text: what is asked is which names there are, and for which features they are compiled.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from wasmbuild.engine.line import Line, Setting
from wasmbuild.errors import UsageError
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.line_check.topic import Topic

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_GUARD = re.compile(r"^#(if|ifdef|ifndef|endif)\b *(\w*)", re.ASCII)
_C_SETTER = re.compile(r"WASMTIME_CONFIG_PROP\([^,]+, *(\w+),|\b(wasmtime_config_\w+)\(wasm_config_t\b", re.ASCII)
_ENUM = re.compile(r"\benum \w+ *\{([^}]*)\}", re.ASCII)
_FEATURE = "WASMTIME_FEATURE_"
_METHOD = re.compile(r"^    pub (?:unsafe )?fn (\w+)\((?:&mut self|$)", re.ASCII)
_CFG = re.compile(r"^    #\[cfg\((.*)\)\]", re.ASCII)
_NEEDED = re.compile(r'feature = "([\w-]+)"', re.ASCII)
_DEMANDED = re.compile(r'!cfg!\(feature = "([\w-]+)"\)', re.ASCII)
_RUST_ENUM = re.compile(r"^ *pub enum (\w+) \{(.*?)^ *\}", re.ASCII | re.DOTALL | re.MULTILINE)
_VARIANT = re.compile(r"^\s*(\w+)(?: = [^,]+)?,", re.ASCII | re.MULTILINE)
# It takes a whole file of its own, in both languages.
_CACHE = "cache"


class DeclaredSetters(NamedTuple):
    """What the headers declare: setters with the feature that they are compiled for, if any, and named values."""

    setters: Mapping[str, str | None]
    values: Mapping[str, int]


def c_setters(line: Line, include: Path) -> Topic:
    """Each setting has the setter, the macro and the values that the headers in a directory declare.

    Raises UsageError where there are none.
    """
    header = _header(include)
    topic = Topic("setters in C")
    for name, setting in line.settings.items():
        if name == _CACHE:
            continue
        key = f"settings.{name}"
        wanted = setting.c_api or f"wasmtime_config_{setting.python or name.replace('-', '_')}_set"
        there = wanted in header.setters
        if not setting.in_library:
            # Without a name for each choice it is as good as none.
            whole = there and all(value in header.values for value, _ in _c_values(setting))
            topic.check(not whole, f"{key}.c-api", f"the headers have {wanted}", f'write c-api = "{wanted}"')
            continue
        topic.check(there, f"{key}.c-api", f"the headers have no {wanted}", "name the one they have, or write false")
        macro = header.setters.get(wanted)
        topic.check(
            not there or macro == setting.c_macro,
            f"{key}.c-macro",
            f"{wanted} is declared {f'for {macro}' if macro else 'for all'}",
            f'write "{macro}"' if macro else "leave it out",
        )
        for value, number in _c_values(setting):
            have = header.values.get(value)
            topic.check(
                have is not None and number in (have, None),
                f"{key}.c-values",
                f"{value} is {have}" if have is not None else f"the headers have no {value}",
                "write the values that they have",
            )
    return topic


def rust_setters(line: Line, crate: Path) -> Topic:
    """Each setting has the method of ``Config``, its feature and its values, as the sources of the crate have them.

    Raises UsageError where there are none.
    """
    try:
        text = (crate / "src" / "config.rs").read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{crate}: has no src/config.rs; name the directory of the crate wasmtime") from error
    methods, enums = _methods(text), dict(_enums(crate))
    # A crate without these refuses some settings that it has methods for.
    demanded = _DEMANDED.findall(text)
    topic = Topic("setters in Rust")
    for name, setting in line.settings.items():
        key = f"settings.{name}"
        method = setting.rust or setting.python or name.replace("-", "_")
        there = method in methods
        topic.check(there, f"{key}.rust", f"the crate has no Config::{method}", "name the method that it has")
        # Any one of them will do.
        features = methods.get(method, [])
        topic.check(
            not there or setting.rust_feature in (features or ["", *demanded]),
            f"{key}.rust-feature",
            f"Config::{method} is there {f'with the feature {features[0]}' if features else 'with all features'}",
            f'write "{features[0]}"' if features else "leave it out",
        )
        for value in setting.rust_values.values():
            enum, _, variant = value.partition("::")
            if enum not in enums:
                topic.untried.append(f"{value}, which is of another crate")
                continue
            topic.check(variant in enums[enum], f"{key}.rust-values", f"the crate has no {value}", "write what it has")
    return topic


def _header(include: Path) -> DeclaredSetters:
    setters: dict[str, str | None] = {}
    values: dict[str, int] = {}
    for path in sorted(include.rglob("*.h")):
        text = _COMMENT.sub("", path.read_text(encoding="utf-8"))
        guards: list[str] = []
        for row in text.splitlines():
            guard = _GUARD.match(row)
            if guard is not None and guard[1] == "endif":
                guards.pop()
            elif guard is not None:
                guards.append(guard[2])
            elif not row.startswith("#"):
                features = [each for each in guards if each.startswith(_FEATURE)]
                for name, whole in _C_SETTER.findall(row):
                    setters[whole or f"wasmtime_config_{name}_set"] = features[-1] if features else None
        for body in _ENUM.findall(text):
            values.update(_numbered(body))
    if not setters:
        raise UsageError(f"{include}: has no headers of Wasmtime; name the directory include of its C API")
    return DeclaredSetters(setters, values)


def _numbered(body: str) -> Iterator[tuple[str, int]]:
    number = -1
    for each in filter(None, map(str.strip, body.split(","))):
        name, _, written = each.partition("=")
        number = int(written, 0) if written.strip().isdecimal() else number + 1
        yield name.strip(), number


def _c_values(setting: Setting) -> Iterator[tuple[str, int | None]]:
    if setting.c_enum:
        for choice in setting.choices:
            if choice != "auto":
                yield setting.c_enum + choice.upper(), setting.c_values.get(choice)


def _methods(text: str) -> dict[str, list[str]]:
    """Return the methods of ``Config``, each with the features of which it needs one."""
    found: dict[str, list[str]] = {}
    features: list[str] = []
    for row in text[text.index("\nimpl Config {") :].splitlines():
        if row == "}":
            break
        if (cfg := _CFG.match(row)) is not None:
            features = _NEEDED.findall(cfg[1])
        elif (method := _METHOD.match(row)) is not None:
            found[method[1]] = features
        if row == "    }":
            features = []
    return found


def _enums(crate: Path) -> Iterator[tuple[str, set[str]]]:
    for path in sorted((crate / "src").rglob("*.rs")):
        for name, body in _RUST_ENUM.findall(path.read_text(encoding="utf-8")):
            yield name, set(_VARIANT.findall(body))
