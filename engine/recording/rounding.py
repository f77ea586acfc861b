"""How far rounding may take a result: the same computation, with other last digits throughout.

A replay adds in another order than the function, and its exp may differ in the last place. What
that comes to depends on the function: 1e9 + x - 1e9 has few digits of x left, and relu(a - b) has a
slope of 0 or 1 where a and b are nearly equal. So it is tried out: every operand and every result
is changed at random in its last digits, and so are the products of the chain rule.

Source: D. S. Parker, Monte Carlo Arithmetic, UCLA, 1997.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.backward import topological_order
from engine.elementary import arrays
from engine.node import Node
from engine.rules import ROWS

Array = NDArray[Any]

TRIALS: Final = 16
SIZES: Final = 0.5 ** (np.arange(TRIALS) % 8)  # what changes much jumps over what is narrow


class Trials:
    """A graph computed several times, each time with other last digits.

    Args:
        root: what has all of the graph below it.
        unit: the largest relative change of a number.
    """

    def __init__(self, root: Node, unit: float) -> None:
        self.order, self.unit = topological_order(root), unit
        self.random = np.random.default_rng(0)
        self.values: dict[int, Array] = {}
        self.primals: dict[int, Array] = {}  # of a computed node, a row for each operand
        with np.errstate(all="ignore"):
            for node in self.order:
                self.values[id(node)] = self.forward(node)

    def blurred(self, numbers: Array, times: float = 1.0) -> Array:
        """Numbers with other last digits."""
        return numbers * (1 + times * self.unit * SIZES * self.random.uniform(-1, 1, numbers.shape))

    def forward(self, node: Node) -> Array:
        """The values of a node."""
        if node._code < 0:
            return np.full(TRIALS, node._data)
        given = np.array([self.values[id(each)] for each in node.inputs])
        # the longer a sum, the further apart are its orders
        primals = self.primals[id(node)] = self.blurred(given, sqrt(len(given)))
        found = ROWS[node._code].forward(arrays(), *primals)
        if np.isnan(found).any():  # acos(1) has no neighbour to the right, (-2)**3 none to 3
            found = np.where(np.isnan(found), node._data, found)
        return self.blurred(np.broadcast_to(np.asarray(found, float), TRIALS))

    def gradient(self, output: Node, weight: float, xs: Sequence[Node]) -> Array:
        """The derivatives of a node in xs, times a weight: a row for each."""
        adjoints: dict[int, Any] = {id(output): np.full(TRIALS, weight)}
        with np.errstate(all="ignore"):
            for node in reversed(self.order):
                adjoint = adjoints.get(id(node))
                if adjoint is None or node._code < 0:
                    continue
                row, y, primals = ROWS[node._code], self.values[id(node)], self.primals[id(node)]
                for k, given in enumerate(node.inputs):
                    local = np.asarray(row.partial(arrays(), k, y, primals), float)
                    if row.selects and not local.any():
                        continue  # as in backward(): below there may be an infinity
                    handed = self.blurred(adjoint * local)
                    adjoints[id(given)] = adjoints.get(id(given), 0.0) + handed
        return np.array([np.broadcast_to(adjoints.get(id(x), 0.0), TRIALS) for x in xs])


def doubt(trials: Array, number: Array) -> Array:
    """How far trials are from a number at most; infinite if only some of them are finite."""
    here = number[..., None]
    same = (trials == here) | (np.isnan(trials) & np.isnan(here))
    with np.errstate(all="ignore"):
        far = np.where(same, 0.0, np.abs(trials - here)).max(axis=-1, initial=0.0)
    return np.where(np.isnan(far), np.inf, far)
