"""why_order: why must backpropagation wait, and go through a graph in topological order?

Because a node may be used twice. a = 1; b = a + a; c = b + b is the smallest graph in which haste
goes wrong. A hurried pass hands a gradient on at once, as it arrives: the second part of b's
gradient takes the first along again, and a gets 6. To follow every path on its own gives 4, which
is right, but there are as many paths as products of uses: 2, 4, 8, 16. In topological order b waits
until all of its gradient is there, and hands it on once.

Command: chainrule why_order
Expect: 6, 4 and 4 for dc/da. After twenty doublings every path is a million steps, the order 40.
Source: A. Griewank, A. Walther, Evaluating Derivatives, 2008, chapter 3: the reverse sweep
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from demos.parts import report
from demos.parts.report import FAINT, GREEN, INK, PALE, RED, table
from engine import Value, draw, topological_order

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Grads = dict[int, float]  # the gradient of each node, by its id
Step = tuple[Value, Value, float]  # a node hands a part of its input's gradient on to it
Named = tuple[str, str, float]  # the same with their names

DEPTHS = (1, 2, 3, 5, 10, 15)
NAMES = "abc"


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
    report.save_figure(picture(taken), chosen.out, "why_order")


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


def picture(taken: dict[str, list[Named]]) -> Figure:
    """The hurried way beside the right one, each hand-over with its number in the order of time."""
    figure = report.canvas(12, 4.2)
    titles = {
        "hurried": ("wrong, in a hurry: b hands on 1, and then\n2, with the 1 in it again", RED),
        "in order": ("right, in topological order: b waits for\nboth parts, and hands on 2", GREEN),
    }
    for axes, (name, (title, colour)) in zip(figure.subplots(1, 2), titles.items(), strict=True):
        graph(axes, taken[name])
        axes.set_title(title, fontsize=16, color=colour)
        axes.set_axis_off()
    return figure


def graph(axes: Axes, steps: list[Named]) -> None:
    """a, b and c from left to right, two edges between neighbours, and what went along each."""
    places = {name: 3.0 * k for k, name in enumerate(NAMES)}
    totals = dict.fromkeys(NAMES, 0.0) | {"c": 1.0}
    words: dict[tuple[str, int], list[str]] = {}
    for n, (node, given, part) in enumerate(steps):
        totals[given] += part
        turn = sum(step[0] == node for step in steps[:n]) % 2  # which of its two inputs
        words.setdefault((node, turn), []).append(f"{n + 1}.  +{part:g}")
    look: dict[str, Any] = {"ha": "center", "size": 15}
    for (node, turn), parts in words.items():
        end, start, up = places[node] - 0.72, places[node] - 2.28, 1 - 2 * turn
        bend = {"arrowstyle": "->", "connectionstyle": f"arc3,rad={0.4 * up}", "color": FAINT}
        axes.annotate("", (start, 0.3 * up), (end, 0.3 * up), arrowprops=bend | {"lw": 2})
        text, side = "\n".join(parts), "bottom" if up > 0 else "top"
        again = RED if len(parts) > 1 else INK
        axes.text((start + end) / 2, 0.62 * up, text, va=side, color=again, **look)
    for name, formula in zip(NAMES, ("a = 1", "b = a + a", "c = b + b"), strict=True):
        colour = RED if name == "a" and totals[name] != 4 else INK
        box = {"boxstyle": "round,pad=0.5", "fc": PALE, "ec": colour}
        text = f"{formula}\ngradient {totals[name]:g}"
        axes.text(places[name], 0, text, va="center", bbox=box, color=colour, **look)
    axes.set(xlim=(-1.3, 7.3), ylim=(-1.25, 1.25))


if __name__ == "__main__":
    main()
