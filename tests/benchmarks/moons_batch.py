"""The step of `moons.py` on a batch: MLP 2-16-16-1, 100 points, the hinge loss and a penalty.

The mean of relu(1 - label * score), plus 1e-4 times the sum of the squared parameters, and its
gradient. Ours is the loss of one point, in the same script of scalars, recorded; micrograd runs the
script as it is. The others compute with arrays, as everybody writes it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import moons
import numpy as np
from measure import Effort, Row, Side, Skipped, bar, peer, races, version
from peers import in_our_order, jax_in_double, torch_on_one_thread

import engine

STRENGTH = 1e-4  # of the penalty
Arrays = list[Any]  # weights and biases of each layer in turn


def task(count: int) -> tuple[Any, Any, Arrays]:
    """The points, their labels, and the parameters at which the gradient is asked."""
    points, labels = moons.two_moons(count)
    numbers = np.array(moons.Network(float, abs).parameters)
    arrays, first = list[Any](), 0
    for m, n in itertools.pairwise(moons.SIZES):
        neurons = numbers[first : first + n * (m + 1)].reshape(n, m + 1)
        arrays += [neurons[:, :-1].copy(), neurons[:, -1].copy()]
        first += neurons.size
    return np.array(points), np.array(labels, float), arrays


def penalty(parameters: list[Any]) -> Any:
    """STRENGTH times the sum of the squares."""
    return STRENGTH * sum(p * p for p in parameters)


def by_record(count: int) -> Side:
    """Ours: the loss of one point."""
    X, y, _ = task(count)
    network = moons.Network(engine.Value, lambda value: value.relu())

    def loss_of_one_example(point: list[engine.Value], label: engine.Value) -> engine.Value:
        margin = (1 - label * network(point)).relu()
        return margin + penalty(network.parameters)  # type: ignore[no-any-return]

    step = engine.record(loss_of_one_example, parameters=network.parameters)
    found: list[Any] = []

    def run(steps: int) -> float:
        for _ in range(steps):
            found[:] = step.value_and_gradient(X, y)
        return float(found[0])

    return Side("chainrule", run, lambda: found[1])


def by_micrograd(count: int) -> Side:
    """Node by node."""
    value = peer("micrograd.engine").Value
    points, labels = moons.two_moons(count)
    network = moons.Network(value, lambda each: each.relu())

    def run(steps: int) -> float:
        for _ in range(steps):
            for parameter in network.parameters:
                parameter.grad = 0.0
            loss = network.hinge_loss(points, labels) + penalty(network.parameters)
            loss.backward()
        return float(loss.data)

    return Side(version("micrograd"), run, lambda: [p.grad for p in network.parameters])


def by_torch(count: int) -> Side:
    """Eager autograd."""
    torch = torch_on_one_thread()
    X, y, arrays = task(count)
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    parameters = [torch.from_numpy(each).requires_grad_() for each in arrays]
    found: list[Any] = []

    def loss() -> Any:
        w1, b1, w2, b2, w3, b3 = parameters
        linear = torch.nn.functional.linear
        hidden = torch.relu(linear(torch.relu(linear(X, w1, b1)), w2, b2))
        margins = torch.relu(1 - y * linear(hidden, w3, b3).squeeze(1))
        return margins.mean() + STRENGTH * sum((p * p).sum() for p in parameters)

    def run(steps: int) -> float:
        for _ in range(steps):
            value = loss()
            found[:] = torch.autograd.grad(value, parameters)
        return float(value.detach())

    return Side(version("torch"), run, lambda: in_our_order(found))


def by_jax(count: int) -> Side:
    """One compiled function."""
    jax = jax_in_double()
    X, y, arrays = jax.tree.map(jax.numpy.asarray, task(count))
    found: list[Any] = []

    def loss(parameters: Arrays, X: Any, y: Any) -> Any:
        w1, b1, w2, b2, w3, b3 = parameters
        hidden = jax.nn.relu(jax.nn.relu(X @ w1.T + b1) @ w2.T + b2)
        margins = jax.nn.relu(1 - y * (hidden @ w3.T + b3)[:, 0])
        return margins.mean() + STRENGTH * sum((p * p).sum() for p in parameters)

    step = jax.jit(jax.value_and_grad(loss))

    def run(steps: int) -> float:
        for _ in range(steps):
            found[:] = jax.block_until_ready(step(arrays, X, y))
        return float(found[0])

    return Side(f"{version('jax')}.jit", run, lambda: in_our_order(found[1]), threads=True)


def by_hand(count: int) -> Side:
    """NumPy, with the derivatives that one works out on paper."""
    X, y, arrays = task(count)
    w1, b1, w2, b2, w3, b3 = arrays
    found: list[Any] = []

    def step() -> float:
        h1 = np.maximum(X @ w1.T + b1, 0.0)
        h2 = np.maximum(h1 @ w2.T + b2, 0.0)
        margins = np.maximum(1 - y * (h2 @ w3[0] + b3[0]), 0.0)
        d3 = np.where(margins > 0, -y / len(y), 0.0)
        d2 = np.outer(d3, w3[0]) * (h2 > 0)
        d1 = d2 @ w2 * (h1 > 0)
        found[:] = [d1.T @ X, d1.sum(0), d2.T @ h1, d2.sum(0), (d3 @ h2)[None], d3.sum()[None]]
        for gradient, array in zip(found, arrays, strict=True):
            gradient += 2 * STRENGTH * array
        squares = sum(np.vdot(array, array) for array in arrays)
        return float(margins.mean() + STRENGTH * squares)

    def run(steps: int) -> float:
        for _ in range(steps):
            loss = step()
        return loss

    return Side(f"by hand, {version('numpy')}", run, lambda: in_our_order(found))


def rows(effort: Effort) -> Iterator[Row | Skipped]:
    """Micrograd comes last, and takes few steps: what it leaves of the heap slows others down."""
    count = max(4, int(100 * effort.scale))
    question, ours = f"moons step recorded, batch {count}", partial(by_record, count)
    others = [
        (partial(by_torch, count), bar(">=", compiled=5)),
        (partial(by_jax, count), bar(">=", compiled=2)),
        (partial(by_hand, count), None),
    ]
    yield from races(question, ours, others, effort)
    micrograd = [(partial(by_micrograd, count), bar(">=", compiled=10_000))]
    yield from races(question, ours, micrograd, replace(effort, steps=1))
