"""What is written where it cannot be recorded, and what to write instead."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from engine import Value, grad, gradcheck, record, sin

W = Value(2.0)
X = np.ones((3, 2))


def assigns_grad(x: Any) -> Any:
    W.grad = 0.0
    return W * x


def forgets_grad(x: Any) -> Any:
    W.zero_grad()
    return W * x


# --- numbers of the example ---


@pytest.mark.parametrize(
    ("f", "error"),
    [
        (lambda x: W * float(x), TypeError),
        (lambda x: W * int(x), TypeError),
        (lambda x: W * math.floor(x), TypeError),
        (lambda x: W * math.exp(W), TypeError),
        (lambda x: W * round(x), TypeError),
        (lambda x: x % 2, TypeError),
        (lambda x: 5 // (x * 2), TypeError),
        (lambda x: x * x.data, RuntimeError),
    ],
)
def test_what_reads_a_number_says_at_once_what_can_be_recorded(f: Any, error: Any) -> None:
    with pytest.raises(error, match=r"where\(a < b, x, y\).*maximum.*v\.exp\(\).*logsumexp") as it:
        record(f, [W])(3.0)
    assert "write v.data" not in str(it.value)


def test_constants_may_be_read_and_others_refused_as_ever() -> None:
    c = Value(3.0).detach()
    assert record(lambda x: x * c.data)(2.0) == 6.0
    with pytest.raises(TypeError, match=r"write v\.data"):
        record(lambda x: x * float(c))(2.0)
    with pytest.raises(TypeError, match=r"write v\.data"):
        float(W)


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: x * W.grad, r"v\.grad, for which there is gradient\(y, xs\)"),
        (lambda x: x * x.grad, r"v\.grad, for which"),
        (lambda x: x * (x * W).grad, r"v\.grad, for which"),
        (assigns_grad, r"v\.grad = \.\.\."),
        (forgets_grad, r"v\.zero_grad\(\)"),
    ],
)
def test_gradients_are_not_read_or_written(f: Any, words: str) -> None:
    W.grad = 7.0
    with pytest.raises(RuntimeError, match=words):
        record(f, [W])(3.0)
    assert W.grad == 7.0
    W.zero_grad()
    assert not W.has_grad


def test_gradients_of_what_is_not_recorded_may_be() -> None:
    other = Value(1.0).detach()

    def f(x: Any) -> Any:
        other.grad = 5.0
        return x * other.grad

    assert record(f)(2.0) == 10.0


# --- recorded functions among each other ---


def test_a_recorded_function_inside_another() -> None:
    inner = record(lambda x: x * x, example=1.0)

    def outer(x: Any) -> Any:
        return inner(x)

    def steep(x: Any) -> Any:
        return inner.gradient(x)

    for f in (outer, steep):
        words = f"inside {f.__name__}, .*the function itself, without record"
        with pytest.raises(TypeError, match=words):
            record(f)(1.0)
    with pytest.raises(TypeError, match=r"write v\.data"):
        inner(W)


def test_it_is_the_function_itself_that_is_differentiated_further() -> None:
    square = record(lambda x: x * x)
    for call in (grad(square), lambda x: gradcheck(square, x)):
        with pytest.raises(
            TypeError, match=r"grad, gradcheck and the like take the function itsel"
        ):
            call(2.0)


# --- lists and arrays ---


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x / W, lambda x: W * x, lambda x: sin(x), lambda x: W - (x[0], x[1]),
        lambda x: W - [[x[0]]],
    ],
)  # fmt: skip
def test_a_list_is_no_batch(f: Any) -> None:
    words = r"a list is one example of several numbers, and a batch is an array: np\.array\(\["
    with pytest.raises(TypeError, match=words) as caught:
        record(f, [W])([80.0, 90.0])
    assert "[Value(x) for x in xs]" not in str(caught.value)
    with pytest.raises(TypeError, match=r"write \[Value\(x\) for x in xs\]"):
        W * [80.0, 90.0]


def test_an_array_of_values_is_returned_as_a_list() -> None:
    with pytest.raises(TypeError, match=r"array\.tolist\(\) for a list of the Values in it"):
        record(lambda x: [x[0], np.array([x[0], x[1]])])(X)


@pytest.mark.parametrize(
    ("batch", "error", "words"),
    [
        (-1, ValueError, "0 or more, got -1"),
        ("a", TypeError, "a number of examples, such as 100, but got 'a'"),
        (2.5, TypeError, r"but got 2\.5"),
        (True, TypeError, "but got True"),
    ],
)
def test_a_report_is_for_a_number_of_examples(batch: Any, error: Any, words: str) -> None:
    program = record(lambda x: x * x, example=1.0).program
    with pytest.raises(error, match=words):
        program.report(batch)
    assert program.report(np.int64(3)) == program.report(3)
    assert "for 3 examples" in program.report(3)


def test_one_is_singular() -> None:
    with pytest.raises(ValueError, match=r"x has 1 row and y has 2:"):
        record(lambda x, y: x * y)(np.ones(1), np.ones(2))
    with pytest.warns(UserWarning, match=r"uses 1 Value beside its arguments"):
        record(lambda x: x * W)(1.0)


def test_chance_is_among_the_causes_of_a_difference() -> None:
    with pytest.raises(RuntimeError, match=r"random\.random\(\)"):
        record(lambda x: x * random.random(), check=True)(1.0)


# --- arguments ---


class Model:
    def parameters(self) -> list[Value]:
        return [W]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"parameters": Model()}, r"got Model: write model\.parameters\(\)"),
        ({"parameters": W}, r"write \[value\]"),
        ({"parameters": 3.0}, r"a list of Values, but got 3\.0"),
        ({"parameters": None}, "a list of Values, but got None"),
        ({"parameters": [3.0]}, r"record\(parameters\) takes a Value"),
        ({"inputs": W}, r"inputs is a list of Values, .*write \[value\]"),
        ({"inputs": Value(0.0)}, r"inputs is a list of Values, .*write \[value\]"),
        ({"inputs": Model()}, r"inputs .* write model\.parameters\(\)"),
        ({"inputs": ["x"]}, r"record\(inputs\) takes a Value"),
    ],
)
def test_lists_of_values(arguments: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        record(W * W, **arguments)


def test_a_graph_without_inputs() -> None:
    recorded = record(W * W, [W])
    assert recorded() == 4.0
    with pytest.raises(TypeError, match=r"without inputs, but got 1.*inputs=\[x, y\]"):
        recorded(3.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"wrt": ["inputs"]}, r'wrt is one of "parameters", .* got \[\'inputs\'\]'),
        ({"reduce": ["mean"]}, r'reduce is one of "mean", .* got \[\'mean\'\]'),
        ({"wrt": "x"}, "wrt is one of"),
    ],
)
@pytest.mark.parametrize("given", [3.0, X[:, 0]])
def test_options_that_are_no_words(given: Any, options: Any, words: str) -> None:
    recorded = record(lambda x: x * W, [W])
    recorded.value_and_gradient(given)
    with pytest.raises(ValueError, match=words):
        recorded.value_and_gradient(given, **options)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (X + 1j, r"z\.real, z\.imag or abs\(z\)$"),
        (X.astype("M8[D]"), r"subtract a first date.*np\.timedelta64"),
        (X.astype("m8[s]"), r"np\.timedelta64\(1, 's'\)$"),
        (X.astype(str), r"array\.astype\(float\)"),
        (np.zeros(3, [("a", float)]), r"array\['field'\]"),
        (np.array([[1.0, 2.0], [3.0]], object), "x is an array of lists, perhaps of several len"),
        (np.array([np.ones(2), np.ones(3)], object), "x is an array of lists, perhaps of several"),
    ],
)
def test_arrays_of_other_things(array: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words) as caught:
        record(lambda x: x[0])(array)
    assert ("astype" in str(caught.value)) == (array.dtype.kind == "U")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([X[:, 0], X[:2, 0]],), r"xs\[0\] has 3 rows and xs\[1\] has 2"),
        (({"a": [1.0, X], "b": X[:1]},), r"xs\['a'\]\[1\] has 3 rows and xs\['b'\] has 1"),
        ((X, 1.0, X[:0]), r"xs has 3 rows and more\[1\] has 0"),
    ],
)
def test_rows_of_different_numbers(arguments: Any, words: str) -> None:
    def f(xs: Any, *more: Any) -> Any:
        return W

    with pytest.raises(ValueError, match=words):
        record(f)(*arguments)
