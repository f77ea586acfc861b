"""why_order: why must backpropagation wait, and go through a graph in topological order?

Because a node may be used twice. a = 1; b = a + a; c = b + b is the smallest graph in which haste
goes wrong. A hurried pass hands a gradient on at once, as it arrives: the second part of b's
gradient takes the first along again, and a gets 6. To follow every path on its own gives 4, which
is right, but there are as many paths as products of uses: 2, 4, 8, 16. In topological order b waits
until all of its gradient is there, and hands it on once.

Command: chainrule why_order
Expect: 6, 4 and 4 for dc/da. After 20 doublings every path is two million steps, the order 40.
Source: A. Griewank, A. Walther, Evaluating Derivatives, 2008, chapter 3: the reverse sweep
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from demos.parts import report, why_order_picture
from demos.parts.report import table
from engine import Value, draw, topological_order

Grads = dict[int, float]  # the gradient of each node, by its id
Step = tuple[Value, Value, float]  # a node hands a part of its input's gradient on to it

DEPTHS = (1, 2, 3, 5, 10, 15)


def hurried(output: Value, steps: list[Step]) -> Grads:
    """Wrong: each part of a gradient is added, and all that is there is handed on at once."""
    grads = {id(output): 1.0}

    def hand_on(node: Value) -> None:
        for given, local in zip(node.inputs, node.local_derivatives, strict=True):
            part = grads[id(node)] * local
            grads[id(given)] = grads.get(id(given), 0.0) + part
            steps.append((node, given, part))
            hand_on(given)

    hand_on(output)
    return grads


def every_path(output: Value, steps: list[Step]) -> Grads:
    """Right, and slow: each part of a gradient is handed on by itself, down to the leaves."""
    grads = {id(output): 1.0}

    def hand_on(node: Value, own: float) -> None:
        for given, local in zip(node.inputs, node.local_derivatives, strict=True):
            grads[id(given)] = grads.get(id(given), 0.0) + own * local
            steps.append((node, given, own * local))
            hand_on(given, own * local)

    hand_on(output, 1.0)
    return grads


def in_order(output: Value, steps: list[Step]) -> Grads:
    """Right, and fast: a node's turn comes when all that it was used for has had its own."""
    grads = {id(output): 1.0}
    for node in reversed(topological_order(output)):
        for given, local in zip(node.inputs, node.local_derivatives, strict=True):
            part = grads[id(node)] * local
            grads[id(given)] = grads.get(id(given), 0.0) + part
            steps.append((node, given, part))
    return grads


WAYS: dict[str, Callable[[Value, list[Step]], Grads]] = {
    "hurried": hurried,
    "every path": every_path,
    "in order": in_order,
}


def main(argv: Sequence[str] | None = None) -> None:
    """The three ways through the small graph, then through deeper ones."""
    chosen = report.options(__doc__, argv)
    a = Value(1.0)
    b = a + a
    c = b + b
    nodes = {id(a): "a", id(b): "b", id(c): "c"}
    taken = {}
    for name, way in WAYS.items():
        steps: list[Step] = []
        grads, so_far, rows = way(c, steps), {"a": 0.0, "b": 0.0}, []
        for n, (node, given, part) in enumerate(steps, start=1):
            so_far[nodes[id(given)]] += part
            edge = f"{nodes[id(node)]} hands {part:g} to {nodes[id(given)]}"
            rows.append([str(n), edge, *so_far.values()])
        taken[name] = [(nodes[id(v)], nodes[id(u)], part) for v, u, part in steps]
        print(f"{name}: dc/da = {grads[id(a)]:g}\n")
        print(table(["step", "", "a.grad", "b.grad"], rows), end="\n\n")

    print("Deeper: one number, doubled again and again\n")
    rows = [[str(depth), str(2**depth), *cells(depth)] for depth in DEPTHS]
    headers = [word for name in WAYS for word in ("steps", name)]
    print(table(["doublings", "right", *headers], rows))
    c.backward()
    report.save(draw(c, title="in order: b has all of its 2"), chosen.out, "why_order_graph")
    report.save_figure(why_order_picture.picture(taken), chosen.out, "why_order")


def cells(depth: int) -> list[Any]:
    """For each way the number of steps, and the gradient that it gives."""
    found: list[Any] = []
    for way in WAYS.values():
        node = leaf = Value(1.0)
        for _ in range(depth):
            node = node + node
        steps: list[Step] = []
        gradient = way(node, steps)[id(leaf)]
        found += [f"{len(steps):,}", f"{gradient:.6g}"]
    return found


if __name__ == "__main__":
    main()
