"""Value.recompute(): the same graph at other numbers equals a graph built anew."""

from __future__ import annotations

from collections.abc import Callable
from math import copysign, inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Primitive, Value, dot, log, no_grad, sqrt, topological_order, where
from engine import sum as total
from engine.rules import ROWS, TABLE

from ..graphs import Program, programs, run
from ..reference import apply, same


def state(root: Value) -> list[tuple[Any, ...]]:
    """All that can be seen of a graph; numbers as text, so that -0.0 is not 0.0."""
    return [
        (node.op, repr(node.data), repr(node.primals), repr(node.grad), node.has_grad)
        for node in topological_order(root)
    ]


def test_the_graph_follows_its_leaves() -> None:
    x, y = Value(3.0), Value(2.0)
    z = x * y
    f = z + x
    f.backward()
    x.data = 5.0
    assert f.recompute() is f
    assert (f.data, z.data, f.inputs, f.primals) == (15.0, 10.0, (z, x), (10.0, 5.0))
    assert not f.has_grad
    assert not z.has_grad
    assert (x.grad, y.grad) == (3.0, 3.0)
    x.zero_grad(), y.zero_grad()
    f.backward()
    assert (x.grad, y.grad) == (3.0, 5.0)


@given(programs(), st.data())
def test_it_equals_building_anew(drawn: tuple[list[float], Program], data: st.DataObject) -> None:
    leaves, program = drawn
    x = [Value(each) for each in leaves]
    root = run(x, program, apply)
    root.backward()
    others = data.draw(st.lists(st.floats(-2, 2), min_size=len(x), max_size=len(x)))
    for leaf, other in zip(x, others, strict=True):
        leaf.data = other
    anew = run([Value(other) for other in others], program, apply)
    for leaf in x:
        leaf.zero_grad()
    assert state(root.recompute()) == state(anew)
    root.backward()
    anew.backward()
    assert state(root) == state(anew)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row(row: Primitive) -> None:
    count = 3 if row.variadic else len(row.arguments)
    before, after = [0.5, 0.75, 0.25][:count], [0.25, 0.5, 0.75][:count]
    x = [Value(each) for each in before]
    y = apply(row, x)
    for leaf, other in zip(x, after, strict=True):
        leaf.data = other
    assert state(y.recompute()) == state(apply(row, [Value(other) for other in after]))


@pytest.mark.parametrize("number", [0.0, -0.0, inf, -inf, nan, 1e-300])
def test_special_numbers(number: float) -> None:
    for old in (0.0, -0.0, nan, 1.0):
        x = Value(old)
        y = total([dot([x, 2.0], [x, x], bias=x), x.relu(), -x, abs(x) * x])
        x.data = number
        fresh = Value(number)
        z = total([dot([fresh, 2.0], [fresh, fresh], bias=fresh), fresh.relu(), -fresh,
                   abs(fresh) * fresh])  # fmt: skip
        assert state(y.recompute()) == state(z)


def test_the_sign_of_zero_is_a_change() -> None:
    x = Value(0.0)
    y = -x
    x.data = -0.0
    assert copysign(1.0, y.recompute().data) == 1.0


def test_where_there_is_no_value_nothing_changes() -> None:
    x, y = Value(4.0), Value(2.0)
    a = y * 3.0
    f = a + log(x) * sqrt(x)
    f.backward()
    before = state(f)
    x.data, y.data = -1.0, 7.0
    with pytest.raises(ValueError) as caught:
        f.recompute()
    assert str(caught.value) == ("math domain error: log(-1.0) has no value: log needs x > 0")
    x.data, y.data = 4.0, 2.0
    assert state(f) == before
    x.data = 1.0
    assert f.recompute().data == 6.0


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_interrupted_it_changes_nothing(
    plant: Callable[..., Primitive], error: type[BaseException]
) -> None:
    def fail(xp: Any, x: Any) -> Any:
        raise error

    x = Value(4.0)
    f = (x * 2.0).sin() + x
    before = state(f)
    sound = TABLE["sin"].forward
    x.data = 5.0
    plant("sin", forward=fail)
    with pytest.raises(error):
        f.recompute()
    plant("sin", forward=sound)
    x.data = 4.0
    assert state(f) == before


def test_it_computes_what_has_changed_alone(plant: Callable[..., Primitive]) -> None:
    calls = []
    sound = TABLE["sin"].forward

    def counted(xp: Any, x: Any) -> Any:
        calls.append(x)
        return sound(xp, x)

    x, y = Value(1.0), Value(2.0)
    f = x.sin() * y.sin()
    plant("sin", forward=counted)
    f.recompute()
    x.data = 1.5
    f.recompute()
    assert calls == [1.5]


def test_a_branch_is_chosen_again_by_where_and_not_by_if() -> None:
    x = Value(1.0)
    chosen = where(x.step(), x * 2.0, x * 3.0)
    baked = x * 2.0 if x > 0 else x * 3.0
    x.data = -1.0
    assert chosen.recompute().data == -3.0
    assert baked.recompute().data == -2.0


def test_leaves_and_constants() -> None:
    x = Value(1.0)
    x.grad = 5.0
    assert x.recompute() is x
    assert x.grad == 5.0
    with no_grad():
        y = x * 2.0
    x.data = 3.0
    assert y.recompute().data == 2.0  # it was not recorded
    z = x.detach() * x
    z.inputs[0].data = 10.0
    assert z.recompute().data == 30.0


def test_within_no_grad() -> None:
    x = Value(1.0)
    y = x * 2.0
    x.data = 3.0
    with no_grad():
        assert y.recompute().data == 6.0
    y.backward()
    assert x.grad == 2.0


def test_a_deep_graph_and_shared_nodes() -> None:
    x = Value(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1.0
    for _ in range(40):
        y = y + y  # 2 ** 40 ways
    x.data = 2.0
    assert y.recompute().data == 100_002.0 * 2**40


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats())
def test_numbers_that_are_equal_are_not_computed_anew(old: float, new: float) -> None:
    x = Value(old)
    y = x * 1.0
    x.data = new
    assert same(y.recompute().data, new)
    assert repr(y.primals[0]) == repr(new)
