"""The chain rule as a graph: adjoints and tangents made of Values, to be differentiated again.

There are no rules of its own here: the partials of the table are handed Values, and give graphs.
The graph that comes out holds at other points as well, where it is recorded or computed anew: so
what a row selects is decided within it, by `where`. Compiled like node.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mypy_extensions import i64

from engine.calculus.extended import extended_graph
from engine.calculus.floats import ABSENT, Below, whom_it_alarms
from engine.functions import VALUES
from engine.node import ADD, CONSTANT, DIV, DOT, ENGINE, MUL, POW, ROWS, SUB, SUM, Node
from engine.rules import TABLE
from engine.value import as_value
from engine.variadic import many

WHERE: Final = ROWS.index(TABLE["where"])


class Graphs:
    """A graph per node, or a number: its adjoint in the reverse pass, its tangent in the forward.

    `chosen` is for nodes that are reached through rows that select alone: a graph that is 1 where
    these have chosen it, else 0. It keeps the 0 of a branch that was not taken from meeting an
    infinite local derivative further on, for 0 * inf is NaN. It is built only where one `may_be`.
    The local derivative of x * sqrt(y) in x is finite, but that of this one is not: so what is
    handed on is guarded by `chosen` wherever an infinite one is `near`, for the orders to come.
    """

    def __init__(self, below: Below) -> None:
        count = len(below.order)
        self.below = below
        self.results: list[Any] = [None] * count  # None is nothing, and hands on nothing
        self.chosen: list[Any] = [None] * count
        self.may_be = [False] * count  # whether an infinite local derivative may be further on
        self.near = [False] * count  # whether one may be right here, or below here
        for n, node in enumerate(below.order):
            if node._code >= 0:
                self.near[n] = may_have_infinite_partial(node) or self.is_below(node)

    def reverse(self, seed: Any) -> None:
        """From the root to the nodes asked for."""
        order, leads, start = self.below.order, self.below.leads, self.below.start
        self.may_be = self.near
        place: i64 = len(order) - 1
        self.results[place] = seed
        while place >= 0:
            node = order[place]
            if leads[place] and node._code >= 0 and self.results[place] is not None:
                inputs: tuple[Node, ...] = node.inputs
                k: i64
                for k in range(len(inputs)):
                    to = inputs[k]._mark - start
                    if leads[to]:
                        self.carry(place, to, partial_graph(node, k, inputs), place)
                self.chosen[place] = None
            place -= 1

    def is_below(self, node: Node) -> bool:
        """Whether an infinite local derivative may be below one of the inputs."""
        start = self.below.start
        if node._left is not None:
            return self.near[node._left._mark - start] or (
                node._right is not None and self.near[node._right._mark - start]
            )
        if node._more is not None:
            for each in node._more.inputs:
                if self.near[each._mark - start]:
                    return True
        return False

    def forward(self, direction: Sequence[Any]) -> None:
        """From the nodes asked for to the root."""
        order, leads, start = self.below.order, self.below.leads, self.below.start
        inputs: tuple[Node, ...]
        place: i64 = len(order) - 1
        while place >= 0:
            if self.near[place] or self.may_be[place]:
                inputs = order[place].inputs
                for given in inputs:
                    self.may_be[given._mark - start] = True
            place -= 1
        for place, tangent in zip(self.below.places, direction, strict=True):
            if place != ABSENT:
                self.results[place] = tangent
        for n, node in enumerate(order):
            if leads[n] and self.results[n] is None:
                inputs = node.inputs
                k: i64
                for k in range(len(inputs)):
                    source = inputs[k]._mark - start
                    if self.results[source] is not None:
                        self.carry(source, n, partial_graph(node, k, inputs), n)

    def carry(self, source: i64, to: i64, local: Any, n: i64) -> None:
        """Add what an edge contributes; n is the node that the local derivative is of."""
        chosen, code = self.chosen[source], self.below.order[n]._code
        if code > DOT and ROWS[code].selects:
            if is_zero(local):
                return
            if self.may_be[to]:
                chosen = where(local, 1.0 if chosen is None else chosen)
            handed = select(local, self.results[source])
        else:
            handed = product(self.results[source], local)
            if chosen is not None and self.near[n] and not is_plain(local):
                handed = where(chosen, handed)
        before = self.results[to]
        if before is None:
            self.results[to], self.chosen[to] = handed, chosen
        else:
            self.results[to] = before + handed
            self.chosen[to] = either(self.chosen[to], chosen)

    def at(self, place: i64) -> Any:
        """What a node got; None where one does not lead to the other."""
        if place == ABSENT or not self.below.leads[place]:
            return None
        return 0.0 if self.results[place] is None else self.results[place]


def may_have_infinite_partial(node: Node) -> bool:
    """Whether a local derivative of a node may be infinite, here or at other points.

    A row that needs something of its arguments may have such a one where that comes to its end. A
    node that has been computed from other numbers than its inputs have now is refused.
    """
    code = node._code
    left, right, more = node._left, node._right, node._more
    infinite = not is_finite(node._data) or (
        (code > DOT or code in (DIV, POW)) and ROWS[code].needs != ""
    )
    if left is not None:
        if left._data != node._a and node._a == node._a:
            raise stale_graph(left, node._a)
        infinite = infinite or not is_finite(node._a)
        if right is not None:
            if right._data != node._b and node._b == node._b:
                raise stale_graph(right, node._b)
            infinite = infinite or not is_finite(node._b)
    elif more is not None:
        k: i64
        for k in range(len(more.inputs)):
            primal = more.primals[k]
            if more.inputs[k]._data != primal and primal == primal:
                raise stale_graph(more.inputs[k], primal)
            infinite = infinite or not is_finite(primal)
    return infinite


def is_finite(x: float) -> bool:
    """As math.isfinite, which compiled code calls more slowly."""
    return x - x == 0.0


def where(condition: Any, value: Any) -> Any:
    """The value where the condition holds, else 0: the row, without its way through Python."""
    nodes: list[Node] = [as_value(condition), as_value(value), as_value(0.0)]
    return many(WHERE, nodes, nodes[1]._data if nodes[0]._data != 0.0 else 0.0)


def is_plain(local: Any) -> bool:
    """Whether a partial is a finite number everywhere."""
    return not isinstance(local, Node) and is_finite(local)


def is_zero(local: Any) -> bool:
    """Whether a partial is 0 everywhere, and not only at this point."""
    return not isinstance(local, Node) and bool(local == 0.0)


def select(local: Any, handed: Any) -> Any:
    """What a row that selects hands on: a 0 of its own where it has not chosen, not inf * 0."""
    if isinstance(handed, Node) or not is_finite(handed):
        handed = where(local, handed)
    return product(handed, local)


def either(first: Any, second: Any) -> Any:
    """Whether a node is chosen that is used twice; None is always."""
    if first is None or second is None:
        return None
    return first if first is second else VALUES.maximum(first, second)


def product(handed: Any, local: Any) -> Any:
    """Their product, without a node where one of them is the number 1 or -1."""
    if not isinstance(local, Node):
        if local == 1.0:
            return handed
        if local == -1.0:
            return -handed
    if not isinstance(handed, Node):
        if handed == 1.0:
            return local
        if handed == -1.0:
            return -local
    return handed * local


def partial_graph(node: Node, k: i64, inputs: tuple[Node, ...]) -> Any:
    """The partial of a node in input k: a graph, or a number where it is one."""
    try:
        return row_partial(node, k, inputs)
    except (ArithmeticError, ValueError):
        return extended_graph(ROWS[node._code], k, node, inputs)


def row_partial(node: Node, k: i64, inputs: tuple[Node, ...]) -> Any:
    """The same, but an error where floats have no value. The hot rows are inlined."""
    code = node._code
    if code == MUL:
        return inputs[1 - k]
    if code == ADD or code == SUM:  # noqa: SIM109 - compiled, this is the faster form
        return 1.0
    if code == SUB:
        return -1.0 if k == 1 else 1.0
    if code == DOT:
        half: i64 = len(inputs) // 2
        return inputs[(k + half) % (2 * half)] if k < 2 * half else 1.0
    if code == POW and k == 0 and inputs[1]._code == CONSTANT and inputs[1]._data != 0.0:
        exponent: Any = inputs[1]
        return exponent * VALUES.pow(inputs[0], exponent - 1.0)  # what the row comes to then
    return ROWS[code].partial(VALUES, k, node, inputs)


def stale_graph(node: Node, used: float) -> RuntimeError:
    """What a derivative as a graph meets where leaves have been assigned since."""
    return RuntimeError(
        f"this graph is stale: it was computed when {node!r} was {used!r}, so that a derivative "
        "made of Values would mix the two: build the graph anew, or call recompute() on it first"
    )


def extending(results: list[Any], graphs: Graphs) -> list[Any]:
    """The results, whose new nodes are inf or NaN at other points too where floats would raise."""
    start, done = graphs.below.start, ENGINE.mark
    stack: list[Node] = [each for each in results if isinstance(each, Node)]
    while stack:
        node = stack.pop()
        if node._mark < start:
            node._mark = done
            if node._code >= 0:
                node._extends = True
                stack.extend(node.inputs)
    return results


def adjoint_graphs(root: Node, xs: Sequence[Any], seed: Any) -> list[Any]:
    """The derivative of root in each of xs times seed; None where it does not depend on it."""
    unwatched = getattr(ENGINE.thread, "unwatched", False)
    with ENGINE.traversing:
        ENGINE.begin()
        try:
            ENGINE.thread.unwatched = True  # detect_anomaly() looks at what comes out
            graphs = Graphs(Below(root, xs))
            graphs.reverse(seed)
            found = extending([graphs.at(place) for place in graphs.below.places], graphs)
        finally:
            ENGINE.busy, ENGINE.thread.unwatched = False, unwatched
    watch = whom_it_alarms(found)
    if watch is not None:
        watch.gradient(root, xs, seed)
    return found


def tangent_graphs(
    root: Node, outputs: Sequence[Any], xs: Sequence[Any], direction: Sequence[Any]
) -> list[Any]:
    """How fast the outputs, all below root, change as xs do in a direction; None for not at all."""
    unwatched = getattr(ENGINE.thread, "unwatched", False)
    with ENGINE.traversing:
        ENGINE.begin()
        try:
            ENGINE.thread.unwatched = True  # detect_anomaly() looks at what comes out
            graphs = Graphs(Below(root, xs))
            graphs.forward(direction)
            for each in direction:
                if isinstance(each, Node):
                    each._mark = ENGINE.mark  # it is no part of a derivative
            found = extending([graphs.at(graphs.below.place(each)) for each in outputs], graphs)
        finally:
            ENGINE.busy, ENGINE.thread.unwatched = False, unwatched
    watch = whom_it_alarms(found)
    if watch is not None:
        watch.tangent(root, outputs, xs, direction)
    return found
