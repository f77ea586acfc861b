"""The traced formulas of the rows give what the rows themselves give, digit for digit."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest

from engine import Primitive, register
from engine.elementary import FLOATS, arrays
from engine.formulas import Symbol, in_order, partial_formulas, value_formula
from engine.rules import ROWS, TABLE

FIXED = [row for row in ROWS if not row.variadic]
AWKWARD = [0.0, -0.0, 1.0, -1.5, 0.25, 750.0, -1e300, 1e-310, math.inf, -math.inf, math.nan]
OPERATORS = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv,
    "neg": operator.neg, "abs": abs,
}  # fmt: skip


def evaluate(formula: Symbol | float, xp: Any, y: Any, x: Sequence[Any]) -> Any:
    """What an expression is for this kind of number."""
    found: dict[Symbol, Any] = {}

    def value(part: Symbol | float) -> Any:
        if not isinstance(part, Symbol):
            return part
        return x[part.index] if part.function == "x" else y if part.function == "y" else found[part]

    for each in in_order(formula):
        function = OPERATORS.get(each.function) or getattr(xp, each.function)
        found[each] = function(*map(value, each.operands))
    return value(formula)


def points(row: Primitive) -> Iterator[tuple[float, ...]]:
    few = AWKWARD if len(row.arguments) < 3 else AWKWARD[::2]
    yield from product(few, repeat=len(row.arguments))
    yield from zip(*row.domain, strict=True)


def outcome(compute: Callable[[], Any]) -> str:
    """A float by its digits, or the error."""
    try:
        return repr(float(compute()))
    except (ArithmeticError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("row", FIXED, ids=operator.attrgetter("name"))
def test_on_floats(row: Primitive) -> None:
    formula, partials = value_formula(row), partial_formulas(row)
    for x in points(row):
        want = outcome(lambda x=x: row.forward(FLOATS, *x))
        assert outcome(lambda x=x: evaluate(formula, FLOATS, None, x)) == want, x
        y = float(want) if ":" not in want else 0.5
        for k, partial in enumerate(partials):
            want = outcome(lambda k=k, x=x, y=y: row.partial(FLOATS, k, y, x))
            assert outcome(lambda x=x, y=y, f=partial: evaluate(f, FLOATS, y, x)) == want, (k, x)


@pytest.mark.parametrize("row", FIXED, ids=operator.attrgetter("name"))
def test_on_arrays(row: Primitive) -> None:
    x = [np.array(column) for column in zip(*points(row), strict=True)]
    with np.errstate(all="ignore"):
        y = row.forward(arrays(), *x)
        np.testing.assert_array_equal(evaluate(value_formula(row), arrays(), None, x), y)
        for k, partial in enumerate(partial_formulas(row)):
            want = np.broadcast_to(row.partial(arrays(), k, y, x), x[0].shape)
            got = np.broadcast_to(evaluate(partial, arrays(), y, x), x[0].shape)
            np.testing.assert_array_equal(got, want)


def row_of(forward: Callable[..., Any], *partials: Callable[..., Any]) -> Primitive:
    domain = [(0.1, 0.9)] * len(partials)
    return Primitive("mine", "mine", "#1", domain, "of mine", forward, *partials)


def test_equal_expressions_are_one_object() -> None:
    row = row_of(lambda xp, x: xp.exp(-x) / (1 + xp.exp(-x)), lambda xp, y, x: y * 0.0 + y * -0.0)
    assert [each.function for each in in_order(value_formula(row))] == ["neg", "exp", "add", "div"]
    (partial,) = partial_formulas(row)
    assert [repr(each) for each in in_order(partial)][:2] == ["mul(y, 0.0)", "mul(y, -0.0)"]


def test_only_what_is_exact_is_simplified() -> None:
    def text(forward: Callable[..., Any]) -> str:
        return repr(value_formula(row_of(forward, lambda xp, y, x: 1.0)))

    assert text(lambda xp, x: 1 * x * 1.0 / 1 + 2 * xp.exp(0.0)) == "add(x0, 2.0)"
    assert text(lambda xp, x: x + 0.0) == "add(x0, 0.0)"
    assert text(lambda xp, x: 0 * x - 0) == "sub(mul(0.0, x0), 0.0)"
    assert text(lambda xp, x: +(x**2) - 2**x) == "sub(pow(x0, 2.0), pow(2.0, x0))"
    assert text(lambda xp, x: np.float64(2.0) * x - np.float64(1.0)) == "sub(mul(2.0, x0), 1.0)"


def test_other_rows_are_expanded(unregister: None) -> None:
    register(
        Primitive(
            "twice", "twice", "2 #1", [(0, 1)], "2 x", lambda xp, x: 2 * x, lambda xp, y, x: 2
        )
    )
    row = row_of(lambda xp, x: xp.relu(xp.twice(x)), lambda xp, y, x: xp.dot(x, y, 1.0))
    assert repr(value_formula(row)) == "maximum(mul(2.0, x0), 0.0)"
    assert repr(partial_formulas(row)) == "(add(1.0, mul(x0, y)),)"
    assert partial_formulas(TABLE["twice"]) == (2.0,)


@pytest.mark.parametrize(
    ("forward", "advice"),
    [
        (lambda xp, x: x if x > 0 else 0.0, "xp.less(b, a)"),
        (lambda xp, x: x if x >= 0 else 0.0, "xp.less_equal(b, a)"),
        (lambda xp, x: max(x, 0.0), "xp.less"),
        (lambda xp, x: x if x <= 0 else 0.0, "xp.less_equal(a, b)"),
        (lambda xp, x: 1.0 if x == 0 else x, "xp.equal(a, b)"),
        (lambda xp, x: 1.0 if x != 0 else x, "1 - xp.equal(a, b)"),
        (lambda xp, x: x or 1.0, "xp.where(condition, a, b)"),
        (lambda xp, x: math.exp(x), "xp.exp(x)"),
    ],
)
def test_a_formula_that_asks_for_its_number(forward: Callable[..., Any], advice: str) -> None:
    with pytest.raises(TypeError) as caught:
        value_formula(row_of(forward, lambda xp, y, x: 1.0))
    assert advice in str(caught.value)
    assert "work on arrays and symbols too" in str(caught.value)


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.variadic], ids=operator.attrgetter("name")
)
def test_rows_of_any_number_of_arguments_have_no_single_formula(row: Primitive) -> None:
    for trace in (value_formula, partial_formulas):
        with pytest.raises(TypeError, match=f"{row.name} takes any number of arguments"):
            trace(row)


def test_what_is_no_number() -> None:
    with pytest.raises(TypeError, match="a formula of mine gave None"):
        value_formula(row_of(lambda xp, x: None, lambda xp, y, x: 1.0))
    with pytest.raises(TypeError, match="add in a formula takes numbers, but got '1'"):
        value_formula(row_of(lambda xp, x: x + "1", lambda xp, y, x: 1.0))


def test_a_deep_formula_needs_no_recursion() -> None:
    def power(xp: Any, x: Any) -> Any:
        for _ in range(5000):
            x = x * x
        return x

    assert len(in_order(value_formula(row_of(power, lambda xp, y, x: 1.0)))) == 5000
