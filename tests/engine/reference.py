"""What the rows of the table are held against: their functions, differentiated in high precision.

A proof takes a row, and raises AssertionError at a point where the row is wrong. So a new row is
tested by being in the table, and a planted fault is found by being put there.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from math import inf, isfinite, isnan
from sys import float_info
from typing import Any, Final

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from mpmath import MPContext

from engine import Value
from engine.elementary import Elementary, arrays, extended
from engine.functions import VALUES
from engine.primitive import Primitive
from engine.rules import TABLE

Point = Sequence[float]
mp: Final = MPContext()  # one of our own: setting its precision disturbs nobody


def erfc(x: Any) -> Any:
    """mpmath's own fails at 1e300."""
    return mp.erfc(x) if x < 1e9 else mp.zero


def dot(*x: Any) -> Any:
    """w1..wn, x1..xn and perhaps b."""
    n = len(x) // 2
    return mp.fdot(x[:n], x[n : 2 * n]) + sum(x[2 * n :])


# As a textbook has them, without a care for overflow: numbers of this kind have none.
FORMULAS: Final[dict[str, Callable[..., Any]]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "neg": operator.neg,
    "pow": mp.power,
    "abs": mp.fabs,
    "sum": lambda *x: mp.fsum(x),
    "dot": dot,
    "step": lambda x: mp.mpf(x >= 0),
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "softplus": lambda x: mp.log(1 + mp.exp(x)),
    "relu": lambda x: x if x > 0 else mp.zero,
    "leaky_relu": lambda x, slope: x if x > 0 else slope * x,
    "gelu": lambda x: x * erfc(-x / mp.sqrt(2)) / 2,
    "erfc": erfc,
    "maximum": max,
    "minimum": min,
    "where": lambda condition, a, b: b if condition == 0 else a,
    "less": lambda a, b: mp.mpf(a < b),
    "less_equal": lambda a, b: mp.mpf(a <= b),
    "equal": lambda a, b: mp.mpf(a == b),
    "logsumexp": lambda *x: mp.log(mp.fsum(map(mp.exp, x))),
}
NAMESAKES: Final = {name: getattr(mp, name) for name in TABLE if hasattr(mp, name)}
MPMATH: Final = Elementary(NAMESAKES | FORMULAS)  # the `xp` of high precision


def reference(row: Primitive) -> Callable[..., Any]:
    """An independent formula for a row; for one that has none here, its own in high precision."""
    return FORMULAS.get(row.name) or getattr(mp, row.name, None) or partial(row.forward, MPMATH)


def exact(f: Callable[..., Any], point: Point, *ks: int) -> Any:
    """The value of f at a point, or its derivative in the arguments ks; None where there is none.

    The derivative is a difference quotient, with a step far below the spacing of floats and in
    precision to match. A step to the left, half as long, gives the same, unless there is a kink, a
    jump, or an end of the domain.
    """
    scale = min([1.0, *(abs(x) for x in point if x)])
    mp.dps = 60
    digits = int(40 - mp.log10(scale))
    mp.dps = 60 + max(1, len(ks)) * digits + int(mp.log10(max([1.0, *map(abs, point)])))
    x = [mp.mpf(each) for each in point]
    try:
        right, left = (quotient(f, x, ks, step * mp.mpf(10) ** -digits) for step in (1, -0.5))
    except (ArithmeticError, ValueError):
        return None
    if any(isinstance(side, mp.mpc) or not mp.isfinite(side) for side in (right, left)):
        return None
    return right if abs(right - left) <= 1e-15 * max(1, abs(right)) else None


def quotient(f: Callable[..., Any], x: list[Any], ks: Sequence[int], step: Any) -> Any:
    """The difference quotient in the arguments ks, one after the other."""
    if not ks:
        return f(*x)
    moved = [*x]
    moved[ks[0]] += step
    return (quotient(f, moved, ks[1:], step) - quotient(f, x, ks[1:], step)) / step


def apply(row: Primitive, operands: Sequence[Any]) -> Any:
    """A primitive on numbers or Values, through the function that users call."""
    function = getattr(VALUES, row.name)
    return function(*operands)


def node_at(row: Primitive, point: Point) -> Value | None:
    """The eager node of a row at a point, if there is a finite value."""
    try:
        node: Value = apply(row, [Value(x) for x in point])
    except (ArithmeticError, ValueError):
        return None
    return node if isfinite(node.data) else None


def same(got: float, want: float, tolerance: float = 0.0) -> bool:
    """Whether two floats are equal, both NaN, or as close as that."""
    return got == want or (isnan(got) and isnan(want)) or abs(got - want) <= tolerance


def agree(got: float, want: Any, size: Any = 1) -> bool:
    """Whether a derivative is true by the project's measure; beyond the largest float, inf is."""
    if abs(want) > float_info.max:
        return got == inf * mp.sign(want)
    return bool(abs(got - want) <= 1e-12 * max(size, abs(want)))


def report(row: Primitive, point: Point, what: str, got: float, want: Any) -> str:
    """What a failed check says."""
    wanted = "missing" if want is None else mp.nstr(mp.mpf(want), 20)
    return f"{row.name}{tuple(point)}: {what} is {got!r} and should be {wanted}"


# --- checks of a row at a point ---


def check_value(row: Primitive, point: Point) -> None:
    """The value is right to 1e-12 of its size, and there wherever a float can hold it.

    In a row of any number of arguments much may cancel: there the size is that of all terms and 1.
    """
    f = reference(row)
    want, node = exact(f, point), node_at(row, point)
    if want is None or abs(want) > float_info.max:
        assert node is None, report(row, point, "the value", node.data, want)
        return
    assert node is not None, report(row, point, "the value", inf, want)
    size = abs(want)
    if row.variadic:
        size += 1 + sum(abs(x * (exact(f, point, k) or 0)) for k, x in enumerate(point))
    error = abs(node.data - want)
    assert error <= 1e-12 * size + float_info.min, report(row, point, "the value", node.data, want)


def check_partials(row: Primitive, point: Point) -> None:
    """Each local derivative is right to 1e-12 * max(1, |partial|), where the function has one."""
    node = node_at(row, point)
    for k, got in enumerate(node.local_derivatives if node is not None else ()):
        want = exact(reference(row), point, k)
        assert want is None or agree(got, want), report(row, point, f"partial {k}", got, want)


def check_second_order(row: Primitive, point: Point) -> None:
    """The partials are graphs, whose derivatives are right to 1e-12 of the largest of them."""
    f, ks = reference(row), range(len(point))
    wanted = {(k, j): exact(f, point, k, j) for k in ks for j in ks if k <= j}
    size = max([1, *(abs(want) for want in wanted.values() if want is not None)])
    for k in ks:
        if exact(f, point, k) is None:  # a kink: there is nothing to differentiate again
            continue
        x = [Value(each) for each in point]
        derivative = row.partial(VALUES, k, apply(row, x), x)
        if isinstance(derivative, Value) and not derivative.is_constant:
            derivative.backward()
        for j, leaf in enumerate(x):
            want = wanted[min(k, j), max(k, j)]
            fits = want is None or agree(leaf.grad, want, size)
            assert fits, report(row, point, f"partial {k}, {j}", leaf.grad, want)


def check_arrays(row: Primitive, point: Point) -> None:
    """On arrays the formulas give what they give on floats, element by element."""
    ends = zip(*(list(row.domain) * (len(point) if row.variadic else 1)), strict=True)
    points = [point, *ends]  # of several elements, so that a Python `if` in a formula is found out
    batch = [np.array(column) for column in zip(*points, strict=True)]
    with np.errstate(all="ignore"):
        y = row.forward(arrays(), *batch)
        partials = [row.partial(arrays(), k, y, batch) for k in range(len(point))]
    for n, each in enumerate(points):
        node = node_at(row, each)
        assert node is not None
        for got, want in zip([y, *partials], [node.data, *node.local_derivatives], strict=True):
            element = float(np.broadcast_to(got, len(points))[n])
            fits = same(element, want, 1e-14 * max(1, abs(want)))
            assert fits, report(row, each, "an element of an array", element, want)


def check_kink(row: Primitive, point: Point, partials: Point) -> None:
    """The partials are as written: on the edge, in the leaf's gradient, in NumPy's arithmetic."""
    x = [Value(each) for each in point]
    node = apply(row, x)
    node.backward()
    for k, want in enumerate(partials):
        for got in (node.local_derivatives[k], x[k].grad, extended(row, k, node.data, point)):
            assert same(got, want), report(row, point, f"partial {k}", got, want)


# --- proofs of a row ---


def points(row: Primitive) -> st.SearchStrategy[tuple[float, ...]]:
    """Points of the row's domain, none of them very close to 0; see `prove_awkward` for those."""

    def off_zero(x: float) -> float:
        return x if abs(x) > 1e-30 else 0.0

    sides = [st.floats(low, high).map(off_zero) for low, high in row.domain]
    if row.variadic:
        return st.lists(sides[0], min_size=1, max_size=5).map(tuple)
    return st.tuples(*sides)


def prove(check: Callable[[Primitive, Point], None], row: Primitive) -> None:
    """Hold a row to a check all over its domain."""

    @given(points(row))
    def holds(point: Point) -> None:
        check(row, point)

    holds()


def prove_awkward(row: Primitive) -> None:
    """Value and partials where trouble is likely: at 0 and 1, far out, and where squares overflow.

    Not so far out in a row of any number of arguments: there one leaves nothing of the others.
    """
    awkward = [0.0, 1.0, -1.0, 1 - 2**-53, 1000.0, -1000.0, 1e-300, -1e-300, 1e300, -1e300]
    if row.variadic:
        awkward = awkward[:-2]
    elif len(row.domain) > 2:
        awkward = awkward[::2]
    for point in product(awkward, repeat=2 if row.variadic else len(row.domain)):
        check_value(row, point)
        check_partials(row, point)


def prove_kinks(row: Primitive) -> None:
    """The row's own list of kinks."""
    for point, partials in row.kinks.items():
        check_kink(row, point, partials)


PROOFS: Final[dict[str, Callable[[Primitive], None]]] = {
    "value": partial(prove, check_value),
    "partials": partial(prove, check_partials),
    "second_order": partial(prove, check_second_order),
    "arrays": partial(prove, check_arrays),
    "awkward": prove_awkward,
    "kinks": prove_kinks,
}
