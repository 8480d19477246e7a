"""Put the C API of the installed wasmtime package into a directory: ``lib/libwasmtime.so`` and ``include/``.

The package holds the library, without headers; those are in the crate ``wasmtime-c-api-impl`` of the same version,
which cargo downloads. ``conf.h`` has to be filled in with what the library was built with, which is everything.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import wasmtime

CRATE = "wasmtime-c-api-impl"
# The package is built without these; nothing of the headers depends on them but the first.
WITHOUT = ("WASMTIME_FEATURE_WASI_HTTP", "WASMTIME_FEATURE_DISABLE_LOGGING", "WASMTIME_FEATURE_ALL_ARCH")


def main(directory: Path) -> None:
    found = version("wasmtime")
    [library] = [
        path
        for pattern in ("_libwasmtime.so", "_libwasmtime.dylib")
        for path in Path(wasmtime.__file__).parent.glob(f"*/{pattern}")
    ]
    lib = directory / "lib"
    lib.mkdir(parents=True, exist_ok=True)
    link = lib / library.name.lstrip("_")
    link.unlink(missing_ok=True)
    link.symlink_to(library)

    crate = find_crate(found)
    if crate is None:
        # It shows what is known of a crate, and downloads it for that: this one alone, not what it depends on.
        cargo = shutil.which("cargo")
        if cargo is None:
            raise SystemExit("there is no cargo here, which downloads the headers; install Rust")
        subprocess.run([cargo, "info", "--quiet", f"{CRATE}@{found}"], check=True, stdout=subprocess.DEVNULL)
        crate = find_crate(found)
    if crate is None:
        raise SystemExit(f"cargo info {CRATE}@{found} left no sources in {cargo_home() / 'registry'}")
    include = directory / "include"
    shutil.copytree(crate / "include", include, dirs_exist_ok=True)
    conf = (include / "wasmtime" / "conf.h.in").read_text()
    conf = re.sub(r"#cmakedefine (\w+)", lambda name: "" if name[1] in WITHOUT else f"#define {name[1]}", conf)
    (include / "wasmtime" / "conf.h").write_text(conf)


def cargo_home() -> Path:
    return Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")


def find_crate(of_version: str) -> Path | None:
    return next(iter(cargo_home().glob(f"registry/src/*/{CRATE}-{of_version}")), None)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
