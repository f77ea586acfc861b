"""Elementary functions are the same for each kind of number; where floats raise, arrays go on."""

from __future__ import annotations

from math import exp, inf, isfinite, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Primitive
from engine.elementary import FLOATS, Elementary, arrays, extended, maximum, minimum, power, sign
from engine.rules import ROWS, TABLE

from .reference import same

numbers = st.floats() | st.sampled_from([0.0, -0.0, 1.0, inf, -inf, nan])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@given(data=st.data())
def test_arrays_go_on_where_floats_raise_and_agree_elsewhere(
    row: Primitive, data: st.DataObject
) -> None:
    point = data.draw(st.tuples(*[numbers] * (3 if row.variadic else len(row.domain))))
    with np.errstate(all="ignore"):
        ieee = float(row.forward(arrays(), *map(np.float64, point)))
    try:
        value = row.forward(FLOATS, *point)
    except (ArithmeticError, ValueError):
        assert not isfinite(ieee)
    else:
        assert same(ieee, value, 1e-12 * abs(value) + 1e-300)  # NumPy has a pow of its own


def test_arrays_of_any_shape_pass_through_a_formula() -> None:
    grid = np.linspace(-2, 2, 6).reshape(2, 3)
    y = TABLE["gelu"].forward(arrays(), grid)
    assert y.shape == TABLE["gelu"].partial(arrays(), 0, y, [grid]).shape == (2, 3)


@pytest.mark.parametrize("x", [1.0, -inf, 0.0])
def test_nan_wins_over_the_larger_and_the_smaller(x: float) -> None:
    for choose in (maximum, minimum):
        assert same(choose(nan, x), nan)
        assert same(choose(x, nan), nan)


def test_small_functions_of_floats() -> None:
    assert [sign(x) for x in (-2.0, -0.0, 1e-300)] == [-1.0, 0.0, 1.0]
    assert same(sign(nan), nan)
    assert [FLOATS.step(x) for x in (-1e-300, 0.0, inf)] == [0.0, 1.0, 1.0]
    assert power(-8.0, 3.0) == -512.0
    with pytest.raises(ValueError, match="math domain error"):
        power(-8.0, 1 / 3)


def test_a_function_that_is_not_given_is_computed_by_its_row() -> None:
    xp = Elementary({"exp": exp, "minimum": min})
    assert xp.sigmoid(0.0) == 0.5
    assert xp.sigmoid is xp.sigmoid
    with pytest.raises(AttributeError, match="function is called 'arcsin'; the table has add, "):
        xp.arcsin  # noqa: B018


@pytest.mark.parametrize(
    ("name", "k", "y", "x", "expected"),
    [
        ("sqrt", 0, 0.0, (0.0,), inf),
        ("acos", 0, 0.0, (1.0,), -inf),
        ("pow", 0, 1e300, (1e-300, -1.0), -inf),
        ("pow", 1, 2.25, (-1.5, 2.0), nan),
    ],
)
def test_a_partial_that_floats_refuse_is_infinite_or_nan(
    name: str, k: int, y: float, x: tuple[float, ...], expected: float
) -> None:
    with pytest.raises((ArithmeticError, ValueError)):
        TABLE[name].partial(FLOATS, k, y, x)
    assert same(extended(TABLE[name], k, y, x), expected)
