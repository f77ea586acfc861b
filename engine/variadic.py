"""Primitives of any number of arguments, above all the weighted sum. Compiled like node.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from librt.vecs import vec
from mypy_extensions import i32, i64

from engine.errors import not_a_list
from engine.node import DOT, ENGINE, NO_LABEL, ROWS, More, Node
from engine.value import Value, as_value, evaluate


def variadic(code: i32, operands: Iterable[object]) -> Any:
    """Apply a primitive of any number of arguments: a Value if there is one among them."""
    given = listed(operands, ROWS[code].name)
    nodes = operand_nodes(given, ROWS[code].name)
    result = evaluate(code, [node._data for node in nodes])
    return many(code, nodes, result) if has_value(given) else result


def listed(operands: Iterable[object], name: str) -> list[object]:
    """The operands of the primitive `name` as a list."""
    if isinstance(operands, Value):
        raise not_a_list(operands, name)
    return list(operands)


def operand_nodes(given: list[object], name: str) -> list[Node]:
    """The operands of the primitive `name` as nodes."""
    return [each if isinstance(each, Value) else as_value(each, name) for each in given]


def has_value(given: list[object]) -> bool:
    """Whether there is a Value among the operands."""
    return any(isinstance(each, Value) for each in given)


def many(code: i32, nodes: list[Node], result: float) -> Value:
    """A computed node of any number of inputs."""
    node = Value(None, NO_LABEL, code, None, None, result)
    if node._code >= 0:
        node._more = More("", tuple(nodes), vec[float]([each._data for each in nodes]))
        if len(ENGINE.pauses) > 0:
            ENGINE.look_at(node)
    return node


def dot(weights: Iterable[object], inputs: Iterable[object], bias: object = None) -> Any:
    """The weighted sum w1 x1 + ... + wn xn + bias of the lectures, as one node.

    The local derivative of each weight is its input, that of each input its weight. One node for a
    neuron's sum keeps graphs readable, and is faster than a chain of products and sums.

    Args:
        weights: n Values or numbers.
        inputs: as many Values or numbers.
        bias: a Value or number to be added; none if left out.

    Returns:
        A Value; a float if all that was given are numbers.

    Raises:
        ValueError: if there are not as many inputs as weights.

    >>> w = [Value(3.0), Value(1.0)]
    >>> z = dot(w, [1.0, 2.0], bias=-3.0)
    >>> z.backward()
    >>> z.data, w[0].grad, w[1].grad
    (2.0, 1.0, 2.0)
    """
    given = listed(weights, "dot(weights)")
    half: i64 = len(given)
    given.extend(listed(inputs, "dot(inputs)"))
    if len(given) != 2 * half:
        raise ValueError(
            f"dot takes one input per weight, but got {half} weights and {len(given) - half} inputs"
        )
    if bias is not None:
        given.append(bias)
    nodes = operand_nodes(given, "dot")
    # -0.0 is what can be added without a trace: 0.0 would turn a sum of -0.0 into 0.0
    result = nodes[2 * half]._data if bias is not None else -0.0 if half > 0 else 0.0
    k: i64
    for k in range(half):
        result += nodes[k]._data * nodes[half + k]._data
    return many(DOT, nodes, result) if has_value(given) else result
