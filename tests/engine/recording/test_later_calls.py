"""Later calls go a shorter way than the first, and say the same to the last bit."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np
import pytest
from librt.vecs import vec

import engine
from engine import Primitive, Value, dot, log, maximum, record, register, relu, sqrt, where
from engine.capture import drawn
from engine.loops.slots import write_leaves

from ..replays import require_identical, same, twice

REPLAYS = ["tape", "program"]
GENERATOR = np.random.default_rng(0)
W = [Value(x) for x in GENERATOR.normal(size=16)]
NUMBERS = np.array([w.data for w in W])


def net(x: Any) -> Any:
    """Three neurons and a sum of theirs."""
    hidden = [dot(W[4 * k : 4 * k + 4], x).tanh() for k in range(3)]
    return dot(W[12:15], hidden, W[15])


def by_arrays(X: Any) -> tuple[Any, Any, Any]:
    """Values of the net and the gradients in the inputs and the parameters, written out."""
    first, second, bias = NUMBERS[:12].reshape(3, 4), NUMBERS[12:15], NUMBERS[15]
    hidden = np.tanh(X @ first.T)
    below = second * (1 - hidden**2)
    slopes = np.einsum("bk,bi->bki", below, X).reshape(len(X), -1)
    ones = np.ones((len(X), 1))
    return hidden @ second + bias, below @ first, np.concatenate([slopes, hidden, ones], axis=1)


@pytest.mark.parametrize("replay", [*REPLAYS, "auto"])
@pytest.mark.parametrize("rows", [1, 33, 10_000])
@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_batches(rows: int, reduce: Any, replay: Any) -> None:
    if replay == "tape":
        rows = min(rows, 200)
    X = GENERATOR.normal(size=(rows, 4))
    recorded = record(net, W, replay=replay)
    share = 1 / rows if reduce == "mean" else 1.0
    value, (of_inputs, of_parameters) = twice(recorded, X, wrt="both", reduce=reduce)
    values, inputs, parameters = by_arrays(X)
    assert value == pytest.approx(share * values.sum(), rel=1e-12, abs=1e-12 * np.abs(values).max())
    same(of_inputs, share * inputs, np.abs(inputs).max() * share)
    same(of_parameters, share * parameters.sum(axis=0), share * np.abs(parameters).sum())
    same(twice(recorded, X, wrt="inputs", reduce="none")[0], values)


@pytest.mark.parametrize("replay", REPLAYS)
def test_batches_in_float32(replay: Any) -> None:
    X = GENERATOR.normal(size=(70, 4))
    for recorded, given in [
        (record(net, W, replay=replay), X.astype(np.float32)),
        (record(net, W, replay=replay, dtype="float32"), X),
    ]:
        _, (of_inputs, of_parameters) = twice(recorded, given, wrt="both")
        assert {of_inputs.dtype, of_parameters.dtype} == {np.dtype(np.float32)}
        np.testing.assert_allclose(of_inputs * 70, by_arrays(X)[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [None, "float64", "float32"])
@pytest.mark.parametrize("replay", [*REPLAYS, "auto"])
def test_a_point_is_computed_in_float64_whatever_is_asked_for_batches(
    dtype: Any, replay: Any
) -> None:
    x = [0.1, -0.7, 1 / 3, 1e-9]
    recorded = record(net, W, replay=replay, dtype=dtype)
    for reduce in (None, "none", "sum"):
        value, slopes = twice(recorded, x, wrt="inputs", reduce=reduce)
        values, inputs, parameters = by_arrays(np.array([x]))
        assert value == pytest.approx(values[0], rel=1e-14)
        assert value == recorded(x)
        assert {*map(type, [value, *slopes])} == {float}
        assert slopes == pytest.approx(inputs[0], rel=1e-13)
    value, (_, slopes) = twice(recorded, x, wrt="both")
    assert slopes.dtype == np.float64
    assert slopes == pytest.approx(parameters[0], rel=1e-13)
    assert type(twice(record(lambda a, b: a * b, dtype=dtype), 0.1, 0.2)[1]) is tuple


@pytest.mark.parametrize("replay", REPLAYS)
@pytest.mark.parametrize("given", [[0.1, 0.2, 0.3, 0.4], np.ones((3, 4))])
def test_what_a_later_call_says_stays(given: Any, replay: Any) -> None:
    recorded = record(net, W, replay=replay)
    for options in ({"wrt": "both"}, {"wrt": "inputs", "reduce": "none"}):
        _, kept = twice(recorded, given, **options)
        before = copy.deepcopy(kept)
        recorded.value_and_gradient([0.0] * 4 if isinstance(given, list) else -given, **options)
        require_identical(kept, before)


P = Value(2.0)
BRANCHES: list[tuple[Callable[[Any], Any], Callable[[Any], tuple[float, float]]]] = [
    (  # a function of x and P, and its derivatives in both where P is 2
        lambda x: where(x > 0, sqrt(x), 0.0) * P,
        lambda x: (1 / math.sqrt(x), math.sqrt(x)) if x > 0 else (0.0, 0.0),
    ),
    (
        lambda x: relu(sqrt(abs(x)) * 0.0 - P) + x * P,
        lambda x: (2.0, x),
    ),
    (
        lambda x: maximum(where(x > 0, log(x), -1.0), P) * P,
        lambda x: (0.0, 4.0),
    ),
    (
        lambda x: where(x < 0.5, x * P, 1 / x) + x,
        lambda x: (3.0, x) if x < 0.5 else (1 - x**-2, 0.0),
    ),
]


@pytest.mark.parametrize("replay", REPLAYS)
@pytest.mark.parametrize(("f", "slopes"), BRANCHES)
def test_infinities_of_branches_that_are_not_taken(f: Any, slopes: Any, replay: Any) -> None:
    """Arrays would have 0 * inf = NaN there."""
    X = np.array([-1.0, 0.0, 1.0, 4.0, 0.0, -0.0])
    recorded = record(f, [P], replay=replay)
    expected = np.array([slopes(float(x)) for x in X])
    _, (of_inputs, of_parameters) = twice(recorded, X, wrt="both", reduce="sum")
    same(of_inputs, expected[:, 0])
    same(of_parameters, expected[:, 1].sum(keepdims=True))
    for x, (slope, of_parameter) in zip(X.tolist(), expected, strict=True):
        if x > 0:  # at one point, what has no value is an error
            of_input, of_all = twice(recorded, x, wrt="both")[1]
            same([of_input, *of_all], [slope, of_parameter])


@pytest.mark.parametrize(
    "at", [np.array([3], dtype=object), [3], np.array([3]), np.array([3.0], np.float32), (3.0,)]
)
def test_numbers_for_the_parameters_of_any_kind(at: Any) -> None:
    w = Value(1.0)
    recorded = record(lambda x: w * x, [w])
    for _ in range(3):
        assert recorded.value_and_gradient(2.0, at=at) == (6.0, [2.0])
        assert recorded.value_and_gradient(np.array([2.0, 4.0]), at=at) == (9.0, [3.0])
        assert recorded(2.0, at=at) == 6.0


def test_numbers_for_the_parameters_that_are_none() -> None:
    w = Value(1.0)
    recorded = record(lambda x: w * x, [w])
    for _ in range(2):
        with pytest.raises(TypeError, match=r"at= takes real numbers.*take z\.real"):
            recorded.value_and_gradient(2.0, at=np.array([3 + 1j]))
        with pytest.raises(ValueError, match=r"one number per parameter, shape \(1,\), but got"):
            recorded.value_and_gradient(2.0, at=np.array([3.0, 4.0]))
        assert recorded.value_and_gradient(2.0) == (2.0, [2.0])


@pytest.mark.skipif(engine.compiled, reason="compiled, the loop does not look where a vector ends")
def test_leaves_that_were_written_in_part_are_read_again() -> None:
    leaves = [Value(float(k)) for k in range(3)]
    recorded = record(lambda x: x * sum(leaves), leaves)
    assert recorded.value_and_gradient(1.0)[0] == 3.0
    assert recorded.value_and_gradient(1.0)[0] == 3.0
    with pytest.raises(IndexError):
        write_leaves(leaves, vec[float]([10.0, 10.0]), 0)  # ends in the middle, as Ctrl-C might
    assert recorded.value_and_gradient(1.0)[0] == sum(p.data for p in leaves) == 22.0


def test_what_is_drawn_is_drawn_in_the_context_of_the_caller() -> None:
    level = ContextVar("level", default=1.0)
    recorded = record(lambda x: x * drawn(level.get), example=(1.0,))
    level.set(5.0)
    assert recorded(2.0) == 10.0
    assert recorded(np.array([2.0, 3.0])).tolist() == [10.0, 15.0]


def test_digits_do_not_depend_on_the_batch() -> None:
    recorded = record(lambda x: (x + 1e6) - 1e6, dtype="float32")
    for batch in (1, 2, 3000):
        for _ in range(2):
            assert recorded(np.full(batch, 0.1))[0] == 0.125
    assert recorded(0.1) == (0.1 + 1e6) - 1e6


@pytest.mark.parametrize("replay", REPLAYS)
def test_values_alone(replay: Any) -> None:
    recorded = record(lambda x, y: {"a": dot(W, x) * y, "b": [y]}, W, replay=replay)
    for _ in range(3):
        for given in ((NUMBERS.tolist(), 2.0), (NUMBERS[None], np.array([2.0]))):
            found = recorded(*given)
            assert np.all(found["a"] == pytest.approx(2 * NUMBERS @ NUMBERS))
            assert found["b"] == [2.0]
        assert recorded(NUMBERS.tolist(), 2.0, at=0 * NUMBERS)["a"] == 0.0


def test_a_run_that_was_broken_off_leaves_no_gradients(unregister: None) -> None:
    failing = [False]

    def partial(xp: Any, y: Any, x: Any) -> Any:
        if failing[0]:
            raise LookupError("not now")
        return 3.0

    treble = register(
        Primitive("treble", "treble", "3 #1", [(-1, 1)], "3 x", lambda xp, x: 3 * x, partial)
    )
    recorded = record(lambda x: treble(x * x) * x.exp(), replay="tape")
    want = twice(recorded, 0.5)
    failing[0] = True
    with pytest.raises(LookupError, match="not now"):
        recorded.value_and_gradient(0.5)
    failing[0] = False
    assert recorded.value_and_gradient(0.5) == want


@pytest.mark.parametrize("replay", REPLAYS)
def test_numbers_of_many_types(replay: Any) -> None:
    """Floats go a shorter way; what looks like them goes the long one, and means the same."""

    def f(x: Any, y: Any) -> Any:
        return x[0] * y + x[1]

    recorded = record(f, replay=replay)
    for x in ([2.0, 3.0], [2, 3], [True, 3.0], [np.float64(2.0), 3], (2.0, 3.0)):
        for y in (4.0, 4, np.float32(4.0), [4.0][0]):
            for _ in range(2):
                value, slopes = recorded.value_and_gradient(x, y)
                assert value == x[0] * 4.0 + 3.0
                assert [*slopes[0], slopes[1]] == [4.0, 1.0, x[0]]
    assert recorded([2.0, 3.0], 4.0) == 11.0
    for wrong in ("3", None):
        with pytest.raises(TypeError, match="x takes a real number"):
            recorded([2.0, wrong], 4.0)


@pytest.mark.parametrize("replay", ["tape", "program"])
def test_lists_and_tuples_are_told_apart(replay: Any) -> None:
    recorded = record(lambda x, y: x[0] * x[1] + 3 * y[0], replay=replay)
    for _ in range(2):  # the second time on the short way
        for kind in (list, tuple):
            value, slopes = recorded.value_and_gradient(kind([2.0, 5.0]), kind([7.0]))
            assert (value, slopes) == (31.0, (kind([5.0, 2.0]), kind([3.0])))
            assert [type(each) for each in slopes] == [kind, kind]
            assert recorded(kind([2.0, 5.0]), kind([1.0])) == 13.0
