"""What code that is not ours finds around it and may change: variables, objects, and chance."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final

import numpy as np

from engine import Value
from nn.activations import Activation
from nn.losses import Loss
from nn.module import Module

KNOWN: Final = {"engine", "nn", "numpy", *sys.stdlib_module_names}  # code that need not be read
PLAIN: Final = (int, float, complex, str, bytes, type(None), Value)
LONG: Final = 10_000  # what is longer is taken for data, which nobody changes
MOST: Final = 100_000  # so many things are looked at
OF_FIT: Final = ("training", "reading", "chance")  # what `fit` itself sets on modules


@dataclass(frozen=True)
class Variables:
    """Those variables of a file that code has a name for."""

    namespace: dict[str, Any]
    names: frozenset[str]

    def now(self) -> dict[str, Any]:
        """Those that there are."""
        return {name: self.namespace[name] for name in self.names if name in self.namespace}


class Surroundings:
    """All that code may read or change while it computes, as it is now.

    That are the variables that its functions have names for, what is in them, attributes of its
    objects and classes, and where random numbers come from. What is longer than 10,000 entries, and
    what a library of others keeps to itself, is not looked at.

    Args:
        code: modules, functions, and whatever else may matter.

    >>> scale = [1.0]
    >>> world = Surroundings([scale])
    >>> scale[0] = 2.0
    >>> world.moved(), world.put_back(), scale
    ('list', None, [1.0])
    """

    def __init__(self, code: Iterable[Any]) -> None:
        self.before = [(place, snapshot(place)) for place in around(code) if holds(place)]
        self.chance = random.getstate(), np.random.get_state()

    def moved(self) -> str:
        """What has other contents now, in a word; "" if nothing has. Chance does not count."""
        for place, before in self.before:
            if not isinstance(place, random.Random) and not alike(before, snapshot(place)):
                return called(place, before)
        return ""

    def changed(self) -> str:
        """The same, and chance counts."""
        for place, before in self.before:
            if isinstance(place, random.Random) and before != place.getstate():
                return type(place).__name__
        if self.chance[0] != random.getstate():
            return "Python's random state"
        return self.moved() or (
            "" if alike(self.chance[1], np.random.get_state()) else "NumPy's random state"
        )

    def put_back(self) -> None:
        """Make it what it was."""
        random.setstate(self.chance[0])
        np.random.set_state(self.chance[1])
        for place, before in self.before:
            if isinstance(place, random.Random) or not alike(before, snapshot(place)):
                restore(place, before)


# --- what there is ---


def around(code: Iterable[Any]) -> list[object]:
    """Everything that code can get at, each once."""
    found: dict[int, object] = {}
    todo = list(code)
    while todo and len(found) < MOST:
        each = todo.pop()
        if not isinstance(each, PLAIN) and id(each) not in found:
            found[id(each)] = each
            todo += inside(each)
    return list(found.values())


def inside(each: Any) -> Iterable[Any]:
    """What a thing leads to."""
    if isinstance(each, list | tuple | set | frozenset | dict):
        within = each.values() if isinstance(each, dict) else each
        return within if len(each) <= LONG else ()
    if isinstance(each, np.ndarray):
        return each.ravel().tolist() if each.dtype == "O" and each.size <= LONG else ()
    if isinstance(each, Variables):
        return each.now().values()
    if isinstance(each, CellType):
        return contents_of(each)
    if isinstance(each, MethodType):
        return each.__func__, each.__self__
    if isinstance(each, partial):
        return each.func, each.args, each.keywords
    if isinstance(each, property | staticmethod | classmethod):
        return (getattr(each, "fget", None) or getattr(each, "__func__", None),)
    if isinstance(each, Activation | Loss):
        return (each.function,)
    if isinstance(each, FunctionType):
        return around_function(each) if is_foreign(each) else ()
    if isinstance(each, type):
        return [*vars(each).values(), *each.__bases__] if is_foreign(each) else ()
    return [*vars(each).values(), type(each)] if has_attributes(each) else ()


def around_function(function: FunctionType) -> list[Any]:
    """The variables that it has names for: its own file's, those of files it imports, cells."""
    names = frozenset(names_in(function.__code__))
    of_file = Variables(function.__globals__, names)
    files = [each for each in of_file.now().values() if isinstance(each, ModuleType)]
    others = [Variables(vars(file), names) for file in files if root(file.__name__) not in KNOWN]
    defaults = function.__defaults__, function.__kwdefaults__
    return [of_file, *others, *(function.__closure__ or ()), *defaults, vars(function)]


def names_in(code: CodeType) -> Iterable[str]:
    """The names in a function, and in those that are written inside it."""
    yield from code.co_names
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from names_in(each)


def has_attributes(each: object) -> bool:
    """Whether it is an object whose attributes may matter."""
    if isinstance(each, ModuleType | FunctionType | type):
        return False
    return hasattr(each, "__dict__") and (isinstance(each, Module) or is_foreign(type(each)))


def is_foreign(code: Any) -> bool:
    """Whether somebody else has written this function or class."""
    return root(getattr(code, "__module__", None)) not in KNOWN


def root(name: object) -> str:
    """The package of a module's name."""
    return str(name).partition(".")[0]


# --- what is in it ---


def holds(place: Any) -> bool:
    """Whether it may hold something else tomorrow."""
    if isinstance(place, list | dict | set):
        return len(place) <= LONG
    if isinstance(place, np.ndarray):
        return place.size <= LONG
    if isinstance(place, type):
        return is_foreign(place)
    return isinstance(place, random.Random | CellType | Variables) or has_attributes(place)


def snapshot(place: Any) -> Any:
    """What is there now."""
    if isinstance(place, list | dict | set | np.ndarray):
        return place.copy()
    if isinstance(place, CellType):
        return contents_of(place)
    if isinstance(place, Variables):
        return place.now()
    if isinstance(place, random.Random):
        return place.getstate()
    return {name: x for name, x in vars(place).items() if not is_apart(place, name)}


def restore(place: Any, before: Any) -> None:
    """Put that back."""
    if isinstance(place, list | np.ndarray):
        place[:] = before
    elif isinstance(place, dict | set):
        place.clear()
        place.update(before)
    elif isinstance(place, CellType):
        place.cell_contents = before[0]
    elif isinstance(place, random.Random):
        place.setstate(before)
    elif isinstance(place, Variables):
        for name in place.now().keys() - before.keys():
            del place.namespace[name]
        place.namespace.update(before)
    else:
        for name in snapshot(place).keys() - before.keys():
            delattr(place, name)
        for name in before.keys() - vars(place).keys():
            setattr(place, name, before[name])
        for name, x in before.items():
            if vars(place)[name] is not x:
                setattr(place, name, x)


def is_apart(place: object, name: str) -> bool:
    """Whether an attribute is Python's own, or one that `fit` sets."""
    return name in OF_FIT if isinstance(place, Module) else name.startswith("__")


def contents_of(cell: CellType) -> tuple[Any, ...]:
    """What is in a cell, if anything is."""
    return () if cell == CellType() else (cell.cell_contents,)


def called(place: Any, before: Any) -> str:
    """What to call something that has changed."""
    if isinstance(place, Variables):
        now = place.now()
        differ = [name for name in place.names if not alike(before.get(name), now.get(name))]
        return ", ".join(sorted(differ))
    return place.__name__ if isinstance(place, type) else type(place).__name__


def alike(a: Any, b: Any) -> bool:
    """Whether two are the same, or equal numbers, text, or containers of such."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(alike(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, np.ndarray):
        if a.dtype == "O" or a.dtype != b.dtype or a.shape != b.shape:
            return alike(a.tolist(), b.tolist())
        return bool(a.tobytes() == b.tobytes())
    return isinstance(a, int | float | str | set | np.generic) and bool(a == b)
