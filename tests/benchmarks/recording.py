"""What it costs to record a graph: capture, grouping, and the first run, which includes them.

A network of scalars, its weighted sums written with * and + or as `dot`; the time is shared out
among the scalar operations, or the weights.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from time import process_time

import numpy as np
from measure import Bar, Effort, Row, alone, bar, compared
from moons import WeightedSum, chain

import engine
from engine import Value

DIGITS, LARGE = [784, 16, 16, 10], [784, 640, 10]  # of 26 thousand nodes, and of a million


def nodes(sizes: list[int]) -> int:
    """A product and a sum for each weight, and an activation for each neuron."""
    return sum(n * (2 * m + 1) for m, n in itertools.pairwise(sizes))


def weights(sizes: list[int]) -> int:
    """How many there are, biases aside."""
    return sum(n * m for m, n in itertools.pairwise(sizes))


def first_call(sizes: list[int], weighted_sum: WeightedSum) -> float:
    """The seconds until a gradient is there for the first time."""
    chance = random.Random(9)
    layers = [
        [([Value(chance.gauss(0.0, m**-0.5)) for _ in range(m)], Value(0.0)) for _ in range(n)]
        for m, n in itertools.pairwise(sizes)
    ]

    def cost(values: Sequence[Value]) -> Value:
        for layer in layers:
            values = [weighted_sum(weights, values, bias).tanh() for weights, bias in layer]
        squares: Value = engine.dot(values, values)
        return squares

    parameters = [p for layer in layers for weights, bias in layer for p in (*weights, bias)]
    replay = engine.record(cost, parameters=parameters)
    X = np.array([[chance.random() for _ in range(sizes[0])] for _ in range(2)])
    start = process_time()
    replay.value_and_gradient(X)
    return process_time() - start


def shared(
    sizes: list[int],
    weighted_sum: WeightedSum,
    among: Callable[[list[int]], int],
    effort: Effort,
) -> list[float]:
    """The seconds for one of many, measured again and again, each time from the start."""
    times = [first_call(sizes, weighted_sum) for _ in range(1 + effort.pairs // 2)]
    return [seconds / among(sizes) for seconds in times]


def rows(effort: Effort) -> Iterator[Row]:
    """Small ones, then a large one."""
    small, large = (
        [*(max(2, int(size * effort.scale**0.5)) for size in sizes[:-1]), 10]
        for sizes in (DIGITS, LARGE)
    )
    first_call([2, 2], chain)  # loads what is loaded but once
    of_small = shared(small, chain, nodes, effort)
    question = f"recording {nodes(small):,} nodes of * and +, per node"
    yield alone(question, of_small, limit(1.5e-6))
    question = f"recording {weights(small):,} weights in dots, per weight"
    yield alone(question, shared(small, engine.dot, weights, effort), limit(2e-6))
    of_large = shared(large, chain, nodes, effort)
    question = f"recording {nodes(large):,} nodes of * and +, per node"
    growth = [b / a for a, b in zip(of_small, of_large, strict=True)]
    other = f"{nodes(small):,} nodes"
    yield compared(question, of_large, other, of_small, "s", growth, bar("<=", compiled=2))


def limit(seconds: float) -> Bar | None:
    """A bar for the compiled engine."""
    found: Bar | None = bar("<=", compiled=seconds)
    return found
