"""What all tests share: a table put back in order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine import functions
from engine.rules import ROWS


@pytest.fixture
def unregister() -> Iterator[None]:
    """Take out of the table, after the test, the rows that it has registered."""
    known = len(ROWS)
    yield
    while len(ROWS) > known:
        functions.withdraw(ROWS[-1])
