"""lecture: how does backpropagation compute the derivatives of f(x, y, z) = (x + y) z?

The example of the first lecture on backpropagation, at x = -2, y = 5, z = -4. It prints the
forward pass from left to right, the local derivative on every edge, the gradients as they are
filled in from right to left, one edge at a time, and each number beside the one on the slide. It
draws the circuit.

Command: chainrule lecture
Expect: f = -12, with the derivatives -4, -4 and 3 in x, y and z, as on the slide.
Source: Stanford CS231n, lecture 4 (backpropagation), the example "(x + y) z".
"""

from __future__ import annotations

from collections.abc import Sequence

from demos.parts.report import compare, options, save
from engine import Value, draw, topological_order
from engine.rules import TABLE

SLIDE = [
    ("q = x + y", "3"), ("f = q z", "-12"),
    ("dq/dx", "1"), ("dq/dy", "1"), ("df/dq, the edge", "-4"), ("df/dz, the edge", "3"),
    ("df/df", "1"), ("df/dq", "-4"), ("df/dz", "3"), ("df/dx", "-4"), ("df/dy", "-4"),
]  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    """Compute, differentiate, explain edge by edge, and draw."""
    chosen = options(__doc__, argv)
    x, y, z = Value(-2), Value(5), Value(-4)
    q = x + y
    f = q * z
    f.backward()

    names = {id(x): "x", id(y): "y", id(z): "z", id(q): "q", id(f): "f"}
    print("f(x, y, z) = (x + y) z  at  x = -2, y = 5, z = -4\n")
    forward(f, names)
    backward(f, names)
    computed = [q.data, f.data, *q.local_derivatives, *f.local_derivatives]
    computed += [f.grad, q.grad, z.grad, x.grad, y.grad]
    print("\nThe slide's numbers and ours\n")
    print(
        compare(
            [(name, printed, ours) for (name, printed), ours in zip(SLIDE, computed, strict=True)]
        )
    )
    picture = draw(f)
    print(f"\n{picture.text}")
    save(picture, chosen.out, "lecture")


def forward(f: Value, names: dict[int, str]) -> None:
    """The values, from left to right, and the local derivatives on the edges."""
    print("Forward, from left to right: values, and the local derivative on each edge\n")
    for node in topological_order(f):
        if node.inputs:
            name, inputs = names[id(node)], [names[id(each)] for each in node.inputs]
            formula = TABLE[node.op].call(*inputs)
            first, *others = node.primals  # a minus sign after an operator wants brackets
            others = [f"({value:g})" if value < 0 else f"{value:g}" for value in others]
            numbers = TABLE[node.op].call(f"{first:g}", *others)
            print(f"  {name} = {formula} = {numbers} = {node.data:g}")
            for each, local in zip(inputs, node.local_derivatives, strict=True):
                print(f"      d{name}/d{each} = {local:g}")


def backward(f: Value, names: dict[int, str]) -> None:
    """The gradients, from right to left: the chain rule, once for each edge."""
    root = names[id(f)]
    print("\nBackward, from right to left: the chain rule, one edge at a time\n")
    print(f"  d{root}/d{root} = {f.grad:g}")
    for node in reversed(topological_order(f)):
        name = names[id(node)]
        for each, local in zip(node.inputs, node.local_derivatives, strict=True):
            target = names[id(each)]
            edge = f"d{name}/d{target}" if node is not f else f"∂{name}/∂{target}"
            rule = f"d{root}/d{name} · {edge}"
            product = f"{node.grad:g} · {local:g} = {node.grad * local:g}"
            print(f"  d{root}/d{target} = {rule} = {product}")


if __name__ == "__main__":
    main()
