"""What the tests of verification share."""

from __future__ import annotations

from pathlib import Path

import pytest
from answering import Loads, Starter
from maker import Maker
from scripted import Loading
from shipped import Shipped


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Starter:
    return Starter(tmp_path, monkeypatch)


@pytest.fixture
def loads(tmp_path: Path, maker: Maker) -> Loads:
    return Loads(tmp_path, maker)


@pytest.fixture
def loading(tmp_path: Path, maker: Maker) -> Loading:
    return Loading(tmp_path, maker)


@pytest.fixture
def shipped(tmp_path: Path, maker: Maker) -> Shipped:
    return Shipped(tmp_path, maker)
