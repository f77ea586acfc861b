"""Which calls of a plan are bundled, many small ones into one, where the engine is compiled.

A call of NumPy takes half a microsecond before it computes anything: for the few hundred numbers
of a small batch, that is most of its time. So what follows each other in a plan is said once more
as operations of a `Bundle`, which engine/native/bundle.c computes: what is plain by loops of its
own; functions like exp and products for BLAS, in which NumPy is faster, by the loops inside NumPy.
Large arrays, but for products, and what is neither remain as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.lib.array_utils import byte_bounds
from numpy.typing import NDArray

from engine.batching.kernels import LONGEST_SUM, Call
from engine.batching.operations import Operation, operations_of

try:
    from engine.batching.bundle import Bundle
except ImportError:  # installed as plain Python
    Bundle = None  # type: ignore[assignment,misc]

Array = NDArray[Any]

LARGEST: Final = 8192  # numbers, in a call that is not much slower than a bundle
KINDS: Final = (np.dtype(np.float64), np.dtype(np.float32))


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
            arguments = [x for x in (*call.args, *call.keywords.values()) if x is not given]
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
    operations = operations_of(call)
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
