"""Pictures of graphs: draw(f), and the Drawing that it returns."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

from engine.errors import not_a_value
from engine.pictures.circuit import circuit
from engine.pictures.names import names_in
from engine.pictures.picture import Picture, checked_direction
from engine.pictures.sketch import Vertex, nodes_of, printable, shortened, sketch
from engine.pictures.tree import tree
from engine.value import Value
from engine.wording import count

LIMIT: Final = 500  # nodes: a drawing of more is not read


class Drawing(Picture):
    """A graph as it was when draw() was called: notebooks show a picture of it, print() a tree."""

    def __init__(self, drawn: Sequence[Vertex], direction: str, title: str) -> None:
        self._drawn, self._direction, self._title = drawn, direction, title

    @cached_property
    def text(self) -> str:
        """The graph as a tree for a terminal, with the numbers of the picture.

        >>> from engine import Value
        >>> x, y = Value(3.0), Value(-2.0)
        >>> f = x * y
        >>> f.backward()
        >>> print(draw(f).text)
                   value  gradient  local derivative
        f = x * y     -6         1
        ├─ x           3        -2                -2
        └─ y          -2         3                 3
        """
        return tree(self._drawn)

    @cached_property
    def source(self) -> str:
        """The picture in DOT, the language of Graphviz."""
        return str(circuit(self._drawn, self._direction, self._title).source)

    def __repr__(self) -> str:
        outputs = ", ".join(v.name or v.expression or "a leaf" for v in self._drawn if v.is_output)
        nodes = count(len(self._drawn), "node")
        return f"<Drawing of {shortened(outputs, 40)}, {nodes}: print it, or .save('f.svg')>"


def draw(
    output: Value | Sequence[Value],
    direction: str = "LR",
    expand: bool = False,
    limit: int = LIMIT,
    title: str = "",
) -> Drawing:
    """Draw the graph that a Value was computed by.

    Each node shows its name, its value above and its gradient below (a dash before any backward
    pass); each edge shows the local derivative. Where a node is used more than once, the
    contributions that its gradient is the sum of stand below it. Nodes are called by their label,
    or else as the caller's variables.

    Args:
        output: what was computed; several outputs in one drawing as a list.
        direction: "LR" from left to right, or "TB" from top to bottom.
        expand: draw each `dot` as its products and their sum.
        limit: the most nodes that are drawn.
        title: a line below the picture.

    Returns:
        The drawing as it is now: a picture in a notebook, a tree if printed, files by `.save()`.

    Raises:
        TypeError: if what is to be drawn is not a Value.
        ValueError: if the direction is unknown, or the graph has more nodes than the limit.

    >>> from engine import Value
    >>> x, y, z = Value(-2), Value(5), Value(-4)
    >>> q = x + y
    >>> f = q * z
    >>> f.backward()
    >>> draw(f)
    <Drawing of f, 5 nodes: print it, or .save('f.svg')>
    """
    outputs: list[Any] = list(output) if isinstance(output, (list, tuple)) else [output]
    for each in outputs:
        if not isinstance(each, Value):
            raise not_a_value(each, "draw")
    if not outputs:
        raise ValueError("there is nothing to draw: the list is empty")
    checked_direction(direction)
    nodes = nodes_of(outputs)
    products = sum(len(node.inputs) // 2 for node in nodes if expand and node.op == "dot")
    if len(nodes) + products > limit:
        raise too_many_nodes(len(nodes) + products, limit)
    drawn = sketch(outputs, names_in(sys._getframe(1)), expand)
    return Drawing(drawn, direction, printable(title))


def too_many_nodes(nodes: int, limit: int) -> ValueError:
    """A graph of which nobody could read a drawing."""
    return ValueError(
        f"this graph has {nodes} nodes, and a drawing of more than {limit} is hard to read: draw a "
        "part of it, such as a Value that it was computed from; write neurons with dot(weights, "
        f"inputs), which is one node; or raise the limit: draw(f, limit={nodes})"
    )
