"""What the caller calls his nodes: the variables of a frame, and the elements of its containers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from types import FrameType
from typing import Any, Final

from engine.value import Value

NOTEBOOK: Final = {"In", "Out"}  # the history that notebooks keep: nobody calls his node Out[3]
ELEMENTS: Final = 1_000_000  # in all containers together: tables of data must not hold up a drawing


def names_in(frame: FrameType) -> dict[int, str]:
    """The names of the Values that a frame sees, by the identity of the Value.

    Locals come before globals, and the first name wins. Names with a leading underscore are
    skipped. Elements of lists, tuples and dicts are called what one writes to reach them: w[0],
    W[1][0], params["w"].

    >>> import inspect
    >>> weights, bias = [Value(0.1), Value(0.2)], Value(0.3)
    >>> names = names_in(inspect.currentframe())
    >>> names[id(weights[1])], names[id(bias)]
    ('weights[1]', 'bias')
    """
    names: dict[int, str] = {}
    for name, value in reachable(frame):
        names.setdefault(id(value), name)
    return names


def reachable(frame: FrameType) -> Iterator[tuple[str, Value]]:
    """Every Value with every name it has, in the order of the variables and of their elements."""
    variables = [*frame.f_locals.items(), *frame.f_globals.items()]
    stack = [(name, it) for name, it in variables if is_public(name)]
    stack.reverse()
    entered: set[int] = set()  # a container is looked into once: it may hold itself
    budget = ELEMENTS
    while stack:
        name, it = stack.pop()
        if isinstance(it, Value):
            yield name, it
        elif isinstance(it, (list, tuple, dict)) and id(it) not in entered:
            entered.add(id(it))
            elements = list(islice(it.items() if isinstance(it, dict) else enumerate(it), budget))
            budget -= len(elements)
            stack += [
                (f"{name}[{subscript(key)}]", element)
                for key, element in reversed(elements)
                if isinstance(element, (Value, list, tuple, dict))
            ]


def is_public(name: str) -> bool:
    """Whether a variable is the user's own; tools have theirs, in a frame even some like "@a"."""
    return name.isidentifier() and not name.startswith("_") and name not in NOTEBOOK


def subscript(key: Any) -> str:
    """A key as it is written between the brackets, text in the double quotes of most code."""
    plain = isinstance(key, str) and '"' not in key and "\\" not in key
    return f'"{key}"' if plain else repr(key)
