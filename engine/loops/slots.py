"""What the loops of replay.py leave to others: leaves in and out, and rows that are not inlined.

A flat tape keeps the numbers of a graph in one vector: its slots. Compiled like node.py.
"""

from __future__ import annotations

from typing import TypeVar

from librt.vecs import vec
from mypy_extensions import i32, i64, u8

from engine.backward import is_handed_on, local_derivative
from engine.errors import not_a_leaf
from engine.node import ENGINE, LEAF, Node

Leaf = TypeVar("Leaf", bound=Node)  # so that a list of Values is a list of nodes too


def read_leaves(nodes: list[Leaf], data: vec[float], first: i64) -> None:
    """Copy the numbers of nodes into the slots from `first` on."""
    k: i64
    for k in range(len(nodes)):
        data[first + k] = nodes[k]._data


def write_leaves(nodes: list[Leaf], data: vec[float], first: i64) -> None:
    """Copy the slots from `first` on into leaves; into none of them, if one is no leaf.

    Raises:
        AttributeError: if a node is computed, or a constant.
    """
    for node in nodes:
        if node._code != LEAF:
            raise (
                not_a_leaf(node.op)
                if node._code >= 0
                else AttributeError(
                    f"a constant cannot be assigned: {node!r} gets no gradient, and what has been "
                    "recorded has its number; make a leaf with Value(number)"
                )
            )
    k: i64
    try:
        for k in range(len(nodes)):
            nodes[k]._data = data[first + k]
    finally:
        ENGINE.writes += 1


def write_gradients(nodes: list[Node], gradient: vec[float]) -> None:
    """Leave each node its number as the gradient."""
    k: i64
    for k in range(len(nodes)):
        node = nodes[k]
        node._grad, node._has_grad = gradient[k], True


def operands(i: i64, starts: vec[i32], args: vec[i32], data: vec[float]) -> list[float]:
    """The numbers that node i of a tape is computed from."""
    return [data[i64(args[k])] for k in range(i64(starts[i]), i64(starts[i + 1]))]


def hand_back(
    i: i64,
    g: float,
    codes: vec[i32],
    starts: vec[i32],
    args: vec[i32],
    data: vec[float],
    grad: vec[float],
    handed: vec[u8],
    first: i64,
    constants: i64,
) -> None:
    """Hand the gradient g of node i of a tape on to its operands, as the eager engine does."""
    code, start, y = codes[i], i64(starts[i]), data[first + i]
    primals = tuple(operands(i, starts, args, data))
    k: i64
    for k in range(len(primals)):
        given = i64(args[start + k])
        if given >= constants:
            local = local_derivative(code, k, y, primals)
            if is_handed_on(code, local):
                grad[given] += g * local
                handed[given] = 1
