"""What a recorded function can be handed, and what it refuses."""

from __future__ import annotations

import operator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from engine import Value, record, where

from .neurons import P, X, net

REPLAYS = ["tape", "program"]


def product(x: Any) -> Any:
    return x[0] * x[1]


# --- arrays ---


def layouts(x: Any) -> dict[str, Any]:
    """The same numbers, in memory as users have them."""
    wide = np.zeros((2 * len(x), 2 * x.shape[1]))
    wide[::2, ::2] = x
    return {
        "transposed": np.ascontiguousarray(x.T).T,
        "reversed": np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
        "strided": wide[::2, ::2],
        "Fortran": np.asfortranarray(x),
        "big-endian": x.astype(">f8"),
        "objects": x.astype(object),
    }


@pytest.mark.parametrize("replay", REPLAYS)
@pytest.mark.parametrize("name", layouts(X))
def test_arrays_in_any_layout_are_read_and_never_written(name: str, replay: Any) -> None:
    given = layouts(X)[name]
    given.flags.writeable = False
    recorded = record(net, P, replay=replay)
    (value, (of_inputs, of_parameters)) = recorded.value_and_gradient(given, wrt="both")
    assert (given == X).all()
    expected, (inputs, parameters) = recorded.value_and_gradient(X.copy(), wrt="both")
    assert value == pytest.approx(expected)
    np.testing.assert_allclose(of_inputs, inputs, atol=1e-12)
    np.testing.assert_allclose(of_parameters, parameters, atol=1e-12)


@pytest.mark.parametrize("replay", REPLAYS)
@pytest.mark.parametrize("kind", ["int64", "uint8", "bool", "float16", "float32", "longdouble"])
def test_numbers_of_other_types(kind: str, replay: Any) -> None:
    given = np.array([[1, 0], [1, 1], [0, 1]], kind)
    found = record(lambda x: 300 * x[0] + x[1] * x[1], replay=replay)(given)
    assert found.tolist() == [300.0, 301.0, 1.0]
    assert found.dtype == (np.float32 if kind == "float32" else np.float64)


@pytest.mark.parametrize("replay", REPLAYS)
def test_float32_stays_and_mixtures_are_float64(replay: Any) -> None:
    recorded = record(net, P, replay=replay)
    single = X.astype(np.float32)
    _, (inputs, parameters) = recorded.value_and_gradient(single, wrt="both")
    assert {inputs.dtype, parameters.dtype, recorded(single).dtype} == {np.dtype(np.float32)}
    np.testing.assert_allclose(recorded(single), recorded(X), rtol=1e-3, atol=1e-4)
    pair = record(lambda a, b: a * b, replay=replay)
    assert pair(X[:, 0], single[:, 0]).dtype == np.float64
    assert record(net, P, replay=replay, dtype="float32")(X).dtype == np.float32


@pytest.mark.parametrize("replay", REPLAYS)
def test_results_belong_to_the_caller(replay: Any) -> None:
    recorded = record(lambda x: [x[0], x[0], x[1]], replay=replay)
    given = X.copy()
    first, second, _ = recorded(given)
    first[:] = 7.0
    assert (second == X[:, 0]).all()
    assert (given == X).all()
    kept = record(net, P, replay=replay)
    _, slopes = kept.value_and_gradient(X)
    before = slopes.copy()
    kept.value_and_gradient(X + 1)
    assert (slopes == before).all()
    slopes[:] = 0.0
    assert kept.value_and_gradient(X)[1].tolist() == before.tolist()


@pytest.mark.parametrize("replay", REPLAYS)
def test_no_rows_and_no_columns(replay: Any) -> None:
    recorded = record(net, P, replay=replay)
    assert recorded(X[:0]).shape == (0,)
    assert recorded.gradient(X[:0], wrt="inputs").shape == (0, 4)
    assert recorded.value_and_gradient(X[:0], reduce="sum")[0] == 0.0
    mean, slopes = recorded.value_and_gradient(X[:0])
    assert np.isnan(mean)
    assert not slopes.any()
    empty = record(lambda x: P[0] * 2 + sum(x), P, replay=replay)
    assert empty(np.zeros((3, 0))).tolist() == [P[0].data * 2] * 3


def test_the_gradient_in_no_columns() -> None:
    found = record(lambda x: P[0] + sum(x), P).gradient(np.zeros((3, 0)), wrt="inputs")
    assert found.shape == (3, 0)


@pytest.mark.parametrize("replay", REPLAYS)
def test_structures_of_numbers_and_arrays(replay: Any) -> None:
    def f(x: Any, more: Any) -> Any:
        return {"y": x["a"] * x["b"][1] + more, "z": (x["b"][0], 3.0)}

    recorded = record(f, replay=replay)
    a, n = X[:, 0], len(X)
    found = recorded({"a": a, "b": [2.0, X[:, 1]]}, 5)
    np.testing.assert_allclose(found["y"], a * X[:, 1] + 5)
    assert found["z"][0].tolist() == [2.0] * n
    assert found["z"][1].tolist() == [3.0] * n
    seeds = {"y": 1.0, "z": (10.0, 7.0)}
    slopes, more = recorded.gradient({"a": a, "b": [2.0, X[:, 1]]}, 5, seeds=seeds)
    np.testing.assert_allclose(slopes["a"], X[:, 1])
    np.testing.assert_allclose(slopes["b"][1], a)
    assert slopes["b"][0].tolist() == [10.0] * n
    assert more.tolist() == [1.0] * n
    # what all examples share is added up with them
    assert recorded.gradient({"a": a, "b": [2.0, a]}, 5, seeds=seeds, reduce="sum")[1] == n


@pytest.mark.parametrize("number", [3, 3.0, np.float32(3), np.int8(3), Fraction(3), np.array(3)])
def test_one_point_of_any_kind_of_number(number: Any) -> None:
    recorded = record(lambda x: x * x)
    assert recorded(number) == 9.0
    assert type(recorded(number)) is float
    assert recorded.value_and_gradient(number) == (9.0, 6.0)


# --- what is refused ---

SHARED = Value(2.0)


@pytest.mark.parametrize(
    ("f", "arguments", "error", "words"),
    [
        (product, (X + 1j,), TypeError, "real numbers"),
        (product, (X.astype(str),), TypeError, "real numbers"),
        (product, (np.array([[None, 1.0]], object),), TypeError, "an element of x"),
        (product, (np.array([[10**400, 1]], object),), OverflowError, "too large"),
        (product, (np.array([[SHARED, SHARED]], object),), TypeError, "parameters="),
        (product, ("ab",), TypeError, "float"),
        (product, (None,), TypeError, "real number"),
        (product, ([SHARED, 1.0],), TypeError, r"v\.data"),
        (product, ({1.0},), TypeError, "real number"),
        (operator.mul, (X[:, 0], X[:3, 0]), ValueError, "one row per example"),
        (lambda x: None, (1.0,), TypeError, "returns a Value"),
        (lambda x: 3.0, (1.0,), TypeError, "returns a Value"),
        (lambda x: [], (1.0,), TypeError, "returns a Value"),
        (lambda x: [x, "a"], (1.0,), TypeError, "'a'"),
        (lambda x: x if x > 0 else -x, (1.0,), RuntimeError, "where"),
        (lambda x: max(x, 3.0), (1.0,), RuntimeError, "maximum"),
        (lambda x: x * x.data, (1.0,), RuntimeError, r"v\.detach\(\)"),
        (lambda x: x * float(x), (1.0,), TypeError, "gradient"),
        (lambda x: where(0 < x < 3, x, 0.0), (1.0,), RuntimeError, "where"),
        (lambda x: record(lambda: x)(), (1.0,), RuntimeError, "without record"),
        (lambda x: x / (1 - 1), (1.0,), None, ""),
    ],
)
def test_what_makes_no_sense_is_refused_with_advice(
    f: Any, arguments: Any, error: Any, words: str
) -> None:
    recorded = record(f)
    if error is None:  # another example may have a value there
        assert recorded(np.array([1.0, -1.0])).tolist() == [np.inf, -np.inf]
        return
    with pytest.raises(error, match=words):
        recorded(*arguments)
