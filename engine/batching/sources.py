"""The caller's own arrays as inputs of matrix products, without a copy of them.

They have an example in each row, and the arrays of a program in each column.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Source(NamedTuple):
    """Inputs that an instruction reads where the caller has them: columns of an argument."""

    argument: int
    first: int
    last: int

    def columns(self, inputs: list[Array]) -> Array:
        """Where they are in this run: an example in each row."""
        whole: Array = inputs[self.argument]
        return whole[:, self.first : self.last]


def multiply_whole(
    inputs: list[Array], source: Source, W: Array, out: Array, turned: Array | None
) -> None:
    """A product with the caller's own array, which has an example in each row."""
    X = source.columns(inputs)
    if turned is None:
        np.matmul(W, X.T, out)
    else:
        np.matmul(X, W.T, turned)
        np.copyto(out, turned.T)


def copy_turned(inputs: list[Array], source: Source, out: Array) -> None:
    """The caller's own array, each example in a column."""
    np.copyto(out, source.columns(inputs).T)


def multiply_by_whole(inputs: list[Array], source: Source, G: Array, out: Array) -> None:
    """The gradient of weights whose inputs are the caller's own array."""
    X = source.columns(inputs)
    (np.multiply if len(X) == 1 else np.matmul)(G, X, out)
