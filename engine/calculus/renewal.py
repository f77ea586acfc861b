"""The numbers of a graph that is there already, at other ones. Compiled like node.py."""

from __future__ import annotations

from math import copysign

from librt.vecs import vec
from mypy_extensions import i64

from engine.backward import traverse
from engine.node import ENGINE, Node
from engine.value import evaluate


class Renewal:
    """The numbers of the computed nodes below a root, as they would be if it were built anew.

    They are kept beside the nodes until all are known: a value that does not exist changes nothing.
    """

    def __init__(self, order: list[Node]) -> None:
        self.order = order
        self.start: i64 = ENGINE.mark + 2  # a node's place is told by its mark, as in floats.py
        ENGINE.mark = self.start + len(order)
        place: i64 = self.start
        for node in order:
            node._mark = place
            place += 1
        self.data = vec[float]([node._data for node in order])

    def compute(self) -> None:
        """Evaluate the nodes whose inputs have changed; the others keep what they have."""
        n: i64
        for n in range(len(self.order)):
            node = self.order[n]
            if node._code >= 0:
                primals = self.primals(node)
                for old, new in zip(node.primals, primals, strict=True):
                    if not is_same(old, new):
                        self.data[n] = evaluate(node._code, primals, not node._extends)
                        break

    def value(self, node: Node) -> float:
        """The number that a node will have."""
        return self.data[node._mark - self.start]

    def primals(self, node: Node) -> list[float]:
        """The numbers of its inputs."""
        return [self.data[each._mark - self.start] for each in node.inputs]

    def write(self) -> None:
        """Give the nodes their new numbers; their gradients belonged to the old ones."""
        n: i64
        for n in range(len(self.order)):
            node = self.order[n]
            if node._code >= 0:
                primals = self.primals(node)
                if node._left is not None:
                    node._a = primals[0]
                    if node._right is not None:
                        node._b = primals[1]
                elif node._more is not None:
                    node._more.primals = vec[float](primals)
                node._data = self.data[n]
                node._grad, node._has_grad = 0.0, False


def is_same(old: float, new: float) -> bool:
    """Whether two numbers are the same, the sign of 0 included; NaN is the same as NaN."""
    if old != new:
        return old != old and new != new
    return old != 0.0 or copysign(1.0, old) == copysign(1.0, new)


def renew(root: Node) -> None:
    """Bring the graph below root up to date, all of it or, if that fails, nothing."""
    order: list[Node] = []
    with ENGINE.traversing:
        ENGINE.begin()
        try:
            traverse(root, order, False)
            renewal = Renewal(order)
            renewal.compute()
            if len(ENGINE.pauses) > 0:
                watch = getattr(ENGINE.thread, "watch", None)  # detect_anomaly()
                if watch is not None:
                    watch.renewed(renewal)
            try:
                renewal.write()
            except BaseException:  # above all Ctrl-C: what has begun is brought to its end
                renewal.write()
                raise
        finally:
            ENGINE.busy = False
