"""Adding to rows that may occur several times."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.batching.kernels import Workshop

Array = NDArray[Any]
Indices = NDArray[np.int64]


def scatter_add(work: Workshop, buffer: Array, rows: Indices, given: Array, kept: Indices) -> None:
    """Write down how contributions are added to rows.

    np.add.at would do it, five to ten times slower; `buffer[rows] += given` would be silently wrong
    where a row occurs twice.

    Args:
        work: where the calls go.
        buffer: (rows, B).
        rows: the row of each contribution that is kept.
        given: all contributions, (n, B).
        kept: which of them these are.
    """
    order = np.argsort(rows, kind="stable")
    ordered, source = rows[order], kept[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    unique = ordered[starts]
    in_place = len(source) == len(given) and (source == np.arange(len(given))).all()
    gathered = given if in_place else work.borrow((len(source), buffer.shape[1]))
    if not in_place:
        work.call(np.take, given, source, 0, gathered, "clip")
    sums = gathered
    if len(unique) < len(rows):
        sums = work.borrow((len(unique), buffer.shape[1]))
        times = len(rows) // len(unique)
        if len(rows) == times * len(unique) and (starts == np.arange(len(unique)) * times).all():
            blocks = gathered.reshape(len(unique), times, -1)
            work.call(np.add.reduce, blocks, 1, None, sums)
        else:
            work.call(np.add.reduceat, gathered, starts, 0, None, sums)
    first, last = int(unique[0]), int(unique[-1])
    if last - first + 1 == len(unique):
        target = buffer[first : last + 1]
        work.call(np.add, target, sums, target)
    else:
        work.call(add_at_distinct, buffer, unique, sums)
    work.give_back(sums)
    if sums is not gathered:
        work.give_back(gathered)


def count(
    work: Workshop, target: Array, rows: Indices, given: Array, kept: Indices, fresh: bool
) -> None:
    """Write down how single numbers are added to places of a vector, or put there if it is fresh.

    Args:
        work: where the calls go.
        target: the vector.
        rows: the place of each number that is kept.
        given: all numbers.
        kept: which of them these are.
        fresh: whether nothing has been written to the vector.
    """
    whole = len(kept) == len(given)
    function = put_counted if fresh else add_counted
    work.call(function, target, rows, given, None if whole else kept)


def add_counted(target: Array, rows: Indices, given: Array, kept: Indices | None) -> None:
    """Add numbers to places of a vector."""
    target += np.bincount(rows, given if kept is None else given[kept], len(target))


def put_counted(target: Array, rows: Indices, given: Array, kept: Indices | None) -> None:
    """The same for a vector that holds nothing yet."""
    target[:] = np.bincount(rows, given if kept is None else given[kept], len(target))


def add_at_distinct(buffer: Array, rows: Indices, given: Array) -> None:
    """Add to rows of which none occurs twice."""
    buffer[rows] += given


def put_at_distinct(buffer: Array, rows: Indices, given: Array) -> None:
    """Write to rows of which none occurs twice."""
    buffer[rows] = given
