"""What a drawing shows of a graph: a snapshot, from which the picture and the terminal's tree are made.

A node that is drawn is a vertex. Not every node is one: the 0 that Python's sum() starts from is left out,
together with the addition that takes it, and a `dot` can be expanded into the products and the sum it stands for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from engine.backward import topological_order
from engine.node import Node
from engine.rules import TABLE

TERMS: Final = 6  # of a sum of contributions are written out; of more only their number is told
DASH: Final = "–"  # the gradient before any backward pass: a 0 would read as a result
LETTERS: Final = 24  # of a name or an expression are shown


@dataclass(eq=False, repr=False, slots=True)
class Vertex:
    """A node as it is drawn."""

    name: str
    op: str  # the name of its primitive, "" for a leaf
    value: float  # that the forward pass used
    later: list[float]  # what a leaf was assigned after that; if anything, the graph is stale
    grad: float | None  # None before any backward pass
    is_constant: bool = False
    is_output: bool = False
    inputs: list[Edge] = field(default_factory=list)
    contributions: list[float] = field(default_factory=list)  # to its gradient, one from each use

    @property
    def symbol(self) -> str:
        """What stands for its primitive; "" for a leaf."""
        return TABLE[self.op].symbol if self.op else ""

    @property
    def expression(self) -> str:
        """How it is computed from its inputs; "" for a leaf."""
        return TABLE[self.op].call(*(edge.source.operand for edge in self.inputs)) if self.op else ""

    @property
    def operand(self) -> str:
        """What stands for it in an expression: its name, else a constant's number or an ellipsis."""
        return self.name or (short(self.value) if self.is_constant else "…")

    @property
    def staleness(self) -> str:
        """What is to be said if the leaf was assigned after the forward pass used it."""
        return f"stale: then {', '.join(map(short, self.later))}" if self.later else ""

    @property
    def origin(self) -> list[str]:
        """Where its gradient comes from, unless that is the one use that is drawn."""
        if self.grad is None or self.is_output:
            return []
        here = sum(self.contributions)
        remarks = []
        if not same(self.grad, here, within=1e-9 * sum(map(abs, self.contributions))):
            if not self.op:  # leaves add up all passes, other nodes hold the last one
                remarks.append(f"of which {short(here)} from here")
            elif self.contributions:
                remarks.append(f"{short(here)} from here")
        if len(self.contributions) > TERMS:
            remarks.append(f"sum of {len(self.contributions)} contributions")
        elif len(self.contributions) > 1:
            terms = " + ".join(map(short, self.contributions)).replace("+ -", "- ")
            remarks.append(f"{short(here)} = {terms}" if remarks else f"= {terms}")
        return remarks


class Edge(NamedTuple):
    """A use of a vertex as an input, with the local derivative."""

    source: Vertex
    derivative: float


def sketch(outputs: Sequence[Node], names: Mapping[int, str], expand: bool = False) -> list[Vertex]:
    """The vertices of a drawing, each after its inputs.

    Args:
        outputs: the nodes whose computation is drawn.
        names: names for the nodes that have no label, by identity.
        expand: whether a `dot` is drawn as its products and their sum.
    """
    order = list({id(node): node for output in outputs for node in topological_order(output)}.values())
    called = {id(node): printable(node.label or names.get(id(node), "")) for node in order}
    ends = {id(output) for output in outputs}
    values = values_held(order)
    zeros = starts_of_sums(order, called)
    vertices: dict[int, Vertex] = {}
    drawn: list[Vertex] = []
    for node in order:
        key = id(node)
        edges = zip(node.inputs, node.local_derivatives, strict=True)
        inputs = [Edge(vertices[id(each)], d) for each, d in edges if id(each) not in zeros]
        if key in zeros and key not in ends:
            continue
        if len(inputs) < len(node.inputs) and not called[key] and key not in ends:
            vertices[key] = inputs[0].source  # 0 + x is drawn as x
            continue
        value, *later = values[key]
        grad = node.grad if node.has_grad and not node.is_constant else None
        op = node.op if len(inputs) == len(node.inputs) else "sum"
        vertex = Vertex(called[key], op, value, later, grad, node.is_constant, key in ends, inputs)
        if expand and node.op == "dot":
            drawn += split(vertex)
        vertices[key] = vertex
        drawn.append(vertex)
    contribute(drawn)
    return drawn


def values_held(order: Sequence[Node]) -> dict[int, list[float]]:
    """The different values of each node: those that were used, in this order, and the one it has now."""
    values: dict[int, list[float]] = {id(node): [] for node in order}
    uses = [(each, primal) for node in order for each, primal in zip(node.inputs, node.primals, strict=True)]
    for node, value in [*uses, *((node, node.data) for node in order)]:
        if not any(same(value, other) for other in values[id(node)]):
            values[id(node)].append(value)
    return values


def starts_of_sums(order: Sequence[Node], called: Mapping[int, str]) -> set[int]:
    """The zeros that sum() started from: nameless constants with no other use, to which something is added."""
    uses = Counter(id(each) for node in order for each in node.inputs)
    starts = [node.inputs[0] for node in order if node.op == "add"]
    return {id(x) for x in starts if x.is_constant and x.data == 0.0 and uses[id(x)] == 1 and not called[id(x)]}


def split(vertex: Vertex) -> list[Vertex]:
    """The products of a `dot`; the vertex itself becomes their sum."""
    n = len(vertex.inputs) // 2
    pairs = zip(vertex.inputs[:n], vertex.inputs[n : 2 * n], strict=True)
    products = [  # the local derivative of each factor is the other
        Vertex("", "mul", w.derivative * x.derivative, [], vertex.grad, inputs=[w, x]) for w, x in pairs
    ]
    vertex.op = "sum"
    vertex.inputs = [*(Edge(product, 1.0) for product in products), *vertex.inputs[2 * n :]]
    return products


def contribute(drawn: Sequence[Vertex]) -> None:
    """Note what each use adds to the gradient of an input; as in the engine, a gradient of 0 hands on 0."""
    for vertex in drawn:
        if vertex.grad is not None:
            for source, derivative in vertex.inputs:
                source.contributions.append(vertex.grad * derivative if vertex.grad else 0.0)


def same(a: float, b: float, within: float = 0.0) -> bool:
    """Whether two numbers are equal, as far as asked, where NaN equals NaN."""
    return a == b or abs(a - b) <= within or (a != a and b != b)


def short(number: float) -> str:
    """A number with four significant digits.

    >>> short(-12.0), short(0.593269992), short(1e-05), short(-0.0)
    ('-12', '0.5933', '1e-5', '0')
    """
    digits, _, exponent = f"{number + 0.0:.4g}".partition("e")
    return f"{digits}e{int(exponent)}" if exponent else digits


def gradient(vertex: Vertex) -> str:
    """The gradient as it is drawn: a dash before any backward pass, nothing for a constant."""
    return "" if vertex.is_constant else DASH if vertex.grad is None else short(vertex.grad)


def printable(text: str) -> str:
    """Text on one line, without the characters that a terminal obeys and a picture cannot hold."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def shortened(text: str) -> str:
    """The beginning of a text that is too long to be drawn."""
    return text if len(text) <= LETTERS else text[: LETTERS - 1] + "…"
