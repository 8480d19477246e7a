"""Which imports are of WASI, by their names.

The packages are those of WASI 0.2 and 0.3 (https://github.com/WebAssembly/WASI) that Wasmtime's ``add_to_linker`` has;
``wasi:http`` is one of its own there, and what else is named ``wasi:…`` is a proposal. Of these packages it has all but
what a program exports, ``wasi:cli/run``, and what is unstable in them, ``wasi:clocks/timezone``.
"""

from __future__ import annotations

import re

PREVIEW_1 = "wasi_snapshot_preview1"
"""The module of whose functions a core module with ``wasi`` can import."""

_INTERFACE = re.compile(
    r"wasi:(?:cli/(?!run@)|clocks/(?!timezone@)|(?:filesystem|io|random|sockets)/)[a-z0-9-]+@(0\.[23])\.[0-9]+"
)
_HTTP_CLIENT = re.compile(r"wasi:http/(?:types|outgoing-handler)@0\.2\.[0-9]+")


def version(interface: str) -> str | None:
    """Return the WASI that gives a component an interface, ``"0.2"`` or ``"0.3"``; None for release candidates,
    ``wasi:http``, proposals and what no WASI gives.
    """
    match = _INTERFACE.fullmatch(interface)
    return None if match is None else match[1]


def is_http_client(interface: str) -> bool:
    """Tell whether an interface of a component is one with which it asks for something by HTTP, as of WASI 0.2."""
    return _HTTP_CLIENT.fullmatch(interface) is not None
