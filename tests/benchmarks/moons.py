"""One training step on two moons: MLP 2-16-16-1, 100 points, hinge loss, forward and backward.

The script is one and the same for every side, in the style in which scalar engines are used: lists
of neurons, a neuron a sum of products. Only the class of its numbers is swapped.

Most of micrograd's time is the garbage collector's: each of its nodes is a cycle of references, so
that the collector alone can free them, and visits all that are alive again and again.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from measure import Effort, Row, Side, Skipped, bar, peer, race, version
from peers import by_xad

import engine

SIZES = [2, 16, 16, 1]
Number = Any  # a number of whichever engine has its turn
WeightedSum = Callable[[list[Number], Sequence[Number], Number], Number]
Relu = Callable[[Number], Number]


def two_moons(count: int) -> tuple[list[list[float]], list[int]]:
    """Points on two half circles that reach into each other, blurred, labelled -1 and 1."""
    chance = random.Random(1)
    points, labels = [], []
    for k in range(count):
        angle, label = math.pi * chance.random(), 1 if k % 2 else -1
        x, y = math.cos(angle), math.sin(angle)
        center = (x, y) if label < 0 else (1.0 - x, 0.5 - y)
        points.append([c + chance.gauss(0.0, 0.1) for c in center])
        labels.append(label)
    return points, labels


def chain(weights: list[Number], inputs: Sequence[Number], bias: Number) -> Number:
    """The weighted sum as a chain of + and *, as micrograd's neurons write it."""
    return sum((w * x for w, x in zip(weights, inputs)), bias)  # noqa: B905 - without strict


class Network:
    """A multilayer perceptron with relu on all layers but the last."""

    def __init__(
        self,
        number: Callable[[float], Number],
        relu: Relu,
        weighted_sum: WeightedSum = chain,
    ) -> None:
        chance = random.Random(2)
        self.relu, self.weighted_sum = relu, weighted_sum
        self.layers = [
            [([number(chance.uniform(-1, 1)) for _ in range(m)], number(0.0)) for _ in range(n)]
            for m, n in itertools.pairwise(SIZES)
        ]
        self.parameters = [p for layer in self.layers for w, b in layer for p in (*w, b)]

    def __call__(self, values: Sequence[Number]) -> Number:
        for layer in self.layers:
            values = [self.weighted_sum(weights, values, bias) for weights, bias in layer]
            if layer is not self.layers[-1]:
                values = [self.relu(value) for value in values]
        return values[0]

    def hinge_loss(self, points: list[list[float]], labels: list[int]) -> Number:
        """The mean of relu(1 - label * score)."""
        scores = [self(point) for point in points]
        losses = [self.relu(1 + -y * s) for y, s in zip(labels, scores, strict=True)]
        return sum(losses) * (1.0 / len(losses))


def by_backward(name: str, number: type, count: int, weighted_sum: WeightedSum = chain) -> Side:
    """The side of a class that has .relu(), .backward(), .data and .grad."""
    points, labels = two_moons(count)
    network = Network(number, lambda value: value.relu(), weighted_sum)

    def run(steps: int) -> float:
        for _ in range(steps):
            for parameter in network.parameters:
                parameter.grad = 0.0
            loss = network.hinge_loss(points, labels)
            loss.backward()
        return float(loss.data)

    return Side(name, run, lambda: [float(p.grad) for p in network.parameters])


def xad_network() -> Network:
    """The network of numbers that xad's tape can follow.

    Raises:
        Skipped: if it is not installed.
    """
    real = peer("xad.adj_1st").Real
    return Network(real, lambda value: value if value > 0.0 else real(0.0))


def rows(effort: Effort) -> Iterator[Row | Skipped]:
    """Chains of + and * against both peers, then `dot` neurons.

    The fastest peer comes first: what micrograd leaves of the heap slows others down.
    """
    count = max(4, int(100 * effort.scale))
    chains = by_backward("chainrule", engine.Value, count)
    dots = by_backward("chainrule", engine.Value, count, engine.dot)
    question = "moons step, neurons of + and *"
    try:
        network, task = xad_network(), two_moons(count)
        xad = by_xad(network.parameters, lambda: network.hinge_loss(*task))
        yield race(question, chains, xad, effort, bar(">=", compiled=5))
    except Skipped as reason:
        yield reason
    try:
        value = peer("micrograd.engine").Value
        micrograd = by_backward(version("micrograd"), value, count)
        yield race(question, chains, micrograd, effort, bar(">=", compiled=80, interpreted=12))
        yield race("moons step, dot neurons", dots, micrograd, effort, bar(">=", compiled=200))
    except Skipped as reason:
        yield reason
