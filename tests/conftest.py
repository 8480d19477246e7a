"""What all tests share: programs that pip does not install, an order, examples without a clock."""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import settings

# How long an example takes depends on what else the machine does.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what builds Rust, which takes minutes, lest one worker does that alone at the end."""
    items.sort(key=lambda item: any("cargo" in mark.args for mark in item.iter_markers("needs")), reverse=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose programs are missing; where CI says that all of them are there, it fails."""
    missing = [tool for mark in item.iter_markers("needs") for tool in mark.args if shutil.which(tool) is None]
    if missing:
        reason = f"needs {', '.join(missing)}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
