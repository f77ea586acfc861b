"""A Value computes, compares and prints as floats do, and refuses what would lose its gradient."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Value, dot

Op = Callable[..., Any]
ARITHMETIC: list[Op] = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
COMPARISONS: list[Op] = [
    operator.lt,
    operator.le,
    operator.eq,
    operator.ne,
    operator.gt,
    operator.ge,
]
UNARY: list[Op] = [operator.neg, operator.pos, operator.abs]

AWKWARD = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -8.0, 400.0, 1e308, 5e-324, math.inf, math.nan]
FLOATS = st.sampled_from(AWKWARD) | st.floats()
INTEGERS = st.integers(-5, 5) | st.integers(-(2**80), 2**80)  # beyond 2**53 floats have gaps


def outcome(function: Op, *operands: Any) -> str:
    """The number that comes out, to the last bit, -0.0 is not 0.0; or the exception's type."""
    try:
        result = function(*operands)
    except (ArithmeticError, ValueError) as error:
        return type(error).__name__
    if isinstance(result, complex):
        return "ValueError"  # (-8) ** (1/3): where Python goes on in complex numbers, we do not
    return repr(result.data if isinstance(result, Value) else result)


@settings(deadline=None)
@given(FLOATS, FLOATS)
def test_arithmetic_gives_what_floats_give(a: float, b: float) -> None:
    for op in ARITHMETIC:
        expected = outcome(op, a, b)
        assert outcome(op, Value(a), Value(b)) == expected
        assert outcome(op, Value(a), b) == expected
        assert outcome(op, a, Value(b)) == expected


@settings(deadline=None)
@given(FLOATS, INTEGERS)
def test_arithmetic_with_integers_gives_what_floats_give(a: float, n: int) -> None:
    for op in ARITHMETIC:
        assert outcome(op, Value(a), n) == outcome(op, a, n)
        assert outcome(op, n, Value(a)) == outcome(op, n, a)


@settings(deadline=None)
@given(FLOATS, FLOATS | INTEGERS)
def test_comparisons_give_what_floats_give(a: float, b: float) -> None:
    for op in COMPARISONS:
        assert op(Value(a), b) is op(a, b)
        assert op(b, Value(a)) is op(b, a)
        assert op(Value(a), Value(b)) is op(a, float(b))


@pytest.mark.parametrize("a", [*AWKWARD, -math.inf])
def test_signs_give_what_floats_give(a: float) -> None:
    for op in UNARY:
        assert outcome(op, Value(a)) == outcome(op, a)
    assert bool(Value(a)) is bool(a)


def test_plain_numbers_become_constant_inputs() -> None:
    x = Value(3.0)
    for y, constant, number in [(x * 2, 1, 2.0), (2**x, 0, 2.0), (x - 1, 1, 1.0), (1 / x, 0, 1.0)]:
        assert len(y.inputs) == 2
        assert y.inputs[1 - constant] is x
        assert y.inputs[constant].data == number
        assert y.inputs[constant].is_constant
        assert y.inputs[constant].inputs == ()


def test_an_operand_used_twice_is_an_input_twice() -> None:
    x = Value(3.0)
    assert [each is x for each in (x * x).inputs] == [True, True]


def test_the_zero_that_sum_starts_from_is_recorded() -> None:
    x, y = Value(1.0), Value(2.0)
    total: Any = sum([x, y])
    first, last = total.inputs
    assert last is y
    assert first.op == "add"
    assert first.inputs[0].is_constant
    assert first.inputs[1] is x
    assert total.data == 3.0


def test_a_node_says_what_it_is() -> None:
    x = Value(data=3, label="x")
    y = x * x
    assert (x.label, x.op, x.inputs) == ("x", "", ())
    assert (y.label, y.op, y.local_derivatives) == ("", "mul", (3.0, 3.0))
    y.label = "y"
    assert y.label == "y"


NUMPY = [np.float64(2.5), np.float32(2.5), np.int64(2), np.uint8(2), np.bool_(True)]
NUMBERS = [2, True, 2.5, Fraction(1, 2), *NUMPY]


@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_any_real_number_is_accepted_and_turned_into_a_float(number: Any) -> None:
    x = Value(1)
    x.data = x.grad = number
    computed = [x + number, number * x, x**number, number / x, dot([x], [number], number)]
    for value in [x, Value(number), *computed]:
        assert type(value) is Value
        assert type(value.data) is float
        assert type(value.grad) is float
    assert x.data == x.grad == float(number)


@pytest.mark.parametrize("number", [*NUMBERS, Decimal("2.5")], ids=repr)
def test_comparing_with_any_number_gives_a_bool(number: Any) -> None:
    for op in COMPARISONS:
        assert op(Value(2.0), number) is bool(op(2.0, number))
        assert op(number, Value(2.0)) is bool(op(number, 2.0))


def test_equality_with_what_is_no_number_is_false_and_order_an_error() -> None:
    others: list[Any] = ["2.0", None, [2.0], object()]
    for other in others:
        assert (Value(2.0) == other) is False
        assert (Value(2.0) != other) is True
        with pytest.raises(TypeError, match="not supported between"):
            assert Value(2.0) < other


def test_equality_compares_numbers_and_hashing_goes_by_identity() -> None:
    parameters = [Value(1.0), Value(2.0)]
    equal = Value(2.0)
    assert equal in parameters
    assert parameters.index(equal) == 1
    assert len({*parameters, equal}) == 3
    assert {equal: "found"}.get(parameters[1]) is None
    assert sorted(parameters, reverse=True)[0] is max(parameters) is parameters[1]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Value(3), "Value(3.0)"),
        (Value(-0.1, "w"), "Value(-0.1, label='w')"),
        (Value(math.nan), "Value(nan)"),
        (Value(3).detach(), "Value(3.0, constant)"),
        (Value(3) * 2, "Value(6.0)"),
    ],
)
def test_repr_is_one_short_line(value: Value, text: str) -> None:
    assert repr(value) == str(value) == f"{value}" == text


def test_repr_shows_a_gradient_only_when_there_is_one() -> None:
    x = Value(3, "x")
    (x * x * x).backward()
    assert repr(x) == "Value(3.0, label='x', grad=27.0)"
    x.grad = 0
    assert repr(x) == "Value(3.0, label='x', grad=0.0)"
    x.zero_grad()
    assert repr(x) == "Value(3.0, label='x')"


@given(st.floats(), st.sampled_from([".3f", "+.2e", "g", ">12", "%", "010.4f", ","]))
def test_format_gives_what_floats_give(a: float, spec: str) -> None:
    assert format(Value(a), spec) == format(a, spec)


@pytest.mark.parametrize(
    ("lossy", "instead"),
    [
        (float, "v.data"),
        (complex, "v.data"),
        (int, "int(v.data)"),
        (round, "round(v.data)"),
        (lambda v: round(v, 2), "round(v.data)"),
        (math.exp, "v.exp()"),
        (math.floor, "v.data"),
        (lambda v: math.fsum([v]), "v.data"),
        (lambda v: "%.3f" % v, "v.data"),  # noqa: UP031 - what an old script writes
        (lambda v: v // 2, "v.data // w"),
        (lambda v: 2 // v, "w.data"),
        (lambda v: v % 2, "v.data % w"),
        (lambda v: 2 % v, "w.data"),
        (lambda v: divmod(v, 2), "divmod(v.data, w)"),
        (lambda v: divmod(2, v), "divmod(v, w.data)"),
        (math.trunc, "math.trunc(v.data)"),
        (lambda v: np.array([v], dtype=float), "v.data"),
        (lambda v: np.zeros(1).__setitem__(0, v), "v.data"),
    ],
)
def test_what_would_lose_the_gradient_says_what_to_write(lossy: Op, instead: str) -> None:
    with pytest.raises(TypeError, match="would lose the gradient") as caught:
        lossy(Value(2.0))
    assert instead in str(caught.value)


def test_a_subclass_is_refused_whichever_engine_runs() -> None:
    with pytest.raises(TypeError, match=r"cannot be subclassed.*object of your own.*register"):
        type("Mine", (Value,), {})


def test_object_arrays_of_values_compute_and_differentiate() -> None:
    weights = np.array([[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]])
    x = np.array([0.5, -1.0])
    outputs = np.tanh(weights @ x + 0.25) * np.array([1.0, 2.0])
    np.sum(outputs).backward()
    inner = np.array([[1.0, 2.0], [3.0, 4.0]]) @ x + 0.25
    assert np.allclose([each.data for each in outputs], np.tanh(inner) * [1.0, 2.0], rtol=1e-15)
    expected = np.outer([1.0, 2.0] / np.cosh(inner) ** 2, x)
    assert np.allclose([[w.grad for w in row] for row in weights], expected, rtol=1e-12)


ONE_ARGUMENT = "exp expm1 log log1p sqrt sin cos tan arcsin arccos arctan sinh cosh tanh"


@pytest.mark.parametrize("name", ONE_ARGUMENT.split())
def test_numpy_functions_act_on_object_arrays(name: str) -> None:
    function = getattr(np, name)
    x = np.array([Value(0.25), Value(0.75)])
    assert [type(y) for y in function(x)] == [Value, Value]
    assert np.allclose([y.data for y in function(x)], function([0.25, 0.75]), rtol=1e-15)


@pytest.mark.parametrize("op", [*ARITHMETIC, *COMPARISONS], ids=lambda op: op.__name__)
def test_a_value_and_an_array_meet_element_by_element(op: Op) -> None:
    x, array = Value(2.0), np.array([1.0, 2.0, 3.0])
    for result, expected in [(op(x, array), op(2.0, array)), (op(array, x), op(array, 2.0))]:
        assert [each.data if isinstance(each, Value) else each for each in result] == list(expected)
        assert op in COMPARISONS or {type(each) for each in result} == {Value}
