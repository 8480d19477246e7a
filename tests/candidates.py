"""Executables that only say that they are Wasmtime, and what is said of those that will not do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wasmbuild.errors import ToolchainError
from wasmbuild.toolchain.find import find

ROOTS = [path for path in sys.path if path]
"""Where modules come from; tests on a ``machine`` find other packages or none."""

MakeProgram = Callable[[Path, str], Path]


def says(version: str) -> str:
    return f'echo "wasmtime {version}"'


def message(*arguments: Any, status: int = 2, **options: Any) -> str:
    with pytest.raises(ToolchainError) as error:
        find(*arguments, **options)
    assert error.value.exit_code == status
    return str(error.value)
