"""Different ways to the same answer agree: the Hessian of one rich function, in eight of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine import (
    Value,
    dot,
    grad,
    gradient,
    hessian,
    hvp,
    jvp,
    logsumexp,
    maximum,
    record,
    relu,
    sigmoid,
    softplus,
    sqrt,
    tanh,
    where,
)
from engine.checking.differences import careful_slopes

Matrix = NDArray[np.float64]
Function = Callable[[list[Any]], Any]
N = 4
POINTS = [[0.3, -0.7, 1.1, 0.4], [1.5, 0.2, -0.6, 2.0]]  # on both sides of `maximum` and `where`


def rich(x: list[Any]) -> Any:
    """Rows of one, two, three and many arguments; a value used often; branches chosen and not."""
    a, b, c, d = x
    weighed = dot([a, b, c], [d, a, b], bias=c * d)
    gated = where(b < c, tanh(weighed) * a**2, sigmoid(weighed) / (2 + c**2))
    return logsumexp([a * b, gated, maximum(c, a) * d]) + softplus(a - d * weighed) ** 1.5


def rooted(x: list[Any]) -> Any:
    """At a = 0 and d < 0 it is b**2 * c + c * d: what has the root in it is not chosen."""
    a, b, c, d = x
    root = sqrt(maximum(a, 0.0))
    taken = where(d > 0.0, root * b * c, b**2 * c)
    return taken + maximum(root * b - 9.0, c * d) + relu(d * root - 1.0)


def forward(f: Callable[[list[Any]], Any], x: list[Any], k: int) -> Any:
    """The derivative in x[k], by forward mode."""
    return jvp(f)(x, direction=[float(j == k) for j in range(len(x))])[1]


# --- the ways ---


def reverse_over_reverse(f: Function, x: list[float]) -> Any:
    return hessian(f)(x)


def products(f: Function, x: list[float]) -> Any:
    """Pearlmutter's: a column is the Hessian times a unit vector."""
    return [hvp(f)(x, direction=[float(j == k) for j in range(N)]) for k in range(N)]


def forward_over_reverse(f: Function, x: list[float]) -> Any:
    return [forward(grad(f), x, k) for k in range(N)]


def reverse_over_forward(f: Function, x: list[float]) -> Any:
    return [grad(lambda x, k=k: forward(f, x, k))(x) for k in range(N)]


def forward_over_forward(f: Function, x: list[float]) -> Any:
    return [[forward(lambda x, k=k: forward(f, x, k), x, j) for j in range(N)] for k in range(N)]


def by_backward(f: Function, x: list[float]) -> Any:
    """The gradient as a graph of leaves, and backward() on each of its components."""
    leaves = [Value(each) for each in x]
    rows = []
    for slope in gradient(f(leaves), leaves, differentiable=True):
        for leaf in leaves:
            leaf.zero_grad()
        slope.backward()
        rows.append([leaf.grad for leaf in leaves])
    return rows


def by_tape(f: Function, x: list[float]) -> Any:
    """The gradient is recorded at another point, and its Jacobian is replayed on the tape."""
    return recorded(f, x, "tape", [1.0] * N)


def by_program(f: Function, x: list[float]) -> Any:
    """The same as array instructions, for a batch of which the point is the second."""
    return recorded(f, x, "program", [1.0] * N)


def recorded(f: Function, x: list[float], replay: Any, start: list[float]) -> Any:
    slopes = record(lambda *x: grad(f)([*x]), replay=replay)
    slopes(*start)
    given = (
        x
        if replay == "tape"
        else [np.array([other, each]) for other, each in zip(start, x, strict=True)]
    )
    rows = [slopes.gradient(*given, seeds=[float(j == k) for j in range(N)]) for k in range(N)]
    return [[np.ravel(each)[-1] for each in row] for row in rows]


def by_differences(f: Function, x: list[float]) -> Any:
    """Of the gradient, which backward() computed."""

    def slopes(at: list[float]) -> list[float]:
        leaves = [Value(each) for each in at]
        f(leaves).backward()
        return [leaf.grad for leaf in leaves]

    return [[slope.value for slope in careful_slopes(slopes, x, k, N)] for k in range(N)]


def plain_formula(x: list[float]) -> Any:
    """By hand: products of matrices and vectors, without a word of the engine's."""
    a, b, c, d = x
    unit = np.eye(N)
    s = d * a + a * b + b * c + c * d  # the weighed sum: its gradient and its Hessian
    s1 = np.array([d + b, a + c, b + d, a + c])
    s2 = np.array([[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]], dtype=float)
    if b < c:
        t = math.tanh(s)
        t1, t2 = 1 - t * t, -2 * t * (1 - t * t)
        square, square1, square2 = a * a, 2 * a * unit[0], 2 * np.outer(unit[0], unit[0])
        g = product((t, t1 * s1, t2 * np.outer(s1, s1) + t1 * s2), (square, square1, square2))
    else:
        y = 1 / (1 + math.exp(-s))
        y1, y2 = y * (1 - y), y * (1 - y) * (1 - 2 * y)
        q = 2 + c * c
        inverse1 = -2 * c / q**2 * unit[2]
        inverse2 = (8 * c * c / q**3 - 2 / q**2) * np.outer(unit[2], unit[2])
        g = product((y, y1 * s1, y2 * np.outer(s1, s1) + y1 * s2), (1 / q, inverse1, inverse2))
    larger = 2 if c > a else 0
    terms = [
        (a * b, b * unit[0] + a * unit[1], symmetric(0, 1)),
        g,
        (x[larger] * d, d * unit[larger] + x[larger] * unit[3], symmetric(larger, 3)),
    ]
    shares = np.exp([value for value, _, _ in terms]) / sum(math.exp(v) for v, _, _ in terms)
    mean = sum(p * slope for p, (_, slope, _) in zip(shares, terms, strict=True))
    spread = sum(
        p * (np.outer(slope - mean, slope - mean) + curve)
        for p, (_, slope, curve) in zip(shares, terms, strict=True)
    )
    u, u1 = a - d * s, unit[0] - s * unit[3] - d * s1
    u2 = -(np.outer(unit[3], s1) + np.outer(s1, unit[3])) - d * s2
    plus, share = math.log1p(math.exp(u)), 1 / (1 + math.exp(-u))
    first, second = 1.5 * plus**0.5, 0.75 * plus**-0.5
    inner = second * share**2 + first * share * (1 - share)
    return spread + inner * np.outer(u1, u1) + first * share * u2


Jet = tuple[float, Matrix, Matrix]  # a value, its gradient and its Hessian


def product(f: Jet, g: Jet) -> Jet:
    cross = np.outer(f[1], g[1])
    return f[0] * g[0], f[0] * g[1] + g[0] * f[1], f[0] * g[2] + g[0] * f[2] + cross + cross.T


def symmetric(j: int, k: int) -> Matrix:
    matrix = np.zeros((N, N))
    matrix[j, k] = matrix[k, j] = 1.0
    return matrix


Way = Callable[[Function, list[float]], Any]
WAYS: list[tuple[Way, float]] = [
    (reverse_over_reverse, 1e-13),
    (products, 1e-13),
    (forward_over_reverse, 1e-13),
    (reverse_over_forward, 1e-13),
    (forward_over_forward, 1e-13),
    (by_backward, 1e-13),
    (by_tape, 1e-13),
    (by_program, 1e-13),
    (by_differences, 1e-9),
]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize(("way", "tolerance"), WAYS)
def test_ways_to_the_same_hessian(way: Way, tolerance: float, point: list[float]) -> None:
    want = plain_formula(point)
    assert np.abs(want).max() > 1
    assert np.asarray(way(rich, point)) == pytest.approx(want, rel=tolerance, abs=tolerance * 10)


@pytest.mark.parametrize(("way", "tolerance"), WAYS)
def test_ways_where_a_branch_that_is_not_taken_has_an_infinite_derivative(
    way: Way, tolerance: float
) -> None:
    b, c, d = 3.0, 2.0, -1.0
    want = [[0, 0, 0, 0], [0, 2 * c, 2 * b, 0], [0, 2 * b, 0, 1], [0, 0, 1, 0]]
    assert np.asarray(way(rooted, [0.0, b, c, d])) == pytest.approx(np.array(want), abs=tolerance)


@pytest.mark.parametrize("point", POINTS)
def test_ways_to_the_same_gradient(point: list[float]) -> None:
    """First order: reverse, forward, differences, both replays."""
    leaves = [Value(each) for each in point]
    rich(leaves).backward()
    want = [leaf.grad for leaf in leaves]
    replays = [record(lambda *x: rich([*x]), replay=each) for each in ("tape", "program")]
    ways = [
        grad(rich)(point),
        [forward(rich, point, k) for k in range(N)],
        *(replay.gradient(*point) for replay in replays),
    ]
    for got in ways:
        assert np.asarray(got) == pytest.approx(want, rel=1e-13, abs=1e-13)
    for k in range(N):
        slope = careful_slopes(lambda x: [rich([Value(each) for each in x]).data], point, k, 1)[0]
        assert slope.value == pytest.approx(want[k], rel=1e-10)


def test_both_points_take_other_branches() -> None:
    assert len({(x[1] < x[2], x[2] > x[0]) for x in POINTS}) == 2
