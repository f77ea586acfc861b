"""Which weighted sums are a matrix product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]

WORTHWHILE = 32  # products; below, a few sums are not worth an instruction of their own


@dataclass
class Block:
    """Weighted sums of every list of weights with every list of inputs.

    Attributes:
        weights: the rows of the weights, shape (units, n).
        inputs: the rows of the inputs, shape (n, positions): a position is an example among others,
            a place in a sentence, a patch of an image.
        members: which of the sums it is for each unit and position.
    """

    weights: Indices
    inputs: Indices
    members: Indices


def blocks(weights: Sequence[Indices], inputs: Sequence[Indices]) -> tuple[list[Block], Indices]:
    """Find the matrix products among weighted sums.

    Each sum joins a list of weights with a list of inputs, as an edge joins two points of a graph.
    A connected part of that graph in which every two points are joined once is a matrix product.

    Args:
        weights: for each sum, the rows of its weights.
        inputs: those of its inputs, in the same order.

    Returns:
        The blocks, and which sums are in none.

    >>> w, x = [np.array([1, 2]), np.array([3, 4])], [np.array([7, 8]), np.array([8, 9])]
    >>> found, rest = blocks([w[0], w[0], w[1], w[1]] * 10, [x[0], x[1], x[0], x[1]] * 10)
    >>> found, len(rest)  # each sum is there ten times
    ([], 40)
    >>> found, rest = blocks([w[0], w[0], w[1], w[1]], [x[0], x[1], x[0], x[1]])
    >>> found[0].weights.tolist(), found[0].inputs.tolist()
    ([[1, 2], [3, 4]], [[7, 8], [8, 9]])
    """
    units, unit = numbered(weights)
    positions, position = numbered(inputs)
    part = components(unit, position, len(units), len(positions))
    order = np.argsort(part, kind="stable")
    starts = np.flatnonzero(np.diff(part[order], prepend=-1))
    found: list[Block] = []
    rest: list[Any] = []
    parts = np.split(order, starts[1:])
    for edges in parts:
        u, t = np.unique(unit[edges]), np.unique(position[edges])
        n = len(weights[edges[0]])
        pairs = zip(unit[edges].tolist(), position[edges].tolist(), strict=True)
        complete = len(u) * len(t) == len(edges) == len({*pairs})
        if not complete or (len(edges) * n < WORTHWHILE and len(parts) > 1):
            rest.append(edges)
            continue
        u = u[np.argsort([units[k][0] for k in u.tolist()], kind="stable")]
        t = t[np.argsort([positions[k][0] for k in t.tolist()], kind="stable")]
        members = np.zeros((len(u), len(t)), np.int64)
        at = np.empty(len(units), np.int64), np.empty(len(positions), np.int64)
        at[0][u], at[1][t] = np.arange(len(u)), np.arange(len(t))
        members[at[0][unit[edges]], at[1][position[edges]]] = edges
        block = Block(
            np.array([units[k] for k in u.tolist()]),
            np.array([positions[k] for k in t.tolist()]).T,
            members,
        )
        found.append(block)
    return found, np.sort(np.concatenate(rest)) if rest else np.empty(0, np.int64)


def numbered(lists: Sequence[Indices]) -> tuple[list[Indices], Indices]:
    """The different lists, and which of them each one is."""
    known: dict[bytes, int] = {}
    different: list[Indices] = []
    which = np.empty(len(lists), np.int64)
    for k, each in enumerate(lists):
        key = each.tobytes()
        number = known.get(key)
        if number is None:
            number = known[key] = len(different)
            different.append(each)
        which[k] = number
    return different, which


def components(left: Indices, right: Indices, lefts: int, rights: int) -> Indices:
    """The connected part that each edge of a bipartite graph belongs to, as a number.

    Every point takes the smallest number among its neighbours until none changes; each round also
    looks up what the number itself has become, so that few rounds are needed.
    """
    of_left, of_right = np.arange(lefts), np.full(rights, lefts, np.int64)
    while True:
        before = of_left.copy()
        np.minimum.at(of_right, right, of_left[left])
        np.minimum.at(of_left, left, of_right[right])
        of_left = of_left[of_left]
        if (of_left == before).all():
            return of_left[left]
