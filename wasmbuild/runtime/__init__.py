"""Load what wasmbuild built: the right artifact for this machine with the engine that it needs, or the exact reason.

``load("build", "checksum").module`` is a ``wasmtime.Module``. Light: it imports ``wasmtime`` and the standard library.
"""

from __future__ import annotations

from wasmbuild.errors import UsageError
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.runtime.errors import (
    DamagedError,
    HostLimitError,
    InexpressibleSettingError,
    InvalidSourceError,
    LinkedOutError,
    LoadError,
    MissingArtifactError,
    MissingCpuFeatureError,
    MissingFileError,
    NoFittingArtifactError,
    NoShipmentError,
    NotInManifestError,
    NotPrecompiledError,
    NotWebAssemblyError,
    OtherArchitectureError,
    OtherCodeError,
    OtherImportTypeError,
    OtherKindError,
    OtherLayoutError,
    OtherLineError,
    OtherSettingError,
    OtherSystemError,
    PassedOver,
    PrecompiledError,
    RefusedError,
    ShipmentError,
    TrapError,
    UnknownImportError,
    UntrustedError,
)
from wasmbuild.runtime.file_errors import of_system
from wasmbuild.runtime.loaded import Loaded, Opened
from wasmbuild.runtime.loading import LOGGER, config, engine, load, modules

if TYPE_CHECKING:
    from wasmbuild.runtime.instances import instantiate, missing_imports
    from wasmbuild.runtime.standalone import explain, load_any, load_precompiled, load_source
    from wasmbuild.runtime.watching import Watcher

__all__ = [
    "LOGGER",
    "DamagedError",
    "HostLimitError",
    "InexpressibleSettingError",
    "InvalidSourceError",
    "LinkedOutError",
    "LoadError",
    "Loaded",
    "MissingArtifactError",
    "MissingCpuFeatureError",
    "MissingFileError",
    "NoFittingArtifactError",
    "NoShipmentError",
    "NotInManifestError",
    "NotPrecompiledError",
    "NotWebAssemblyError",
    "Opened",
    "OtherArchitectureError",
    "OtherCodeError",
    "OtherImportTypeError",
    "OtherKindError",
    "OtherLayoutError",
    "OtherLineError",
    "OtherSettingError",
    "OtherSystemError",
    "PassedOver",
    "PrecompiledError",
    "RefusedError",
    "ShipmentError",
    "TrapError",
    "UnknownImportError",
    "UntrustedError",
    "UsageError",
    "Watcher",
    "config",
    "engine",
    "explain",
    "instantiate",
    "load",
    "load_any",
    "load_precompiled",
    "load_source",
    "missing_imports",
    "modules",
]

# What an application that only loads from manifests has no use for.
_LATER = {
    "Watcher": "watching",
    "explain": "standalone",
    "instantiate": "instances",
    "load_any": "standalone",
    "load_precompiled": "standalone",
    "load_source": "standalone",
    "missing_imports": "instances",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        found = globals()[name] = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    except OSError as error:
        raise of_system(f"{__name__}.{name}", error) from None
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
