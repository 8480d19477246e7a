"""What is used of ``types``, without importing it: it makes a generator and a coroutine to ask for their types.

To a type checker the names are those of ``types``.
"""

from __future__ import annotations

import sys

from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import MappingProxyType as MappingProxyType
    from types import SimpleNamespace as SimpleNamespace
else:
    MappingProxyType, SimpleNamespace = type(type.__dict__), type(sys.implementation)
