"""check=True: whatever is wrong is seen, however small, and what is merely rounded is not."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine import (
    Value,
    acos,
    detect_anomaly,
    dot,
    exp,
    log,
    logsumexp,
    no_grad,
    record,
    relu,
    sqrt,
    where,
)

REPLAYS = ["tape", "program"]
GENERATOR = np.random.default_rng(0)
P = [Value(x) for x in GENERATOR.normal(size=200)]
X = np.linspace(0.3, 2.0, 7)


class Changing:
    """A function of xs and p that depends on a number which is not recorded."""

    def __init__(self) -> None:
        self.factor = 1.0
        self.p = [Value(1e-3), Value(1e9)]

    def outputs(self, xs: Any) -> Any:
        return [xs[0] * self.factor, xs[1]]

    def inputs(self, xs: Any) -> Any:
        """Its value at [0, 0] is 0 whatever the factor; so only a slope tells."""
        return xs[0] * self.factor * 1e-6 + xs[1] * 1e6

    def parameters(self, xs: Any) -> Any:
        """So are its value and the slopes in the inputs, with the parameters as they are."""
        return (self.p[0] - 1e-3) * self.factor * xs[0] + (self.p[1] - 1e9) * xs[1]


# --- what is wrong is seen ---


@pytest.mark.parametrize("replay", REPLAYS)
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("outputs", r"output 0.* is 0\.001, but should be 0\.002"),
        ("inputs", r"derivative in xs\[0\].* is 1e-06, but should be 2e-06"),
        ("parameters", r"derivative in small.* is [13]\.0, but should be [26]\.0"),
    ],
)
@pytest.mark.parametrize("rows", [None, 1, 3])
def test_a_large_number_does_not_hide_a_small_one(
    name: str, words: str, rows: int | None, replay: Any
) -> None:
    f = Changing()
    f.p[0].label = "small"
    recorded = record(getattr(f, name), f.p, check=True, replay=replay)
    point = {"outputs": [1e-3, 1e9], "inputs": [0.0, 0.0], "parameters": [1.0, 1e9]}[name]
    given: Any = point if rows is None else np.array([point] * rows)
    options: Any = {"wrt": "both", "reduce": "sum"}
    if name == "outputs":
        options["seeds"] = [1.0, 1.0]
    recorded.value_and_gradient(given, **options)
    f.factor = 2.0
    with pytest.raises(RuntimeError, match=words):
        recorded.value_and_gradient(given, **options)


@pytest.mark.parametrize("replay", REPLAYS)
@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x, factor: x * factor, 1 / 3),
        (lambda x, factor: (-x) ** 3 * factor, 1 / 3),  # no trial of (-1 / 3) ** 3.0001 helps
        (lambda x, factor: where(x > 0, sqrt(x), x * factor), 0.0),  # 0 * inf is not looked at
        (lambda x, factor: 1e4 + x * factor - 1e4, 1e6),
    ],
)
def test_a_last_digit_too_many_is_seen(f: Any, x: float, replay: Any) -> None:
    factor = [1.0]
    recorded = record(lambda x: f(x, factor[0]), check=True, replay=replay)
    recorded.value_and_gradient(np.array([x, x]))
    factor[0] = 1 + 2e-12
    with pytest.raises(RuntimeError, match="differs from the function itself"):
        recorded.value_and_gradient(np.array([x, x]))


def test_the_example_that_is_wrong_is_named() -> None:
    calls: list[Any] = []

    def f(x: Any) -> Any:
        calls.append(x)
        return x if len(calls) == 4 else x * x

    recorded = record(f, check=True, example=1.0)
    assert recorded(X[:2]).tolist() == (X[:2] ** 2).tolist()
    calls.clear()
    with pytest.raises(RuntimeError, match="value of example 3"):
        recorded(X)


@pytest.mark.parametrize(("before", "now"), [(np.inf, 1.0), (1.0, np.inf), (np.nan, np.inf)])
def test_what_does_not_exist_is_compared_too(before: float, now: float) -> None:
    scale = [before]
    recorded = record(lambda x: x * scale[0], check=True, example=1.0)
    np.testing.assert_array_equal(recorded(X), X * before)
    scale[0] = now
    with pytest.raises(RuntimeError, match=f"is {X[0] * before}, but should be {X[0] * now}"):
        recorded(X)


def test_a_function_that_returns_more_than_before() -> None:
    count = [2]
    recorded = record(lambda x: [x] * count[0], check=True, example=1.0)
    recorded(X)
    for count[0] in (1, 3):
        with pytest.raises(RuntimeError, match=f"with 2 outputs, but returns {count[0]} now"):
            recorded(X)
        with pytest.raises(RuntimeError, match=f"with 2 outputs, but returns {count[0]} now"):
            recorded.value_and_gradient(X, seeds=[0.0, 1.0])


# --- what is rounded is not ---


def net(x: Any) -> Any:
    hidden = [relu(dot(P[8 * k : 8 * k + 8], x)) for k in range(10)]
    scores = [dot(P[100 + 10 * k : 110 + 10 * k], hidden) for k in range(5)]
    return logsumexp(scores) - scores[2]


@pytest.mark.parametrize("replay", REPLAYS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_network_passes(dtype: str, replay: Any) -> None:
    recorded = record(net, P, check=True, replay=replay)
    given = GENERATOR.normal(size=(15, 8)).astype(dtype)
    recorded.value_and_gradient(given, wrt="both")
    recorded.value_and_gradient(given[0].tolist(), wrt="both")


@pytest.mark.parametrize("replay", REPLAYS)
@pytest.mark.parametrize(
    "f",
    [
        lambda x: (1e9 + x - 1e9) * 3,
        lambda x: x + 1e16 - x - 1e16 + 1,
        lambda x: relu(0.1 + 0.2 * x - 0.3 * x - (0.1 - 0.1 * x)),
        lambda x: abs(0.1 + 0.2 * x - 0.3 * x - 0.1 + 0.1 * x),
        lambda x: (x + 1e8 - 1e8).tanh(),
        lambda x: (20 * x).tanh(),
        lambda x: acos(x / x),
        lambda x: (-x) ** 3,
        lambda x: (1 - x / x).sqrt(),
        lambda x: 1 / (x - x),
        lambda x: log(x - x),
        lambda x: exp(x * 100 + 1e6 - 1e6),
        lambda x: where(x > 1, x, 2.0) * 0.0,
        lambda x: sum((x * k * (-1.1) ** k for k in range(200)), 0.0),
        lambda x: logsumexp([x, -1000.0, x - 1e-9]) - x,
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_cancels_passes(f: Callable[[Any], Any], dtype: str, replay: Any) -> None:
    record(f, check=True, replay=replay).value_and_gradient(X.astype(dtype))


@pytest.mark.parametrize("rows", [40, 3000])
def test_gradients_that_cancel_between_examples_pass(rows: int) -> None:
    x = GENERATOR.normal(size=rows)
    recorded = record(lambda x: P[0] * x * 1e6, P[:1], check=True)
    recorded.value_and_gradient(np.concatenate([x, -x]))


# --- where it is called ---


def test_inside_no_grad() -> None:
    recorded = record(lambda x: x * x * P[0], P[:1], check=True)
    with no_grad():
        for given in (3.0, X):
            recorded.value_and_gradient(given, wrt="both")


def test_inside_detect_anomaly() -> None:
    with detect_anomaly():
        record(lambda x: x * x, check=True).value_and_gradient(X)


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_copies_of_a_recorded_graph(twin: Any) -> None:
    w, x = Value(2.0, "w"), Value(3.0, "x")
    recorded = twin(record({"y": [w * x], "z": x + 1}, [w], inputs=[x], check=True))
    recorded.parameters[0].data = 5.0  # its own
    expected = {"y": [20.0], "z": 5.0}, [4.0]
    assert recorded.value_and_gradient(4.0, seeds={"y": [1.0], "z": 7.0}) == expected
    assert (recorded(X)["y"][0] == 5 * X).all()
    assert w.data == 2.0
