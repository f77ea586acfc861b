"""One step of stochastic gradient descent on 784-16-16-10, the lecture's network for digits.

Sigmoid neurons and the quadratic cost, forward, backward and update, for mini-batches of 1 to 1000.
Each side starts every turn from the same parameters. Ours is the step that `fit` takes: a network
of neurons that are scalars, recorded. The step by hand is what one writes in NumPy after thinking:
no temporary arrays, and all parameters in one vector, so that the update is two calls.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from measure import Effort, Row, Side, Skipped, bar, races, version
from peers import in_our_order, jax_in_double, torch_on_one_thread

from nn import LOSSES, MLP, SGD
from nn.recorded_step import RecordedStep
from nn.steps import Objective

SIZES, LEARNING_RATE = [784, 16, 16, 10], 0.01
TOLERANCES = {"float64": 1e-10, "float32": 1e-4}
REQUIRED = {  # at least: how many times faster than torch, jax, NumPy by hand
    1: (None, None, 1.0),
    10: (4.0, 2.0, 1.0),
    32: (3.0, 2.0, 1.0),
    100: (1.8, 1.5, 1.0),
    1000: (0.8, 0.8, 1.0),
}
Layers = list[tuple[Any, Any]]  # weights, a row for each neuron, and biases


class Task(NamedTuple):
    """What every side is given."""

    X: Any
    y: Any  # one-hot
    layers: Layers


def task(batch: int, dtype: str) -> Task:
    """Random images, labels and parameters."""
    chance = np.random.default_rng(5)
    X, labels = chance.random((batch, SIZES[0])), chance.integers(SIZES[-1], size=batch)
    layers = [
        (chance.normal(0.0, m**-0.5, (n, m)).astype(dtype), np.zeros(n, dtype))
        for m, n in itertools.pairwise(SIZES)
    ]
    return Task(X.astype(dtype), np.eye(SIZES[-1], dtype=dtype)[labels], layers)


def by_record(batch: int, dtype: str) -> Side:
    """Ours: neurons of Values."""
    X, y, layers = task(batch, dtype)
    model = MLP(SIZES[0], SIZES[1:], activation="sigmoid", output="sigmoid", init="zeros")
    parameters, loss = model.parameters(), LOSSES["quadratic_cost"]
    start = in_our_order(itertools.chain(*layers))
    optimizer = SGD(parameters, lr=LEARNING_RATE)
    step = RecordedStep(model, Objective(loss), optimizer, dtype=dtype)
    step.prepare(X, y)

    def run(steps: int) -> float:
        for parameter, number in zip(parameters, start, strict=True):
            parameter.data = number
        with step.held():
            for _ in range(steps):
                outcome = step(X, y)
        return outcome.loss

    return Side("chainrule", run, lambda: [p.data for p in parameters])


def by_hand(batch: int, dtype: str) -> Side:
    """NumPy, every array allocated beforehand."""
    X, y, start = task(batch, dtype)
    count = sum(w.size + b.size for w, b in start)
    parameters, gradient = np.empty(count, dtype), np.empty(count, dtype)
    layers, gradients = parts(parameters), parts(gradient)
    activations = [X, *(np.empty((batch, n), dtype) for n in SIZES[1:])]
    errors = [np.empty((batch, n), dtype) for n in SIZES[1:]]
    slopes = [np.empty((batch, n), dtype) for n in SIZES[1:]]

    def forward() -> None:
        for (w, b), x, z in zip(layers, activations, activations[1:], strict=False):
            np.dot(x, w.T, out=z)
            np.add(z, b, out=z)
            np.negative(z, out=z)
            np.exp(z, out=z)
            np.add(z, 1.0, out=z)
            np.reciprocal(z, out=z)

    def step() -> float:
        forward()
        np.subtract(activations[-1], y, out=errors[-1])
        cost = float(np.vdot(errors[-1], errors[-1])) / (2 * batch)
        np.divide(errors[-1], batch, out=errors[-1])
        for k in reversed(range(len(layers))):
            a, error, slope = activations[k + 1], errors[k], slopes[k]
            np.subtract(1.0, a, out=slope)
            np.multiply(slope, a, out=slope)
            np.multiply(error, slope, out=error)
            np.dot(error.T, activations[k], out=gradients[k][0])
            np.add.reduce(error, axis=0, out=gradients[k][1])
            if k:
                np.dot(error, layers[k][0], out=errors[k - 1])
        np.multiply(gradient, LEARNING_RATE, out=gradient)
        np.subtract(parameters, gradient, out=parameters)
        return cost

    def run(steps: int) -> float:
        for (w, b), (w_start, b_start) in zip(layers, start, strict=True):
            w[:], b[:] = w_start, b_start
        for _ in range(steps):
            cost = step()
        return cost

    return Side(f"by hand, {version('numpy')}", run, lambda: in_our_order(itertools.chain(*layers)))


def parts(vector: Any) -> Layers:
    """The weights and biases of the layers as views of one vector."""
    layers, first = [], 0
    for m, n in itertools.pairwise(SIZES):
        middle, last = first + m * n, first + m * n + n
        layers.append((vector[first:middle].reshape(n, m), vector[middle:last]))
        first = last
    return layers


def by_torch(batch: int, dtype: str) -> Side:
    """Eager autograd, and an update in place."""
    torch = torch_on_one_thread()
    given = task(batch, dtype)
    X, y = torch.from_numpy(given.X), torch.from_numpy(given.y)
    start = [torch.from_numpy(each) for layer in given.layers for each in layer]
    parameters = [each.clone().requires_grad_() for each in start]

    def step() -> Any:
        x = X
        for w, b in zip(parameters[::2], parameters[1::2], strict=True):
            x = torch.sigmoid(torch.nn.functional.linear(x, w, b))
        cost = torch.nn.functional.mse_loss(x, y, reduction="sum") / (2 * batch)
        gradients = torch.autograd.grad(cost, parameters)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.sub_(gradient, alpha=LEARNING_RATE)
        return cost

    def run(steps: int) -> float:
        with torch.no_grad():
            for parameter, each in zip(parameters, start, strict=True):
                parameter.copy_(each)
        for _ in range(steps):
            cost = step()
        return float(cost.detach())

    def trained() -> list[float]:
        arrays = [parameter.detach().numpy() for parameter in parameters]
        return in_our_order(arrays)

    return Side(version("torch"), run, trained)


def by_jax(batch: int, dtype: str) -> Side:
    """One compiled function for the whole step, whose parameters change in place."""
    jax = jax_in_double()
    X, y, start = jax.tree.map(jax.numpy.asarray, tuple(task(batch, dtype)))
    trained: list[Any] = []

    def cost(layers: Layers, X: Any, y: Any) -> Any:
        for w, b in layers:
            X = jax.nn.sigmoid(X @ w.T + b)
        return ((X - y) ** 2).sum() / (2 * batch)

    def descend(layers: Layers, X: Any, y: Any) -> tuple[Any, Layers]:
        found, gradients = jax.value_and_grad(cost)(layers, X, y)
        return found, jax.tree.map(lambda p, g: p - LEARNING_RATE * g, layers, gradients)

    step = jax.jit(descend, donate_argnums=0)

    def run(steps: int) -> float:
        layers = jax.tree.map(lambda each: each.copy(), start)
        for _ in range(steps):
            found, layers = jax.block_until_ready(step(layers, X, y))
        trained[:] = layers
        return float(found)

    name = f"{version('jax')}.jit"
    return Side(name, run, lambda: in_our_order(itertools.chain(*trained)), threads=True)


def rows(effort: Effort) -> Iterator[Row | Skipped]:
    """Batch size by batch size, in float64 and float32."""
    sizes = sorted({max(1, int(batch * effort.scale)) for batch in REQUIRED})
    for dtype, batch in itertools.product(TOLERANCES, sizes):
        required = REQUIRED.get(batch, (None, None, None))
        others = [
            (partial(make, batch, dtype), bar(">=", compiled=least))
            for make, least in zip((by_torch, by_jax, by_hand), required, strict=True)
        ]
        question = f"784-16-16-10 SGD step, batch {batch}, {dtype}"
        ours, tolerance = partial(by_record, batch, dtype), TOLERANCES[dtype]
        yield from races(question, ours, others, effort, tolerance=tolerance)
