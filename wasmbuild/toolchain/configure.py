"""Make the calls that ``EngineConfig.library_calls`` writes. Standard library and ``wasmtime`` alone.

Applications, the compiler's child and the probe share it; the probe has a copy beside it on other machines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def configure(config: Any, calls: Iterable[Sequence[Any]]) -> None:
    """Make calls on a ``wasmtime.Config``. Raises WasmtimeError for what this version of the library lacks or refuses.

    A call is ``("property", name, value)``, ``("flag_set", name, text)`` or ``("c-api", function, value)``.
    """
    from wasmtime import WasmtimeError, _bindings

    for call, name, *value in calls:
        if call == "flag_set":
            config.cranelift_flag_set(name, *value)
        elif call == "property":
            # Config takes any other attribute in silence.
            if not isinstance(getattr(type(config), name, None), property):
                raise WasmtimeError(f"this version of the library has no Config.{name}")
            try:
                setattr(config, name, *value)
            except WasmtimeError:
                # Where nothing can be written there is no cache, and all else is as with one.
                if name != "cache":
                    raise
        else:
            setter = getattr(_bindings, name, None)
            if setter is None:
                raise WasmtimeError(f"this version of the library has no {name}")
            setter(config.ptr(), *value)
