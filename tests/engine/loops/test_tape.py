"""Tapes: one point, exactly as in eager mode; listings, pictures and pickles."""

from __future__ import annotations

import copy
import math
import pickle
from itertools import product
from typing import Any

import numpy as np
import pytest

from engine import Primitive, Value, dot, functions, record
from engine.derive import gradient
from engine.functions import VALUES
from engine.rules import ROWS, TABLE

inf, nan = math.inf, math.nan
EDGES = [0.0, -0.0, 1.0, 2.0, -1.0, 1.5, -2.0, 0.5, 710.0, -750.0, 1e-320, 1e308, inf, -inf, nan]
FEW = [0.0, 1.0, -2.0, nan, inf]
REPLAYS = ["tape", "program"]


def eager(row: Primitive, point: tuple[float, ...]) -> tuple[float, list[float]] | str:
    """Value and gradient, or the words of the error."""
    x = [Value(each) for each in point]
    try:
        y = getattr(VALUES, row.name)(*x)
    except (ArithmeticError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return y.data, [gradient(y, each) for each in x]


@pytest.mark.parametrize("replay", REPLAYS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_at_the_edges(row: Primitive, replay: Any) -> None:
    """Kinks, infinities, NaN, overflow: equal in a batch, and at one point errors too."""
    count = 2 if row.variadic else len(row.arguments)
    points = [*product(EDGES if count < 3 else FEW, repeat=count)]
    recorded = record(lambda *x: getattr(VALUES, row.name)(*x), replay=replay)
    columns = np.array(points).T
    values, slopes = recorded.value_and_gradient(*columns)
    slopes = slopes if count > 1 else (slopes,)
    for k, point in enumerate(points):
        expected = eager(row, point)
        if isinstance(expected, str):
            with pytest.raises((ArithmeticError, ValueError)) as caught:
                recorded(*point)
            assert f"{caught.type.__name__}: {caught.value}" == expected
            assert not math.isfinite(values[k])
            continue
        np.testing.assert_allclose(values[k], expected[0], rtol=1e-12, atol=1e-300)
        np.testing.assert_allclose(
            [each[k] for each in slopes], expected[1], rtol=1e-11, err_msg=f"{row.name}{point}"
        )
        if k % 7 == 0:
            np.testing.assert_equal(recorded(*point), recorded(*columns[:, k : k + 1])[0])


@pytest.mark.parametrize("exponent", [1.0, 2.0])
def test_powers_that_need_no_pow(exponent: float) -> None:
    recorded = record(lambda x, p: x**p, replay="tape")
    for x in (-0.0, 0.0, 1.5, -1.5, 1e150, -1.3e154, 1e-170, math.inf, -math.inf, math.nan):
        expected = eager(TABLE["pow"], (x, exponent))
        assert not isinstance(expected, str)
        value, (slope, _) = recorded.value_and_gradient(x, exponent)
        np.testing.assert_equal([value, slope], [expected[0], expected[1][0]])
        assert math.copysign(1, value) == math.copysign(1, float(expected[0]))
    if exponent == 2.0:
        with pytest.raises(OverflowError):
            recorded(1e200, exponent)


def net(x: Any, rates: Any) -> Any:
    hidden = [dot(W[2 * k : 2 * k + 2], x, W[4 + k]).tanh() for k in range(2)]
    return {"loss": (hidden[0] * rates["fast"] - hidden[1].log()) ** 2, "first": hidden[0]}


W = [Value(0.1 * k + 0.3, f"w{k}") for k in range(6)]
POINT = ([1.0, 2.0], {"fast": 0.5})


def test_listing() -> None:
    tape = record(net, W, example=POINT).tape
    text = str(tape)
    for name in ("parameter  w5", "x[1]", "rates['fast']", "tanh", "output", "log("):
        assert name in text
    assert tape.counts()["dot"] == 2
    assert len(tape) == sum(tape.counts().values()) == text.count("\n") + 1 - 6 - 3 - 1
    assert "3 inputs, 6 parameters" in repr(tape)


def test_listing_with_names_of_any_kind() -> None:
    recorded = record(lambda d, *more: d["a\nb"][0] * more[0] + W[0], [Value(1.0, "\n"), W[0]])
    recorded({"a\nb": [2.0]}, 3.0)
    assert r"d['a\nb'][0] * more[0]" in str(recorded.tape)
    assert "more" in str(recorded.tape)
    assert len(str(recorded).splitlines()) == 1 + len(recorded.program)


def test_nothing_is_shown_before_it_is_recorded() -> None:
    recorded = record(net, W)
    assert "not recorded yet" in repr(recorded)
    assert str(recorded) == repr(recorded)
    for look in (lambda: recorded.tape, lambda: recorded.program, recorded.report):
        with pytest.raises(RuntimeError, match="example="):
            look()


@pytest.mark.parametrize("batch", [0, 1, 100, 100_000])
def test_report_says_which_and_why(batch: int) -> None:
    x = np.ones((batch, 2))
    recorded = record(net, W)
    text = recorded.report(x, {"fast": 1.0})
    assert f"{batch:,} example" in text
    assert ("program runs" if batch > 100 else "tape runs") in text or batch in (1, 100)
    forced = record(net, W, replay="tape").report(x, {"fast": 1.0})
    link = "as" if "tape runs" in forced else "but"
    assert forced.endswith(f'{link} replay="tape" was asked for')


def test_very_long_listings_are_cut() -> None:
    def f(x: Any) -> Any:
        for _ in range(500):
            x = x.sin()
        return x

    text = str(record(f, example=1.0).tape)
    assert "301 more" in text
    assert text.count("\n") == 200


def test_the_graph_again() -> None:
    recorded = record(net, W, example=POINT)
    inputs = [Value(1.0), Value(2.0), Value(0.5)]
    loss, first = recorded.tape.graph(inputs)
    assert {"loss": loss.data, "first": first.data} == recorded(*POINT)
    slopes = recorded.gradient(*POINT, seeds={"loss": 1.0, "first": 0.0})
    np.testing.assert_allclose(gradient(loss, W), slopes, rtol=1e-12)


def test_picture() -> None:
    assert "tanh" in record(lambda x: (W[0] * x).tanh(), W[:1], example=1.0).tape.draw().source


def test_picture_of_what_has_no_value_at_zero() -> None:
    assert "log" in record(lambda x: 1 / x.log(), example=2.0).tape.draw().source


@pytest.mark.parametrize("replay", REPLAYS)
def test_pickles_and_copies(replay: Any) -> None:
    recorded = record(net, W, replay=replay, example=POINT)
    for part in (recorded, recorded.tape, recorded.program):
        again = pickle.loads(pickle.dumps(part))
        assert str(again) == str(part)
    again = pickle.loads(pickle.dumps(recorded))
    assert again(*POINT) == recorded(*POINT)
    again.parameters[0].data = 9.0  # their parameters are their own
    assert again(*POINT) != recorded(*POINT)
    copied = copy.deepcopy(recorded)
    assert copied(*POINT) == recorded(*POINT)
    assert copied.parameters[0] is not W[0]


@pytest.mark.usefixtures("unregister")
def test_a_tape_of_rows_that_are_gone_says_so() -> None:
    row = Primitive("treble", "treble", "3 #1", [(-1, 1)], "3 x", lambda xp, x: 3 * x,
                    lambda xp, y, x: 3.0)  # fmt: skip
    f = functions.register(row)
    recorded = record(lambda x: f(x), example=1.0)
    kept = pickle.dumps(recorded.tape)
    assert recorded(2.0) == 6.0
    functions.withdraw(row)
    with pytest.raises(ValueError, match="treble; register"):
        pickle.loads(kept)


def test_graphs_that_are_there_already() -> None:
    x, w = Value(3.0, "x"), Value(2.0, "w")
    recorded = record({"y": x * w, "x": x}, [w], inputs=[x], check=True)  # type: ignore[arg-type]
    assert recorded(5.0) == {"y": 10.0, "x": 5.0}
    value, slopes = recorded.value_and_gradient(
        np.array([1.0, 2.0]), wrt="both", seeds={"y": 1.0, "x": 10.0}, reduce="sum"
    )
    assert value == {"y": 6.0, "x": 3.0}
    assert (slopes[0].tolist(), slopes[1].tolist()) == ([12.0, 12.0], [3.0])
    w.data = -1.0
    assert recorded(5.0)["y"] == -5.0
    assert (x.data, x.grad) == (3.0, 0.0)


@pytest.mark.parametrize(
    ("f", "arguments"), [(lambda: W[0] * W[1], ()), (lambda x: x.log(), (np.array([1.0, -1.0]),))]
)
def test_checking_without_inputs_and_where_there_is_no_value(f: Any, arguments: Any) -> None:
    record(f, W, check=True)(*arguments)


def test_checking_notices_what_has_changed() -> None:
    factor = [2.0]
    recorded = record(lambda x: x * factor[0], check=True)
    assert recorded(np.array([1.0, 2.0])).tolist() == [2.0, 4.0]
    factor[0] = 3.0
    with pytest.raises(RuntimeError, match="a global number"):
        recorded(1.0)


@pytest.mark.parametrize("replay", REPLAYS)
def test_products_of_hessians_and_vectors(replay: Any) -> None:
    def loss(x: Any) -> Any:
        return (dot(W[:2], x, W[2]).tanh() * W[3] - 1) ** 2

    def along(x: Any, v: Any) -> Any:
        slopes = gradient(loss(x), W, differentiable=True)
        return gradient(dot(slopes, v), W, differentiable=True)

    X, v = np.random.default_rng(2).normal(size=(5, 2)), [1.0, -2.0, 0.5, 3.0, 0.0, 0.0]
    found = np.array(record(along, W, replay=replay)(X, v))
    for k, row in enumerate(X.tolist()):
        expected = along([Value(a) for a in row], v)
        np.testing.assert_allclose(found[:, k], [each.data for each in expected], atol=1e-12)
