"""Black and Scholes at a million points: the price of a call option and its five derivatives.

A formula of some twenty elementary operations, so it is the arrays' way through the memory that
costs. Jax takes the formula of one point too, vectorised and compiled, on as many threads as it
likes; ddx-ad compiles a loop for the processor at hand. It has no float32.

Source: F. Black, M. Scholes, The Pricing of Options and Corporate Liabilities, 1973.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from measure import Effort, Row, Side, Skipped, bar, peer, races, version
from peers import jax_in_double

import engine

ROOT = 0.5**0.5
TOLERANCES = {"float64": 1e-10, "float32": 1e-4}
LOOKED_AT = slice(None, None, 997)  # some of the points: comparing all would take its time


def price(functions: Any, share: Any, strike: Any, years: Any, rate: Any, sigma: Any) -> Any:
    """The price of a call, by anybody's log, exp, sqrt and erf.

    Args:
        functions: a module of these.
        share: what the share costs now.
        strike: what the call will let one buy it for.
        years: until then.
        rate: of interest.
        sigma: the volatility.
    """
    spread = sigma * functions.sqrt(years)
    d = (functions.log(share / strike) + (rate + sigma * sigma / 2) * years) / spread

    def normal(x: Any) -> Any:
        return 0.5 * (1 + functions.erf(x * ROOT))

    return share * normal(d) - strike * functions.exp(-rate * years) * normal(d - spread)


def points(count: int, dtype: str) -> list[Any]:
    """Five arrays."""
    chance = np.random.default_rng(8)
    limits = (80, 120), (80, 120), (0.1, 2.0), (0.0, 0.1), (0.1, 0.5)
    return [chance.uniform(low, high, count).astype(dtype) for low, high in limits]


def some(arrays: Any) -> list[float]:
    """Of each gradient, those at some of the points."""
    return [float(x) for array in arrays for x in np.asarray(array)[LOOKED_AT]]


def by_record(count: int, dtype: str) -> Side:
    """Ours."""
    arrays, found = points(count, dtype), list[Any]()
    replay = engine.record(partial(price, engine), dtype=dtype)

    def run(steps: int) -> float:
        for _ in range(steps):
            found[:] = replay.value_and_gradient(*arrays)
        return float(found[0][0])

    return Side("chainrule", run, lambda: some([found[0], *found[1]]))


def by_jax(count: int, dtype: str) -> Side:
    """The function of a point, differentiated, vectorised and compiled, in this order."""
    jax = jax_in_double()
    arrays, found = [jax.numpy.asarray(array) for array in points(count, dtype)], list[Any]()

    class functions:  # noqa: N801 - stands for a module
        log, exp, sqrt, erf = jax.numpy.log, jax.numpy.exp, jax.numpy.sqrt, jax.lax.erf

    every = jax.value_and_grad(partial(price, functions), argnums=(0, 1, 2, 3, 4))
    call = jax.jit(jax.vmap(every))

    def run(steps: int) -> float:
        for _ in range(steps):
            found[:] = jax.block_until_ready(call(*arrays))
        return float(found[0][0])

    name = f"{version('jax')}.jit"
    return Side(name, run, lambda: some([found[0], *found[1]]), threads=True)


def by_ddx(count: int, dtype: str) -> Side:
    """A compiled loop over the points, which writes to arrays bound beforehand."""
    ddx = peer("ddx")
    if dtype != "float64":
        raise Skipped("ddx-ad has float64 only")

    @ddx.equation  # type: ignore[untyped-decorator]
    def call() -> Any:
        return price(ddx, *map(ddx.var, ("share", "strike", "years", "rate", "sigma")))

    kind = ", compiled" if call.compile(points=count).uses_kernel else ""
    evaluate = call.buffer(np.array(points(count, dtype)))

    def run(steps: int) -> float:
        for _ in range(steps):
            evaluate()
        return float(evaluate.value[0])

    name = version("ddx-ad") + kind
    return Side(name, run, lambda: some([evaluate.value, *evaluate.jacobian]))


def rows(effort: Effort) -> Iterator[Row | Skipped]:
    """Time per point."""
    count = max(10, int(1_000_000 * effort.scale))
    for dtype, tolerance in TOLERANCES.items():
        others = [
            (partial(by_jax, count, dtype), bar(">=", compiled=1.0)),
            (partial(by_ddx, count, dtype), bar(">=", compiled=0.5)),
        ]
        question = f"Black-Scholes, {count:,} points, {dtype}, per point"
        ours = partial(by_record, count, dtype)
        yield from races(question, ours, others, effort, tolerance=tolerance, per=count)
