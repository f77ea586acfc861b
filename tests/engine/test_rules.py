"""Every row of the table is true: all over its domain, at kinks, far out, and to second order."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from itertools import product
from math import copysign, cos, inf, isnan, nan, pi
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Primitive, Value, dot, node
from engine.elementary import FLOATS
from engine.rules import ROWS, TABLE

from .reference import PROOFS, apply, check_kink, node_at, report, same

Plant = Callable[..., Primitive]
NAME = operator.attrgetter("name")
TRUE = [row for row in ROWS if row.name != "stop_gradient"]  # whose partial is 0 on purpose
rows = pytest.mark.parametrize("row", TRUE, ids=NAME)


@rows
@pytest.mark.parametrize("proof", PROOFS)
def test_every_row_is_true(row: Primitive, proof: str) -> None:
    PROOFS[proof](row)


# --- the proofs can fail ---

WRONG_VALUES: list[tuple[str, str, Any]] = [
    ("value", "sin", lambda xp, x: xp.cos(x)),
    ("awkward", "sigmoid", lambda xp, x: xp.exp(x) / (1 + xp.exp(x))),  # overflows
    ("awkward", "hypot", lambda xp, a, b: xp.sqrt(a * a + b * b)),  # overflows
]
WRONG_PARTIALS: list[tuple[str, str, list[Any]]] = [
    ("partials", "tanh", [lambda xp, y, x: 1 + y * y]),
    ("partials", "erf", [lambda xp, y, x: 1.12837917 * xp.exp(-x * x)]),  # too few digits
    ("partials", "hypot", [*TABLE["hypot"].partials[::-1]]),  # arguments mixed up
    ("partials", "logsumexp", [lambda xp, k, y, x: xp.exp(x[k])]),
    ("second_order", "exp", [lambda xp, y, x: y.detach()]),  # a graph cut off
    ("arrays", "relu", [lambda xp, y, x: 1.0 if y > 0 else 0.0]),  # a Python if
    ("kinks", "abs", [lambda xp, y, x: x / y]),
]
found = partial(pytest.raises, (AssertionError, ValueError))


@pytest.mark.parametrize(("proof", "name", "forward"), WRONG_VALUES)
def test_a_wrong_value_is_found(proof: str, name: str, forward: Any, plant: Plant) -> None:
    row = plant(name, forward=forward)
    with found(match=rf"{name}\(.* should be"):
        PROOFS[proof](row)


@pytest.mark.parametrize(("proof", "name", "partials"), WRONG_PARTIALS)
def test_a_wrong_partial_is_found(proof: str, name: str, partials: list[Any], plant: Plant) -> None:
    row = plant(name, *partials)
    with found(match=rf"{name}\(.* should be|truth value of an array"):
        PROOFS[proof](row)


# --- kinks ---

# The table in the docstring of engine/rules.py, by hand: a row's own list could be wrong as well.
POLICY = [
    ("abs", (0.0,), (0.0,)),
    ("relu", (0.0,), (0.0,)),
    ("sign", (0.0,), (0.0,)),
    ("step", (0.0,), (0.0,)),
    ("leaky_relu", (0.0, 0.25), (0.25, 0.0)),
    ("hypot", (0.0, 0.0), (0.0, 0.0)),
    ("atan2", (0.0, 0.0), (0.0, 0.0)),
    ("pow", (0.0, 0.0), (0.0, 0.0)),
    ("pow", (0.0, 0.5), (inf, 0.0)),
    ("pow", (0.0, 1.0), (1.0, 0.0)),
    ("pow", (0.0, 3.0), (0.0, 0.0)),
    ("pow", (-1.5, 2.0), (-3.0, nan)),
    ("maximum", (-2.0, -2.0), (0.5, 0.5)),
    ("minimum", (-2.0, -2.0), (0.5, 0.5)),
    ("maximum", (nan, 1.0), (0.5, 0.5)),
    ("maximum", (1.0, nan), (0.5, 0.5)),
    ("minimum", (nan, 1.0), (0.5, 0.5)),
    ("minimum", (nan, nan), (0.5, 0.5)),
    ("gelu", (inf,), (1.0,)),
    ("gelu", (-inf,), (0.0,)),
    ("sqrt", (0.0,), (inf,)),
    ("sqrt", (-0.0,), (-inf,)),
    ("asin", (1.0,), (inf,)),
    ("asin", (-1.0,), (inf,)),
    ("acos", (1.0,), (-inf,)),
    ("acos", (-1.0,), (-inf,)),
]


@pytest.mark.parametrize(("name", "point", "partials"), POLICY)
def test_kinks_follow_the_written_policy(
    name: str, point: tuple[float, ...], partials: tuple[float, ...]
) -> None:
    check_kink(TABLE[name], point, partials)


@given(st.floats(allow_nan=False))
def test_ties_share_half_and_half_anywhere(x: float) -> None:
    check_kink(TABLE["maximum"], (x, x), (0.5, 0.5))
    check_kink(TABLE["minimum"], (x, x), (0.5, 0.5))


unsigned = [row for row in ROWS if row.name not in ("atan2", "sqrt")]


@pytest.mark.parametrize("row", unsigned, ids=NAME)
def test_minus_zero_is_zero(row: Primitive) -> None:
    """Not in atan2, where it tells the sides of the cut apart, nor in sqrt: 0.5 / -0.0 is -inf."""
    for point in product([0.0, 0.5, -0.5], repeat=2 if row.variadic else len(row.domain)):
        plus, minus = node_at(row, point), node_at(row, [x or -0.0 for x in point])
        assert (plus is None) == (minus is None)
        if plus is not None and minus is not None:
            assert plus.data == minus.data
            for want, got in zip(plus.local_derivatives, minus.local_derivatives, strict=True):
                assert same(got, want), report(row, point, "with -0.0 a partial", got, want)


# --- NaN and infinity travel as floats do ---

TRAVELS = [
    ("exp", (inf,), inf),
    ("exp", (-inf,), 0.0),
    ("log", (inf,), inf),
    ("sqrt", (inf,), inf),
    ("atan", (inf,), pi / 2),
    ("tanh", (-inf,), -1.0),
    ("sigmoid", (inf,), 1.0),
    ("sigmoid", (-inf,), 0.0),
    ("softplus", (inf,), inf),
    ("softplus", (-inf,), 0.0),
    ("relu", (-inf,), 0.0),
    ("leaky_relu", (-inf, 0.01), -inf),
    ("gelu", (inf,), inf),
    ("gelu", (-inf,), 0.0),
    ("erf", (-inf,), -1.0),
    ("add", (inf, 1.0), inf),
    ("sub", (inf, inf), nan),
    ("mul", (inf, 0.0), nan),
    ("div", (1.0, inf), 0.0),
    ("pow", (2.0, -inf), 0.0),
    ("pow", (nan, 0.0), 1.0),
    ("hypot", (-inf, nan), inf),
    ("maximum", (nan, 1.0), nan),
    ("maximum", (1.0, nan), nan),
    ("minimum", (nan, 1.0), nan),
    ("minimum", (1.0, nan), nan),
    ("less", (nan, 1.0), 0.0),
    ("equal", (nan, nan), 0.0),
    ("sum", (inf, 1.0, nan), nan),
    ("dot", (2.0, inf), inf),
    ("logsumexp", (inf, 1.0), inf),
    ("logsumexp", (-inf, 1.0), 1.0),
    ("logsumexp", (-inf, -inf), -inf),
    ("logsumexp", (inf, 1000.0), inf),
]


@pytest.mark.parametrize(("name", "point", "value"), TRAVELS)
def test_infinity_travels_as_floats_do(name: str, point: tuple[float, ...], value: float) -> None:
    assert same(apply(TABLE[name], [Value(x) for x in point]).data, value, 1e-15)


@rows
def test_nan_in_gives_nan_out(row: Primitive) -> None:
    if len(row.domain) == 1:
        assert same(apply(row, [Value(nan)]).data, nan)


# --- what node.py and value.py have inlined for speed equals the rows ---

numbers = st.floats() | st.sampled_from([0.0, -0.0, 1.0, inf, -inf, nan])
OPERATORS = {name: getattr(operator, name) for name in ("add", "sub", "mul", "neg", "pow", "abs")}
OPERATORS |= {"div": operator.truediv, "relu": Value.relu}


@pytest.mark.parametrize("name", OPERATORS)
@settings(max_examples=200)
@given(data=st.data(), seed=numbers)
def test_operators_equal_their_rows(name: str, data: st.DataObject, seed: float) -> None:
    row = TABLE[name]
    x = [Value(data.draw(numbers)) for _ in row.domain]
    check_inlined(row, x, lambda: OPERATORS[name](*x), seed)


@given(st.lists(st.tuples(numbers, numbers), max_size=4), st.none() | numbers, numbers)
def test_dot_equals_its_row(
    pairs: list[tuple[float, float]], bias: float | None, seed: float
) -> None:
    weights, inputs = [Value(w) for w, _ in pairs], [Value(x) for _, x in pairs]
    b = [] if bias is None else [Value(bias)]
    check_inlined(TABLE["dot"], [*weights, *inputs, *b], lambda: dot(weights, inputs, *b), seed)


@given(st.lists(numbers), numbers)
def test_sum_equals_its_row(terms: list[float], seed: float) -> None:
    x = [Value(each) for each in terms]
    check_inlined(TABLE["sum"], x, lambda: apply(TABLE["sum"], x), seed)


def check_inlined(row: Primitive, x: list[Value], compute: Callable[[], Any], seed: float) -> None:
    """Value and gradients are those of the row, to the last bit; so is the type of an error."""
    try:
        value = row.forward(FLOATS, *(each.data for each in x))
    except (ArithmeticError, ValueError) as error:
        with pytest.raises(type(error)):
            compute()
        return
    result = compute()
    computed = result if isinstance(result, float) else result.data
    assert same(computed, value)
    assert copysign(1.0, computed) == copysign(1.0, value) or isnan(value)  # 0.0 == -0.0
    if isinstance(result, Value):
        assert all(used is each for used, each in zip(result.inputs, x, strict=True))
        assert all(same(used, each.data) for used, each in zip(result.primals, x, strict=True))
        result.backward(seed)
        for leaf, derivative in zip(x, result.local_derivatives, strict=True):
            chosen = derivative != 0.0 or not row.selects
            assert same(leaf.grad, seed * derivative if chosen else 0.0)


def test_the_codes_of_inlined_rows_are_their_places_in_the_table() -> None:
    """All that node.py names: LEAF and CONSTANT are no rows, and below 0."""
    numbers = {name: n for name, n in vars(node).items() if name.isupper() and type(n) is int}
    codes = {name: n for name, n in numbers.items() if n >= 0}
    assert {*numbers} - {*codes} == {"LEAF", "CONSTANT"}
    assert {"ADD", "STOP_GRADIENT"} <= {*codes}
    for name, code in codes.items():
        assert ROWS[code] is TABLE[name.lower()]


# --- the table itself ---


@rows
def test_a_row_describes_itself(row: Primitive) -> None:
    names = row.arguments * 2 if row.variadic else row.arguments
    tex = row.tex(*names)
    assert row.name.isidentifier()
    assert row.symbol
    assert row.doc
    assert "#" not in tex
    assert tex.count("{") == tex.count("}")
    assert all(name in row.call(*names) for name in names)
    assert all(len(x) == len(partials) == len(row.domain) for x, partials in row.kinks.items())
    assert all(low < high for low, high in row.domain)


def first(xp: Any, *x: Any) -> Any:
    return x[0]


INCOMPLETE: list[tuple[str, int, Callable[..., Any], list[Any], dict[str, Any]]] = [
    ("2 arguments, 1 partials and 2 intervals", 2, lambda xp, a, b: a, [first], {}),
    ("0 arguments, 0 partials and 0 intervals", 0, lambda xp: 1.0, [], {}),
    ("at most one default", 1, lambda xp, x: x, [first], {"defaults": (1.0, 2.0)}),
    ("variadic=True", 1, first, [first], {}),
    ("variadic=True", 1, lambda xp, x: x, [first], {"variadic": True}),
    ("0 partials", 1, first, [], {"variadic": True}),
    ("2 intervals", 2, first, [first], {"variadic": True}),
]


@pytest.mark.parametrize(("words", "intervals", "forward", "partials", "more"), INCOMPLETE)
def test_a_row_that_is_not_complete_is_refused(
    words: str, intervals: int, forward: Any, partials: list[Any], more: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=rf"^the row of f has .*{words}"):
        Primitive("f", "f", "f", [(0, 1)] * intervals, "f", forward, *partials, **more)


def test_a_builtin_does_not_tell_its_arguments() -> None:
    with pytest.raises(TypeError, match=r"value of f as lambda xp, x: .* <built-in function cos>"):
        Primitive("f", "f", "f", [(0, 1)], "f", cos, lambda xp, y, x: 1.0)
