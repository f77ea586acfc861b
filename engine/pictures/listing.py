"""Listings for a terminal, of which nobody reads the middle if they are long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

T = TypeVar("T")

LONGEST: Final = 200  # lines


def abridged(rows: Sequence[T], write: Callable[[Sequence[T]], Sequence[str]]) -> str:
    """The lines of a listing; of one that is too long the first and the last, and what is left out.

    Args:
        rows: what has a line each.
        write: makes the lines of those that are shown; together, since columns depend on all.

    >>> digits = range(1, 1000)
    >>> print(abridged(digits, lambda rows: [f"line {row}" for row in rows])[:13])
    line 1
    line 2
    >>> abridged(digits, lambda rows: [f"line {row}" for row in rows]).splitlines()[99:102]
    ['line 100', '... 799 more', 'line 900']
    """
    half = LONGEST // 2
    if len(rows) <= LONGEST:
        return "\n".join(write(rows))
    lines = write([*rows[:half], *rows[-half:]])
    return "\n".join([*lines[:half], f"... {len(rows) - LONGEST} more", *lines[half:]])
