"""Which shared library the dynamic linker did not find, by the words of glibc's and of musl's."""

from __future__ import annotations

import re

# Measured of glibc 2.36 and musl 1.2.3; where it is Python that loads, both stand behind the name of an exception.
_MISSING = (
    r"(?m)^(?:\S+: error while loading shared libraries: |\w+Error: )(\S+): cannot open shared object file: No such"
    r"|^(?:\w+Error: )?Error loading shared library (\S+): No such"
)
# Rust's, and so Wasmtime's, which images of Alpine lack.
_PACKAGES = {"libgcc_s.so.1": " (on Alpine: apk add libgcc)"}


def missing(said: str) -> str:
    """Return the shared library that a program needs and this system lacks, and its package where that is known.

    By the linker's words; nothing where these tell of none.
    """
    found = re.search(_MISSING, said)
    if found is None:
        return ""
    library: str = found[1] or found[2]
    return library + _PACKAGES.get(library, "")
