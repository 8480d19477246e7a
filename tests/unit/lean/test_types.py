"""The types that are told without ``types`` are those of ``types``."""

from __future__ import annotations

import types

from wasmbuild.lean.types import MappingProxyType, SimpleNamespace


def test_they_are_the_same() -> None:
    assert MappingProxyType is types.MappingProxyType
    assert SimpleNamespace is types.SimpleNamespace
