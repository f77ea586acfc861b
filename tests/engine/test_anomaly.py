"""detect_anomaly(): the first NaN or infinity, and where it comes from."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import inf, nan
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from engine import Value, dot, exp, logsumexp, maximum, no_grad, sqrt, where
from engine import sum as total
from engine.anomaly import detect_anomaly
from engine.derive import grad, gradient, hessian, jvp
from engine.node import ENGINE

FILE = re.escape(__file__)


def words(call: Callable[[], Any]) -> str:
    with pytest.raises(FloatingPointError) as caught, detect_anomaly():
        call()
    return str(caught.value)


def lines(call: Callable[[], Any]) -> list[str]:
    """What it says, the path of this file and the numbers of lines aside."""
    return [re.sub(rf"{FILE}:\d+", "FILE:LINE", line) for line in words(call).splitlines()]


def test_forward_word_for_word() -> None:
    x, y = Value(1e200, label="x"), Value(3.0)

    def loss() -> Value:
        z = x * y
        return z * x + 1.0

    assert lines(loss) == [
        "3e+200 * 1e+200 is inf",
        "computed at FILE:LINE, in loss: return z * x + 1.0",
        "of the operands",
        "  1e+200 * 3.0 = 3e+200, at FILE:LINE, in loss: z = x * y",
        "  x = 1e+200, a leaf",
    ]


def test_the_line_is_that_of_the_user() -> None:
    x = Value(1e200)
    said = words(lambda: [None, x * x])
    place = re.search(rf"computed at {FILE}:(\d+)", said)
    assert place
    source = Path(__file__).read_text(encoding="utf-8").splitlines()
    assert "lambda: [None, x * x]" in source[int(place[1]) - 1]


def test_backward_word_for_word() -> None:
    x = Value(0.0, label="x")

    def loss() -> Value:
        distance = sqrt(x)
        scaled = distance * 3.0
        return scaled + 1.0

    def step() -> None:
        loss().backward()

    assert lines(step) == [
        "the gradient becomes inf below sqrt(0.0) = 0.0, at FILE:LINE, in loss: distance = sqrt(x)",
        "its own gradient is 3.0, its local derivative in operand 1 is inf",
        "the way from there to the output",
        "  sqrt(0.0) = 0.0, at FILE:LINE, in loss: distance = sqrt(x)",
        "  0.0 * 3.0 = 0.0, at FILE:LINE, in loss: scaled = distance * 3.0",
        "  0.0 + 1.0 = 1.0, at FILE:LINE, in loss: return scaled + 1.0",
    ]
    assert not x.has_grad


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x * 1e308 * 10.0,
        lambda x: x + 1e308 + 1e308,
        lambda x: -(x - 1e308 - 1e308),
        lambda x: x * inf,
        lambda x: x / 1e-310,
        lambda x: (x * nan).relu(),
        lambda x: total([x, inf, -inf]),
        lambda x: dot([x, x], [1.0, nan]),
        lambda x: dot([x] * 3, [1e308] * 3),
        lambda x: logsumexp([x, inf]),
        lambda x: maximum(x, nan),
        lambda x: where(1.0, inf, x),
        lambda x: (x - inf) * 1.0,
        lambda x: x.tanh() * nan,
    ],
)
def test_every_way_to_a_result(make: Callable[[Any], Any]) -> None:
    assert f"computed at {__file__}" in words(lambda: make(Value(1.0)))
    assert make(Value(1.0)) is not None  # outside it is a number like any other


def test_every_way_to_a_gradient() -> None:
    def f(x: Any) -> Any:
        return sqrt(x) * 2.0

    x = Value(0.0)
    y = f(x)
    for derive in (
        y.backward,
        lambda: gradient(y, x),
        lambda: gradient(y, x, differentiable=True),
        lambda: grad(f)(0.0),
        lambda: grad(grad(f))(0.0),
        lambda: hessian(f)(0.0),
        lambda: jvp(f)(Value(0.0), direction=1.0),
        lambda: y.backward(inf),
        lambda: (Value(1e200) * 1.0).backward(nan),
    ):
        assert "is" in words(derive)
    assert not x.has_grad
    assert gradient(y, x) == inf


def test_gradients_that_add_up_to_infinity() -> None:
    x = Value(1.0)

    def loss() -> None:
        (x * 1e308 + x * 0.5e308 - x * 1.4e308).backward()  # which stays below 1.8e308
        y = x * 1e308
        x.data = -1.0
        (y + x * 1e308).backward()

    assert "the gradient becomes inf below 1.0 * 1e+308 = 1e+308" in words(loss)


def test_a_branch_not_taken_is_no_anomaly() -> None:
    x = Value(0.0)
    with detect_anomaly():
        y = where(x > 0, sqrt(x), x * 2.0)
        y.backward()
        (Value(-3.0) ** 2.0).backward()  # the derivative in the constant exponent would be NaN
    assert x.grad == 2.0


def test_what_was_computed_before_has_no_line() -> None:
    x = Value(0.0)
    y = sqrt(x)
    assert "sqrt(0.0) = 0.0, computed outside detect_anomaly()" in words(y.backward)


def test_an_address_that_is_used_again() -> None:
    """A node may be made where one has been freed that the context has noted."""
    context = detect_anomaly()
    with context:
        for _ in range(100):
            Value(1.0) * 2.0
        with no_grad():
            pass
        assert len(context.places) < 100
        node = Value(1.0) * 2.0
        assert "test_an_address_that_is_used_again" in context.describe(node)
        context.places[id(node)] = context.places[id(node)]._replace(data=7.0)  # of another node
        assert context.describe(node) == "1.0 * 2.0 = 2.0, computed outside detect_anomaly()"
    assert not context.places


def test_a_long_way_is_cut() -> None:
    def loss() -> None:
        y = sqrt(Value(0.0))
        for _ in range(100_000):
            y = y + 1.0
        y.backward()

    said = words(loss).splitlines()
    assert len(said) == 3 + 24 + 1
    assert said[3 + 12] == "  ... 99977 more ..."


def test_many_operands_are_cut() -> None:
    x = [Value(float(k)) for k in range(100)]
    said = words(lambda: exp(total(x) * 0.0 + total([*x, *x]) * 1e307 * 1e2))
    assert max(map(len, said.splitlines())) < 300
    said = words(lambda: total([*x, inf]))
    assert len(said.splitlines()) < 30
    assert max(map(len, said.splitlines())) < 300


def test_it_can_be_nested_and_leaves_no_trace() -> None:
    x = Value(1e200)
    with detect_anomaly():
        with detect_anomaly():
            pass
        with pytest.raises(FloatingPointError):
            x * x
        with no_grad():
            assert (x * x).data == inf  # not recorded: no gradient will come of it
    assert (x * x).data == inf
    assert ENGINE.pauses == []
    with no_grad(), detect_anomaly():
        assert (x * 2.0).is_constant
    assert not (x * 2.0).is_constant


def test_other_threads_go_on() -> None:
    x, found = Value(1e200), []
    with detect_anomaly():
        thread = Thread(target=lambda: found.append((x * x).data))
        thread.start()
        thread.join()
    assert found == [inf]


def test_a_leaf_that_is_infinite_is_no_result() -> None:
    with detect_anomaly():
        assert Value(inf).data == inf
        Value(inf).backward()
