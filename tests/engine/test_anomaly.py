"""detect_anomaly(): the first NaN or infinity, and where it comes from."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from math import inf, nan
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import pytest

from engine import Value, dot, exp, less, logsumexp, maximum, no_grad, sqrt, tanh, where
from engine import sum as total
from engine.anomaly import detect_anomaly
from engine.derive import grad, gradient, hessian, hvp, jacobian, jvp, vjp
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
        lambda: hvp(f)(0.0, direction=1.0),
        lambda: vjp(f)(0.0, seeds=1.0),
    ):
        assert words(derive).startswith("the gradient becomes inf below sqrt(0.0) = 0.0, ")
    assert not x.has_grad
    assert gradient(y, x) == inf


def test_a_derivative_of_second_order() -> None:
    """The slope of x^1.5 at 0 is 0, but the slope of that is infinite."""
    for derive in (
        lambda: hessian(lambda x: x**1.5)(0.0),
        lambda: grad(grad(lambda x: x**1.5))(0.0),
        lambda: hvp(lambda x: x**1.5)(Value(0.0), direction=1.0),
    ):
        assert words(derive).startswith("the gradient becomes inf below 0.0 ** 0.5 = 0.0, at ")


def test_in_a_direction_word_for_word() -> None:
    def f(x: Any) -> Any:
        root = sqrt(x * 1.0)
        return {"a": where(x > 0.0, root, x), "b": root * 2.0 + x}

    for at in (0.0, Value(0.0)):
        for derive in (jvp(f), lambda at, direction: jacobian(f)(at)):
            assert lines(lambda at=at, derive=derive: derive(at, direction=1.0)) == [
                "the derivative in this direction becomes inf at sqrt(0.0) = 0.0, at FILE:LINE, in "
                "f: root = sqrt(x * 1.0)",
                "that of operand 1 is 1.0, the local derivative in it is inf",
                "the way from there to the output",
                "  sqrt(0.0) = 0.0, at FILE:LINE, in f: root = sqrt(x * 1.0)",
                "  0.0 * 2.0 = 0.0, at FILE:LINE, in f: "
                'return {"a": where(x > 0.0, root, x), "b": root * 2.0 + x}',
                "  0.0 + 0.0 = 0.0, at FILE:LINE, in f: "
                'return {"a": where(x > 0.0, root, x), "b": root * 2.0 + x}',
            ]
    said = words(lambda: jvp(lambda x: x * 2.0)(1.0, direction=nan))
    assert "the derivative in this direction becomes nan at 1.0, a leaf\n" in said


def test_seeds() -> None:
    x = Value(1e200)
    assert words(lambda: (x * 1.0).backward(inf)) == (
        "backward() begins with the gradient inf: its seed is inf, and 0.0 was there already"
    )
    assert "its seed is nan" in words(lambda: x.backward(nan))
    x.grad = 1e308
    assert words(lambda: x.backward(1e308)).endswith("1e+308 was there already")
    assert x.grad == 1e308


def test_gradients_that_add_up_to_infinity() -> None:
    x = Value(1.0)

    def loss() -> None:
        (x * 1e308 + x * 0.5e308 - x * 1.4e308).backward()  # which stays below 1.8e308
        y = x * 1e308
        x.data = -1.0
        (y + x * 1e308).backward()

    assert "the gradient becomes inf below 1.0 * 1e+308 = 1e+308" in words(loss)


def test_passes_that_add_up_to_infinity() -> None:
    x = Value(1.0, "x")
    with detect_anomaly():
        (x * 1e308).backward()
        assert gradient(x * 1e308, x) == 1e308  # which is not added to what the leaf holds
    said = words(lambda: (x * 1e308).backward()).splitlines()
    assert said[0].startswith("the gradient becomes inf below 1.0 * 1e+308 = 1e+308, at ")
    assert said[2] == (
        "their product 1e+308 is added to 1e+308, which was there already, from other uses of the "
        "operand or from backward() before, without zero_grad()"
    )
    assert x.grad == 1e308


def switch(x: Any) -> Any:
    return where(x > 0, sqrt(x), x)


@pytest.mark.parametrize(
    ("derive", "want"),
    [
        (lambda: grad(switch)(0.0), 1.0),
        (lambda: grad(grad(switch))(0.0), 0.0),
        (lambda: hessian(switch)(0.0), 0.0),
        (lambda: hvp(switch)(0.0, direction=1.0), 0.0),
        (lambda: jvp(switch)(0.0, direction=1.0)[1], 1.0),
        (lambda: jvp(grad(switch))(0.0, direction=1.0)[1], 0.0),
        (lambda: grad(switch)(Value(0.0)).data, 1.0),
        (lambda: jvp(switch)(Value(0.0), direction=1.0)[1].data, 1.0),
        (lambda: vjp(lambda x: [x * 1e308, x * 1.5e308])(1.0, seeds=[1.0, 0.1])[1], 1.15e308),
        (lambda: grad(tanh)(Value(inf)).data, 0.0),
        (lambda: grad(lambda w: w * sqrt(Value(0.0)))(2.0), 0.0),
    ],
)
def test_what_comes_to_nothing_is_no_anomaly(derive: Callable[[], Any], want: float) -> None:
    """Neither where a branch was not taken, nor in numbers that the engine needs on its way."""
    with detect_anomaly():
        assert derive() == want


def test_values_within_a_function_that_is_differentiated() -> None:
    for derive in (grad, hessian, jacobian):
        said = lines(lambda derive=derive: derive(lambda x: (x * x) * 0.0)(1e200))
        assert said[0] == "1e+200 * 1e+200 is inf"
        assert said[1].startswith("computed at FILE:LINE, in ")


def test_a_gradient_that_nobody_gets() -> None:
    x, nothing = Value(3.0), Value(0.0).detach() * 1.0
    with detect_anomaly():
        (x * sqrt(nothing)).backward()
    assert x.grad == 0.0


def test_a_gradient_that_nobody_asked_for() -> None:
    x, root = Value(3.0), Value(0.0)
    with detect_anomaly():
        y = x * sqrt(root)
        assert gradient(y, x) == 0.0
        assert gradient(y, x, differentiable=True).data == 0.0
    assert "the gradient becomes inf below sqrt(0.0)" in words(y.backward)


# --- recompute ---


def test_recompute_word_for_word() -> None:
    x = Value(2.0, "x")
    outside = x * 1.0

    def nudged() -> None:
        square = x * x
        f = square * outside
        x.data = 2.0**500
        f.recompute()

    assert lines(nudged) == [
        f"{2.0**1000} * {2.0**500} is inf",
        "computed anew by recompute(), and first at FILE:LINE, in nudged: f = square * outside",
        "of the operands",
        f"  {2.0**500} * {2.0**500} = {2.0**1000}, at FILE:LINE, in nudged: square = x * x",
        f"  {2.0**500} * 1.0 = {2.0**500}, computed outside detect_anomaly()",
    ]
    assert outside.data == 2.0  # nothing has changed
    assert "first at a line outside detect_anomaly()" in words((outside * 1e300).recompute)


def test_after_recompute_the_lines_are_still_known() -> None:
    x = Value(2.0)

    def loss() -> None:
        y = sqrt(x)
        x.data = 0.0
        y.recompute().backward()

    assert "sqrt(0.0) = 0.0, at FILE:LINE, in loss: y = sqrt(x)" in lines(loss)[0]


def test_recompute_of_a_derivative() -> None:
    """In its graph there may be infinities; what counts is what comes out."""
    x = Value(1.0)
    slope = gradient(where(less(0.0, x), sqrt(x), x), x, differentiable=True)
    root = gradient(sqrt(x), x, differentiable=True)
    x.data = 0.0
    with detect_anomaly():
        assert slope.recompute().data == 1.0
    assert "0.5 / 0.0 is inf" in words(root.recompute)


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


def test_one_context_within_itself() -> None:
    x = Value(1e200)
    context = detect_anomaly()
    with context:
        with context:
            y = x * 2.0
        assert "computed outside" not in context.describe(y)
        with pytest.raises(FloatingPointError):
            x * x
    assert (x * x).data == inf
    assert ENGINE.pauses == []
    assert not context.places


def test_code_without_a_name_and_packages_of_the_same_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = compile("def f(x):\n    return x * x", "somewhere.py", "exec")
    nameless: dict[str, Any] = {}
    exec(text, nameless)
    mine = ModuleType("nn.mine")
    mine.__file__ = "/home/somebody/nn/mine.py"
    monkeypatch.setitem(sys.modules, "nn.mine", mine)
    exec(text, mine.__dict__)
    for f in (nameless["f"], mine.f):
        said = words(lambda f=f: f(Value(1e200)))
        assert said.splitlines()[1] == "computed at somewhere.py:2, in f: "


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
