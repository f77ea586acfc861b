"""Copying and pickling graphs, of any depth: flat, in topological order, never by recursion.

Leaves travel as objects, so that whatever shares them still shares them on the other side.
Computed nodes travel inside the Value that is pickled: two Values pickled together keep common
leaves, each has its own computed nodes. `copy.deepcopy` keeps both in common, through its memo.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from librt.vecs import vec

from engine.backward import topological_order
from engine.node import CONSTANT, LEAF, More, Node
from engine.rules import ROWS
from engine.value import Value


class Step(NamedTuple):
    """A computed node as data. Its primitive goes by name: that outlives the table's order."""

    primitive: str
    inputs: list[int]
    data: float
    primals: tuple[float, ...]
    label: str
    grad: float | None


def leaf(data: float, label: str, grad: float | None, is_constant: bool) -> Value:
    """A leaf as it was, with its gradient if it had one."""
    node = Value(data, label, CONSTANT if is_constant else LEAF)
    if grad is not None:
        node.grad = grad
    return node


def computed(
    code: int,
    inputs: Sequence[Value],
    data: float,
    primals: Sequence[float],
    label: str,
    grad: float | None,
) -> Value:
    """A computed node as it was. Its fields are set: no_grad() has no say in a copy."""
    node = leaf(data, label, grad, False)
    node._code = code
    if ROWS[code].variadic or len(inputs) > 2:
        node._more = More(label, tuple(inputs), vec[float](primals))
    else:
        node._left, node._a = inputs[0], primals[0]
        if len(inputs) == 2:
            node._right, node._b = inputs[1], primals[1]
    return node


def grad_of(node: Node) -> float | None:
    """Its gradient, or None for none yet."""
    return node.grad if node.has_grad else None


def duplicate(node: Node, inputs: Sequence[Value]) -> Value:
    """The same node on other inputs."""
    if node._code < 0:
        return leaf(node.data, node.label, grad_of(node), node.is_constant)
    return computed(node._code, inputs, node.data, node.primals, node.label, grad_of(node))


def shallow(node: Value) -> Value:
    """copy.copy: a node of its own on the same inputs."""
    return duplicate(node, node.inputs)


def deep(node: Value, memo: dict[int, Any]) -> Value:
    """copy.deepcopy: the whole graph, what the memo holds already excepted."""
    waiting: list[Node] = [node]
    while waiting:
        each = waiting[-1]
        missing = [given for given in each.inputs if id(given) not in memo]
        if id(each) in memo:
            waiting.pop()
        elif missing:
            waiting.extend(missing)
        else:
            memo[id(each)] = duplicate(each, [memo[id(given)] for given in each.inputs])
    copied: Value = memo[id(node)]
    return copied


def flatten(node: Value) -> tuple[Callable[..., Value], tuple[Any, ...]]:
    """What pickle stores: a leaf as itself, a computed node as leaves and the steps from them."""
    if node._code < 0:
        return leaf, (node.data, node.label, grad_of(node), node.is_constant)
    order = topological_order(node)
    leaves = [each for each in order if each._code < 0]
    steps = [each for each in order if each._code >= 0]
    place = {id(each): k for k, each in enumerate(leaves + steps)}
    return unflatten, (leaves, [tuple(as_step(each, place)) for each in steps])


def as_step(node: Node, place: dict[int, int]) -> Step:
    """A computed node as data, with the places of its inputs."""
    inputs = [place[id(each)] for each in node.inputs]
    return Step(node.op, inputs, node.data, node.primals, node.label, grad_of(node))


def unflatten(leaves: list[Value], steps: list[tuple[Any, ...]]) -> Value:
    """The computed node that flatten() stored.

    Raises:
        ValueError: if a primitive is not in this table.
    """
    codes = {row.name: code for code, row in enumerate(ROWS)}
    nodes = list(leaves)
    for step in map(Step._make, steps):
        if step.primitive not in codes:
            raise ValueError(
                f"the pickled graph uses {step.primitive!r}, which is not in the table: "
                "register() that primitive before loading"
            )
        inputs = [nodes[k] for k in step.inputs]
        nodes.append(
            computed(codes[step.primitive], inputs, step.data, step.primals, step.label, step.grad)
        )
    return nodes[-1]


for _name, _method in (("__copy__", shallow), ("__deepcopy__", deep), ("__reduce__", flatten)):
    setattr(Value, _name, _method)
