"""erf and erfc of arrays, against mpmath and against what NumPy's own functions promise."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.special import BLOCK, REACH, SMALL, STEPS, erf, erfc

BOTH = pytest.mark.parametrize(
    ("function", "number"), [(erf, math.erf), (erfc, math.erfc)], ids=["erf", "erfc"]
)
KINDS = pytest.mark.parametrize("dtype", [np.float64, np.float32])
LAST_NORMAL = {np.float64: 26.54, np.float32: 9.19}  # erfc beyond is denormal
COUNT = BLOCK // 8  # so many float64 numbers are a block
RANDOM = np.random.default_rng(0)


def dense(dtype: Any) -> np.ndarray:
    """Points everywhere, and many where it is hardest."""
    tiny = -300.0 if dtype is np.float64 else -37.0
    middles = (np.arange(-300, 300) + 0.5) / STEPS  # farthest from the grid, and relatively so
    return np.concatenate(
        [
            np.linspace(-REACH - 1, LAST_NORMAL[dtype], 1500),
            np.linspace(0.05, 1, 1500),  # where float32 has the largest errors
            RANDOM.normal(0, 1.5, 1500),
            10 ** RANDOM.uniform(tiny, 0, 500),
            -(10 ** RANDOM.uniform(-6, 0, 500)),
            np.concatenate([middles * (1 - 1e-7), middles * (1 + 1e-7)]),
            REACH + RANDOM.uniform(-2e-3, 2e-3, 100),
        ]
    ).astype(dtype)


def errors(
    function: Callable[..., Any], reference: Callable[..., Any], x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """In units of the last place, and relative to the value."""
    ulps, relative = [], []
    with mpmath.workdps(50):
        for v, y in zip(x.tolist(), function(x), strict=True):
            exact = reference(mpmath.mpf(v))
            error = abs(mpmath.mpf(float(y)) - exact)
            ulps.append(float(error / float(np.spacing(x.dtype.type(abs(exact))))))
            relative.append(float(error / abs(exact)) if exact else 0.0)
    return np.array(ulps), np.array(relative)


@KINDS
def test_erf_is_accurate_to_the_last_places(dtype: Any) -> None:
    ulps, _ = errors(erf, mpmath.erf, dense(dtype))
    assert ulps.max() < (3.5 if dtype is np.float64 else 4)


@KINDS
def test_erf_is_odd_and_never_beyond_one(dtype: Any) -> None:
    x = np.abs(dense(dtype))
    y = erf(x)
    np.testing.assert_array_equal(erf(-x), -y)
    assert y.max() == 1
    np.testing.assert_array_equal(y[x > 5.95], 1)


def test_erfc_keeps_its_relative_accuracy_as_it_vanishes() -> None:
    x = dense(np.float64)
    _, relative = errors(erfc, mpmath.erfc, x)
    assert relative.max() < 1.5e-14
    assert relative[(x < 1) | (x > REACH + 0.001)].max() < 1.5e-15
    ulps, _ = errors(erfc, mpmath.erfc, dense(np.float32))
    assert ulps.max() < 2


@KINDS
def test_erfc_goes_to_zero_through_the_denormals(dtype: Any) -> None:
    x = np.linspace(LAST_NORMAL[dtype], LAST_NORMAL[dtype] + 2, 200).astype(dtype)
    ulps, _ = errors(erfc, mpmath.erfc, x)
    assert ulps.max() < (30 if dtype is np.float64 else 2)
    assert erfc(x)[-1] == 0


@KINDS
@BOTH
def test_awkward_numbers(function: Any, number: Any, dtype: Any) -> None:
    info = np.finfo(dtype)
    special = [0.0, -0.0, math.inf, -math.inf, math.nan, info.max, info.min, 1e13, -1e13, 1e3]
    special += [-1e3, info.tiny, -info.tiny, float(info.smallest_subnormal), REACH, -REACH, 5.95]
    special += [math.copysign(math.nan, -1), 999, -999, 28.0, -28.0, 1e7, -1e7, REACH + 0.5 / STEPS]
    x = np.array(special, dtype)
    padded = np.concatenate([x, np.zeros(SMALL, dtype)])  # beyond SMALL, another way is taken
    expected = np.array([number(v) for v in x.tolist()], dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for y in (function(x), function(padded)[: x.size]):
            np.testing.assert_allclose(y, expected, rtol=max(4 * info.eps, 1.5e-14), atol=0)
            numbers = ~np.isnan(x)
            assert (np.signbit(y) == np.signbit(expected))[numbers].all()
        for v, e in zip(x, expected, strict=True):  # each alone, since one may hide another's fault
            y = function(np.full(SMALL + 1, v))
            np.testing.assert_allclose(y, e, rtol=max(4 * info.eps, 1.5e-14), atol=0)
    limits = function(np.array([math.inf, -math.inf] * SMALL))[:2].tolist()
    assert limits == [number(math.inf), number(-math.inf)]


@given(st.lists(st.floats(width=32), min_size=1, max_size=20), st.sampled_from(["f", "d"]))
def test_any_floats(values: list[float], kind: str) -> None:
    x = np.array(values * (SMALL + 1), kind)
    copy = x.copy()
    eps = np.finfo(kind).eps
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y, z = erf(x), erfc(x)
    np.testing.assert_array_equal(x, copy)
    expected = np.array([math.erf(v) for v in x.tolist()])
    smallest = float(np.finfo(kind).smallest_subnormal)
    np.testing.assert_allclose(y, expected, rtol=5 * eps, atol=smallest)
    expected = np.array([math.erfc(v) for v in x.tolist()])
    tiny = 30 * smallest
    np.testing.assert_allclose(z, expected, rtol=max(5 * eps, 1.6e-14), atol=tiny)
    assert y.dtype == z.dtype == x.dtype


@BOTH
@pytest.mark.parametrize("size", [0, 1, SMALL, SMALL + 1, COUNT, COUNT + 1, 2 * COUNT + 7])
def test_sizes(function: Any, number: Any, size: int) -> None:
    x = RANDOM.normal(0, 3, size)
    expected = np.array([number(v) for v in x.tolist()])
    y = function(x)
    assert y.shape == x.shape
    np.testing.assert_allclose(y, expected, rtol=1.6e-14)


@BOTH
def test_shapes_and_layouts(function: Any, number: Any) -> None:
    cube = RANDOM.normal(0, 3, (6, 20, 30))
    expected = np.vectorize(number)(cube)
    views: list[Callable[[np.ndarray], np.ndarray]] = [
        lambda a: a,
        lambda a: a.T,
        lambda a: a[::2, ::-1, 3:],
        lambda a: a[0, :, 0],
        lambda a: np.broadcast_to(a[:, :, :1], a.shape),
    ]
    for view in views:
        x, e = view(cube), view(expected)
        np.testing.assert_allclose(function(x), e, rtol=1.6e-14)
        out = np.full(x.shape, np.nan)
        assert function(x, out) is out
        np.testing.assert_allclose(out, e, rtol=1.6e-14)
        backwards = np.full(x.shape, np.nan)[..., ::-1]
        assert function(x, out=backwards) is backwards
        np.testing.assert_allclose(backwards, e, rtol=1.6e-14)
    swapped = cube.astype(cube.dtype.newbyteorder())
    np.testing.assert_allclose(function(swapped), expected, rtol=1.6e-14)


@BOTH
def test_out_may_be_or_overlap_the_input(function: Any, number: Any) -> None:
    size = 3 * COUNT
    values = RANDOM.normal(0, 4, size)  # erfc's far arguments among them
    expected = np.array([number(v) for v in values.tolist()])
    x = values.copy()
    assert function(x, out=x) is x
    np.testing.assert_allclose(x, expected, rtol=1.6e-14)
    x = values.reshape(3, -1).copy()
    np.testing.assert_allclose(function(x, out=x), expected.reshape(3, -1), rtol=1.6e-14)
    x = values.copy()
    function(x[:-1], out=x[1:])
    np.testing.assert_allclose(x[1:], expected[:-1], rtol=1.6e-14)
    x = values.copy()
    x.flags.writeable = False
    np.testing.assert_allclose(function(x), expected, rtol=1.6e-14)
    np.testing.assert_array_equal(x, values)


@BOTH
def test_kinds_of_numbers(function: Any, number: Any) -> None:
    assert type(function(0.5)) is np.float64
    assert type(function(np.float32(0.5))) is np.float32
    assert function(np.array(0.5)) == number(0.5)
    assert function([[1, 2], [3, 4]]).tolist() == [[number(1), number(2)], [number(3), number(4)]]
    assert function(np.array([True, False])).dtype == np.float64
    half = np.empty(3, np.float32)
    assert function(np.array([0.25, 0.5, 1.0]), out=half) is half
    np.testing.assert_allclose(half, [number(0.25), number(0.5), number(1.0)], rtol=1e-7)
    point = np.array(0.0)
    assert function(0.5, out=point) is point
    assert point == number(0.5)


@BOTH
def test_refusals(function: Any, number: Any) -> None:
    for x in ([1j], ["a"], [object()]):
        with pytest.raises(TypeError, match="take real numbers, not an array of"):
            function(np.array(x))
    with pytest.raises(TypeError, match="same_kind"):
        function([0.5], out=np.empty(1, int))
    with pytest.raises(ValueError, match="broadcast"):
        function([0.5, 1.5], out=np.empty(3))
