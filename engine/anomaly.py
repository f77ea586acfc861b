"""detect_anomaly(): where the first NaN or infinity comes from."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Sequence
from math import isfinite
from types import CodeType
from typing import Any, NamedTuple

from engine.backward import is_handed_on, local_derivative, topological_order
from engine.node import CONSTANT, ENGINE, Node
from engine.rules import ROWS

OURS = ("engine", "nn")  # the line of the user's code is the innermost one outside of these
LONGEST = 24  # lines of a path that an error shows


class Place(NamedTuple):
    """Where a node was made, and its value, by which another node at its address is told apart."""

    code: CodeType
    line: int
    data: float

    def __str__(self) -> str:
        file, name = self.code.co_filename, self.code.co_name
        text = linecache.getline(file, self.line).strip()
        function = "" if name == "<module>" else f", in {name}"
        return f"{file}:{self.line}{function}: {text}"


class detect_anomaly:  # noqa: N801 - called like a function, as no_grad is
    """Inside, the first NaN or infinity raises an error that tells where it comes from.

    In a forward pass that is the operation whose result it is; in a reverse pass, by backward() or
    by gradient(), the one whose local derivative made it. It holds for this thread only, and it is
    slow: to find an error, not to train with. Lines are known of what was computed inside.

    Raises:
        FloatingPointError: at the first NaN or infinity.

    >>> from engine import Value
    >>> x = Value(0.0)
    >>> with detect_anomaly():  # doctest: +ELLIPSIS
    ...     y = x.sqrt()
    ...     y.backward()
    Traceback (most recent call last):
    ...
    FloatingPointError: the gradient becomes inf below sqrt(0.0) = 0.0, at ...
    """

    def __init__(self) -> None:
        self.places: dict[int, Place] = {}  # by the address of a node: it is not kept alive
        self.around: Any = None

    def __enter__(self) -> None:
        self.around = getattr(ENGINE.thread, "watch", None)
        ENGINE.thread.watch = self
        ENGINE.pauses.append(None)  # the constructor of nodes asks further while there is an entry

    def __exit__(self, *exception: object) -> None:
        ENGINE.pauses.pop()
        ENGINE.thread.watch = self.around
        self.places.clear()

    def made(self, node: Node) -> None:
        """What is called when a node has been computed."""
        frame: Any = sys._getframe(1)
        while frame.f_back is not None and frame.f_globals["__name__"].split(".")[0] in OURS:
            frame = frame.f_back
        self.places[id(node)] = place = Place(frame.f_code, frame.f_lineno, node._data)
        if not isfinite(node._data):
            call = written(node._code, node.primals)
            lines = [f"{call} is {node._data}", f"computed at {place}", "of the operands"]
            raise FloatingPointError("\n".join([*lines, *self.listed(node.inputs)]))

    def listed(self, nodes: Sequence[Any]) -> list[str]:
        """A line for each node, those in the middle of many left out."""
        if len(nodes) <= LONGEST:
            return [f"  {self.describe(each)}" for each in nodes]
        half = LONGEST // 2
        between = f"  ... {len(nodes) - LONGEST} more ..."
        return [*self.listed(nodes[:half]), between, *self.listed(nodes[-half:])]

    def describe(self, node: Node) -> str:
        """A node, its operation and operands, and where it was made."""
        label = f"{node.label} = " if node.label else ""
        if node._code < 0:
            kind = "a constant" if node._code == CONSTANT else "a leaf"
            return f"{label}{node._data!r}, {kind}"
        call = written(node._code, node.primals)
        place = self.places.get(id(node))
        known = place is not None and repr(place.data) == repr(node._data)
        where = f"at {place}" if known else "computed outside detect_anomaly()"
        return f"{label}{call} = {node._data!r}, {where}"

    def backward(self, root: Node, seed: float) -> None:
        """A reverse pass that only looks: it raises at the first gradient that is not finite."""
        order = topological_order(root)
        adjoints = {id(root): seed}
        users: dict[int, Node] = {}  # of each node one that has handed it a gradient
        for node in reversed(order):
            adjoint = adjoints.pop(id(node), None)
            if adjoint is None or node._code < 0:
                continue
            primals = node.primals
            for k, given in enumerate(node.inputs):
                if given._code == CONSTANT:
                    continue
                local = local_derivative(node._code, k, node._data, primals)
                if is_handed_on(node._code, local):
                    users.setdefault(id(given), node)
                    total = adjoints.get(id(given), 0.0) + adjoint * local
                    adjoints[id(given)] = total
                    if not isfinite(total):
                        self.refuse_gradient(node, k, total, (adjoint, local), users)

    def refuse_gradient(
        self, node: Node, k: int, total: float, factors: tuple[float, float], users: dict[int, Node]
    ) -> None:
        """Raise for a gradient, with the node below which it appears, and its way to the output."""
        adjoint, local = factors
        lines = [
            f"the gradient becomes {total} below {self.describe(node)}",
            f"its own gradient is {adjoint}, its local derivative in operand {k + 1} is {local}",
            "the way from there to the output",
        ]
        path = [node]
        while id(path[-1]) in users:
            path.append(users[id(path[-1])])
        raise FloatingPointError("\n".join(lines + self.listed(path)))


def written(code: int, primals: Sequence[float]) -> str:
    """An operation on its operands."""
    operands = [f"({each})" if each < 0 else str(each) for each in primals]
    if len(operands) > 6:
        operands[3:-2] = [f"... {len(operands) - 5} more ..."]
    return ROWS[code].call(*operands)
