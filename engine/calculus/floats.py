"""The chain rule beside the graph, in floats: both passes, reverse and forward, touch no node.

They leave the gradients of the nodes alone, so that they can be run from several threads into the
same leaves. Compiled like node.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from librt.vecs import vec
from mypy_extensions import i32, i64

from engine.backward import is_handed_on, local_derivative, traverse
from engine.node import ADD, CONSTANT, DOT, ENGINE, MUL, RELU, SUB, SUM, Node

ABSENT: Final = -1


class Below:
    """The nodes below a root in topological order, and which of them lead to those asked for.

    A node's place in the order is told by its mark, until the next traversal: so whoever uses one
    holds ENGINE.traversing.
    """

    def __init__(self, root: Node, xs: Sequence[Any]) -> None:
        order: list[Node] = []
        traverse(root, order, False)
        self.start: i64 = ENGINE.mark + 2  # larger than every mark so far
        ENGINE.mark = self.start + len(order)  # at once: after Ctrl-C no mark may be above it
        place: i64 = self.start
        for node in order:
            node._mark = place
            place += 1
        self.order = order
        self.leads = [False] * len(order)
        self.places: list[i64] = [self.place(x) for x in xs]
        for place in self.places:
            if place != ABSENT:
                self.leads[place] = True
        for n, node in enumerate(order):
            if node._left is not None:
                if self.is_led(node._left) or (
                    node._right is not None and self.is_led(node._right)
                ):
                    self.leads[n] = True
            elif node._more is not None:
                for each in node._more.inputs:
                    if self.is_led(each):
                        self.leads[n] = True
                        break

    def place(self, x: Node) -> i64:
        """Where a node stands in the order; ABSENT for constants, which have no derivative."""
        return x._mark - self.start if x._mark >= self.start and x._code != CONSTANT else ABSENT

    def is_led(self, node: Node) -> bool:
        """Whether a node leads to one of those asked for."""
        return self.leads[node._mark - self.start]


class Floats:
    """A number per node: its adjoint in the reverse pass, its tangent in the forward pass."""

    def __init__(self, below: Below) -> None:
        self.below = below
        self.numbers = vec[float]([0.0] * len(below.order))
        self.present = [False] * len(below.order)  # nothing is less than 0: it is not handed on

    def add(self, place: i64, code: i32, number: float, local: float) -> None:
        """Add what one edge contributes, if the row has chosen it."""
        if is_handed_on(code, local):
            self.numbers[place] += number * local
            self.present[place] = True

    def reverse(self, seed: float) -> None:
        """From the root to the nodes asked for: inputs get adjoint times local derivative."""
        order, leads = self.below.order, self.below.leads
        n: i64 = len(order) - 1
        self.numbers[n], self.present[n] = seed, True
        while n >= 0:
            node = order[n]
            if self.present[n] and leads[n] and node._code >= 0:
                adjoint = self.numbers[n]
                left, right, more = node._left, node._right, node._more
                if left is not None:
                    self.pull_back(node, 0, left, adjoint, ())
                    if right is not None:
                        self.pull_back(node, 1, right, adjoint, ())
                elif more is not None:
                    point = point_of_many(node)
                    k: i64
                    for k in range(len(more.inputs)):
                        self.pull_back(node, k, more.inputs[k], adjoint, point)
            n -= 1

    def pull_back(
        self, node: Node, k: i64, given: Node, adjoint: float, point: tuple[float, ...]
    ) -> None:
        """Hand an adjoint on to one input."""
        place = given._mark - self.below.start
        if self.below.leads[place]:
            self.add(place, node._code, adjoint, slope(node, k, point))

    def forward(self, direction: Sequence[float]) -> None:
        """From the nodes asked for to the root: a node gets its inputs' tangents times partials."""
        order, leads = self.below.order, self.below.leads
        for place, tangent in zip(self.below.places, direction, strict=True):
            if place != ABSENT:
                self.numbers[place], self.present[place] = tangent, True
        n: i64
        for n in range(len(order)):
            node = order[n]
            if leads[n] and not self.present[n]:
                left, right, more = node._left, node._right, node._more
                if left is not None:
                    self.push(node, n, 0, left, ())
                    if right is not None:
                        self.push(node, n, 1, right, ())
                elif more is not None:
                    point = point_of_many(node)
                    k: i64
                    for k in range(len(more.inputs)):
                        self.push(node, n, k, more.inputs[k], point)

    def push(self, node: Node, n: i64, k: i64, given: Node, point: tuple[float, ...]) -> None:
        """Hand the tangent of one input on."""
        place = given._mark - self.below.start
        if self.present[place]:
            self.add(n, node._code, self.numbers[place], slope(node, k, point))

    def at(self, place: i64) -> float | None:
        """What a node got; None where one does not lead to the other."""
        return self.numbers[place] if place != ABSENT and self.below.leads[place] else None


def point_of_many(node: Node) -> tuple[float, ...]:
    """The operands of a row of three or more, made a tuple once; () for those that need none."""
    return () if node._code == DOT or node._code == SUM else node.primals


def slope(node: Node, k: i64, point: tuple[float, ...]) -> float:
    """The local derivative of a node in input k. The hot rows are inlined."""
    code = node._code
    if code == MUL:
        return node._a if k == 1 else node._b
    if code == ADD or code == SUM:  # noqa: SIM109 - compiled, this is the faster form
        return 1.0
    if code == SUB:
        return -1.0 if k == 1 else 1.0
    if code == DOT:
        more = node._more
        assert more is not None
        half: i64 = len(more.primals) // 2
        return more.primals[(k + half) % (2 * half)] if k < 2 * half else 1.0
    if code == RELU:
        return 1.0 if node._data > 0.0 else node._data  # NaN stays NaN
    if node._left is not None:
        point = (node._a,) if node._right is None else (node._a, node._b)
    return local_derivative(code, k, node._data, point)


def adjoints(root: Node, xs: Sequence[Any], seed: float) -> list[float | None]:
    """The derivative of root in each of xs times seed; None where it does not depend on it."""
    with ENGINE.traversing:
        ENGINE.begin()
        try:
            floats = Floats(Below(root, xs))
            floats.reverse(seed)
            found = [floats.at(place) for place in floats.below.places]
        finally:
            ENGINE.busy = False
    watch = whom_it_alarms(found)
    if watch is not None:
        watch.gradient(root, xs, seed)
    return found


def tangents(
    root: Node, outputs: Sequence[Any], xs: Sequence[Any], direction: Sequence[float]
) -> list[float | None]:
    """How fast the outputs, all below root, change as xs do in a direction; None for not at all."""
    with ENGINE.traversing:
        ENGINE.begin()
        try:
            floats = Floats(Below(root, xs))
            floats.forward(direction)
            found = [floats.at(floats.below.place(each)) for each in outputs]
        finally:
            ENGINE.busy = False
    watch = whom_it_alarms(found)
    if watch is not None:
        watch.tangent(root, outputs, xs, direction)
    return found


def whom_it_alarms(found: Sequence[Any]) -> Any:
    """The detect_anomaly() that this thread is inside, if something that comes out is not finite.

    What is NaN or infinite on the way is none: a branch that was not taken may be.
    """
    if len(ENGINE.pauses) > 0:
        for each in found:
            x: Any = each._data if isinstance(each, Node) else each
            if x is not None and x - x != 0.0:
                return getattr(ENGINE.thread, "watch", None)
    return None
