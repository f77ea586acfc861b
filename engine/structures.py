"""Nested lists, tuples and dicts of numbers: taken apart, and put together again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

PLAIN: Final = {float, int}


def leaves(structure: Any) -> list[Any]:
    """What a structure holds, in order.

    >>> leaves({"w": [1.0, (2.0, 3.0)], "b": 4.0})
    [1.0, 2.0, 3.0, 4.0]
    """
    if isinstance(structure, Mapping):
        structure = list(structure.values())
    if isinstance(structure, (list, tuple)):
        if is_plain(structure):
            return list(structure)
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
        if is_plain(structure):
            parts = [*islice(given, len(structure))]
        else:
            parts = [restore(each, given) for each in structure]
        if isinstance(structure, list):
            return parts
        return structure._make(parts) if hasattr(structure, "_make") else tuple(parts)
    return next(given)


def is_plain(structure: list[Any] | tuple[Any, ...]) -> bool:
    """Whether there are numbers alone in it, of which many are taken at once in less time."""
    return {*map(type, structure)} <= PLAIN


def leaves_like(given: Any, like: Any, name: str, owner: str) -> list[Any]:
    """What a structure holds, in the order of another one, which it has to fit.

    Dicts are matched by their keys, whatever the order of these; a list fits a tuple.

    Args:
        given: the structure.
        like: the other one.
        name: what the first is called, for errors: "direction".
        owner: what the other one is, for errors: "the arguments of jvp(f)".

    Raises:
        ValueError: if it does not fit; it names the place.

    >>> leaves_like({"b": 4.0, "w": (1.0, 2.0)}, {"w": [5.0, 6.0], "b": 7.0}, "seeds", "the result")
    [1.0, 2.0, 4.0]
    """
    return list(walk_both(given, like, name, f"{name} is structured like {owner}"))


def walk_both(given: Any, like: Any, place: str, rule: str) -> Iterator[Any]:
    """The leaves of the first structure in the order of the second."""
    if isinstance(like, Mapping):
        if not isinstance(given, Mapping) or given.keys() != like.keys():
            raise misfit(given, f"a dict with the keys {', '.join(map(repr, like))}", place, rule)
        for key, each in like.items():
            yield from walk_both(given[key], each, f"{place}[{key!r}]", rule)
    elif isinstance(like, (list, tuple)):
        if not isinstance(given, (list, tuple)) or len(given) != len(like):
            raise misfit(given, f"a list or tuple of {len(like)}", place, rule)
        for k, each in enumerate(like):
            yield from walk_both(given[k], each, f"{place}[{k}]", rule)
    elif isinstance(given, (Mapping, list, tuple)):
        raise misfit(given, "one number", place, rule)
    else:
        yield given


def misfit(given: Any, wanted: str, place: str, rule: str) -> ValueError:
    """What was given where a structure has to fit another one."""
    advice = ": write array.tolist()" if getattr(given, "shape", ()) else ""
    return ValueError(f"{rule}: {place} should be {wanted}, but got {given!r:.200}{advice}")
