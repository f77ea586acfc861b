"""What a drawing shows of a graph: a snapshot, of which a picture or a terminal's tree is made.

A node that is drawn is a vertex. Not every node is one: the 0 that Python's sum() starts from is
left out, together with the addition that takes it; and a `dot` can be expanded into the products
and the sum that it stands for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from engine.backward import is_handed_on, topological_order
from engine.rules import ROWS, TABLE
from engine.value import Value

TERMS: Final = 6  # of a sum of contributions are written out; of more only their number is told
DASH: Final = "–"  # the gradient before any backward pass: a 0 would read as a result


def short(number: float) -> str:
    """A number with four significant digits.

    >>> short(-12.0), short(0.593269992), short(1e-05), short(-0.0)
    ('-12', '0.5933', '1e-5', '0')
    """
    digits, _, exponent = f"{number + 0.0:.4g}".partition("e")
    return f"{digits}e{int(exponent)}" if exponent else digits


def same(a: float, b: float, within: float = 0.0) -> bool:
    """Whether two numbers are equal, or as near as asked; NaN equals NaN."""
    return a == b or abs(a - b) <= within or (a != a and b != b)


@dataclass(eq=False, repr=False, slots=True)
class Vertex:
    """A node as it is drawn."""

    name: str
    op: str  # the name of its primitive, "" for a leaf
    value: float  # that the forward pass used
    now: float  # the one it has, which differs if it is a leaf that was assigned since
    grad: float | None  # None before any backward pass
    is_constant: bool = False
    is_output: bool = False
    inputs: list[Edge] = field(default_factory=list)
    also: list[float] = field(default_factory=list)  # used too, of a leaf assigned on the way
    contributions: list[float] = field(default_factory=list)  # to its gradient, one of each use

    @property
    def symbol(self) -> str:
        """What stands for its primitive; "" for a leaf."""
        return TABLE[self.op].symbol if self.op else ""

    @property
    def expression(self) -> str:
        """How it is computed from its inputs; "" for a leaf."""
        operands = [edge.source.operand for edge in self.inputs]
        return TABLE[self.op].call(*operands) if self.op else ""

    @property
    def operand(self) -> str:
        """What stands for it in an expression: its name, else a constant's number or dots."""
        return self.name or (short(self.value) if self.is_constant else "…")

    @property
    def gradient(self) -> str:
        """The gradient as it is drawn: a dash if there is none yet, nothing for a constant."""
        if self.is_constant:
            return ""
        return DASH if self.grad is None else short(self.grad)

    @property
    def origin(self) -> list[str]:
        """Where the gradient comes from, unless it is the one use that is drawn."""
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

    def staleness(self, digits: Callable[[float], str] = short) -> str:
        """What is to be said of a leaf that was assigned after it had been used."""
        remarks = [f"also {digits(value)}" for value in self.also]
        if not same(self.now, self.value):
            remarks.append(f"now {digits(self.now)}")
        return f"stale: {', '.join(remarks)}" if remarks else ""


class Edge(NamedTuple):
    """A use of a vertex as an input, with the local derivative."""

    source: Vertex
    derivative: float


def nodes_of(outputs: Sequence[Value]) -> list[Value]:
    """All that the outputs are computed from, each node once and after its inputs."""
    orders = [topological_order(output) for output in outputs]
    return list({id(node): node for order in orders for node in order}.values())


def sketch(
    outputs: Sequence[Value], names: Mapping[int, str], expand: bool = False
) -> list[Vertex]:
    """The vertices of a drawing, each after its inputs.

    Args:
        outputs: the nodes whose computation is drawn.
        names: names for the nodes that have no label, by identity.
        expand: whether a `dot` is drawn as its products and their sum.
    """
    order = nodes_of(outputs)
    called = {id(node): printable(node.label or names.get(id(node), "")) for node in order}
    ends = {id(output) for output in outputs}
    zeros = starts_of_sums(order, called) - ends
    used = values_used(order)
    vertices: dict[int, Vertex] = {}
    drawn: list[Vertex] = []
    for node in order:
        key = id(node)
        if key in zeros:
            continue
        edges = zip(node.inputs, node.local_derivatives, strict=True)
        inputs = [Edge(vertices[id(each)], d) for each, d in edges if id(each) not in zeros]
        first_of_sum = len(inputs) < len(node.inputs)
        if first_of_sum and not called[key] and key not in ends:
            vertices[key] = inputs[0].source  # 0 + x is drawn as x
            continue
        op = "sum" if first_of_sum else node.op
        value, *also = used[key] or [node.data]
        grad = node.grad if node.has_grad and not node.is_constant else None
        vertex = Vertex(
            called[key], op, value, node.data, grad, node.is_constant, key in ends, inputs, also
        )
        if expand and op == "dot":
            drawn += split(vertex)
        vertices[key] = vertex
        drawn.append(vertex)
    contribute(drawn)
    return drawn


def starts_of_sums(order: Sequence[Value], called: Mapping[int, str]) -> set[int]:
    """The zeros that sum() started from: nameless constants, used once, as first of an addition."""
    uses = Counter(id(each) for node in order for each in node.inputs)
    starts = [node.inputs[0] for node in order if node.op == "add"]
    zeros = [id(x) for x in starts if x.is_constant and x.data == 0.0 and not called[id(x)]]
    return {zero for zero in zeros if uses[zero] == 1}


def values_used(order: Sequence[Value]) -> dict[int, list[float]]:
    """The values of each node that others used: one, unless a leaf was assigned on the way."""
    values: dict[int, list[float]] = {id(node): [] for node in order}
    for node in order:
        for each, value in zip(node.inputs, node.primals, strict=True):
            if not any(same(value, other) for other in values[id(each)]):
                values[id(each)].append(value)
    return values


def split(vertex: Vertex) -> list[Vertex]:
    """The products of a `dot`; the vertex itself becomes their sum."""
    n = len(vertex.inputs) // 2
    products = []
    for w, x in zip(vertex.inputs[:n], vertex.inputs[n : 2 * n], strict=True):
        value = w.derivative * x.derivative  # the local derivative of each factor is the other
        products.append(Vertex("", "mul", value, value, vertex.grad, inputs=[w, x]))
    vertex.op = "sum"
    vertex.inputs = [*(Edge(product, 1.0) for product in products), *vertex.inputs[2 * n :]]
    return products


def contribute(drawn: Sequence[Vertex]) -> None:
    """Note what each use adds to the gradient of an input, from the outputs down."""
    reached = {id(vertex) for vertex in drawn if vertex.is_output or vertex.grad}
    for vertex in reversed(drawn):
        if vertex.grad is not None and vertex.op:
            code = ROWS.index(TABLE[vertex.op])
            for source, derivative in vertex.inputs:
                passes = id(vertex) in reached and is_handed_on(code, derivative)
                source.contributions.insert(0, vertex.grad * derivative if passes else 0.0)
                reached |= {id(source)} if passes else set()


def printable(text: str) -> str:
    """Text on one line, without characters that a terminal obeys and a picture cannot hold."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def shortened(text: str, longest: int) -> str:
    """The beginning of a text that is too long to be drawn."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
