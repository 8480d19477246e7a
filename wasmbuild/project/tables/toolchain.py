"""``[toolchain]``."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from wasmbuild.project.declared import CompileLimits
from wasmbuild.project.tables.base import Table
from wasmbuild.project.tables.refusals import Wrong
from wasmbuild.project.tables.values import Bytes, Rule, Seconds, WasmtimeVersion, in_home
from wasmbuild.text import quoted, suggestion

COMPILERS = ("auto", "cli", "embedded")

_DEFAULTS = CompileLimits()


def _compiler(text: str) -> Wrong | None:
    if text in COMPILERS:
        return None
    if text and text.isprintable() and re.search(r"[/\\]", text):
        return in_home(text)
    meant = suggestion(text, COMPILERS)
    choices = ", ".join(map(quoted, COMPILERS))
    fix = f"did you mean {quoted(meant)}?" if meant else f"write one of {choices}, or a path"
    if text and meant is None:
        fix += f" such as {quoted('./' + text)}"
    return f"unknown compiler {quoted(text)}", fix


class ToolchainTable(Table):
    """What compiles."""

    wasmtime: WasmtimeVersion | None = Field(
        default=None,
        description=(
            "Line of Wasmtime that will load the artifacts, such as `48`, or the lowest version of the compiler, such "
            "as `48.0.8`. By default the line of the installed library."
        ),
        examples=["48"],
    )
    compiler: Annotated[str, Rule(_compiler, pattern=rf"^({'|'.join(COMPILERS)}|(?!~).*[/\\].*)$")] = Field(
        default="auto",
        description=(
            "`cli` is a `wasmtime` executable, `embedded` the installed library, `auto` an executable where one is "
            "found and else the library; or the path of an executable."
        ),
    )
    memory_limit: Bytes | None = Field(
        default=None,
        description=(
            "Memory that compiling one artifact may take: bytes, or text such as `4 GiB`. By default 8 GiB where the "
            "system can limit memory (Linux); elsewhere the key is refused."
        ),
        examples=["4 GiB"],
    )
    time_limit: Seconds = Field(
        default=_DEFAULTS.seconds, description="Seconds that compiling one artifact may take, 1 to 86400."
    )

    def limits(self) -> CompileLimits:
        """Return what compiling one artifact may take."""
        memory = _DEFAULTS.memory if self.memory_limit is None else self.memory_limit
        return CompileLimits(memory, self.time_limit)
