"""Where compiles run, by its address: this machine, or a cluster."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from wasmbuild.builder.executors.rationed import here
from wasmbuild.builder.request import Compiler, Executor, Place
from wasmbuild.errors import UsageError

if TYPE_CHECKING:
    from wasmbuild.toolchain.toolchain import Toolchain

LOCAL = "local"
VARIABLE = "WASMBUILD_EXECUTOR"
"""The environment variable that names a place, for builds that are not told one."""

_PORT = 8786
_ADDRESS = re.compile(
    r"(?P<scheme>dask|tcp|tls)://(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\s/:@?#\[\]]+)(?::(?P<port>\d{1,5}))?/?"
)


class Here:
    """This machine."""

    def executor(self, compiler: Compiler, jobs: int | None) -> Executor:
        return here(compiler, jobs)

    def compiler(self, compiler: Compiler) -> Compiler:
        return compiler

    def close(self) -> None:
        pass


HERE = Here()


def chosen(asked: str | None, declared: str | None) -> str:
    """Return the place that was asked for, else that of the environment, else the declared one. Raises UsageError."""
    for text, named_by in ((asked, "--executor"), (os.environ.get(VARIABLE), VARIABLE), (declared, "[build] executor")):
        if text:
            if (problem := address_problem(text)) is not None:
                raise UsageError(f"{named_by}: {problem}")
            return text
    return LOCAL


def address_problem(text: str) -> str | None:
    """Say what is wrong with the address of a place and what to write; None where nothing is."""
    if text == LOCAL:
        return None
    match = _ADDRESS.fullmatch(text)
    if match is None or not 0 < int(match["port"] or _PORT) < 65536:
        return f'{text!r} is no place to compile; write "local", or "dask://HOST:{_PORT}" for a scheduler of Dask'
    return None


def at(address: str, toolchain: Toolchain, say: Callable[[str], None] = lambda text: None) -> Place:
    """Return the place with an address that ``chosen`` returned. Raises ExecutorError where the extra is missing."""
    match = _ADDRESS.fullmatch(address)
    if match is None:
        return HERE
    from importlib.util import find_spec

    if find_spec("distributed") is None:
        raise UsageError(f"{address}: Dask is not installed here; run: pip install 'wasmbuild[dask]'")
    from wasmbuild.builder.executors.dask import DaskPlace

    # Without a scheme of its own, Dask's configuration says which: TCP, or TLS.
    scheme = "" if match["scheme"] == "dask" else f"{match['scheme']}://"
    return DaskPlace(f"{scheme}{match['host']}:{match['port'] or _PORT}", toolchain, say=say)
