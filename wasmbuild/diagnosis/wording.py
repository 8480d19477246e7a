"""Wasmtime's errors of several lines, each cause on its own, as one line."""

from __future__ import annotations

import re

from wasmbuild.text import printable

_LONGEST = 300
_NUMBERED = re.compile(r"^\d+: ")
# The number of a thread differs from run to run.
_THREAD = re.compile(r"(?<=') \(\d+\)(?= panicked)")


def one_line(text: str) -> str:
    """Return an error of several lines, with its causes, as one line that is safe to show."""
    lines = [_NUMBERED.sub("", line.strip()) for line in _THREAD.sub("", text).splitlines()]
    return printable(": ".join(line.rstrip(":") for line in lines if line and line != "Caused by:"), _LONGEST)
