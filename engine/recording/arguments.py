"""The arguments of a recorded function: numbers of one point, or arrays of many."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import not_a_number
from engine.node import ENGINE, number
from engine.recording.plain import FLOATS, in_a_row
from engine.recording.rows import Row
from engine.structures import leaves, restore
from engine.value import Value
from engine.wording import count

Array = NDArray[Any]
Shape = tuple[int, ...]


class Arguments:
    """What one call was given.

    Args:
        given: the arguments: numbers, arrays, or nested lists, tuples and dicts of these. Axis 0 of
            an array is the batch; numbers are the same for all of it.
        names: what they are called, for errors.

    Attributes:
        batch: how many examples; None for one point, of numbers alone.
        shapes: of one example of each number or array.

    Raises:
        TypeError: if something is neither a number nor an array of real numbers.
        ValueError: if arrays differ in the number of examples.
    """

    def __init__(self, given: Sequence[Any], names: Sequence[str]) -> None:
        self.given = tuple(given)
        self.names = names
        self.leaves: list[Any] = [
            checked(leaf, name)
            for argument, name in zip(given, names, strict=True)
            for leaf in leaves(argument)
        ]
        self.shapes: list[Shape] = [
            leaf.shape[1:] if isinstance(leaf, np.ndarray) else () for leaf in self.leaves
        ]
        self.are_arrays = [isinstance(leaf, np.ndarray) for leaf in self.leaves]
        bounds = accumulate(map(prod, self.shapes), initial=0)
        self.rows = [slice(*pair) for pair in pairwise(bounds)]  # of each, among all inputs
        self.structure = restore(self.given, iter(range(len(self.leaves))))
        self.batch = self.count()
        self.is_nested = any(isinstance(each, (list, tuple, Mapping)) for each in self.given)
        self.signature = tuple(self.shapes), *map(skeleton, self.given)

    def again(self, given: Sequence[Any]) -> Arguments:
        """The same for other numbers and arrays of the same types and shapes."""
        other = object.__new__(Arguments)
        flat = in_a_row(given) if self.is_nested else given
        other.__dict__.update(self.__dict__, given=given, leaves=flat)
        return other

    def count(self) -> int | None:
        """How many examples the arrays have."""
        counts = {len(leaf): k for k, leaf in enumerate(self.leaves) if type(leaf) is np.ndarray}
        if len(counts) > 1:
            where = [place for place, _ in places(self.names, self.given)]
            (one, k), (other, n), *_ = counts.items()
            raise ValueError(
                f"axis 0 of an array is the batch, but {where[k]} has {count(one, 'row')} and "
                f"{where[n]} has {other}: give one row per example to both, or a plain number for "
                "what all examples share"
            )
        return next(iter(counts), None)

    def dtype(self, asked: Any) -> Any:
        """float64 for a point; else what was asked for, or that of the arrays."""
        if self.batch is None:
            return np.dtype(np.float64)
        if asked is not None:
            return asked
        arrays = [leaf for leaf in self.leaves if isinstance(leaf, np.ndarray)]
        single = arrays and all(array.dtype == np.float32 for array in arrays)
        return np.dtype(np.float32 if single else np.float64)

    def arrays(self, dtype: Any) -> list[Array]:
        """The inputs as matrices with a row for each example."""
        if self.batch is None:
            return [np.array([self.leaves], dtype)] if len(self.leaves) else []
        batch = self.batch
        found: list[Array] = []
        numbers: list[float] = []

        def finish() -> None:
            if numbers:
                row = np.array([numbers], dtype)
                found.append(row if batch == 1 else np.broadcast_to(row, (batch, len(numbers))))
                numbers.clear()

        for leaf in self.leaves:
            if isinstance(leaf, np.ndarray):
                finish()
                found.append(np.asarray(leaf, dtype).reshape(batch, prod(leaf.shape[1:])))
            else:
                numbers.append(leaf)
        finish()
        return found

    def example(self) -> list[float]:
        """The numbers of the first example; zeros if there is none."""
        return [
            x
            for leaf, shape in zip(self.leaves, self.shapes, strict=True)
            for x in (
                [leaf]
                if not isinstance(leaf, np.ndarray)
                else np.asarray(leaf[0], float).ravel().tolist()
                if len(leaf)
                else [0.0] * prod(shape)
            )
        ]

    def stand_ins(self, inputs: Iterable[Value]) -> list[Any]:
        """The arguments with Values in place of numbers, and nested lists of them for arrays."""
        source = iter(inputs)
        where = places(self.names, self.given)
        nested = (
            nest(source, shape, name, (name, shape))
            for shape, (name, _) in zip(self.shapes, where, strict=True)
        )
        whole = restore(self.given, nested)
        return list(whole)

    def shaped(self, gradients: Array, summed: bool) -> Any:
        """Gradients of all inputs, structured like the arguments.

        Args:
            gradients: shape (inputs, batch).
            summed: whether the examples are added up for what they share.

        Returns:
            A tuple; for a single argument, what belongs to it alone.
        """
        if self.batch is None:
            found = restore(self.structure, iter(gradients[:, 0].tolist()))
            return found[0] if len(found) == 1 else found
        parts: list[Any] = []
        for is_array, shape, rows in zip(self.are_arrays, self.shapes, self.rows, strict=True):
            part = gradients[rows]
            if is_array:
                parts.append(part.T.reshape(self.batch, *shape) if shape else part[0])
            elif summed:
                parts.append(float(part.sum()))
            else:
                parts.append(part[0].copy())
        found = restore(self.structure, iter(parts)) if self.is_nested else tuple(parts)
        return found[0] if len(found) == 1 else found


def checked(leaf: Any, name: str) -> Any:
    """A number as a float, an array as one of floats."""
    if isinstance(leaf, (float, int)):
        return number(leaf, name)
    if isinstance(leaf, Value):
        raise TypeError(f"{name} takes numbers, but got {leaf!r}: {instead_of_value()}")
    if hasattr(leaf, "__array__") and not np.isscalar(leaf):
        if isinstance(leaf, np.ma.MaskedArray):
            raise TypeError(f"{name} is a masked array, whose mask would be lost: fill it first")
        return real_array(np.asarray(leaf), name)
    if isinstance(leaf, (str, bytes, complex)) or leaf is None:
        raise not_a_number(leaf, name)
    return number(leaf, name)


def instead_of_value() -> str:
    """What to do if a recorded function was given a Value."""
    here = ENGINE.recording()
    if here is not None:
        return (
            f"inside {here.name}, which is being recorded, call the function itself, without "
            "record()"
        )
    return (
        "write v.data; a Value that is to keep its gradient belongs into record(f, "
        "parameters=[...]); and grad, gradcheck and the like take the function itself, without "
        "record()"
    )


def real_array(array: Array, name: str) -> Any:
    """An array of float32 or float64; a float if it has no axis."""
    kind = array.dtype.kind
    if kind == "O":
        for each in array.ravel().tolist():
            if isinstance(each, (list, tuple)) or np.ndim(each):
                raise TypeError(
                    f"{name} is an array of lists, perhaps of several lengths: all examples in an "
                    "array have one shape, so make them as long as the longest, or call the "
                    "function once for each length"
                )
            checked(each, f"an element of {name}")
        array = array.astype(float)
    elif kind not in "biuf":
        instead = {
            "c": "take z.real, z.imag or abs(z)",
            "M": "subtract a first date, and divide by a unit such as np.timedelta64(1, 's')",
            "m": "divide it by a unit such as np.timedelta64(1, 's')",
            "V": "give its fields one by one, as array['field']",
        }.get(kind, "convert it with array.astype(float) first")
        raise TypeError(f"{name} takes real numbers, but got an array of {array.dtype}: {instead}")
    if array.dtype not in FLOATS:
        array = array.astype(np.float64)
    return array if array.ndim else float(array)


def numbers_of(at: Any, count: int) -> Array:
    """Numbers for all parameters, as they are if they are floats in an array."""
    known = type(at) is np.ndarray and at.dtype in FLOATS
    numbers: Array = at if known else np.asarray(real_array(np.asarray(at), "at="))
    if numbers.shape != (count,):
        raise ValueError(
            f"at= takes one number per parameter, shape ({count},), but got shape {numbers.shape}"
        )
    return numbers


def nest(source: Iterator[Any], shape: Shape, name: str, array: tuple[str, Shape]) -> Any:
    """Nested lists of a shape, filled in order, which know of which array they are a part."""
    if not shape:
        return next(source)
    parts = [nest(source, shape[1:], f"{name}[{k}]", array) for k in range(shape[0])]
    return Row(parts, name, shape, array)


def skeleton(structure: Any) -> Any:
    """What tells one nesting of arguments from another."""
    if isinstance(structure, Mapping):
        return tuple((key, skeleton(each)) for key, each in structure.items())
    if isinstance(structure, (list, tuple)):
        return type(structure).__name__, *map(skeleton, structure)
    return None


def places(names: Sequence[str], given: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """What the caller would write for each number or array, and what it is.

    >>> list(places(["rates"], [{"r": (0.5, 2.0)}]))
    [("rates['r'][0]", 0.5), ("rates['r'][1]", 2.0)]
    """
    for name, each in zip(names, given, strict=True):
        if isinstance(each, Mapping):
            yield from places([f"{name}[{key!r}]" for key in each], [*each.values()])
        elif isinstance(each, (list, tuple)):
            yield from places([f"{name}[{k}]" for k in range(len(each))], each)
        else:
            yield name, each


def labels(names: Sequence[str], given: Sequence[Any]) -> list[str]:
    """What each input is called: x, x[0], x[0][1].

    >>> labels(["x", "rates"], [np.zeros((5, 2)), {"r": 0.5}])
    ['x[0]', 'x[1]', "rates['r']"]
    """
    return [
        name + "".join(f"[{k}]" for k in place)
        for name, each in places(names, given)
        for place in np.ndindex(np.shape(each)[1:])
    ]


def names_of(function: Callable[..., Any], count: int) -> list[str]:
    """The names of the first arguments of a function."""
    try:
        known = [*inspect.signature(function).parameters.values()]
    except (TypeError, ValueError):
        return [f"argument {k}" for k in range(count)]
    names: list[str] = []
    for each in known:
        if each.kind is each.VAR_POSITIONAL:
            names += [f"{each.name}[{k}]" for k in range(count - len(names))]
        elif each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD):
            names.append(each.name)
    return [*names, *(f"argument {k}" for k in range(len(names), count))][:count]
