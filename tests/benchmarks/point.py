"""One point: the value of MLP 2-16-16-1 and its gradient in all 337 parameters.

The script of `moons.py` again, whose numbers are symbols for those who take the graph once. Each
then calls it in the way that costs it least: casadi's virtual machine and ddx-ad's machine code on
arrays that were bound beforehand, which nothing is copied into. xad has its tape written anew each
time, for that is how it works.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from measure import Effort, Row, Side, Skipped, bar, peer, races, version
from moons import Network, xad_network
from peers import bound, by_xad

import engine

POINT = (0.6, -0.3)


def by_record() -> Side:
    """Ours."""
    network = Network(engine.Value, lambda value: value.relu())
    replay = engine.record(lambda x, y: network([x, y]), parameters=network.parameters)
    found: list[Any] = []

    def run(steps: int) -> float:
        value_and_gradient = replay.value_and_gradient
        for _ in range(steps):
            found[:] = value_and_gradient(*POINT)
        return float(found[0])

    return Side("chainrule", run, lambda: found[1])


def by_casadi() -> Side:
    """The symbolic gradient, run by a virtual machine."""
    casadi = peer("casadi")
    numbers: list[float] = []

    def symbol(number: float) -> Any:
        numbers.append(number)
        return casadi.SX.sym(f"p{len(numbers)}")

    network = Network(symbol, lambda value: casadi.fmax(value, 0))
    parameters, inputs = casadi.vertcat(*network.parameters), casadi.SX.sym("x", 2)
    score = network([inputs[0], inputs[1]])
    results = [score, casadi.gradient(score, parameters)]
    function = casadi.Function("mlp", [parameters, inputs], results)
    call, (value, gradient) = bound(function, [np.array(numbers), np.array(POINT)])

    def run(steps: int) -> float:
        for _ in range(steps):
            call()
        return float(value[0])

    return Side(version("casadi"), run, lambda: gradient)


def by_ddx() -> Side:
    """The graph compiled by LLVM where it has that."""
    ddx = peer("ddx")
    numbers: list[float] = []

    def symbol(number: float) -> Any:
        numbers.append(number)
        return ddx.var(f"p{len(numbers)}")

    @ddx.equation  # type: ignore[untyped-decorator]
    def score() -> Any:
        network = Network(symbol, lambda value: ddx.max(value, ddx.Expression(0.0)))
        return network([ddx.param("x"), ddx.param("y")])

    kind = ", compiled" if score.compile().uses_kernel else ""
    call = score.buffer(np.array([*numbers, *POINT]))

    def run(steps: int) -> float:
        for _ in range(steps):
            call()
        return float(call.value)

    return Side(version("ddx-ad") + kind, run, lambda: call.jacobian)


def by_tape() -> Side:
    """xad's, which is rewound and written anew."""
    real, network = peer("xad.adj_1st").Real, xad_network()
    return by_xad(network.parameters, lambda: network([real(x) for x in POINT]))


def rows(effort: Effort) -> Iterator[Row | Skipped]:
    """Nothing to make smaller here."""
    others = [
        (by_casadi, bar(">=", compiled=1.0)),
        (by_ddx, None),
        (by_tape, bar(">=", compiled=250)),
    ]
    yield from races("MLP 2-16-16-1 at a point", by_record, others, effort)
