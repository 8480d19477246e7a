"""What the tests of verification share."""

from __future__ import annotations

import pytest
from maker import Maker


@pytest.fixture
def maker() -> Maker:
    return Maker()
