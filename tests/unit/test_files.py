"""Paths as addresses have them, and as people type them."""

from __future__ import annotations

import os
import subprocess
from pathlib import PureWindowsPath
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild import files


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("/C:/a%20cache/x", "C:\\a cache\\x"),
        ("/c|/cache", "c:\\cache"),
        ("/C%3A/cache", "C:\\cache"),
        ("//server/share/x", "\\\\server\\share\\x"),
        ("/cache", "\\cache"),
        ("/", "\\"),
    ],
)
def test_the_path_of_an_address_on_windows(address: str, path: str) -> None:
    assert files.of_url(address, windows=True) == path


@given(
    st.sampled_from(["C:\\", "z:\\"]),
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="/\\:"), min_size=1)),
)
def test_the_address_of_a_path_on_windows_leads_back(drive: str, parts: list[str]) -> None:
    path = PureWindowsPath(drive, *parts)
    assert files.of_url(f"/{drive[:2]}{quote(path.as_posix()[2:])}", windows=True) == str(path)


def test_the_path_of_an_address_elsewhere() -> None:
    assert files.of_url("/mnt/a%20cache/%C3%A9", windows=False) == "/mnt/a cache/é"


@pytest.mark.needs("bash")
@pytest.mark.parametrize(
    "name",
    ["out", "o ü", "it's $x", "a\nb", "\x1b[31m'\\n\t", "a\u202eb c", "\U000e0041'", "\xa0f \x85é", "\udcffa\udce9 \n"],
)
def test_a_path_is_shown_as_it_is_typed(name: str) -> None:
    shown = files.in_shell(name)
    assert shown.isprintable()
    command = ["bash", "-c", f"printf %s {shown}"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == os.fsencode(name)


@pytest.mark.parametrize(
    ("path", "shown"), [("a b/c", '"a b/c"'), ("it's", '"it\'s"'), ("a/b-c_d.wasm", "a/b-c_d.wasm")]
)
def test_a_path_is_shown_as_it_is_typed_on_windows(path: str, shown: str) -> None:
    assert files.in_shell(path, windows=True) == shown
