"""What the user may choose: a loss, an activation, an optimiser by name; a setting in its range."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from engine.node import number

Chosen = TypeVar("Chosen")


def choose(
    kind: str,
    given: object,
    known: Mapping[str, Chosen],
    elsewhere: Mapping[str, str] | None = None,
) -> Chosen:
    """What `given` names among the known ones.

    Args:
        kind: what is being chosen, with its article, for the error: "a loss".
        given: the name.
        known: all there is to choose from, by name.
        elsewhere: names that others use, for the hint alone, with the known name of the same.

    Returns:
        The entry of that name.

    Raises:
        TypeError: if given is not a string.
        ValueError: if nothing has that name; it lists the known names and the nearest.

    >>> choose("a letter", "beta", {"alpha": 1, "beta": 2})
    2
    >>> choose("a letter", "Beta ", {"alpha": 1, "beta": 2})
    Traceback (most recent call last):
    ...
    ValueError: 'Beta ' is not the name of a letter: did you mean 'beta'? Known are alpha, beta
    """
    names = ", ".join(known)
    if not isinstance(given, str):
        raise TypeError(
            f"{kind} is chosen by name, but got {given!r} of type {type(given).__name__}: "
            f"write one of {names}"
        )
    if given in known:
        return known[given]
    plain = given.strip().lower().replace("-", "_").replace(" ", "_")
    familiar = (elsewhere or {}).get(plain)
    nearest = [familiar] if familiar else get_close_matches(plain, known, n=1)
    question = f"did you mean {nearest[0]!r}? " if nearest else ""
    raise ValueError(f"{given!r} is not the name of {kind}: {question}Known are {names}")


def require(where: str, given: object, holds: Callable[[float], bool], words: str) -> float:
    """One setting as a float, if it is as the words say.

    Raises:
        TypeError: if it is not a number.
        ValueError: if it does not hold; NaN never does.

    >>> require("SGD(lr)", -1, lambda x: x >= 0, "0 or more")
    Traceback (most recent call last):
    ...
    ValueError: SGD(lr) must be 0 or more, but got -1
    """
    setting = number(given, where)
    if setting != setting or not holds(setting):
        raise ValueError(f"{where} must be {words}, but got {given!r}")
    return setting


def require_whole(where: str, given: Any, least: int = 1) -> int:
    """One setting as an int, if it is large enough; True is not taken for 1, nor 10.0 for 10.

    Raises:
        TypeError: if it is no integer of Python's or NumPy's.
        ValueError: if it is too small.

    >>> require_whole("Step(every)", 0)
    Traceback (most recent call last):
    ...
    ValueError: Step(every) must be a whole number, 1 at least, but got 0
    """
    words = f"{where} must be a whole number, {least} at least, but got {given!r}"
    try:
        found = operator.index(given)
    except TypeError:
        found = None
    if found is None or isinstance(given, bool):
        raise TypeError(f"{words} of type {type(given).__name__}: write it as an int")
    if found < least:
        raise ValueError(words)
    return found
