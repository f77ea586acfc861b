"""Rows: what a recorded function is handed for one example of an array with more than one axis.

A function that was written for numbers would take a plain list without a word: 2 * x repeats it,
and x + x is twice as long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Number
from typing import Any, Final, NoReturn, SupportsIndex

from engine.value import Value

Shape = tuple[int, ...]

# Operators that a list has not, or that mean another thing.
REFUSED: Final = (
    "__sub__", "__rsub__", "__mul__", "__rmul__", "__imul__", "__truediv__", "__rtruediv__",
    "__pow__", "__rpow__", "__matmul__", "__rmatmul__", "__neg__", "__pos__", "__abs__",
    "__float__",
)  # fmt: skip
COMPARED: Final = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__")


class Row(list[Any]):
    """A list of Values, or of such lists, that does no arithmetic; a list in all else.

    A plain list can be appended to it. A slice of it is such a list again: x[1:] + x[:-1] would be
    as long as both.

    Args:
        parts: what is in it.
        name: what the function calls it: x, or x[0] or x[1:] if it is a part of an example.
        shape: its shape.
        array: what the array is called, and the shape of an example of it.
    """

    __hash__ = None  # as that of a list

    def __init__(
        self, parts: Iterable[Any], name: str, shape: Shape, array: tuple[str, Shape]
    ) -> None:
        super().__init__(parts)
        self.name, self.shape, self.array = name, shape, array

    @property
    def advice(self) -> str:
        """Why it is a list, and what to write where a number is wanted."""
        array, shape = self.array
        whole = f"{array} has shape (B, {', '.join(map(str, shape))})"
        what = "an example of it" if self.name == array else self.name
        if shape == (1,):
            return f"{whole}, so {what} is a list: pass {array}[:, 0], or write {array}[0]"
        element = self.name + "[0]" * len(self.shape)
        each = f"[... for each in {self.name}]"
        return f"{whole}, so {what} is a list: write {element} for an element, or {each}"

    def refuse(self) -> NoReturn:
        """Say so."""
        raise TypeError(self.advice)

    def __getitem__(self, place: SupportsIndex | slice) -> Any:
        try:
            found = super().__getitem__(place)
        except TypeError:
            self.refuse_place(place)
        if not isinstance(place, slice):
            return found
        bounds = [place.start, place.stop, place.step][: 2 if place.step is None else 3]
        where = ":".join("" if k is None else str(k) for k in bounds)
        return Row(found, f"{self.name}[{where}]", (len(found), *self.shape[1:]), self.array)

    def refuse_place(self, place: Any) -> NoReturn:
        """Say what to write for x[0, 1], which an array would understand, and the like."""
        instead = ""
        is_places = isinstance(place, tuple) and all(hasattr(k, "__index__") for k in place)
        if is_places and len(place) <= len(self.shape):
            one_by_one = "".join(f"[{k}]" for k in place)
            instead = f"; {self.name}[{', '.join(map(str, place))}] is {self.name}{one_by_one}"
        raise TypeError(f"{self.advice}{instead}")

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__") or "array" not in vars(self):  # as copy asks for, of one half made
            raise AttributeError(name)
        instead = f"; sum({self.name}) adds up its elements" if name == "sum" else ""
        raise AttributeError(f"{self.name}.{name} does not exist: {self.advice}{instead}")

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Row):
            raise TypeError(f"{self.advice}; [*{self.name}, *{other.name}] is a list of both")
        if not isinstance(other, list):
            self.refuse()
        return [*self, *other]

    def __radd__(self, other: Any) -> Any:
        if not isinstance(other, list):
            self.refuse()
        return [*other, *self]

    def __iadd__(self, other: Any) -> Any:
        return self + other


def refuse(row: Row, *others: Any) -> NoReturn:
    """A method that only raises."""
    row.refuse()


def comparison(name: str) -> Callable[[Row, Any], Any]:
    """A list's own with another list, but none with a number."""
    own = getattr(list, name)

    def compare(row: Row, other: Any) -> Any:
        if isinstance(other, (Number, Value)):
            row.refuse()
        return own(row, other)

    return compare


for _name in REFUSED:
    setattr(Row, _name, refuse)
for _name in COMPARED:
    setattr(Row, _name, comparison(_name))
