"""Scripts written for micrograd's and microgpt's Value run with only the import changed.

Each script below is a function of the class that it would import, and is run on ours and on others.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import pytest

from engine import Value


class Reference:
    """A small Value in the style of those two, to compare with: plain recursion, no pretensions."""

    def __init__(self, data: float, *inputs: tuple[Reference, float]) -> None:
        self.data, self.grad, self.inputs = data, 0.0, inputs

    def backward(self) -> None:
        order: list[Reference] = []
        seen: set[Reference] = set()

        def visit(node: Reference) -> None:
            if node not in seen:
                seen.add(node)
                for each, _ in node.inputs:
                    visit(each)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            for each, local in node.inputs:
                each.grad += node.grad * local

    def __add__(self, other: Reference | float) -> Reference:
        other = other if isinstance(other, Reference) else Reference(other)
        return Reference(self.data + other.data, (self, 1.0), (other, 1.0))

    def __mul__(self, other: Reference | float) -> Reference:
        other = other if isinstance(other, Reference) else Reference(other)
        return Reference(self.data * other.data, (self, other.data), (other, self.data))

    def __pow__(self, n: float) -> Reference:
        return Reference(self.data**n, (self, n * self.data ** (n - 1)))

    def exp(self) -> Reference:
        return Reference(math.exp(self.data), (self, math.exp(self.data)))

    def log(self) -> Reference:
        return Reference(math.log(self.data), (self, 1 / self.data))

    def relu(self) -> Reference:
        return Reference(max(0.0, self.data), (self, float(self.data > 0)))

    def __neg__(self) -> Reference:
        return self * -1

    def __sub__(self, other: Reference | float) -> Reference:
        return self + other * -1

    def __truediv__(self, other: Reference | float) -> Reference:
        return self * other**-1

    def __rsub__(self, other: float) -> Reference:
        return -self + other

    def __rtruediv__(self, other: float) -> Reference:
        return self**-1 * other

    __radd__, __rmul__ = __add__, __mul__


# --- micrograd's style: a network of neurons, hinge loss, gradient descent ---


class Neuron:
    def __init__(self, value: Any, draw: random.Random, n_in: int, nonlinear: bool) -> None:
        self.w = [value(draw.uniform(-1, 1)) for _ in range(n_in)]
        self.b = value(0)
        self.nonlinear = nonlinear

    def __call__(self, x: Iterable[Any]) -> Any:
        activation = sum((w * each for w, each in zip(self.w, x, strict=True)), self.b)
        return activation.relu() if self.nonlinear else activation


def train_network(value: Any) -> list[float]:
    """Three steps of an MLP 2-16-16-1 on a dozen points: losses, last weights and gradients."""
    draw = random.Random(1337)
    sizes = [2, 16, 16, 1]
    layers = [
        [Neuron(value, draw, n_in, nonlinear=n_out != 1) for _ in range(n_out)]
        for n_in, n_out in pairwise(sizes)
    ]
    parameters = [p for layer in layers for neuron in layer for p in [*neuron.w, neuron.b]]
    points = [(draw.uniform(-1, 1), draw.uniform(-1, 1)) for _ in range(12)]
    labels = [1 if x * y > 0 else -1 for x, y in points]

    record = []
    for step in range(3):
        scores = []
        for point in points:
            x: list[Any] = list(map(value, point))
            for layer in layers:
                x = [neuron(x) for neuron in layer]
            scores.append(x[0])
        losses = [(1 + -label * score).relu() for label, score in zip(labels, scores, strict=True)]
        total = sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in parameters)
        for p in parameters:
            p.grad = 0
        total.backward()
        for p in parameters:
            p.data -= (1.0 - 0.9 * step / 3) * p.grad
        right = sum(label * score.data > 0 for label, score in zip(labels, scores, strict=True))
        record += [total.data, right]
    return record + [p.data for p in parameters] + [p.grad for p in parameters]


# --- microgpt's style: one layer of a scalar GPT, cross-entropy, Adam ---


def linear(x: list[Any], weights: list[list[Any]]) -> list[Any]:
    return [sum(w * each for w, each in zip(row, x, strict=True)) for row in weights]


def softmax(logits: list[Any]) -> list[Any]:
    largest = max(each.data for each in logits)
    powers = [(each - largest).exp() for each in logits]
    total = sum(powers)
    return [power / total for power in powers]


def normalised(x: list[Any]) -> list[Any]:
    scale = (sum(each * each for each in x) / len(x) + 1e-5) ** -0.5
    return [each * scale for each in x]


def train_gpt(value: Any) -> list[float]:
    """Three Adam steps on one name: losses, last weights and gradients."""
    draw = random.Random(42)
    letters, width, heads, name = 6, 8, 2, [0, 3, 1, 4, 4, 2, 0]

    def matrix(n_out: int, n_in: int) -> list[list[Any]]:
        return [[value(draw.gauss(0, 0.3)) for _ in range(n_in)] for _ in range(n_out)]

    tokens, places, head = matrix(letters, width), matrix(len(name), width), matrix(letters, width)
    query, key, mix, out = (matrix(width, width) for _ in range(4))
    wide, narrow = matrix(4 * width, width), matrix(width, 4 * width)
    matrices = [tokens, places, head, query, key, mix, out, wide, narrow]
    parameters = [p for rows in matrices for row in rows for p in row]

    def logits(token: int, place: int, keys: list[list[Any]], values: list[list[Any]]) -> list[Any]:
        x = normalised([t + p for t, p in zip(tokens[token], places[place], strict=True)])
        before = x
        q = linear(x, query)
        keys.append(linear(x, key))
        values.append(linear(x, mix))
        seen = []
        for start in range(0, width, width // heads):
            part = range(start, start + width // heads)
            scores = [sum(q[j] * k[j] for j in part) / (width // heads) ** 0.5 for k in keys]
            weights = softmax(scores)
            seen += [sum(w * v[j] for w, v in zip(weights, values, strict=True)) for j in part]
        x = [a + b for a, b in zip(linear(seen, out), before, strict=True)]
        hidden = [each.relu() for each in linear(normalised(x), wide)]
        x = [a + b for a, b in zip(x, linear(hidden, narrow), strict=True)]
        return linear(x, head)

    record = []
    m, v = [0.0] * len(parameters), [0.0] * len(parameters)
    for step in range(1, 4):
        keys: list[list[Any]] = []
        values: list[list[Any]] = []
        losses = []
        for place, (token, target) in enumerate(pairwise(name)):
            losses.append(-softmax(logits(token, place, keys, values))[target].log())
        loss = (1 / len(losses)) * sum(losses)
        loss.backward()
        gradients = [p.grad for p in parameters]
        for i, p in enumerate(parameters):
            m[i] = 0.85 * m[i] + 0.15 * p.grad
            v[i] = 0.99 * v[i] + 0.01 * p.grad**2
            p.data -= 0.01 * (m[i] / (1 - 0.85**step)) / ((v[i] / (1 - 0.99**step)) ** 0.5 + 1e-8)
            p.grad = 0
        record.append(loss.data)
    return record + [p.data for p in parameters] + gradients


@pytest.mark.parametrize("script", [train_network, train_gpt])
def test_a_script_gives_the_numbers_it_gave(script: Callable[[Any], list[float]]) -> None:
    assert script(Value) == pytest.approx(script(Reference), rel=1e-9, abs=1e-12)


def test_a_script_gives_the_numbers_it_gives_with_micrograd() -> None:
    theirs = pytest.importorskip("micrograd.engine").Value
    assert train_network(Value) == pytest.approx(train_network(theirs), rel=1e-9, abs=1e-12)
