"""What the engine's tests share: how hard hypothesis searches, and wrong rows for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy

import pytest
from hypothesis import Phase, settings

from engine.primitive import Formula, Primitive
from engine.rules import ROWS, TABLE

# A busy machine is no bug: no deadline. Some tests plant faults: no memory of those.
PHASES = set(Phase) - {Phase.explain}
settings.register_profile("engine", max_examples=25, deadline=None, database=None, phases=PHASES)
settings.load_profile("engine")


@pytest.fixture
def plant() -> Iterator[Callable[..., Primitive]]:
    """While the test lasts, put a changed copy of a row in its place: plant("sin", wrong)."""
    sound = [*ROWS]

    def plant(name: str, *partials: Formula, forward: Formula | None = None) -> Primitive:
        row = copy(TABLE[name])
        row.forward = forward or row.forward
        row.partials = partials or row.partials
        ROWS[ROWS.index(TABLE[name])] = TABLE[name] = row
        return row

    yield plant
    ROWS[:] = sound
    TABLE.update({row.name: row for row in sound})
