"""Graphs too narrow or too wild for array instructions: what the tape's loop takes for a node.

A serial chain, each of whose 100,000 operations needs the one before, and a random graph of as many
nodes, each an operation on two earlier ones. The value and the gradient in ten variables, against
casadi's virtual machine, which runs the same operations forward and the derived ones backward.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from measure import Effort, Row, Side, Skipped, bar, peer, races, version
from peers import bound

import engine

VARIABLES = 10
Operation = tuple[str, int, int]  # its kind, and where its operands are among the numbers so far


def point() -> list[float]:
    """Ten numbers close to 1, in pairs whose product is 1."""
    return [math.exp(sign * 0.002 * k) for k in range(1, 1 + VARIABLES // 2) for sign in (1, -1)]


def serial_chain(count: int) -> list[Operation]:
    """v * a + b, v * (1 / a) - b, and so on: no number or derivative runs off or fades to 0."""
    kinds, operands = "*+*-", (0, 2, 1, 2)
    return [
        (kinds[k % 4], VARIABLES - 1 + k if k else VARIABLES - 1, operands[k % 4])
        for k in range(count)
    ]


def random_graph(count: int) -> list[Operation]:
    """Sums, differences and products at random; tanh of what would grow beyond 2."""
    chance = random.Random(7)
    numbers, operations = point(), list[Operation]()
    for _ in range(count):
        i, j, kind = chance.randrange(len(numbers)), chance.randrange(len(numbers)), "tanh"
        for candidate in chance.sample("+-*", 3):
            if abs(applied(candidate, numbers[i], numbers[j], math.tanh)) <= 2:
                kind = candidate
                break
        operations.append((kind, i, j))
        numbers.append(applied(kind, numbers[i], numbers[j], math.tanh))
    return operations


def applied(kind: str, a: Any, b: Any, tanh: Callable[[Any], Any]) -> Any:
    """One operation."""
    if kind == "tanh":
        return tanh(a)
    return a + b if kind == "+" else a - b if kind == "-" else a * b


def result(operations: list[Operation], variables: list[Any], tanh: Callable[[Any], Any]) -> Any:
    """The mean of all numbers that no operation has used: every one has its part in it."""
    numbers, used = list(variables), set[int](range(len(variables)))
    for kind, i, j in operations:
        numbers.append(applied(kind, numbers[i], numbers[j], tanh))
        used |= {i} if kind == "tanh" else {i, j}
    loose = [number for k, number in enumerate(numbers) if k not in used]
    return sum(loose[1:], loose[0]) * (1 / len(loose))


def by_record(operations: list[Operation]) -> Side:
    """Ours: the loop that the question is about."""
    x, found = point(), list[Any]()

    def function(*x: engine.Value) -> engine.Value:
        found: engine.Value = result(operations, list(x), lambda a: a.tanh())
        return found

    replay = engine.record(function, replay="tape")

    def run(steps: int) -> float:
        for _ in range(steps):
            found[:] = replay.value_and_gradient(*x)
        return float(found[0])

    return Side("chainrule", run, lambda: found[1])


def by_casadi(operations: list[Operation]) -> Side:
    """The symbolic gradient, run by a virtual machine."""
    casadi = peer("casadi")
    x = casadi.SX.sym("x", VARIABLES)
    value = result(operations, casadi.vertsplit(x), casadi.tanh)
    function = casadi.Function("long", [x], [value, casadi.gradient(value, x)])
    call, (found, gradient) = bound(function, [np.array(point())])

    def run(steps: int) -> float:
        for _ in range(steps):
            call()
        return float(found[0])

    return Side(version("casadi"), run, lambda: gradient)


def rows(effort: Effort) -> Iterator[Row | Skipped]:
    """Time per operation."""
    count = max(10, int(100_000 * effort.scale))
    for name, make in (("serial chain", serial_chain), ("random graph", random_graph)):
        operations = make(count)
        others = [(partial(by_casadi, operations), bar(">=", compiled=2.0))]
        question = f"{name} of {count:,}, per node"
        yield from races(question, partial(by_record, operations), others, effort, per=count)
