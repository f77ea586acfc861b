"""Programs: structures that become instructions of all kinds, against the tape's exact loop."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from engine import Value, as_value, dot, logsumexp, maximum, record, softmax, where

from ..replays import compare

P = [Value(x) for x in np.random.default_rng(1).normal(size=40)]
X = np.random.default_rng(0).normal(size=(7, 6))


def columns(f: Callable[..., Any]) -> Callable[..., Any]:
    """The function of a list as one of its elements, as `compare` wants it."""
    return lambda *x: f(list(x))


def agree(f: Any, parameters: Any, x: Any, seeds: Any = None) -> None:
    """Program and tape give the same values and gradients."""
    tape = record(f, parameters, replay="tape")
    program = record(f, parameters, replay="program")
    np.testing.assert_allclose(program(x), tape(x), rtol=1e-9, atol=1e-10)
    wanted = ["inputs", "both", "parameters"] if parameters else ["inputs"]
    for wrt in wanted:
        options = {"wrt": wrt, "seeds": seeds, "reduce": "sum" if parameters else None}
        program.gradient(x + 1.0, **options)  # nothing of it is left in the next run
        mine, theirs = (each.gradient(x, **options) for each in (program, tape))
        mine, theirs = (each if wrt == "both" else (each,) for each in (mine, theirs))
        for a, b in zip(mine, theirs, strict=True):
            scale = np.max(np.abs(b[np.isfinite(b)]), initial=1.0)
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10 * scale, err_msg=wrt)


# --- networks as people write them ---


def layer(weights: Any, x: Any, biases: Any = None) -> list[Any]:
    return [dot(w, x, *([biases[k]] if biases else [])) for k, w in enumerate(weights)]


W = [P[6 * i : 6 * i + 6] for i in range(6)]


def recurrent(x: Any) -> Any:
    state: list[Any] = [0.0] * 3
    for t in range(6):
        before = layer([P[3 * k : 3 * k + 3] for k in range(3)], state, P[20:23])
        state = [(h + P[12 + k] * x[t]).tanh() for k, h in enumerate(before)]
    return dot(P[30:33], state)


def tied(x: Any) -> Any:
    hidden = [h.tanh() for h in layer(W, x)]
    return sum(y.sin() for y in layer([list(w) for w in zip(*W, strict=True)], hidden))


def convolution(x: Any) -> Any:
    return sum(dot(P[:3], x[k : k + 3], P[3]).tanh() for k in range(4))


def attention(x: Any) -> Any:
    q, k, v = (layer(W[i : i + 2], x, P[30:32]) for i in (0, 2, 4))
    weights = softmax([a * b for a in q for b in k])
    return dot(weights, [a + b for a in v for b in v])


def hyper(x: Any) -> Any:
    made = [h.tanh() for h in layer(W, x)]
    return sum(dot(made[:3], [x[(k + j) % 6] for j in range(3)]).sin() for k in range(6))


NETWORKS: dict[str, Callable[[Any], Any]] = {
    "recurrent": recurrent, "tied": tied, "convolution": convolution, "attention": attention,
    "hypernetwork": hyper,
    "x * x": lambda x: x[0] * x[0], "dot(x, x)": lambda x: dot(x, x),
    "dot(p, p)": lambda x: dot(P[:6], P[:6]) + x[0],
    "one neuron often": lambda x: sum(dot(P[:6], x).tanh() for _ in range(5)),
    "one weight": lambda x: sum(dot([P[k]] * 6, x, P[k]).tanh() for k in range(8)),
    "1 x 1": lambda x: sum(dot([P[k]], [x[0]], P[k]).tanh() for k in range(40)),
    "positions of 1": lambda x: sum(dot([P[0]], [a], P[1]).tanh() for a in x),
    "overlapping rows": lambda x: sum(dot(P[k : k + 6], x, P[k]).tanh() for k in range(12)),
    "batched biases": lambda x: sum(dot(P[k : k + 6], x, x[k % 6]).tanh() for k in range(12)),
    "duplicates": lambda x: sum(
        dot([P[a], P[b], P[a]], [x[a], x[b], x[b]], P[a]).tanh() for a in range(6) for b in range(6)
    ),
    "ragged": lambda x: sum(
        sum(x[i] * P[j] for i in range(j % 6 + 1)).tanh() for j in range(20)
    ),
    "constants": lambda x: sum(
        dot([P[k], 2.0, 0.0, 1.0, -3.0, float(k)], x, 0.0).tanh() for k in range(9)
    ),
    "comparisons": lambda x: sum(
        where(a < b, a * b, P[0]) + (a != P[1]) * maximum(a, b) for a, b in pairwise(x)
    ),
    "logsumexp of mixed kinds": lambda x: logsumexp([x[0], P[0], 1.0]) + logsumexp(x[:4]) * P[1],
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str) -> None:
    compare(columns(NETWORKS[name]), P, X, "program")
    compare(columns(NETWORKS[name]), P, X[:1], "program")


# --- structures drawn at random ---


def structure(seed: int) -> tuple[Callable[[Any], Any], list[Value], int]:
    """A function of a few inputs and parameters, made of layers of every kind."""
    chance = random.Random(seed)
    inputs = chance.choice([1, 2, 3, 6])
    parameters = [Value(chance.uniform(-1, 1)) for _ in range(chance.choice([0, 4, 12, 30]))]

    def f(x: Any) -> Any:
        draw = random.Random(seed + 1)
        lists = [[*x], [1.0, 2.0, 0.0, -0.5], *([parameters] if parameters else [])]

        def some(n: int) -> list[Any]:
            """In a row, with a stride, one many times, or anything."""
            here, stride = draw.choice(lists), draw.choice([1, 1, 1, 2, -1, 0])
            start = draw.randrange(len(here))
            if draw.random() < 0.2:
                return [draw.choice(draw.choice(lists)) for _ in range(n)]
            return [here[(start + stride * k) % len(here)] for k in range(n)]

        def neurons(n: int, units: int) -> list[Any]:
            weights = [some(n) for _ in range(units)]
            given = [some(n) for _ in range(draw.randint(1, 3))]
            return [dot(w, xs, *bias) for w, *bias in zip(weights, some(units), strict=True)
                    for xs in given]  # fmt: skip

        def pairs(n: int, units: int) -> list[Any]:
            return [sum(a * b for a, b in zip(some(k), some(k), strict=True))
                    for k in range(1, units + 1)]  # fmt: skip

        def elements(n: int, units: int) -> list[Any]:
            return [where(as_value(a) < b, a * b, maximum(a, b) - c)
                    for a, b, c in zip(some(n), some(n), some(n), strict=True)]  # fmt: skip

        def outer(n: int, units: int) -> list[Any]:
            return [a + b * c for a in some(n) for b in some(units) for c in some(1)]

        def scores(n: int, units: int) -> list[Any]:
            return [logsumexp(some(n)) for _ in range(units)]

        for _ in range(draw.randint(1, 4)):
            kind = draw.choice([neurons, neurons, pairs, elements, outer, scores])
            made = [as_value(each) for each in kind(draw.randint(1, 6), draw.randint(1, 6))]
            lists.append([each.tanh() for each in made])
        values = [each for one in lists for each in one]
        draw.shuffle(values)
        return sum(values) + dot(values, [as_value(each).sin() for each in values]) + x[0]

    return f, parameters, inputs


@pytest.mark.parametrize("seed", range(24))
def test_structures(seed: int) -> None:
    f, parameters, inputs = structure(seed)
    batch = [1, 2, 3, 70][seed % 4]
    agree(f, parameters, np.random.default_rng(seed).normal(size=(batch, inputs)))


# --- several outputs ---


def test_outputs_that_are_each_other_and_inputs_and_constants() -> None:
    def f(x: Any) -> Any:
        y = x[0] * P[0]
        return [y, (y + x[1]).tanh(), x[2], 3.0, y * y]

    agree(f, P[:2], X, seeds=[1.0, 2.0, 3.0, 4.0, 5.0])


def test_the_same_output_twice_counts_twice() -> None:
    agree(lambda x: [x[0] * x[1]] * 2, [], X, seeds=[1.0, 2.0])


@pytest.mark.parametrize("f", [lambda x: P[0] * P[1], lambda x: P[0], lambda x: dot(P[:2], P[:2])])
def test_an_output_of_parameters_alone_counts_for_every_example(f: Any) -> None:
    agree(f, P[:3], X)


def test_biases_of_shared_dots_in_blocks() -> None:
    places = (0, 1, 2, 10, 11, 12, 20, 21, 22)
    agree(lambda x: x[0] * sum(dot(P[:2], P[3:5], P[10 + k]).sin() for k in places), P, X)


# --- numbers at the edge ---


@pytest.mark.parametrize("f", [lambda x: x / 0.0, lambda x: (-1.0) ** x])
def test_constants_without_a_derivative(f: Any) -> None:
    agree(lambda x: f(x[0]), [], X)


def test_a_branch_that_is_not_taken_gives_an_exact_zero() -> None:
    def f(x: Any) -> Any:
        return where(x > 0, x.sqrt() * x.log(), 0.0) + (-1 / (x * x)).relu()

    found = record(f, replay="program").gradient(np.array([-1.0, 0.0, 4.0]))
    assert found[:2].tolist() == [0.0, 0.0]
    assert found[2] == pytest.approx(1 / 2 + np.log(4.0) / 4)


def test_rows_without_a_value_leave_the_others_alone() -> None:
    recorded = record(lambda x: x.log() + 1 / x + x.exp(), replay="program")
    given = np.array([1.0, -1.0, 0.0, 1000.0, np.nan, 2.0])
    values, slopes = recorded.value_and_gradient(given)
    assert np.isnan(values[[1, 2, 4]]).all()
    assert values[3] == np.inf
    for k in (0, 5):
        assert (values[k], slopes[k]) == pytest.approx(recorded.value_and_gradient(given[k]))
    with pytest.raises(OverflowError, match=r"exp\(1000.0\) has no value"):
        recorded(1000.0)
