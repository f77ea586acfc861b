"""Which calls of a plan are bundled, many small ones into one, where the engine is compiled.

A call of NumPy takes half a microsecond before it computes anything: for the few hundred numbers
of a small batch, that is most of its time. So what follows each other in a plan is said once more
as operations of a `Bundle`, which engine/native/bundle.c computes: what is plain by loops of its
own; functions like exp and products for BLAS, in which NumPy is faster, by the loops inside NumPy.
Large arrays, and what is neither, remain as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.lib.array_utils import byte_bounds
from numpy.typing import NDArray

from engine.batching.deposits import fill
from engine.batching.kernels import LONGEST_SUM, Call, choose, step
from engine.batching.scatter import add_at_distinct, add_counted, put_at_distinct, put_counted
from engine.batching.sources import Source, copy_turned, multiply_by_whole, multiply_whole
from engine.batching.values import gather

try:
    from engine.batching.bundle import Bundle
except ImportError:  # installed as plain Python
    Bundle = None  # type: ignore[assignment,misc]

Array = NDArray[Any]
Indices = NDArray[np.int64]


class Operation(NamedTuple):
    """A formula on arrays that are broadcast against each other, as bundle.c explains."""

    name: str | np.ufunc  # a function of NumPy's is computed by the loop that NumPy has for it
    arrays: tuple[Array, ...]  # the last one is written
    source: Indices | None = None  # the rows of the first array, if these are not all in turn
    target: Indices | None = None  # those of the last


LARGEST: Final = 8192  # numbers, in a call that is not much slower than a bundle
KINDS: Final = (np.dtype(np.float64), np.dtype(np.float32))
ELEMENTWISE: Final[dict[Callable[..., Any], str]] = {
    np.positive: "copy", np.negative: "negative", np.absolute: "absolute", np.square: "square",
    np.reciprocal: "reciprocal", np.sign: "sign", step: "step", np.add: "add",
    np.subtract: "subtract", np.multiply: "multiply", np.true_divide: "divide",
    np.maximum: "maximum", np.minimum: "minimum", np.less: "less",
    np.less_equal: "less_equal", np.equal: "equal", choose: "where",
}  # fmt: skip


def bundled(calls: Sequence[Call], given: list[Any]) -> list[Call]:
    """The same calls, with bundles in place of those that can be bundled.

    Args:
        calls: what is computed, in this order.
        given: what each run puts arrays of its own into; now it holds others, with the same shapes.
    """
    if Bundle is None:
        return [*calls]
    found: list[Call] = []
    together: list[Operation] = []
    for call in calls:
        operations = translated(call)
        together += operations
        if not operations:
            if together:
                found.append(Bundle(together, given))
                together = []
            found.append(call)
    return [*found, Bundle(together, given)] if together else found


def is_read_in_place(which: int, given: list[Any], calls: Sequence[Call]) -> bool:
    """Whether calls read one of the given arrays wherever a run has it, not what is here now."""
    if Bundle is None:
        return False
    low, high = byte_bounds(given[which])
    for call in calls:
        if isinstance(call, Bundle):
            arrays = [each for operation in call.operations for each in operation.arrays]
            bounds = map(byte_bounds, arrays)
            if any(x < high and y > low and not low <= x < y <= high for x, y in bounds):
                return False
        elif not isinstance(call, partial):
            return False
        else:
            arguments = [each for each in call.args if each is not given]
            if any(x < high and y > low for x, y in map(byte_bounds, arrays_in(arguments))):
                return False
    return True


def arrays_in(arguments: Any) -> list[Array]:
    """The arrays among arguments, and in lists of them."""
    if isinstance(arguments, np.ndarray):
        return [arguments]
    if isinstance(arguments, list | tuple):
        return [array for each in arguments for array in arrays_in(each)]
    return []


def translated(call: Call) -> list[Operation]:
    """A call as operations; none if it has to stay what it is."""
    if not isinstance(call, partial):
        return []
    arguments = *call.args, *call.keywords.values()
    if call.func in ELEMENTWISE:
        operations = [Operation(ELEMENTWISE[call.func], arguments)]
    elif call.func in OTHERS:
        operations = OTHERS[call.func](*arguments)
    elif isinstance(call.func, np.ufunc):
        operations = [Operation(call.func, arguments)]
    else:
        return []
    return operations if all(map(is_suitable, operations)) else []


def is_suitable(operation: Operation) -> bool:
    """Whether a bundle can compute it, and takes less time."""
    name, (*given, out), source, target = operation
    in_place = name not in ("sum", "highest", "product", np.matmul) and source is target is None
    return (
        (isinstance(name, str) or has_loop(name, out.dtype))
        and all(each is None or each.dtype == np.int64 for each in (source, target))
        and out.dtype in KINDS
        and all(each.dtype == out.dtype and each.ndim <= 4 for each in (*given, out))
        and all(is_apart(each, out) or (in_place and is_same(each, out)) for each in given)
        and is_faster(operation)
    )


def has_loop(function: np.ufunc, dtype: Any) -> bool:
    """Whether NumPy computes it in this type, and a bundle knows how to call it."""
    kind = np.dtype(dtype).char
    is_known = function.signature is None or function is np.matmul
    return is_known and f"{kind * function.nin}->{kind}" in function.types


def is_apart(array: Array, out: Array) -> bool:
    """Whether an array has no memory in common with the one that is written."""
    return not np.may_share_memory(array, out)


def is_same(array: Array, out: Array) -> bool:
    """Whether two arrays are the same view of the same memory."""
    first, second = array.__array_interface__, out.__array_interface__
    return all(first[key] == second[key] for key in ("data", "shape", "strides"))


def is_faster(operation: Operation) -> bool:
    """Whether the array functions would take longer."""
    name, arrays, source, target = operation
    if name in ("product", np.matmul):
        return True
    limit = LONGEST_SUM if name == "sum" else LARGEST
    for places in (source, target):
        if places is not None:
            return bool(places.size * arrays[-1].shape[-1] <= limit)
    return max(each.size for each in arrays) <= limit


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


# --- calls that are not elementwise ---


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
