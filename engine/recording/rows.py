"""Rows: what a recorded function is handed for one example of an array with more than one axis.

A function that was written for numbers would take a plain list without a word: 2 * x repeats it,
and x + x is twice as long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Number
from typing import Any, Final, NoReturn

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

    A plain list can be appended to it, and a slice of it is a plain list.

    Args:
        parts: what is in it.
        name: what the function calls it: x, or x[0] if it is a part of an example.
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

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Row) or not isinstance(other, list):
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
