"""What an artifact has other than its reference is said in words, each setting by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from wasmbuild.engine import triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.formats.cwasm import read
from wasmbuild.verify.reference import Reference, References
from wasmbuild.verify.setting_changes import SettingChange, Variant
from wasmbuild.verify.tools import Tools

FLAGS: Mapping[str, bool | int | str] = {"opt_level": "speed", "unwind_info": True}
# Numbers 5, 300, 1, and the features 0b1011; with the setting "longer" there is one number more.
TAIL = b"\x05\xac\x02\x01\x0b"
LONGER = b"\x05\x00\xac\x02\x01\x0b"


def _of(name: str | None) -> EngineConfig:
    """Return an engine that stands for the variants of a name."""
    return EngineConfig(48, triples.parse("aarch64-unknown-linux-gnu"), {}, {"of": name})


def variant(name: str, value: Any, declared: Any, tail: bytes = TAIL, flags: Any = FLAGS) -> Variant:
    return Variant(SettingChange(name, value, declared, _of(name)), flags, tail)


VARIANTS: dict[str | None, list[Variant]] = {
    None: [
        variant("fuel", False, True, b"\x05\xac\x02\x00\x0b"),
        variant("size", 128 + 300, 300, b"\x05\xac\x03\x01\x0b"),
        variant("wasm-threads", False, True, b"\x05\xac\x02\x01\x09"),
        variant("both", "x", "y", b"\x06\xac\x02\x00\x0b", {"opt_level": "none", "unwind_info": True}),
        variant("nothing", True, False),
        variant("closer", True, False, b"\x05\x00\xac\x02\x01\x03"),
        variant("longer", True, False, LONGER),
    ],
    "closer": [],
    "longer": [variant("two", 1, 0, b"\x05\x00\xac\x02\x00\x03")],
}


class Made(References):
    """References whose variants are given instead of compiled."""

    def variants(self, reference: Reference) -> list[Variant]:
        return VARIANTS[reference.engine.settings["of"]]


def told(maker: Any, tail: bytes, flags: Any = FLAGS) -> str:
    reference = Reference(_of(None), FLAGS, TAIL)
    with Tools() as tools:
        words = Made(tools).differences(reference, read(maker.artifact(shared=flags, tail=tail)))
    start = "has other engine settings than its manifest declares: "
    assert words == "" or words.startswith(start)
    return words.removeprefix(start)


def test_what_is_equal_has_no_differences(maker: Any) -> None:
    assert told(maker, TAIL) == ""


def test_one_setting_is_named(maker: Any) -> None:
    assert told(maker, b"\x05\xac\x02\x00\x0b") == "fuel is false instead of true"
    assert told(maker, b"\x05\xac\x02\x01\x09") == "wasm-threads is false instead of true"


def test_a_number_that_nobody_tried_is_read(maker: Any) -> None:
    assert told(maker, b"\x05\x07\x01\x0b") == "size is 7 instead of 300"


def test_several_settings_are_named(maker: Any) -> None:
    assert told(maker, b"\x05\x07\x00\x09") == (
        "fuel is false instead of true, size is 7 instead of 300, wasm-threads is false instead of true"
    )


def test_what_explains_more_is_named_instead_of_its_parts(maker: Any) -> None:
    assert told(maker, b"\x06\xac\x02\x00\x0b", {"opt_level": "none", "unwind_info": True}) == (
        'both is "x" instead of "y"'
    )


def test_what_has_no_setting_is_not_hidden(maker: Any) -> None:
    assert told(maker, b"\x05\xac\x02\x01\x4b", {"opt_level": "none", "unwind_info": True, "new\x1b": False}) == (
        'cranelift-flags.new\\x1b is false instead of "unknown", '
        'cranelift-flags.opt_level is "none" instead of "speed", something that has no name here'
    )


@pytest.mark.parametrize("tail", [b"", b"\x80" * 600, b"\xff" * 5000, b"\x01" * 5000, TAIL + b"\x80" * 5000])
def test_a_hostile_tail_is_only_different(maker: Any, tail: bytes) -> None:
    assert told(maker, tail).endswith("something that has no name here")


def test_of_settings_that_make_the_row_longer_the_one_that_leaves_least_is_named(maker: Any) -> None:
    assert told(maker, LONGER) == "longer is true instead of false"
    assert told(maker, b"\x05\x00\xac\x02\x00\x03") == "longer is true instead of false, two is 1 instead of 0"
