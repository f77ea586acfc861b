"""What code that is not ours finds around it and may change: variables, objects, and chance."""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import cached_property, partial
from types import (
    BuiltinMethodType,
    CellType,
    CodeType,
    FunctionType,
    MethodType,
    MethodWrapperType,
    ModuleType,
)
from typing import Any, Final

import numpy as np

from engine import Value
from nn.activations import Activation
from nn.losses import Loss
from nn.places import (
    CONTAINERS,
    LONG,
    Chance,
    Held,
    Variables,
    alike,
    attributes,
    chance_of,
    has_attributes,
    held,
    holds,
    in_cell,
    is_foreign,
    is_opaque,
    put_back,
)

PLAIN: Final = (int, float, complex, str, bytes, type(None), Value)
MOST: Final = 100_000  # so many things are looked at


class Surroundings:
    """All that code may read or change while it computes, as it is now.

    That are the variables that its functions have names for, what is in them, attributes of its
    objects and classes, and where random numbers come from. What is longer than 10,000 entries, and
    what a library of others keeps to itself, is not looked at.

    Args:
        code: modules, functions, and whatever else may matter.

    Attributes:
        opaque: the type of something that has a state which cannot be seen, an iterator; "" if
            there is none.

    >>> scale = [1.0]
    >>> world = Surroundings([scale])
    >>> scale[0] = 2.0
    >>> world.moved(), world.put_back(), scale
    ('list', None, [1.0])
    """

    def __init__(self, code: Iterable[Any]) -> None:
        found = around(code)
        self.opaque = next((type(each).__name__ for each in found if is_opaque(each)), "")
        everywhere = (
            Chance("Python's random state", random.getstate, random.setstate),
            Chance("NumPy's random state", np.random.get_state, np.random.set_state),
        )
        sources = (*everywhere, *filter(None, map(chance_of, found)))
        self.sources = [(source, source.state()) for source in sources]
        places = [each for each in found if holds(each) and not chance_of(each)]
        self.places = [(place, held(place)) for place in places]

    def moved(self) -> str:
        """What has other contents now, in a word; "" if nothing has. Chance does not count."""
        for place, before in self.places:
            if not alike(before, held(place)):
                return called(place, before)
        return ""

    def changed(self) -> str:
        """The same, and chance counts."""
        for source, before in self.sources:
            if not alike(before, source.state()):
                return source.name
        return self.moved()

    def put_back(self) -> None:
        """Make it what it was."""
        for source, state in self.sources:
            source.set_state(state)
        for place, before in self.places:
            if not alike(before, held(place)):
                put_back(place, before)


# --- what there is ---


def around(code: Iterable[Any]) -> list[object]:
    """Everything that code can get at, each once."""
    found: dict[int, object] = {}
    todo = list(code)
    while todo and len(found) < MOST:
        each = todo.pop()
        if not isinstance(each, PLAIN) and id(each) not in found:
            found[id(each)] = each
            todo += (*inside(each), *attributes(each).values())
    return list(found.values())


def inside(each: Any) -> Iterable[Any]:
    """What a thing leads to, beside its attributes."""
    if isinstance(each, CONTAINERS):
        within = each.values() if isinstance(each, dict) else each
        return within if len(each) <= LONG else ()
    if isinstance(each, np.ndarray):
        return each.ravel().tolist() if each.dtype == "O" and each.size <= LONG else ()
    if isinstance(each, Variables):
        return each.now().values()
    if isinstance(each, CellType):
        return in_cell(each)
    if isinstance(each, MethodType | BuiltinMethodType | MethodWrapperType):
        return each.__self__, getattr(each, "__func__", None)
    if isinstance(each, partial):
        return each.func, each.args, each.keywords
    if isinstance(each, property):
        return (each.fget,)
    if isinstance(each, cached_property):
        return (each.func,)
    if isinstance(each, Activation | Loss):
        return (each.function,)
    if isinstance(each, FunctionType):
        return around_function(each) if is_foreign(each) else ()
    if not has_attributes(each):
        return (getattr(each, "__wrapped__", None),)  # by functools.cache, or in a staticmethod
    return each.__bases__ if isinstance(each, type) else (type(each),)


def around_function(function: FunctionType) -> list[Any]:
    """The variables that it has names for: its own file's, those of files it imports, cells."""
    names = frozenset(names_in(function.__code__))
    of_file = Variables(function.__globals__, names)
    files = [each for each in of_file.now().values() if isinstance(each, ModuleType)]
    others = [Variables(vars(file), names) for file in files if is_foreign(file)]
    defaults = function.__defaults__, function.__kwdefaults__
    return [of_file, *others, *(function.__closure__ or ()), *defaults, vars(function)]


def names_in(code: CodeType) -> Iterable[str]:
    """The names in a function, and in those that are written inside it."""
    yield from code.co_names
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from names_in(each)


def called(place: Any, before: Held) -> str:
    """What to call something that has changed."""
    if isinstance(place, Variables):
        then, now = before.contents, place.now()
        differ = [name for name in place.names if not alike(then.get(name), now.get(name))]
        return ", ".join(sorted(differ))
    return place.__name__ if isinstance(place, type) else type(place).__name__
