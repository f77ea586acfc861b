"""Where code keeps what it remembers: what is there now, and how to put that back."""

from __future__ import annotations

import random
from argparse import Namespace
from array import array
from collections import ChainMap, UserDict, UserList, deque
from collections.abc import Callable, Iterator
from types import CellType, FunctionType, MemberDescriptorType, ModuleType, SimpleNamespace
from typing import Any, Final, NamedTuple

import numpy as np

from engine.frames import file_of, is_library
from nn.module import Module

CONTAINERS: Final = (list, tuple, set, frozenset, dict, deque)
HOLDERS: Final = (Module, SimpleNamespace, Namespace, UserDict, UserList, ChainMap)
LONG: Final = 10_000  # what is longer is taken for data, which nobody changes
OF_FIT: Final = ("training", "reading", "chance")  # what `fit` itself sets on modules


class Variables:
    """Those variables of a file that code has a name for."""

    def __init__(self, namespace: dict[str, Any], names: frozenset[str]) -> None:
        self.namespace, self.names = namespace, names

    def now(self) -> dict[str, Any]:
        """Those that there are."""
        return {name: self.namespace[name] for name in self.names if name in self.namespace}


def is_foreign(code: Any) -> bool:
    """Whether somebody else has written this function, class or module."""
    return not is_library(file_of(code))


def has_attributes(place: object) -> bool:
    """Whether it is an object or a class whose attributes may matter."""
    if isinstance(place, ModuleType | FunctionType):
        return False
    kind = place if isinstance(place, type) else type(place)
    return isinstance(place, HOLDERS) or is_foreign(kind)


def is_opaque(place: object) -> bool:
    """Whether it goes on with every use, and nobody can see where it is: `itertools.count()`."""
    if has_attributes(place) or not isinstance(place, Iterator):
        return False
    return not hasattr(place, "write")  # a file that is printed to says nothing


# --- what it holds ---


class Held(NamedTuple):
    """What a place holds."""

    contents: Any  # of a container; None if it is none
    attributes: dict[str, Any]


def held(place: Any) -> Held:
    """What is there now."""
    found = attributes(place)
    return Held(contents(place), {name: found[name] for name in found if not apart(place, name)})


def holds(place: object) -> bool:
    """Whether it may hold something else tomorrow."""
    return has_attributes(place) or contents(place) is not None


def contents(place: Any) -> Any:
    """What a container holds, unless that may not change or is long."""
    if isinstance(place, CellType):
        return in_cell(place)
    if isinstance(place, Variables):
        return place.now()
    if isinstance(place, np.ndarray):
        return place.copy() if place.size <= LONG else None
    kind: Any  # past a copy() of the user's
    for kind in (list, dict, set, deque):
        if isinstance(place, kind):
            return kind.copy(place) if len(place) <= LONG else None
    return bytes(place) if isinstance(place, bytearray | array) and len(place) <= LONG else None


def attributes(place: Any) -> dict[str, Any]:
    """The attributes of an object or a class, if they may matter."""
    if not has_attributes(place):
        return {}
    if isinstance(place, type):
        return dict(vars(place))
    foreign = [kind for kind in type(place).__mro__ if is_foreign(kind)]
    slots = [name for kind in foreign for name, x in vars(kind).items() if is_slot(x)]
    found = {name: getattr(place, name) for name in slots if hasattr(place, name)}
    return found | getattr(place, "__dict__", {})


def is_slot(found: object) -> bool:
    """Whether this is what `__slots__` put into a class."""
    return isinstance(found, MemberDescriptorType)


def apart(place: object, name: str) -> bool:
    """Whether an attribute is Python's own, or one that `fit` sets."""
    return name in OF_FIT if isinstance(place, Module) else name.startswith("__")


def in_cell(cell: CellType) -> tuple[Any, ...]:
    """What is in a cell, if anything is."""
    return () if cell == CellType() else (cell.cell_contents,)


# --- putting it back ---


def put_back(place: Any, before: Held) -> None:
    """Let a place hold what it held."""
    if before.contents is not None:
        fill(place, before.contents)
    # past a __setattr__ of the user's: a frozen object has one that raises
    kind: Any = type if isinstance(place, type) else object
    now = held(place).attributes
    for name in now.keys() - before.attributes.keys():
        kind.__delattr__(place, name)
    for name, x in before.attributes.items():
        if name not in now or now[name] is not x:
            kind.__setattr__(place, name, x)


def fill(place: Any, before: Any) -> None:
    """Let a container hold what it held."""
    if isinstance(place, CellType):
        if before:
            place.cell_contents = before[0]
        else:
            del place.cell_contents
    elif isinstance(place, Variables):
        for name in place.now().keys() - before.keys():
            del place.namespace[name]
        place.namespace.update(before)
    elif isinstance(place, np.ndarray):
        place[...] = before
    elif isinstance(place, deque):
        place.clear()
        place.extend(before)
    elif isinstance(place, dict | set):
        place.clear()
        place.update(before)
    else:
        place[:] = array(place.typecode, before) if isinstance(place, array) else before


# --- chance ---


class Chance(NamedTuple):
    """Something that random numbers are drawn from."""

    name: str
    state: Callable[[], Any]
    set_state: Callable[[Any], None]


def chance_of(place: Any) -> Chance | None:
    """The same of an object; None if nothing is drawn from it, or it cannot be repeated."""
    name = type(place).__name__
    if isinstance(place, random.Random) and not isinstance(place, random.SystemRandom):
        return Chance(name, place.getstate, place.setstate)
    if isinstance(place, np.random.RandomState):
        return Chance(name, place.get_state, place.set_state)
    bits = place.bit_generator if isinstance(place, np.random.Generator) else place
    if isinstance(bits, np.random.BitGenerator):
        return Chance(name, lambda: bits.state, lambda state: setattr(bits, "state", state))
    return None


# --- comparing ---


def alike(a: Any, b: Any) -> bool:
    """Whether two are the same, or equal numbers, text, or containers of such."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(alike(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple | deque):
        return len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, np.ndarray):
        if a.dtype == "O" or a.dtype != b.dtype or a.shape != b.shape:
            return alike(a.tolist(), b.tolist())
        return bool(a.tobytes() == b.tobytes())
    return isinstance(a, int | float | str | bytes | set | np.generic) and bool(a == b)
