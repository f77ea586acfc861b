"""What a call of NumPy is as operations of a bundle, each a formula over an index space."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.batching.deposits import fill
from engine.batching.kernels import choose, step
from engine.batching.scatter import add_at_distinct, add_counted, put_at_distinct, put_counted
from engine.batching.sources import Source, copy_turned, multiply_by_whole, multiply_whole
from engine.batching.values import gather

Array = NDArray[Any]
Indices = NDArray[np.int64]


class Operation(NamedTuple):
    """A formula on arrays that are broadcast against each other, as operation.h explains."""

    name: str | np.ufunc  # a function of NumPy's is computed by the loop that NumPy has for it
    arrays: tuple[Array, ...]  # the last one is written
    source: Indices | None = None  # the rows of the first array, if these are not all in turn
    target: Indices | None = None  # those of the last


ELEMENTWISE: Final[dict[Callable[..., Any], str]] = {
    np.positive: "copy", np.negative: "negative", np.absolute: "absolute", np.square: "square",
    np.reciprocal: "reciprocal", np.sign: "sign", step: "step", np.add: "add",
    np.subtract: "subtract", np.multiply: "multiply", np.true_divide: "divide",
    np.maximum: "maximum", np.minimum: "minimum", np.less: "less",
    np.less_equal: "less_equal", np.equal: "equal", choose: "where",
}  # fmt: skip


def operations_of(call: Any) -> list[Operation]:
    """A call as operations; none if it is no function that is known here."""
    if not isinstance(call, partial):
        return []
    arguments = *call.args, *call.keywords.values()
    if call.func in ELEMENTWISE:
        return [Operation(ELEMENTWISE[call.func], arguments)]
    if call.func in OTHERS:
        return OTHERS[call.func](*arguments)
    return [Operation(call.func, arguments)] if isinstance(call.func, np.ufunc) else []


def zero(like: Array) -> Array:
    """A number 0 that fits to an array."""
    return np.zeros((), like.dtype)


def copied_turned(inputs: list[Array], source: Source, out: Array) -> list[Operation]:
    """`copy_turned`."""
    return copied(out, source.columns(inputs).T)


def multiplied_whole(
    inputs: list[Array], source: Source, W: Array, out: Array, turned: Array | None
) -> list[Operation]:
    """`multiply_whole`."""
    X = source.columns(inputs)
    if turned is None:
        return multiplied(W, X.T, out)
    return [*multiplied(X, W.T, turned), *copied(out, turned.T)]


def multiplied_by_whole(
    inputs: list[Array], source: Source, G: Array, out: Array
) -> list[Operation]:
    """`multiply_by_whole`."""
    return multiplied(G, source.columns(inputs), out)


def copied(out: Array, given: Array) -> list[Operation]:
    """np.copyto."""
    return [Operation("copy", (given, out))]


def added_up(
    terms: Array, axis: Any, dtype: None, out: Array, keepdims: bool = False
) -> list[Operation]:
    """np.add.reduce."""
    narrow = out if keepdims else np.expand_dims(out, axis)
    return [Operation("copy", (zero(out), narrow)), Operation("sum", (terms, narrow))]


def added_up_in_parts(
    terms: Array, starts: Indices, axis: int, dtype: None, out: Array
) -> list[Operation]:
    """np.add.reduceat of rows."""
    part = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(terms)))
    return [Operation("copy", (zero(out), out)), Operation("sum", (terms, out), None, part)]


def highest(terms: Array, axis: int, dtype: None, out: Array) -> list[Operation]:
    """np.maximum.reduce along axis 1."""
    narrow = np.expand_dims(out, axis)
    return [Operation("copy", (terms[:, :1], narrow)), Operation("highest", (terms, narrow))]


def multiplied(left: Array, right: Array, out: Array) -> list[Operation]:
    """np.dot and np.matmul of matrices, or stacks of them."""
    arrays = left[..., None], right[..., None, :, :], out[..., None, :]
    if is_small_product(*arrays):
        return [Operation("copy", (zero(out), out)), Operation("product", arrays)]
    if left.shape[-1] == 1:  # an outer product, for which NumPy does not ask BLAS
        return [Operation("multiply", (left, right, out))]
    return [Operation(np.matmul, arrays)]


def is_small_product(left: Array, right: Array, out: Array) -> bool:
    """Whether a product of (..., m, k, 1) and (..., 1, k, n) is one for a bundle.

    By the nanoseconds that both ways took where this was measured.
    """
    *stack, m, _, n = out.shape
    k, count = left.shape[-2], prod(stack)
    if n > 1 and not out.strides[-1] == right.strides[-1] == out.itemsize:
        return bool(count * m * k * n <= 1000)  # each takes one
    by_loops = count * m * (6 + 0.35 * k if n == 1 else k * (2 + 0.23 * n))
    by_blas = 1000 + 15 * count + 0.06 * count * m * k * n
    return bool(by_loops < by_blas)


def gathered(buffer: Array, rows: Indices, out: Array) -> list[Operation]:
    """`gather`."""
    return [Operation("copy", (buffer, out), rows)]


def taken(given: Array, rows: Indices, axis: int, out: Array, mode: str) -> list[Operation]:
    """np.take of rows."""
    return gathered(given, rows, out)


def filled(buffer: Array, rows: Indices) -> list[Operation]:
    """`fill`."""
    return [Operation("copy", (zero(buffer), buffer), None, rows)]


def put(buffer: Array, rows: Indices, given: Array) -> list[Operation]:
    """`put_at_distinct`."""
    return moved("copy", buffer, rows, given)


def added(buffer: Array, rows: Indices, given: Array) -> list[Operation]:
    """`add_at_distinct`."""
    return moved("sum", buffer, rows, given)


def moved(name: str, buffer: Array, rows: Indices, given: Array) -> list[Operation]:
    """To rows anywhere; column by column if what is given is repeated, and not contiguous.

    Only the rows from the first to the last are looked at: what is given may lie beside them.
    """
    if not rows.size:
        return []
    first, last = int(rows.min()), int(rows.max()) + 1
    buffer, rows = buffer[first:last], rows - first
    if given.flags.c_contiguous:
        given = given.reshape(rows.size, given.shape[-1])
        return [Operation(name, (given, buffer), None, rows.ravel())]
    if rows.ndim != 2:
        return []
    columns = range(rows.shape[1])
    return [Operation(name, (given[:, k], buffer), None, rows[:, k].copy()) for k in columns]


def counted(target: Array, rows: Indices, given: Array, kept: Indices | None) -> list[Operation]:
    """`add_counted`, which adds up in float64 whatever it is given."""
    if target.dtype != np.float64:
        return []
    return [Operation("sum", (given[:, None], target[:, None]), kept, rows)]


def counted_anew(
    target: Array, rows: Indices, given: Array, kept: Indices | None
) -> list[Operation]:
    """`put_counted`."""
    sums = counted(target, rows, given, kept)
    return [Operation("copy", (zero(target), target)), *sums] if sums else []


OTHERS: Final[dict[Callable[..., Any], Callable[..., list[Operation]]]] = {
    np.copyto: copied, np.add.reduce: added_up, np.add.reduceat: added_up_in_parts,
    np.maximum.reduce: highest, np.dot: multiplied, np.matmul: multiplied, np.take: taken,
    gather: gathered, fill: filled, put_at_distinct: put, add_at_distinct: added,
    add_counted: counted, put_counted: counted_anew, copy_turned: copied_turned,
    multiply_whole: multiplied_whole, multiply_by_whole: multiplied_by_whole,
}  # fmt: skip
