"""Which functions can be recorded, and what recording leaves behind."""

from __future__ import annotations

import functools
import gc
import operator
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Value, as_value, no_grad, record, softmax, tanh
from engine.derive import gradient
from engine.node import ENGINE

from .neurons import P, X, net

REPLAYS = ["tape", "program"]


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """Whatever happens, nothing is being recorded afterwards."""
    yield
    assert ENGINE.recording() is None
    assert not ENGINE.recordings
    assert gc.isenabled()
    assert (Value(1.0) < Value(2.0)) is True


# --- functions ---


class Line:
    def __init__(self) -> None:
        self.w = Value(2.0)

    def __call__(self, x: Any) -> Any:
        return self.w * x

    @staticmethod
    def twice(x: Any) -> Any:
        return 2 * x


def cubed(x: Any, *, n: int = 3) -> Any:
    return x**n


LINE = Line()
FUNCTIONS: list[tuple[Callable[..., Any], float]] = [
    (LINE, 6.0), (LINE.__call__, 6.0), (Line.twice, 6.0), (cubed, 27.0), (abs, 3.0),
    (functools.partial(cubed, n=2), 9.0), (functools.partial(operator.mul, 5.0), 15.0),
    (lambda x, n=2: x**n, 9.0), (lambda *x: x[0] + 1, 4.0), (lambda x, **_: x, 3.0),
    (lambda x: [x, 4.0][0], 3.0), (tanh, np.tanh(3.0)), (lambda x: np.tanh(x), np.tanh(3.0)),
]  # fmt: skip


@pytest.mark.parametrize(("f", "expected"), FUNCTIONS)
def test_functions_of_every_kind(f: Any, expected: float) -> None:
    recorded = record(f, [LINE.w])
    assert recorded(3) == pytest.approx(expected)
    assert recorded(np.array([3.0, 3.0])).tolist() == pytest.approx([expected] * 2)


@pytest.mark.parametrize("replay", REPLAYS)
def test_parameters_alone(replay: Any) -> None:
    p = Value(2.0)
    recorded = record(lambda: p * p, [p, Value(5.0)], replay=replay)
    assert recorded() == 4.0
    p.data = 3.0
    value, slopes = recorded.value_and_gradient()
    assert (value, slopes.tolist()) == (9.0, [6.0, 0.0])
    assert recorded.value_and_gradient(at=[4.0, 0.0])[0] == 16.0


# --- what is left behind ---


def test_a_function_that_fails_can_be_tried_again() -> None:
    broken = [True]

    def f(x: Any) -> Any:
        if broken:
            raise KeyError("on the way")
        return x + 1

    recorded = record(f)
    with pytest.raises(KeyError):
        recorded(1.0)
    assert (Value(1.0) > 2.0) is False
    broken.clear()
    assert recorded(1.0) == 2.0


def test_a_forgotten_parameter_is_mentioned() -> None:
    with pytest.warns(UserWarning, match=r"parameters=\[\.\.\.\]"):
        assert record(lambda x: x * P[0])(3.0) == 3 * P[0].data


# --- numbers of the example are not baked in ---


def by_no_grad(x: Any) -> Any:
    with no_grad():
        shift = x * 3
    return shift * x


def by_backward(x: Any) -> Any:
    y = x * x
    y.backward()
    return y * x.grad


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (x * 3).detach() * x,
        lambda x: (x != 2) * x,
        lambda x: x * gradient(x * x, x, differentiable=True),
        lambda x: x * gradient(x * x, x),
    ],
)
def test_later_examples_have_their_own_numbers(f: Any) -> None:
    recorded = record(f, example=2.0)
    for x in (2.0, 3.0, -1.0):
        node = Value(x)
        expected = as_value(f(node))
        assert recorded.value_and_gradient(x) == (expected.data, gradient(expected, node))


@pytest.mark.parametrize(("f", "at_three"), [(by_no_grad, 27.0), (by_backward, 54.0)])
def test_what_would_bake_the_example_in_is_refused(f: Any, at_three: float) -> None:
    try:
        recorded = record(f, example=2.0)
    except RuntimeError:
        return
    assert recorded(3.0) == at_three


@pytest.mark.parametrize("replay", REPLAYS)
def test_arrays_of_the_caller_are_not_kept(replay: Any) -> None:
    recorded = record(net, P, replay=replay)
    given = X.copy()
    recorded.value_and_gradient(given)
    ref = weakref.ref(given)
    del given
    assert ref() is None


@settings(max_examples=15)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.sampled_from(REPLAYS))
def test_batches_of_any_sizes_one_after_the_other(sizes: list[int], replay: Any) -> None:
    recorded = record(net, P, replay=replay)
    whole = [recorded(row.tolist()) for row in X[:9]]
    for size in sizes:
        np.testing.assert_allclose(recorded(X[:size]), whole[:size], rtol=1e-12)


@pytest.mark.parametrize("replay", ["tape", "program"])
@pytest.mark.parametrize("offset", [0.0, 1e6, 1e12, -1e15, 1e17])
def test_softmax_keeps_its_digits_for_large_numbers(replay: Any, offset: float) -> None:
    def share(x: Value, y: Value, z: Value) -> Value:
        return softmax([x, y, z])[1]

    point = [offset + 0.5, offset + 1.0, offset + 2.0]
    leaves = [Value(x) for x in point]
    expected = share(*leaves)
    expected.backward()
    recorded = record(share, replay=replay)
    value, slopes = recorded.value_and_gradient(*(np.full(3, x) for x in point))
    np.testing.assert_allclose(value, expected.data, rtol=1e-14)
    np.testing.assert_allclose(
        [each[0] for each in slopes], [x.grad for x in leaves], rtol=1e-13, atol=1e-16
    )


@pytest.mark.parametrize("count", [3, 5000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_polynomial_has_a_slope_at_0(dtype: str, count: int) -> None:
    recorded = record(lambda x: sum([c * x**k for k, c in enumerate([1.0, 2.0, 3.0])]))
    assert recorded.gradient(np.zeros(count, dtype))[-1] == 2.0
    powers = record(lambda x, k: x**k).gradient(np.zeros(count, dtype), np.zeros(count, dtype))
    assert [each[-1] for each in powers] == [0.0, 0.0]
