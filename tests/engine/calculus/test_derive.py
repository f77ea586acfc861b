"""Derivatives of any order: against high precision, closed forms, and each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise, product
from math import inf, isfinite, isnan, nan
from threading import Thread
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import (
    Primitive,
    Value,
    dot,
    exp,
    less,
    log,
    logsumexp,
    maximum,
    minimum,
    no_grad,
    record,
    relu,
    sin,
    sqrt,
    structures,
    tanh,
    where,
)
from engine import sum as total
from engine.backward import topological_order
from engine.calculus.extended import Functions
from engine.calculus.graphs import partial_graph
from engine.derive import grad, gradient, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from engine.functions import VALUES, register, withdraw
from engine.node import ENGINE
from engine.rules import ROWS, TABLE

from ..graphs import Program, programs, run
from ..reference import agree, apply, exact, mp, points, reference, report, same

AWKWARD = (0.0, -0.0, 1.0, -1.0, 0.5, -1.5, 2.0, 1000.0, -1000.0, 1e-300, 1e300, inf, -inf, nan)


def rosenbrock(x: Sequence[Any]) -> Any:
    terms = [100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x)]
    return total(terms)


def rosenbrock_hessian(x: Sequence[float]) -> Any:
    """By hand."""
    n = len(x)
    result = np.zeros((n, n))
    for k in range(n - 1):
        result[k, k] += 1200 * x[k] ** 2 - 400 * x[k + 1] + 2
        result[k + 1, k + 1] += 200
        result[k, k + 1] = result[k + 1, k] = -400 * x[k]
    return result


def rich(x: Sequence[Any]) -> Any:
    """Something of everything, rows of many operands included."""
    a, b, c = x
    weighted = dot([a, b, c], [b, c, a], bias=sin(a * b))
    branch = where(a < b, a * c * c, maximum(a * a, b * c))
    return logsumexp([weighted, branch, c / (1 + b * b)]) * total([a**3.0, b.tanh(), c.exp()])


# --- every row of the table ---


def second_order(row: Primitive, point: Sequence[float]) -> None:
    """First and second derivatives, by graphs of the partials, are right."""
    f, ks = reference(row), range(len(point))
    x = [Value(each) for each in point]
    slopes = gradient(apply(row, x), x, differentiable=True)
    wanted = {(k, j): exact(f, point, k, j) for k in ks for j in ks if k <= j}
    size = max([1, *(abs(want) for want in wanted.values() if want is not None)])
    for k, slope in enumerate(slopes):
        want = exact(f, point, k)
        if want is None:
            continue
        assert agree(slope.data, want), report(row, point, f"partial {k}", slope.data, want)
        for j, got in enumerate(gradient(slope, x)):
            want = wanted[min(k, j), max(k, j)]
            fits = want is None or agree(got, want, size)
            assert fits, report(row, point, f"partial {k}, {j}", got, want)


TRUE = [row for row in ROWS if row.name != "stop_gradient"]  # which is not meant to be


@pytest.mark.parametrize("row", TRUE, ids=lambda row: row.name)
def test_first_and_second_derivatives_of_every_row(row: Primitive) -> None:
    @given(points(row))
    def holds(point: Sequence[float]) -> None:
        second_order(row, point)

    holds()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_where_floats_would_raise_a_derivative_is_inf_or_nan(row: Primitive) -> None:
    """Floats, graphs and backward() say the same, at special points as well."""
    count = 2 if row.variadic else len(row.arguments)
    for point in product(AWKWARD[:: 1 if count < 3 else 3], repeat=count):
        x = [Value(each) for each in point]
        try:
            y = apply(row, x)
        except (ArithmeticError, ValueError):
            continue
        y.backward()
        floats = gradient(y, x)
        graphs = gradient(y, x, differentiable=True)
        direction = (1.0, *[0.0] * (count - 1)) if count > 1 else 1.0
        moved = jvp(lambda *x: apply(row, x))(*point, direction=direction)[1]
        for k, leaf in enumerate(x):
            assert same(floats[k], leaf.grad), (point, k)
            assert same(graphs[k].data, leaf.grad), (point, k, graphs)
            gradient(graphs[k], x)  # it can be differentiated again
            gradient(graphs[k], x, differentiable=True)
        if all(map(isfinite, floats)):
            assert same(moved, floats[0]), point


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_is_inlined_equals_the_rows(row: Primitive) -> None:
    for point in ([0.5, 0.25, 2.0, -1.0, 3.0], [0.75, 0.5, 0.0, 7.0, 11.0]):
        x = [Value(each) for each in (point if row.variadic else point[: len(row.arguments)])]
        y = apply(row, x)
        for k in range(len(x)):
            got = partial_graph(y, k, tuple(x))
            want = row.partial(VALUES, k, y, tuple(x))
            assert isinstance(got, Value) == isinstance(want, Value)
            numbers = [each.data if isinstance(each, Value) else each for each in (got, want)]
            assert numbers[0] == numbers[1]
            assert gradient(y, x[k]) == pytest.approx(numbers[1], rel=1e-15)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_extended_partials_are_the_partials_where_both_exist(row: Primitive) -> None:
    point = [0.5, 0.25, 0.75][: 3 if row.variadic else len(row.arguments)]
    x = [Value(each) for each in point]
    y = apply(row, x)
    from engine.calculus.extended import extended_graph

    for k in range(len(x)):
        pair = [row.partial(VALUES, k, y, tuple(x)), extended_graph(row, k, y, tuple(x))]
        got, want = (each.data if isinstance(each, Value) else each for each in pair)
        assert got == pytest.approx(want, rel=1e-15)
        if isinstance(pair[0], Value):
            assert gradient(pair[0], x) == pytest.approx(gradient(pair[1], x), rel=1e-14)


def test_the_second_derivative_is_infinite_where_the_first_is() -> None:
    x = Value(0.0)
    slope = gradient(sqrt(x), x, differentiable=True)
    assert (slope.data, gradient(slope, x)) == (inf, -inf)
    slope = gradient(sqrt(x) * 3, x, differentiable=True)
    assert (slope.data, gradient(slope, x)) == (inf, -inf)
    x = Value(1.0)
    slope = gradient(x.asin(), x, differentiable=True)
    assert slope.data == inf
    assert not isfinite(gradient(slope, x))


def test_backward_through_an_infinite_derivative() -> None:
    x = Value(0.0)
    gradient(sqrt(x), x, differentiable=True).backward()
    assert x.grad == -inf


def test_extended_formulas_know_the_table() -> None:
    with pytest.raises(AttributeError, match="sinus"):
        Functions().sinus  # noqa: B018


# --- random graphs ---


def value_of(program: Program) -> Callable[..., Any]:
    return lambda *x: run(x, program, apply)


@given(programs())
def test_floats_are_those_of_backward_to_the_last_digit(drawn: tuple[list[float], Program]) -> None:
    leaves, program = drawn
    x = [Value(each) for each in leaves]
    y = run(x, program, apply)
    y.backward()
    grads = [leaf.grad for leaf in x]
    assert gradient(y, x) == grads
    assert [leaf.grad for leaf in x] == grads
    slopes = gradient(y, x, differentiable=True)
    assert [slope.data for slope in slopes] == pytest.approx(grads, rel=1e-12, abs=1e-12)


SMOOTH = [row for row in TRUE if not row.selects and row.name != "abs"]


@given(programs(SMOOTH))
def test_hessians_of_random_graphs(drawn: tuple[list[float], Program]) -> None:
    leaves, program = drawn
    f = value_of(program)
    args = [*leaves]

    def exactly(*x: Any) -> Any:
        return run(x, program, lambda row, given: reference(row)(*map(mp.mpf, given)))

    matrix = hessian(lambda x: f(*x))(args)
    size = max(1.0, *(abs(each) for line in matrix for each in line))
    forward = [
        jvp(grad(lambda x: f(*x)))(args, direction=[float(k == n) for n in range(len(args))])[1]
        for k in range(len(args))
    ]
    for k, j in product(range(len(args)), repeat=2):
        want = exact(exactly, args, k, j)
        assert matrix[k][j] == pytest.approx(matrix[j][k], rel=1e-9, abs=1e-9 * size)
        assert forward[k][j] == pytest.approx(matrix[k][j], rel=1e-9, abs=1e-9 * size)
        if want is not None:
            assert matrix[k][j] == pytest.approx(float(want), rel=1e-8, abs=1e-8 * size)


# --- closed forms ---


def test_tanh_to_the_fifth() -> None:
    f: Any = Value.tanh
    for x in (-2.0, 0.0, 0.3, 1.7):
        t = math.tanh(x)
        closed = [
            t,
            1 - t**2,
            -2 * t + 2 * t**3,
            -2 + 8 * t**2 - 6 * t**4,
            16 * t - 40 * t**3 + 24 * t**5,
            16 - 136 * t**2 + 240 * t**4 - 120 * t**6,
        ]
        derivative = f
        for order, want in enumerate(closed):
            if order:
                derivative = grad(derivative)
                assert derivative(x) == pytest.approx(want, rel=1e-12, abs=1e-12), order
        y = node = Value(x)
        y = y.tanh()
        for want in closed[1:]:
            y = gradient(y, node, differentiable=True)
            assert y.data == pytest.approx(want, rel=1e-12, abs=1e-12)


def test_rosenbrock() -> None:
    x = [-1.2, 1.0, 0.5, 2.0]
    want = rosenbrock_hessian(x)
    assert np.allclose(hessian(rosenbrock)(x), want, rtol=1e-13)
    vector = [1.0, -2.0, 0.5, 3.0]
    assert np.allclose(hvp(rosenbrock)(x, direction=vector), want @ vector, rtol=1e-13)
    assert grad(rosenbrock)([1.0, 1.0]) == [0.0, 0.0]


def test_ways_to_the_same_hessian() -> None:
    x = [0.7, -0.4, 0.2]
    full = np.array(hessian(rich)(x))
    unit = np.eye(3).tolist()
    step = 1e-5

    def difference(k: int) -> Any:
        ends = [
            np.array(grad(rich)([a + sign * step * (n == k) for n, a in enumerate(x)]))
            for sign in (1, -1)
        ]
        return (ends[0] - ends[1]) / (2 * step)

    assert np.allclose(full, full.T, rtol=1e-13)
    assert np.allclose(full, jacobian(grad(rich))(x), rtol=1e-13)
    assert np.allclose(full, [hvp(rich)(x, direction=u) for u in unit], rtol=1e-13)
    assert np.allclose(full, [jvp(grad(rich))(x, direction=u)[1] for u in unit], rtol=1e-13)
    assert np.allclose(full, [vjp(grad(rich))(x, seeds=u)[1] for u in unit], rtol=1e-13)
    along = [grad(lambda x, u=u: jvp(rich)(x, direction=u)[1])(x) for u in unit]
    assert np.allclose(full, along, rtol=1e-13)
    again = [jvp(lambda x, u=u: jvp(rich)(x, direction=u)[1])(x, direction=u)[1] for u in unit]
    assert np.allclose(np.diag(full), again, rtol=1e-13)
    assert np.allclose(full, [difference(k) for k in range(3)], rtol=1e-7)


def test_third_order_of_rows_with_many_operands() -> None:
    def f(x: Sequence[Any]) -> Any:
        return logsumexp([dot(x, x), total(x), x[0] * x[1]])

    def along(x: float) -> float:
        a, b = 0.3 + x, -0.2 + 2 * x
        return math.log(math.exp(a * a + b * b) + math.exp(a + b) + math.exp(a * b))

    mp.dps = 50
    want = mp.diff(
        lambda t: mp.log(
            mp.exp((mp.mpf(0.3) + t) ** 2 + (2 * t - mp.mpf(0.2)) ** 2)
            + mp.exp(mp.mpf(0.3) - mp.mpf(0.2) + 3 * t)
            + mp.exp((mp.mpf(0.3) + t) * (2 * t - mp.mpf(0.2)))
        ),
        0,
        3,
    )
    g: Any = lambda t: f([0.3 + t, -0.2 + 2 * t])  # noqa: E731
    assert g(0.0) == pytest.approx(along(0.0))
    assert grad(grad(grad(g)))(0.0) == pytest.approx(float(want), rel=1e-11)


# --- nested derivatives ---


def test_perturbation_confusion() -> None:
    """Siskind and Pearlmutter: d/dx (x * d/dy (x + y) at y = 1) at x = 1 is 1, and not 2."""
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0) == 1.0
    assert grad(lambda x: x * grad(lambda y: x + y)(x))(1.0) == 1.0
    for inner in (1.0, None):  # d/dx (x * d/dy (x * y)) = d/dx (x * x)
        at = (lambda x: x) if inner is None else (lambda x: inner)  # noqa: B023
        assert grad(lambda x: x * grad(lambda y: x * y)(at(x)))(2.0) == 4.0  # noqa: B023
    assert jvp(lambda x: x * jvp(lambda y: x + y)(x, direction=1.0)[1])(1.0, direction=1.0)[1] == 1
    assert (
        jvp(lambda x: x * jvp(lambda y: x * y)(1.0, direction=1.0)[1])(3.0, direction=1.0)[1] == 6
    )
    assert grad(lambda x: jvp(lambda y: y * y * x)(3.0, direction=1.0)[1])(5.0) == 6.0
    assert grad(lambda x: x * hvp(lambda y: x * y * y)(1.0, direction=1.0))(3.0) == 12.0
    assert grad(lambda x: x * hessian(lambda y: x * y * y)(1.0))(3.0) == 12.0
    assert grad(lambda x: value_and_grad(lambda y: x * y)(2.0)[0])(3.0) == 2.0
    assert grad(lambda x: vjp(lambda y: x * y)(2.0, seeds=1.0)[0])(3.0) == 2.0


def test_a_direction_is_an_argument_too() -> None:
    x = [0.7, -0.4, 0.2]
    vector = [1.0, 2.0, 3.0]
    product_with = jacobian(lambda v: hvp(rich)(x, direction=v))(vector)
    assert np.allclose(product_with, hessian(rich)(x), rtol=1e-13)
    assert grad(lambda s: vjp(lambda y: [y * y])(3.0, seeds=[s])[1])(1.0) == 6.0


def test_values_in_values_out() -> None:
    x, w = Value(2.0), Value(5.0)
    slope = grad(lambda x: w * x**3)(x)
    assert slope.data == 60.0
    slope.backward()
    assert (x.grad, w.grad) == (60.0, 12.0)
    assert grad(lambda x: w * x**3)(2.0) == 60.0  # numbers in: a float, though w is a Value
    assert type(grad(lambda x: w * x**3)(2)) is float
    value, slopes = value_and_grad(lambda x, y: x * y)(x, 3.0)
    assert isinstance(value, Value)
    assert isinstance(slopes[1], Value)
    assert (value.data, slopes[0].data, slopes[1].data) == (6.0, 3.0, 2.0)


def test_minus_zero_stays_minus_zero() -> None:
    seen = []
    grad(lambda x: seen.append(x) or x)(Value(-0.0))
    assert math.copysign(1.0, seen[0].data) == -1.0


def test_no_grad_around_and_within() -> None:
    with no_grad():
        assert grad(lambda x: x * x)(3.0) == 6.0
        assert hessian(lambda x: x * x * x)(3.0) == 18.0
        assert jvp(lambda x: x * x)(3.0, direction=1.0) == (9.0, 6.0)
        slope = grad(lambda x: x * x)(Value(3.0))
        assert slope.data == 6.0
        assert slope.is_constant
        assert (Value(2.0) * 3.0).is_constant
    assert not (Value(2.0) * 3.0).is_constant

    @no_grad
    def stopped(x: Any) -> Any:
        return x * x

    assert grad(lambda x: x * stopped(x))(3.0) == 9.0
    with pytest.raises(ZeroDivisionError), no_grad():
        grad(lambda x: x / 0)(3.0)
    assert not ENGINE.paused()


# --- branches not taken, and graphs at other points ---


def rooted(x: Any) -> Any:
    """Its branches have infinite derivatives at the border, directly and further down."""
    inner = where(less(0.0, x), sqrt(maximum(x, 0.0)) * 2.0, 0.0)
    shared = sqrt(abs(x))
    deep = where(less(1.0, x), shared * shared * sin(shared), x)
    return inner + deep + maximum(x, sqrt(abs(x)) - 3.0) * x.relu()


def plain(x: Any) -> Any:
    """The same without the branch."""
    return where(Value(1.0) * x.step(), x, sqrt(abs(x)))


@pytest.mark.parametrize("f", [rooted, plain])
@pytest.mark.parametrize("x", [0.0, -2.0, 0.5, 1.0, 3.0, 10.0])
def test_nothing_comes_from_a_branch_not_taken(f: Callable[[Any], Any], x: float) -> None:
    leaf = Value(x)
    y = f(leaf)
    y.backward()
    slope = gradient(y, leaf, differentiable=True)
    assert same(gradient(y, leaf), leaf.grad)
    assert same(slope.data, leaf.grad, 1e-12)
    if x not in (0.0, 1.0):  # there it has kinks
        assert gradient(slope, leaf) == pytest.approx(
            (gradient_at(f, x + 1e-6) - gradient_at(f, x - 1e-6)) / 2e-6, rel=1e-4, abs=1e-6
        )


def gradient_at(f: Callable[[Any], Any], x: float) -> float:
    leaf = Value(x)
    return float(gradient(f(leaf), leaf))


def test_an_infinite_adjoint_meets_a_partial_of_zero() -> None:
    x = Value(-1.0)
    y = sqrt(x.relu())
    y.backward()
    assert x.grad == 0.0
    assert gradient(y, x) == 0.0
    assert gradient(y, x, differentiable=True).data == 0.0
    assert jvp(lambda x: sqrt(x.relu()))(-1.0, direction=1.0)[1] == 0.0
    assert jvp(lambda x: sqrt(x.relu()))(Value(-1.0), direction=1.0)[1].data == 0.0


def test_zero_times_infinity_is_nan_where_all_rows_take_part() -> None:
    x = Value(0.0)
    y = sqrt(x) ** 2
    y.backward()
    assert isnan(x.grad)
    assert isnan(gradient(y, x))
    assert isnan(gradient(y, x, differentiable=True).data)


@pytest.mark.parametrize("f", [rooted, plain, lambda x: x.relu() * x, lambda x: x**2.0 + x.exp()])
@pytest.mark.parametrize("start", [-2.0, 0.5, 3.0])
def test_a_derivative_holds_at_other_points(f: Callable[[Any], Any], start: float) -> None:
    leaf = Value(start)
    slope = gradient(f(leaf), leaf, differentiable=True)
    for x in (-3.0, -0.5, 0.25, 0.75, 2.0, 5.0):
        leaf.data = x
        assert same(slope.recompute().data, gradient_at(f, x), 1e-12), x


def test_a_derivative_may_be_infinite_at_another_point() -> None:
    """The graph of a derivative raises nowhere: only the function itself may have no value."""
    leaf = Value(4.0)
    y = sqrt(leaf)
    slope = gradient(y, leaf, differentiable=True)
    curvature = gradient(slope * 1.0, leaf, differentiable=True)
    leaf.data = 0.0
    assert slope.recompute().data == inf
    assert curvature.recompute().data == -inf
    leaf.data = -1.0
    with pytest.raises(ValueError, match="sqrt needs x >= 0"):
        slope.recompute()
    assert slope.data == inf
    quotient = 1.0 / Value(1.0)
    moved = jvp(sqrt)(Value(4.0), direction=quotient)[1]
    quotient.inputs[1].data = 0.0
    with pytest.raises(ZeroDivisionError):
        moved.recompute()  # of the direction, which is no derivative


# What has an infinite derivative at x[0] = 0 and is not chosen there; its neighbours have finite
# ones, which are not to be met by a 0 either when they are differentiated again.
NOT_TAKEN: list[Callable[[Any], Any]] = [
    lambda x: x[1] * sqrt(x[0]),
    lambda x: sin(x[1] * sqrt(x[0])),
    lambda x: (sqrt(x[0]) + x[1]) ** 2,
    lambda x: exp(sqrt(x[0]) * x[1]),
    lambda x: dot([x[1], sqrt(x[0])], [sqrt(x[0]), x[1]]),
    lambda x: logsumexp([x[1] * sqrt(x[0]), x[1]]),
    lambda x: x[1] * (1 - x[0]).asin() * x[1],
    lambda x: x[1] / (sqrt(x[0]) + x[1]),
    lambda x: relu(x[1] * sqrt(x[0])) * x[1],
    lambda x: tanh(sqrt(x[0]) * x[1] + x[0]) * sqrt(x[0]),
]
CHOICES: list[Callable[[Any, Any, Any], Any]] = [
    lambda a, b, x: where(x[0] > 0, a, b),
    lambda a, b, x: b + where(x[0] > 0, a, 0.0) * x[1],
    lambda a, b, x: where(x[0] > 0, where(x[1] > 0, a * x[1], a), b),
    lambda a, b, x: maximum(a - 1000, b),
    lambda a, b, x: minimum(b, a + 1000),
    lambda a, b, x: relu(a - 1000) * x[1] + b,
]
UNIT = [[1.0, 0.0], [0.0, 1.0]]
SECOND_ORDERS: list[Callable[..., Any]] = [
    lambda f, x: hessian(f)(x),
    lambda f, x: [hvp(f)(x, direction=u) for u in UNIT],
    lambda f, x: [jvp(grad(f))(x, direction=u)[1] for u in UNIT],
    lambda f, x: [grad(lambda x, u=u: jvp(f)(x, direction=u)[1])(x) for u in UNIT],
    lambda f, x: [
        [jvp(lambda x, u=u: jvp(f)(x, direction=u)[1])(x, direction=v)[1] for v in UNIT]
        for u in UNIT
    ],
]


@pytest.mark.parametrize("second_order", SECOND_ORDERS)
@pytest.mark.parametrize("choose", CHOICES)
@pytest.mark.parametrize("other", NOT_TAKEN)
def test_second_derivatives_of_a_branch_not_taken(
    other: Callable[[Any], Any], choose: Callable[..., Any], second_order: Callable[..., Any]
) -> None:
    """They are those of the branch that was taken, here and in the third order."""

    def taken(x: Any) -> Any:
        return x[1] ** 2 + x[0] * x[1]

    def f(x: Any) -> Any:
        return choose(other(x), taken(x), x)

    assert second_order(f, [0.0, 3.0]) == [[0.0, 1.0], [1.0, 2.0]]
    assert second_order(lambda x: grad(f)(x)[1], [0.0, 3.0]) == [[0.0, 0.0], [0.0, 0.0]]


# --- structures ---


def test_dicts_are_matched_by_their_keys() -> None:
    def f(d: Any) -> Any:
        return d["p"] * 10 + d["q"] * d["q"]

    at, ahead = {"p": 1.0, "q": 2.0}, {"q": 1.0, "p": 0.0}
    assert jvp(f)(at, direction=ahead) == (14.0, 4.0)
    assert hvp(f)(at, direction=ahead) == {"p": 0.0, "q": 2.0}
    assert vjp(lambda x: {"a": x, "b": 10 * x})(1.0, seeds={"b": 1.0, "a": 0.0})[1] == 10.0
    nested = structures.leaves_like(
        {"b": 3, "a": [1, {"y": 2, "x": 0}]}, {"a": (0, {"x": 0, "y": 0}), "b": 0}, "seeds", "it"
    )
    assert nested == [1, 0, 2, 3]


def test_a_keyword_of_the_function_that_is_called_direction_too() -> None:
    def f(x: Any, direction: float) -> Any:
        return x * x * direction

    assert jvp(partial(f, direction=7.0))(3.0, direction=1.0) == (63.0, 42.0)
    assert vjp(partial(f, direction=7.0))(3.0, seeds=1.0) == (63.0, 42.0)


class Point(NamedTuple):
    x: Any
    y: Any


def test_answers_keep_the_shape_of_what_was_given() -> None:
    def f(p: Any, q: Any = 1.0) -> Any:
        return p["w"][0][0] * p["w"][0][1] * p["b"] + q * q

    given = {"w": [(2.0, 3.0), []], "b": 5.0}
    assert grad(f)(given) == {"w": [(15.0, 10.0), []], "b": 6.0}
    assert grad(f)(given, 4.0) == ({"w": [(15.0, 10.0), []], "b": 6.0}, 8.0)
    assert grad(f)(given, q=4.0) == grad(f)(given)
    assert grad(lambda p: p.x * p.y)(Point(2.0, 3.0)) == Point(3.0, 2.0)
    assert isinstance(grad(lambda p: p.x * p.y)(Point(2.0, 3.0)), Point)
    assert grad(lambda x, y: x * y)(2, 3) == (3.0, 2.0)
    assert grad(lambda x: x[0])([2.0]) == [1.0]
    assert jacobian(lambda p: {"u": p[0] * p[1], "v": [p[0]]})((2.0, 3.0)) == {
        "u": (3.0, 2.0),
        "v": [(1.0, 0.0)],
    }
    assert jacobian(lambda x: x * x)(3.0) == 6.0
    assert jacobian(lambda x: [x, x * x, 7.0])(3.0) == [1.0, 6.0, 0.0]
    assert hessian(lambda x, y: x * x * y)(2.0, 3.0) == ((6.0, 4.0), (4.0, 0.0))
    assert hvp(lambda x, y: x * x * y)(2.0, 3.0, direction=(1.0, 1.0)) == (10.0, 4.0)
    x = {"a": Value(2.0), "b": [Value(3.0)]}
    assert gradient(x["a"] * x["b"][0], x) == {"a": 3.0, "b": [2.0]}


def test_numpy_numbers_are_numbers() -> None:
    assert grad(lambda x: x * x)(np.float64(3.0)) == 6.0
    assert grad(lambda x: x * x)(np.int64(3)) == 6.0


def test_jacobians_by_columns_and_by_rows_agree() -> None:
    def tall(x: Any, y: Any) -> Any:
        return [x * y, sin(x), x / y, y.exp(), 1.0]

    def wide(*x: Any) -> Any:
        return [dot(x, x), total(x)]

    x, y = 2.0, 3.0
    by_rows = [grad(lambda x, y, k=k: tall(x, y)[k])(x, y) for k in range(4)] + [(0.0, 0.0)]
    assert jacobian(tall)(x, y) == [pytest.approx(row) for row in by_rows]
    assert jacobian(wide)(1.0, 2.0, 3.0, 4.0) == [(2.0, 4.0, 6.0, 8.0), (1.0, 1.0, 1.0, 1.0)]
    values = jacobian(tall)(Value(x), y)
    assert [[each.data for each in row] for row in values] == [
        pytest.approx(list(row)) for row in by_rows
    ]


# --- gradient() on nodes within a graph, and what it leaves alone ---


def test_nodes_in_between() -> None:
    x = Value(3.0)
    z = x * x
    y = z * x
    assert gradient(y, [x, z, y]) == [27.0, 3.0, 1.0]
    slopes = gradient(y, [x, z, y, z], differentiable=True)
    assert [slope.data for slope in slopes] == [27.0, 3.0, 1.0, 3.0]
    assert gradient(slopes[1], x) == 1.0


def test_no_gradient_is_touched() -> None:
    x = Value(3.0)
    x.grad = 7.0
    y = x * x
    y.backward()
    seen = [(node.grad, node.has_grad) for node in topological_order(y)]
    gradient(y, x)
    gradient(y, x, differentiable=True)
    grad(lambda z: z * x)(2.0)
    hessian(lambda z: z * x)(x)
    assert [(node.grad, node.has_grad) for node in topological_order(y)] == seen


def test_several_threads_into_the_same_leaves() -> None:
    w = [Value(0.1 * k) for k in range(50)]
    results: dict[int, Any] = {}

    def work(n: int) -> None:
        for _ in range(20):
            y = dot(w, [float(n + k) for k in range(50)]).tanh()
            found = gradient(y, w)
            slopes = gradient(y, w, differentiable=True)
            assert [slope.data for slope in slopes] == found
        results[n] = found

    threads = [Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n in range(4):
        y = dot(w, [float(n + k) for k in range(50)]).tanh()
        assert results[n] == gradient(y, w)
    assert not any(leaf.has_grad for leaf in w)


def test_constants_cost_no_partials(plant: Callable[..., Primitive]) -> None:
    """The derivative in a constant exponent would be the logarithm of a negative number."""

    def never(*_: Any) -> Any:
        raise AssertionError("evaluated")

    plant("pow", TABLE["pow"].partials[0], never)
    x, w = Value(-3.0), Value(2.0)
    y = x**2.0 * w
    assert gradient(y, [x, w]) == [-12.0, 9.0]
    assert gradient(y, x, differentiable=True).data == -12.0
    z = x**w
    assert gradient(z, x) == -6.0  # nobody asks for w


def test_a_gradient_within_a_function_is_not_lost() -> None:
    """The derivative of x * 3x^2 is 9x^2; a number from the graph outside would make it 3x^2."""
    assert grad(lambda x: x * gradient(x**3, x, differentiable=True))(2.0) == 36.0
    assert jvp(lambda x: x * gradient(x**3, x, differentiable=True))(2.0, direction=1.0)[1] == 36.0

    def frozen(x: Any) -> Any:
        y = x**3
        with no_grad():
            slope = gradient(y, x)
        assert type(slope) is float
        return x * slope

    assert grad(frozen)(2.0) == 12.0

    def elsewhere(x: Any) -> Any:  # nothing of x is in it
        w = Value(5.0)
        return x * gradient(w * w, w)

    assert grad(elsewhere)(2.0) == 10.0
    x = Value(2.0)
    assert gradient(x**3, x) == 12.0
    assert type(gradient(x**3, x)) is float


# --- size ---


def test_a_long_chain() -> None:
    x = Value(1.0)
    y = x
    for _ in range(100_000):
        y = y * 1.0 + 0.0
    assert gradient(y, x) == 1.0
    slope = gradient(y, x, differentiable=True)
    assert slope.data == 1.0
    y = x
    for _ in range(30_000):
        y = (y * y + x) * 0.5
    slope = gradient(y, x, differentiable=True)
    gradient(slope, x)
    assert jvp(lambda x: long_product(x))(1.0, direction=1.0) == (1.0, 30_000.0)


def long_product(x: Any) -> Any:
    y = x
    for _ in range(29_999):
        y = y * x
    return y


@pytest.mark.parametrize("name", ["dot", "sum", "logsumexp"])
def test_work_is_linear_in_the_number_of_operands(name: str) -> None:
    """Counted in nodes of the result; and quadratic time would not end."""
    counts = []
    for n in (2_000, 20_000):
        x = [Value(1.0 / (1 + k)) for k in range(n)]
        y = apply(TABLE[name], [*x, *x] if name == "dot" else x)
        slopes = gradient(y * y, x, differentiable=True)
        assert [slope.data for slope in slopes] == pytest.approx(gradient(y * y, x))
        counts.append(len(topological_order(total(slopes))))
        product = dot(slopes, [1.0] * n)
        gradient(product, x)
    assert counts[1] <= 10.1 * counts[0]


# --- errors ---


def test_a_stale_graph_is_refused() -> None:
    x = Value(3.0)
    y = x * x
    x.data = 5.0
    assert gradient(y, x) == 6.0  # of the pass that was made
    with pytest.raises(RuntimeError) as caught:
        gradient(y, x, differentiable=True)
    assert str(caught.value) == (
        "this graph is stale: it was computed when Value(5.0) was 3.0, so that a derivative made "
        "of Values would mix the two: build the graph anew, or call recompute() on it first"
    )
    for make in (sqrt, lambda x: total([1.0, 2.0, x]), lambda x: 1.0 - x, lambda x: -x + 1.0):
        x = Value(3.0)
        y = make(x)
        x.data = 5.0
        with pytest.raises(RuntimeError, match="stale"):
            gradient(y, x, differentiable=True)
    n = Value(nan)
    assert isnan(gradient(n * 2.0 * n, n, differentiable=True).data)  # NaN is no other NaN


def error_of(call: Callable[[], Any], kind: type[Exception]) -> str:
    with pytest.raises(kind) as caught:
        call()
    return "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])


def square(x: Any) -> Any:
    return x * x


ERRORS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: grad(lambda x: 3.0)(1.0),
        TypeError,
        "grad(f) needs an f that returns a Value, but got 3.0 of type float: compute it from the "
        "arguments, which are Values, without taking their .data, float() or math functions on the "
        "way",
    ),
    (
        lambda: grad(lambda x: None)(1.0),
        TypeError,
        "grad(f) needs an f that returns a Value, but got None of type NoneType: is a return "
        "statement missing?",
    ),
    (
        lambda: grad(lambda x: [x, x])(1.0),
        TypeError,
        "grad(f) needs an f that returns one Value, but got a list of 2: use jacobian(f), or "
        "return one number, such as their sum",
    ),
    (
        lambda: grad(square)(np.ones((2, 3))),
        TypeError,
        "grad(square) takes numbers and Values, or lists, tuples and dicts of them, but got an "
        "array of shape (2, 3): write x.tolist(), which reaches f as nested lists of Values",
    ),
    (
        lambda: grad(square)("three"),
        TypeError,
        "grad(square) takes a real number, but got 'three' of type str: convert text with "
        "float(text) first\n"
        "What is not to be differentiated goes to f as a keyword argument.",
    ),
    (
        lambda: grad(lambda x, n: x * range(n)[0])(1.0, 3),
        TypeError,
        "'Value' object cannot be interpreted as an integer\n"
        "Each positional argument reaches f as a Value, integers too: hand over a count or an "
        "index as a keyword argument, which stays as it is.",
    ),
    (
        lambda: grad(square)(),
        TypeError,
        "grad(square) differentiates in the positional arguments, but got none: write "
        "grad(square)(3.0); keyword arguments are handed over as they are",
    ),
    (
        lambda: grad(Value(3.0)),
        TypeError,
        "grad(f) takes a function, but got Value(3.0); for a Value there is gradient(y, xs)",
    ),
    (lambda: hessian(3), TypeError, "hessian(f) takes a function, but got 3"),
    (
        lambda: hvp(square)(3.0),
        TypeError,
        "hvp(square) needs direction=..., as in help(hvp)",
    ),
    (
        lambda: jvp(lambda x, y: x)(3.0, 2.0, direction=1.0),
        ValueError,
        "direction is structured like the arguments of jvp(f): direction should be a list or tuple "
        "of 2, but got 1.0",
    ),
    (
        lambda: vjp(lambda x: [x, x])(3.0, seeds=[1.0, 2.0, 3.0]),
        ValueError,
        "seeds is structured like the result of vjp(f): seeds should be a list or tuple of 2, but "
        "got [1.0, 2.0, 3.0]",
    ),
    (
        lambda: hvp(lambda d: d["p"])({"p": 1.0, "q": 2.0}, direction={"p": 1.0, "r": 0.0}),
        ValueError,
        "direction is structured like the arguments of hvp(f): direction should be a dict with the "
        "keys 'p', 'q', but got {'p': 1.0, 'r': 0.0}",
    ),
    (
        lambda: jvp(lambda d, x: x)({"w": [1.0, (2.0, 3.0)]}, 4.0, direction=({"w": [1, [2]]}, 0)),
        ValueError,
        "direction is structured like the arguments of jvp(f): direction[0]['w'][1] should be a "
        "list or tuple of 2, but got [2]",
    ),
    (
        lambda: jvp(lambda x: x)(1.0, direction=[1.0]),
        ValueError,
        "direction is structured like the arguments of jvp(f): direction should be one number, but "
        "got [1.0]",
    ),
    (
        lambda: jvp(lambda x: x[0])([1.0, 2.0], direction=np.ones(2)),
        ValueError,
        "direction is structured like the arguments of jvp(f): direction should be a list or tuple "
        "of 2, but got array([1., 1.]): write array.tolist()",
    ),
    (
        lambda: vjp(lambda x: {"a": x})(1.0, seeds={"a": "b"}),
        TypeError,
        "seeds takes a real number, but got 'b' of type str: convert text with float(text) first",
    ),
    (
        lambda: grad(lambda x: x * gradient(x**3, x))(2.0),
        TypeError,
        "gradient(y, xs), inside a function that is itself being differentiated, would lose the "
        "gradient of a Value: write gradient(y, xs, differentiable=True); or put it into `with "
        "no_grad():`, if it is to be a number through which no derivative passes",
    ),
    (
        lambda: gradient(3.0, Value(1.0)),  # type: ignore[arg-type]
        TypeError,
        "gradient(y, xs) takes a Value, but got 3.0 of type float: compute it from Values, as in "
        "x = Value(3.0); f = x * x",
    ),
    (
        lambda: gradient(Value(1.0), [3.0]),
        TypeError,
        "gradient(y, xs) takes Values among the xs, but got 3.0 of type float: make it a Value "
        "before y is computed from it, as in x = Value(3.0); y = x * x",
    ),
    (
        lambda: gradient(Value(2.0) * 1.0, [Value(1.0)], strict=True),
        ValueError,
        "y does not depend on Value(1.0), which is number 0 of the xs: was another Value meant, or "
        "was it detached on the way? Without strict=True the gradient is 0",
    ),
    (
        lambda: gradient(Value(2.0).detach() * 1.0, [Value(1.0)], strict=True),
        ValueError,
        "y does not depend on Value(1.0), which is number 0 of the xs: y is a constant, or "
        "computed from such alone: was it detached on the way, or computed in no_grad()?",
    ),
    (
        lambda: gradient(Value(2.0) * 1.0, [Value(1.0).detach()], strict=True),
        ValueError,
        "y does not depend on Value(1.0, constant), which is number 0 of the xs: it is a constant, "
        "the result of detach() or of no_grad(), through which no derivative passes: make it a "
        "leaf with Value(number)",
    ),
]


@pytest.mark.parametrize(("call", "kind", "words"), ERRORS)
def test_errors_word_for_word(call: Callable[[], Any], kind: type[Exception], words: str) -> None:
    assert error_of(call, kind) == words


def test_what_it_does_not_depend_on_has_the_derivative_zero() -> None:
    x, y = Value(1.0), Value(2.0)
    assert gradient(x * x, [x, y]) == [2.0, 0.0]
    c = y.detach()
    assert gradient(c * x, [c, x]) == [0.0, 2.0]
    assert [slope.data for slope in gradient(c * x, [c, x], differentiable=True)] == [0.0, 2.0]
    assert gradient(x.sign(), x, strict=True) == 0.0
    assert gradient(x.sign(), x, strict=True, differentiable=True).data == 0.0
    assert grad(grad(lambda x: 3.0 * x))(1.0) == 0.0
    assert grad(lambda x: x.detach() * x)(3.0) == 3.0
    assert hessian(lambda x, y: x + y)(1.0, 2.0) == ((0.0, 0.0), (0.0, 0.0))
    assert hvp(lambda x: 2.0 * x)(1.0, direction=1.0) == 0.0


@pytest.mark.parametrize("differentiable", [False, True])
def test_what_was_computed_without_history_is_refused_as_by_backward(differentiable: bool) -> None:
    x = Value(3.0)
    with no_grad():
        square = x * x
    for y in (square, square * 2.0, x.detach(), x.detach() + square):
        with pytest.raises(RuntimeError, match=r"^gradient\(y, xs\) has nothing to .* no_grad\(\)"):
            gradient(y, x, differentiable=differentiable)
        with pytest.raises(RuntimeError, match=r"^backward\(\) has nothing to differentiate"):
            y.backward()


def test_a_derivative_without_x_has_the_derivative_zero() -> None:
    x = Value(3.0)
    slope = gradient(x * x, x, differentiable=True)
    for want in (2.0, 0.0, 0.0):
        slope = gradient(slope, x, differentiable=True)
        assert slope.data == want
    assert gradient(slope, x) == 0.0
    cube = x * x * x
    with no_grad():
        lost = gradient(cube, x, differentiable=True)
    assert lost.data == 27.0
    with pytest.raises(RuntimeError, match="nothing to differentiate"):
        gradient(lost, x)


def test_inside_what_is_differentiated_or_recorded_a_constant_has_the_derivative_zero() -> None:
    def f(x: Any) -> Any:
        return x * x + gradient(x.detach(), x, differentiable=True)

    assert grad(f)(3.0) == 6.0
    assert record(f, check=True)(3.0) == 9.0
    assert jacobian(lambda x: [x.detach(), x])(3.0) == [0.0, 1.0]
    assert grad(lambda x: x.detach() * 2.0)(3.0) == 0.0


def test_a_row_of_ones_own_is_differentiated_twice() -> None:
    cube = register(
        Primitive(
            "cubed", "cubed", "{#1}^3", [(-5, 5)], "x * x * x",
            lambda xp, x: x * x * x, lambda xp, y, x: 3 * x * x,
        )
    )  # fmt: skip
    try:
        assert grad(cube)(2.0) == 12.0
        assert grad(grad(cube))(2.0) == 12.0
        assert grad(grad(grad(cube)))(2.0) == 6.0
    finally:
        withdraw(TABLE["cubed"])


def test_a_row_that_divides_by_zero_in_its_partial() -> None:
    root = register(
        Primitive(
            "halved", "halved", "h", [(0, 5)], "sqrt, with operators in its partial",
            lambda xp, x: xp.sqrt(x), lambda xp, y, x: abs(-1 / y) ** 1 - 2 + 2 + 0.5 * (y * 0),
        )
    )  # fmt: skip
    try:
        x = Value(0.0)
        slope = gradient(root(x), x, differentiable=True)
        assert slope.data == inf
    finally:
        withdraw(TABLE["halved"])


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=5))
def test_hvp_is_the_hessian_times_the_vector(x: list[float]) -> None:
    vector = [math.cos(k) for k in range(len(x))]
    want = rosenbrock_hessian(x) @ vector
    got = hvp(rosenbrock)(x, direction=vector)
    assert np.allclose(got, want, rtol=1e-11, atol=1e-11 * max(1.0, *np.abs(want)))


def test_log_of_a_product() -> None:
    """A derivative that is used inside a function again."""

    def score(x: Any) -> Any:
        return grad(lambda z: log(z * z + 1.0))(x) ** 2.0

    x = 0.7
    want = 2 * (2 * x / (x * x + 1)) * (2 * (1 - x * x) / (1 + x * x) ** 2)
    assert grad(score)(x) == pytest.approx(want, rel=1e-13)
