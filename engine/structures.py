"""Nested lists, tuples and dicts of numbers: taken apart, and put together again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any


def leaves(structure: Any) -> list[Any]:
    """What a structure holds, in order.

    >>> leaves({"w": [1.0, (2.0, 3.0)], "b": 4.0})
    [1.0, 2.0, 3.0, 4.0]
    """
    if isinstance(structure, Mapping):
        structure = list(structure.values())
    if isinstance(structure, (list, tuple)):
        return [leaf for each in structure for leaf in leaves(each)]
    return [structure]


def restore(structure: Any, given: Iterator[Any]) -> Any:
    """The same structure of what is given.

    >>> restore({"w": [1.0, (2.0, 3.0)], "b": 4.0}, iter("abcd"))
    {'w': ['a', ('b', 'c')], 'b': 'd'}
    """
    if isinstance(structure, Mapping):
        return {key: restore(each, given) for key, each in structure.items()}
    if isinstance(structure, (list, tuple)):
        parts = [restore(each, given) for each in structure]
        if isinstance(structure, list):
            return parts
        return structure._make(parts) if hasattr(structure, "_make") else tuple(parts)
    return next(given)


def same(structure: Any, function: Callable[[Any], Any]) -> Any:
    """The structure with a function applied to all that it holds.

    >>> same([1.0, (2.0, 3.0)], str)
    ['1.0', ('2.0', '3.0')]
    """
    return restore(structure, map(function, leaves(structure)))
