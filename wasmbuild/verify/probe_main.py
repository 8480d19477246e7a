"""Start the probe (see ``probe.py``). Short, because Python keeps no bytecode of the file that it is started with.

It is run by path. The first argument bounds, in bytes, what the process may allocate, or is ``-``; reserved address
space does not count, since instances of WebAssembly reserve gigabytes. The others are directories: those that hold
``wasmtime`` and the files that go along with this one, where they are not in its own (``probes.py`` has them).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if __name__ == "__main__":
    # At the end: no directory may hide a module of the standard library.
    sys.path.extend(sys.argv[2:])
    if TYPE_CHECKING:
        from wasmbuild.verify import probe
    else:
        import probe
    probe.main()
