"""What derivatives cost: a gradient in evaluations, a Hessian times a vector in gradients.

Reverse mode gives the gradient for a few evaluations of the function, whatever the number of
inputs, and the Hessian times a vector for a few gradients. Differences would take an evaluation for
every input: at 100,000 of them, 100,000. The function is Rosenbrock's; an evaluation builds its
graph, and is freed again.

Source: W. Baur, V. Strassen, The Complexity of Partial Derivatives, 1983: the cheap gradient
principle; B. Pearlmutter, Fast Exact Multiplication by the Hessian, 1994.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from time import process_time
from typing import Any

import numpy as np
from measure import Effort, Row, Skipped, bar, compared
from rosenbrock import point, rosenbrock

from engine import Value, gradient, hvp

SIZES = (10, 100, 1_000, 10_000, 100_000)


def by_hand(x: Sequence[float], direction: Sequence[float]) -> tuple[Any, Any]:
    """The gradient, and the Hessian times a vector: a number that is wrong is not worth timing."""
    at, along = np.array(x), np.array(direction)
    inner, following = at[:-1], at[1:]
    rise = following - inner**2
    slope = np.zeros(len(at))
    slope[:-1] = -400 * inner * rise - 2 * (1 - inner)
    slope[1:] += 200 * rise
    product = np.zeros(len(at))
    product[:-1] = (1200 * inner**2 - 400 * following + 2) * along[:-1] - 400 * inner * along[1:]
    product[1:] += 200 * along[1:] - 400 * inner * along[:-1]
    return slope, product


def seconds(run: Callable[[], Any], atleast: float) -> float:
    """How long one run takes: the mean of as many as are long enough for the clock."""
    runs = 0
    gc.collect()
    start = process_time()
    while runs < 1 or process_time() - start < atleast:
        run()
        runs += 1
    return (process_time() - start) / runs


def rows(effort: Effort) -> Iterator[Row | Skipped]:
    """For each number of inputs: a gradient in evaluations, then a product in gradients."""
    for count in sorted({max(5, int(size * effort.scale)) for size in SIZES}):
        yield from ratios(count, effort)


def ratios(count: int, effort: Effort) -> Iterator[Row]:
    """The two lines for so many inputs, measured in turn."""
    numbers = point(count).tolist()
    direction = [1.0 if k % 2 else -1.0 for k in range(count)]
    product = hvp(rosenbrock)

    def evaluate() -> Any:
        return rosenbrock([Value(x) for x in numbers])

    def differentiate() -> Any:
        leaves = [Value(x) for x in numbers]
        return gradient(rosenbrock(leaves), leaves)

    def multiply() -> Any:
        return product(numbers, direction=direction)

    for got, want in zip((differentiate(), multiply()), by_hand(numbers, direction), strict=True):
        assert np.allclose(got, want, rtol=1e-10, atol=1e-10 * np.abs(want).max())
    ways = (evaluate, differentiate, multiply)
    times = [[seconds(way, effort.seconds / 5) for way in ways] for _ in range(effort.pairs)]
    values, gradients, products = zip(*times, strict=True)
    for what, mine, unit, theirs, most in (
        ("gradient", gradients, "evaluation", values, 4.0),
        ("Hessian times vector", products, "gradient", gradients, 5.0),
    ):
        costs = [a / b for a, b in zip(mine, theirs, strict=True)]
        limit = bar("<=", compiled=most, interpreted=most)
        question = f"{what}, {count:,} inputs"
        yield compared(question, mine, f"one {unit}", theirs, "s", costs, limit)
