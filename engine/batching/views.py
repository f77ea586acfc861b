"""Rows of a space as a view of its array, where they lie regularly; else they must be gathered."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Indices = NDArray[np.int64]

MANY_PARTS: Final = 4  # of a sum: to gather its terms, or to add them where they are, costs less


class Pattern(NamedTuple):
    """Rows base + i * strides[0] + j * strides[1] + ..., for i, j, ... below shape."""

    base: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def distinct(self) -> bool:
        """Whether no row occurs twice, as far as that is easily seen."""
        reach = 0
        pairs = zip(self.strides, self.shape, strict=True)
        for stride, size in sorted((abs(stride), size) for stride, size in pairs):
            if size > 1:
                if stride <= reach:
                    return False
                reach += stride * (size - 1)
        return True


def affine(rows: Indices) -> Pattern | None:
    """The pattern of rows with a fixed stride along each axis; None if there is none.

    >>> affine(np.array([[3, 5], [13, 15]]))
    Pattern(base=3, shape=(2, 2), strides=(10, 2))
    """
    if rows.size == 0:
        return None
    base = int(rows.flat[0])
    strides = []
    expected = np.array(base)
    for axis, size in enumerate(rows.shape):
        place = [0] * rows.ndim
        place[axis] = 1 if size > 1 else 0
        stride = int(rows[tuple(place)]) - base
        strides.append(stride)
        along = (np.arange(size) * stride).reshape(
            [-1 if k == axis else 1 for k in range(rows.ndim)]
        )
        expected = expected + along
    return Pattern(base, rows.shape, tuple(strides)) if (rows == expected).all() else None


def tiled(rows: Indices) -> Pattern | None:
    """The pattern of a list of rows, in two dimensions if one does not do: tiles, repeats.

    >>> tiled(np.array([1, 1, 2, 2, 3, 3]))
    Pattern(base=1, shape=(3, 2), strides=(1, 0))
    """
    whole = affine(rows)
    if whole is not None or len(rows) < 4:
        return whole
    steps = np.diff(rows)
    size = int(np.argmax(steps != steps[0])) + 1
    if len(rows) % size:
        return None
    return affine(rows.reshape(-1, size))


def cut(rows: Indices) -> list[Indices]:
    """A matrix of rows, cut where one column does not follow the other; whole if that is often.

    >>> [part.tolist() for part in cut(np.array([[7, 1, 2, 3], [8, 4, 5, 6]]))]
    [[[7], [8]], [[1, 2, 3], [4, 5, 6]]]
    """
    places = np.flatnonzero((np.diff(rows, axis=1) != 1).any(axis=0)) + 1
    return np.split(rows, places, axis=1) if len(places) < MANY_PARTS else [rows]


def view(buffer: Array, pattern: Pattern) -> Array:
    """The rows as an array of shape (*pattern.shape, B), without copying.

    Args:
        buffer: the array of a space, (rows, B), rows of it contiguous.
        pattern: which rows.
    """
    step = buffer.strides[0]
    return np.ndarray(
        (*pattern.shape, buffer.shape[1]),
        buffer.dtype,
        buffer,
        pattern.base * step,
        (*(stride * step for stride in pattern.strides), buffer.strides[1]),
    )


def split(pattern: Pattern, size: int) -> Pattern | None:
    """A pattern of one dimension as one of two, the inner one of the given size."""
    if len(pattern.shape) == 2:
        return pattern if pattern.shape[1] == size else None
    (count,), (stride,) = pattern.shape, pattern.strides
    return Pattern(pattern.base, (count // size, size), (stride * size, stride))


def weight_pattern(rows: Indices) -> Pattern | None:
    """The pattern of a matrix of weights, if BLAS takes them where they are."""
    pattern = affine(rows)
    return pattern if pattern is not None and takes(pattern) else None


def takes(pattern: Pattern) -> bool:
    """Whether BLAS takes rows of weights as they are."""
    (units, n), (down, along) = pattern.shape, pattern.strides
    return (n == 1 or along == 1) and (units == 1 or down >= n)


def is_matrix(pattern: Pattern) -> bool:
    """Whether single numbers in this pattern are a matrix for BLAS, upright or turned."""
    turned = Pattern(pattern.base, pattern.shape[::-1], pattern.strides[::-1])
    return takes(pattern) or takes(turned)
