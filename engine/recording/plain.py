"""Plain arguments: floats, lists and tuples of them, and arrays. Compiled like node.py.

A point takes the loop so little time that every call would feel it if this took its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

FLOATS: Final = frozenset({np.dtype(np.float64), np.dtype(np.float32)})


def key_of(given: Sequence[Any]) -> tuple[Any, ...] | None:
    """What tells a call with other types or shapes; None if it would take long to find out."""
    key: list[Any] = []
    for each in given:
        kind = type(each)
        if kind is float:
            key.append(None)
        elif kind is np.ndarray and each.ndim and each.dtype in FLOATS:
            key += each.shape, each.dtype
        elif (kind is list or kind is tuple) and is_of_floats(each):
            key += kind, len(each)
        else:
            return None
    return tuple(key)


def in_a_row(given: Sequence[Any]) -> list[Any]:
    """What was given, and what is in the lists and tuples among it.

    >>> in_a_row([1.0, [2.0, 3.0]])
    [1.0, 2.0, 3.0]
    """
    found: list[Any] = []
    for each in given:
        if type(each) is list or type(each) is tuple:
            found.extend(each)
        else:
            found.append(each)
    return found


def like(given: Sequence[Any], row: list[Any]) -> tuple[Any, ...]:
    """A row of numbers in the form of what was given.

    >>> like([1.0, [2.0, 3.0]], [0.1, 0.2, 0.3])
    (0.1, [0.2, 0.3])
    """
    found: list[Any] = []
    place = 0
    for each in given:
        kind = type(each)
        if kind is list or kind is tuple:
            found.append(kind(row[place : place + len(each)]))
            place += len(each)
        else:
            found.append(row[place])
            place += 1
    return tuple(found)


def is_of_floats(numbers: Any) -> bool:
    """Whether there are floats in a list or tuple, and nothing else."""
    for each in numbers:
        if type(each) is not float:
            return False
    return len(numbers) > 0
