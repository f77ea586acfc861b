"""Rosenbrock's function of a thousand variables, with its gradient.

f(x) = sum over i of 100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2, at a random point.

Source: H. H. Rosenbrock, An Automatic Method for Finding the Greatest or Least Value of a Function,
1960; its sum over a chain of variables.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from measure import Effort, Row, Side, Skipped, bar, peer, races, version
from peers import bound, jax_in_double

import engine


def rosenbrock(x: Sequence[Any]) -> Any:
    """The formula, for the numbers of anybody."""
    return sum(
        100 * (following - each * each) ** 2 + (1 - each) ** 2
        for each, following in itertools.pairwise(x)
    )


def point(count: int) -> Any:
    """Where the value and the gradient are asked."""
    return np.random.default_rng(6).uniform(-2.0, 2.0, count)


def by_record(count: int) -> Side:
    """Ours: a batch of one point, whose coordinates are one array."""
    x, found = point(count)[None], list[Any]()
    replay = engine.record(rosenbrock)

    def run(steps: int) -> float:
        for _ in range(steps):
            found[:] = replay.value_and_gradient(x)
        return float(found[0][0])

    return Side("chainrule", run, lambda: found[1][0])


def by_casadi(count: int) -> Side:
    """The symbolic gradient, run by a virtual machine."""
    casadi = peer("casadi")
    x = casadi.SX.sym("x", count)
    value = rosenbrock(casadi.vertsplit(x))
    function = casadi.Function("rosenbrock", [x], [value, casadi.gradient(value, x)])
    call, (found, gradient) = bound(function, [point(count)])

    def run(steps: int) -> float:
        for _ in range(steps):
            call()
        return float(found[0])

    return Side(version("casadi"), run, lambda: gradient)


def by_jax(count: int) -> Side:
    """One compiled function of an array."""
    jax = jax_in_double()
    x, found = jax.numpy.asarray(point(count)), list[Any]()

    def on_array(x: Any) -> Any:
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()

    call = jax.jit(jax.value_and_grad(on_array))

    def run(steps: int) -> float:
        for _ in range(steps):
            found[:] = jax.block_until_ready(call(x))
        return float(found[0])

    return Side(f"{version('jax')}.jit", run, lambda: found[1].tolist(), threads=True)


def by_hand(count: int) -> Side:
    """NumPy, with the derivatives that one works out on paper."""
    x, found = point(count), list[Any]()

    def value_and_gradient() -> tuple[Any, Any]:
        head, tail = x[:-1], x[1:]
        bend, slope = tail - head * head, 1 - head
        weighted = 200 * bend
        gradient = np.empty_like(x)
        gradient[:-1] = -2 * (weighted * head + slope)
        gradient[-1] = 0.0
        gradient[1:] += weighted
        return 100 * (bend @ bend) + slope @ slope, gradient

    def run(steps: int) -> float:
        for _ in range(steps):
            found[:] = value_and_gradient()
        return float(found[0])

    return Side(f"by hand, {version('numpy')}", run, lambda: found[1])


def rows(effort: Effort) -> Iterator[Row | Skipped]:
    """The bar is casadi's time."""
    count = max(3, int(1000 * effort.scale))
    others = [
        (partial(by_casadi, count), bar(">=", compiled=1.0)),
        (partial(by_jax, count), None),
        (partial(by_hand, count), None),
    ]
    yield from races(f"Rosenbrock, {count:,} variables", partial(by_record, count), others, effort)
