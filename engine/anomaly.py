"""detect_anomaly(): where the first NaN or infinity comes from."""

from __future__ import annotations

import linecache
from collections.abc import Sequence
from math import isfinite
from types import CodeType
from typing import Any, NamedTuple

from engine.backward import is_handed_on, local_derivative, topological_order
from engine.calculus.renewal import Renewal
from engine.frames import users_frame
from engine.node import CONSTANT, ENGINE, LEAF, Node
from engine.pause import close_block, open_block
from engine.rules import ROWS
from engine.wording import written

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

    In a forward pass, recompute() included, that is the operation whose result it is; in a
    derivative, by backward() or by any function of derive.py, the one whose local derivative made
    it. Lines are known of what was computed inside. It holds for this thread only, and it is slow:
    to find an error, not to train with.

    It does not see what makes no graph: what is computed in no_grad(), and what a recorded function
    replays; call the function itself. Nor what comes to nothing: in the derivative of a branch that
    was not taken there may be an infinity, as long as none comes out.

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
        self.around: list[Any] = []  # what watched before, for each time that it was entered

    def __enter__(self) -> None:
        thread = ENGINE.thread
        around = getattr(thread, "watch", None)
        open_block()
        try:
            self.around.append(around)
            thread.watch = self
        except BaseException:  # Ctrl-C: then nobody comes to __exit__
            thread.watch = around
            close_block()
            raise

    def __exit__(self, *exception: object) -> None:
        ENGINE.thread.watch = self.around.pop()
        close_block()
        if not self.around:
            self.places.clear()

    # --- values ---

    def made(self, node: Node) -> None:
        """What is called when a node has been computed."""
        frame = users_frame()
        self.places[id(node)] = place = Place(frame.f_code, frame.f_lineno, node._data)
        if not isfinite(node._data) and not getattr(ENGINE.thread, "unwatched", False):
            call = written(ROWS[node._code], node.primals)
            lines = [f"{call} is {node._data}", f"computed at {place}", "of the operands"]
            raise FloatingPointError("\n".join([*lines, *self.listed(node.inputs)]))

    def renewed(self, now: Renewal) -> None:
        """What is called when recompute() has new numbers, before it writes them into the nodes.

        In the graph of a derivative, only the number that comes out counts.
        """
        for node in now.order:
            y = now.value(node)
            if node._code >= 0 and not isfinite(y) and (not node._extends or node is now.order[-1]):
                first = self.place(node) or "a line outside detect_anomaly()"
                lines = [f"{written(ROWS[node._code], now.primals(node))} is {y}"]
                lines += [f"computed anew by recompute(), and first at {first}", "of the operands"]
                raise FloatingPointError("\n".join([*lines, *self.listed(node.inputs, now)]))
        for node in now.order:
            place = self.place(node)
            if place is not None:
                self.places[id(node)] = place._replace(data=now.value(node))

    # --- words ---

    def listed(self, nodes: Sequence[Any], now: Renewal | None = None) -> list[str]:
        """A line for each node, those in the middle of many left out."""
        if len(nodes) <= LONGEST:
            return [f"  {self.describe(each, now)}" for each in nodes]
        half = LONGEST // 2
        between = f"  ... {len(nodes) - LONGEST} more ..."
        return [*self.listed(nodes[:half], now), between, *self.listed(nodes[-half:], now)]

    def describe(self, node: Node, now: Renewal | None = None) -> str:
        """A node, its operation and operands, and where it was made."""
        label = f"{node.label} = " if node.label else ""
        if node._code < 0:
            kind = "a constant" if node._code == CONSTANT else "a leaf"
            return f"{label}{node._data!r}, {kind}"
        primals, y = (now.primals(node), now.value(node)) if now else (node.primals, node._data)
        place = self.place(node)
        where = f"at {place}" if place is not None else "computed outside detect_anomaly()"
        return f"{label}{written(ROWS[node._code], primals)} = {y!r}, {where}"

    def place(self, node: Node) -> Place | None:
        """Where a node was made, if that was inside."""
        place = self.places.get(id(node))
        return place if place is not None and repr(place.data) == repr(node._data) else None

    # --- derivatives ---

    def backward(self, root: Node, seed: float) -> None:
        """A pass that only looks, before the true one: it raises at the first bad gradient."""
        order = topological_order(root)
        leaves = [node for node in order if node._code == LEAF]
        held = {id(leaf): leaf.grad for leaf in leaves}
        start = held.get(id(root), 0.0) + seed
        if not isfinite(start):
            raise FloatingPointError(
                f"backward() begins with the gradient {start}: its seed is {seed}, and "
                f"{held.get(id(root), 0.0)} was there already"
            )
        self.follow(order, seed, leaves, held)

    def gradient(self, root: Node, xs: Sequence[Node], seed: float) -> None:
        """Where a gradient in xs became NaN or infinite: it raises there."""
        self.follow(topological_order(root), seed, xs, {})

    def follow(
        self, order: list[Node], seed: float, xs: Sequence[Node], held: dict[int, float]
    ) -> None:
        """The chain rule from the output to xs, which hold something already."""
        leads = {id(x) for x in xs}
        for node in order:
            if any(id(each) in leads for each in node.inputs):
                leads.add(id(node))
        totals = {id(order[-1]): seed}
        users: dict[int, Node] = {}  # of each node one that has handed it a gradient
        for node in reversed(order):
            adjoint = totals.pop(id(node), None)
            if adjoint is None or node._code < 0:
                continue
            primals = node.primals
            for k, given in enumerate(node.inputs):
                if given._code == CONSTANT or id(given) not in leads:
                    continue
                local = local_derivative(node._code, k, node._data, primals)
                if is_handed_on(node._code, local):
                    users.setdefault(id(given), node)
                    before = totals.get(id(given), held.get(id(given), 0.0))
                    totals[id(given)] = total = before + adjoint * local
                    if not isfinite(total):
                        path = [node]
                        while id(path[-1]) in users:
                            path.append(users[id(path[-1])])
                        lines = self.gradient_words(node, k, before, adjoint, local)
                        raise FloatingPointError("\n".join([*lines, *self.listed(path)]))

    def gradient_words(
        self, node: Node, k: int, before: float, adjoint: float, local: float
    ) -> list[str]:
        """The node below which a gradient is bad, and why."""
        lines = [
            f"the gradient becomes {before + adjoint * local} below {self.describe(node)}",
            f"its own gradient is {adjoint}, its local derivative in operand {k + 1} is {local}",
        ]
        if isfinite(adjoint * local):
            lines.append(
                f"their product {adjoint * local} is added to {before}, which was there already, "
                "from other uses of the operand or from backward() before, without zero_grad()"
            )
        return [*lines, "the way from there to the output"]

    def tangent(
        self, root: Node, outputs: Sequence[Node], xs: Sequence[Node], direction: Sequence[Any]
    ) -> None:
        """Where a derivative in a direction became NaN or infinite: it raises there."""
        steps = [each._data if isinstance(each, Node) else each for each in direction]
        tangents = dict(zip(map(id, xs), steps, strict=True))
        bad: dict[int, tuple[int, float, float]] = {}  # an operand, its tangent, and what for
        for node in topological_order(root):
            primals = () if id(node) in tangents else node.primals
            for k in range(len(primals)):
                step = tangents.get(id(node.inputs[k]))
                local = local_derivative(node._code, k, node._data, primals)
                if step is not None and is_handed_on(node._code, local):
                    total = tangents[id(node)] = tangents.get(id(node), 0.0) + step * local
                    if not isfinite(total):
                        bad.setdefault(id(node), (k, step, local))
        way = [next((y for y in outputs if not isfinite(tangents.get(id(y), 0.0))), root)]
        while id(way[-1]) in bad and not isfinite(bad[id(way[-1])][1]):
            way.append(way[-1].inputs[bad[id(way[-1])][0]])
        node = way[-1]
        slope = tangents[id(node)]
        lines = [f"the derivative in this direction becomes {slope} at {self.describe(node)}"]
        if id(node) in bad:
            k, step, local = bad[id(node)]
            lines.append(
                f"that of operand {k + 1} is {step}, the local derivative in it is {local}"
            )
        lines.append("the way from there to the output")
        raise FloatingPointError("\n".join([*lines, *self.listed(way[::-1])]))
