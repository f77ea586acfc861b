"""Where the gradients of S and Z are, and how contributions are added to their rows."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.batching.instructions import Indices, Operand, S, Z
from engine.batching.kernels import Workshop
from engine.batching.scatter import add_at_distinct, count, put_at_distinct, scatter_add
from engine.batching.views import Pattern, affine, tiled, view

Array = NDArray[Any]
Mask = NDArray[np.bool_]
Produce = Callable[[Array | None], Array]  # writes down the calls for a contribution


class Deposits:
    """The gradients of S and Z, to which contributions are added.

    The first contribution to a row is written, later ones are added: which it is, is known
    beforehand, so that no array has to be cleared.

    Args:
        work: where the calls are written down.
        like: the arrays of the values.
        wanted: for S and Z, which rows a gradient is wanted for.
    """

    def __init__(
        self, work: Workshop, like: tuple[Array, Array], wanted: tuple[Mask, Mask]
    ) -> None:
        self.work, self.wanted = work, wanted
        self.buffers = tuple(np.zeros_like(buffer) for buffer in like)
        self.written = tuple(np.zeros(len(each), bool) for each in wanted)

    def clear(self, space: int, rows: Indices) -> None:
        """Set rows to 0 that nothing has been written to."""
        missing = np.unique(rows[~self.written[space][rows]])
        if len(missing):
            self.work.call(fill, self.buffers[space], missing)
            self.written[space][missing] = True

    def is_wanted(self, operand: Operand) -> bool:
        """Whether any row of an operand wants a gradient."""
        return bool(self.wanted[operand.space][operand.rows].any())

    def constant(self, array: Array) -> Produce:
        """A contribution that is there already."""

        def produce(out: Array | None) -> Array:
            if out is not None:
                self.work.call(np.copyto, out, array)
            return array if out is None else out

        return produce

    def add(self, space: int, rows: Indices, produce: Produce, of: int, sign: int = 1) -> None:
        """Write down how a contribution is added to rows.

        Args:
            space: where it goes.
            rows: where in it.
            produce: writes down how it is computed, of shape (*rows.shape, B).
            of: the space of the instruction; what a batch does to a shared row is added up.
            sign: 1, or -1 if it is subtracted.
        """
        buffer, written = self.buffers[space], self.written[space]
        pattern = affine(rows) if rows.ndim > 1 else tiled(rows)
        over_batch = space == S and of == Z
        if pattern is None or not self.reduced(pattern).distinct:
            self.scatter(space, rows, self.signed(produce(None), sign), over_batch)
            return
        axes = tuple(k for k, s in enumerate(pattern.strides) if s == 0 and pattern.shape[k] > 1)
        if over_batch:
            axes = (*axes, len(pattern.shape))
        small = self.reduced(pattern)
        target = view(buffer, small)
        here = written[rows]
        fresh = not here.any()
        if not fresh and not here.all():
            self.clear(space, rows.ravel())
        written[rows] = True
        if not axes and fresh and sign > 0:
            direct = target.reshape(*rows.shape, -1)
            if np.may_share_memory(direct, target):  # else it is a copy: tiles are no one axis
                produce(direct)
                return
        given = produce(None)
        shaped = given.reshape(*pattern.shape, -1)
        if axes and fresh and sign > 0:
            self.sum_over(shaped, axes, target)
        else:
            total = self.sum_over(shaped, axes) if axes else given.reshape(target.shape)
            if fresh:
                self.work.call(np.positive if sign > 0 else np.negative, total, target)
            else:
                self.work.call(np.add if sign > 0 else np.subtract, target, total, target)
            self.work.give_back(total)
        self.work.give_back(given)

    def signed(self, given: Array, sign: int) -> Array:
        """A contribution as it is, or its opposite."""
        if sign > 0:
            return given
        found = self.work.borrow(given.shape)
        self.work.call(np.negative, given, found)
        self.work.give_back(given)
        return found

    def reduced(self, pattern: Pattern) -> Pattern:
        """The pattern with one row in place of many equal ones."""
        shape = tuple(
            1 if stride == 0 else size
            for size, stride in zip(pattern.shape, pattern.strides, strict=True)
        )
        return Pattern(pattern.base, shape, pattern.strides)

    def whole(self, given: Array, rows: int) -> Array:
        """A contribution as a contiguous array (rows, B)."""
        if given.flags.c_contiguous:
            return given.reshape(rows, -1)
        flat = self.work.borrow((rows, given.shape[-1]))
        self.work.call(np.copyto, flat.reshape(given.shape), given)
        return flat

    def sum_over(self, given: Array, axes: tuple[int, ...], out: Array | None = None) -> Array:
        """A contribution summed over some axes, which stay, of size 1."""
        shape = tuple(1 if k in axes else size for k, size in enumerate(given.shape))
        target = self.work.borrow(shape) if out is None else out
        tail = tuple(range(given.ndim - len(axes), given.ndim)) == axes
        if tail and given.flags.c_contiguous:  # a product with ones is the faster sum
            count = prod(given.shape[axis] for axis in axes)
            ones, column = self.work.ones(count)[:, None], target.reshape(-1, 1)
            if np.shares_memory(column, target):
                self.work.multiply(given.reshape(-1, count), ones, column)
                return target
        self.work.call(np.add.reduce, given, axes, None, target, True)
        return target

    def scatter(self, space: int, rows: Indices, given: Array, over_batch: bool) -> None:
        """Add contributions to rows that may lie anywhere, and may occur several times."""
        buffer, written = self.buffers[space], self.written[space]
        single = given.shape[-1] == 1 and rows.size > 64  # bincount is faster then
        if not over_batch and not single and len(np.unique(rows)) == rows.size:
            function = add_at_distinct if written[rows].any() else put_at_distinct
            self.clear(space, rows.ravel()[: rows.size if written[rows].any() else 0])
            self.work.call(function, buffer, rows, given)
            written[rows] = True
            self.work.give_back(given)
            return
        flat = self.whole(given, rows.size)
        if over_batch:
            flat = self.sum_over(flat, (1,))
        kept = np.flatnonzero(self.wanted[space][rows.ravel()])
        places = rows.ravel()[kept]
        if flat.shape[1] == 1:
            low, high = int(places.min()), int(places.max()) + 1
            fresh = not written[low:high].any()
            self.clear(space, places[: 0 if fresh else None])
            count(self.work, buffer[low:high, 0], places - low, flat[:, 0], kept, fresh)
            written[low:high] |= fresh
        else:
            self.clear(space, places)
            scatter_add(self.work, buffer, places, flat, kept)
        self.work.give_back(given, flat)


def fill(buffer: Array, rows: Indices) -> None:
    """Set rows to 0."""
    buffer[rows] = 0.0
