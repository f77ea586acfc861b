"""erf and erfc for NumPy arrays, which NumPy itself does not have.

np.vectorize(math.erf) takes 100 ns and more for an element, which would be most of the time of a
recorded program that prices options or applies GELU. Here an element costs as much as about 20
multiplications of arrays do.

The method is a table and one step from its nearest point (the idea of P. Tang's table-driven
functions of 1989; the step is our own). erf is tabulated at the grid points a, all multiples
of 1/2048, from the C library's erf. For x = a + h, exactly, with |h| <= 1/4096,

    erf(x) - erf(a) = erf'(a) h ∫ exp(-2uv - qv²) dv  for v from 0 to 1, where u = ah and q = h².

The integral's reciprocal is 1 + u + (u² + q)/3 + uq/6 + ..., where u³ has the factor 0. The square
1 + y + y²/3, with y = u + q/3, differs from it by uq/18 + q²/39, which is too little to see. Hence

    erf(x)  = erf(a)  + step
    erfc(x) = erfc(a) - step,   step = 3 erf'(a) h / ((y + 3/2)² + 3/4),   y = h (a + h/3).

It needs no exp, no coefficients and no cases: at 0 the table holds nothing and the step is all, so
that tiny arguments, denormals too, keep their relative accuracy. Half the digits need half the
formula: for float32, step = erf'(a) h (1 - u). The few arguments of erfc above 6, where it loses
its relative accuracy, go through Laplace's continued fraction (Abramowitz and Stegun, 7.1.14) with
x² in two parts, since exp magnifies what is lost in rounding x².

Accuracy, against mpmath, in units of the last place (ulp):

    erf     float64  3 ulp                      float32  2 ulp
    erfc    float64  1.5e-14 relative, which    float32  2 ulp
            is at 6; 1e-15 from -6 to 1

down to where the result is no longer a normal number. The limits are exact, NaN stays NaN, and the
sign of zero is kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = NDArray[Any]

STEPS: Final = 2048  # grid points in a unit
REACH: Final = 6  # how far the grid goes to either side: erf(6) is 1 in float64
SMALL: Final = 64  # up to so many elements Python's own functions are faster
BLOCK: Final = 8192  # so many at a time, for the sake of the cache
SAFE: Final = 1e3  # within what float32 can number in steps of the grid
LEVELS: Final = 12  # of the continued fraction; at 6 it needs these for float64
VANISHED: Final = 28.0  # erfc is 0 from 27.3 on

# Arrays without dimensions, since NumPy takes 0.2 us longer for Python's numbers.
THIRD, THREE_HALVES, THREE_QUARTERS = map(np.array, (1 / 3, 1.5, 0.75))


def erf(x: ArrayLike, out: Array | None = None) -> Any:
    """The error function of each element.

    Args:
        x: Real numbers. The result is float32 for float32, and else float64.
        out: Where to put the result; it may be x itself.

    Returns:
        out if it is given, else a new array, or a number for a number.

    Raises:
        TypeError: x does not hold real numbers, or out cannot hold the result.

    >>> erf([0.0, 0.5, float("inf")])
    array([0.        , 0.52049988, 1.        ])
    """
    return elementwise(x, out, math.erf, erf_block)


def erfc(x: ArrayLike, out: Array | None = None) -> Any:
    """The complementary error function, 1 - erf(x), of each element, accurate where it is tiny.

    What it takes, gives back and refuses is as in `erf`.

    >>> erfc([0.0, 10.0, float("inf")])
    array([1.00000000e+00, 2.08848758e-45, 0.00000000e+00])
    """
    return elementwise(x, out, math.erfc, erfc_block)


class Grid(NamedTuple):
    """What is known at the grid points, with one more point at either end for all beyond."""

    shifter: Array  # added to x, it leaves no room for bits below 1 / STEPS: they are rounded off
    first: Array  # the bits, as a whole number, of that sum at the first grid point
    one: Array
    erf: Array
    erfc: Array
    slope: Array  # erf'(a) as the formula for the step wants it: times 3 in float64


@cache
def grid(kind: str) -> Grid:
    """The grid for float32, "f", or float64, "d", made at its first use in some milliseconds."""
    last = REACH * STEPS
    points = [k / STEPS for k in range(-last, last + 1)]
    single = kind == "f"
    scale = (1 if single else 3) * 2 / math.sqrt(math.pi)
    values = [math.erf(a) for a in points]
    values[last] = -0.0  # -0.0 + 0.0 is 0.0, and -0.0 + -0.0 is -0.0: so zeros keep their sign
    shifter = np.array(1.5 * 2 ** (23 if single else 52) / STEPS, kind)
    return Grid(
        shifter,
        shifter.view(np.int32 if single else np.int64) - (last + 1),
        np.array(1, kind),
        np.array([-1.0, *values, 1.0], kind),
        np.array([2.0, *map(math.erfc, points), 0.0], kind),
        np.array([0.0, *(scale * math.exp(-a * a) for a in points), 0.0], kind),
    )


def erf_block(x: Array, out: Array) -> None:
    """Erf of a contiguous vector into another, or into itself."""
    known = grid(x.dtype.char)
    index, step, spare = from_grid(x, known, out)
    known.erf.take(index, out=spare, mode="clip")
    np.add(spare, step, out=out)


def erfc_block(x: Array, out: Array) -> None:
    """Erfc of a contiguous vector into another, or into itself."""
    known = grid(x.dtype.char)
    far = None if x[x.argmax()] <= REACH else np.flatnonzero(x > REACH)
    tail = None if far is None else erfc_tail(x[far])  # now, since out may be x
    index, step, spare = from_grid(x, known, out)
    known.erfc.take(index, out=spare, mode="clip")
    np.subtract(spare, step, out=out)
    if far is not None:
        out[far] = tail


def from_grid(x: Array, known: Grid, h: Array) -> tuple[Array, Array, Array]:
    """The index of the grid point a next to each x, erf(x) - erf(a), and an array to spare.

    h is overwritten, and may be x. For x beyond the grid the index is beyond it too (take it
    with mode="clip"), and the difference is 0.
    """
    # Infinity has no distance from its grid point. NaN counts as smallest and largest, and is
    # clipped too, to NaN. To ask is cheaper than to clip always; argmax is far faster than max.
    if not (x[x.argmin()] > -SAFE and x[x.argmax()] < SAFE):
        x = np.clip(x, -REACH - 1, REACH + 1)
    shifted, a, y = (np.empty(x.size, x.dtype) for _ in range(3))
    np.add(x, known.shifter, out=shifted)
    np.subtract(shifted, known.shifter, out=a)
    bits = shifted.view(known.first.dtype)
    np.subtract(bits, known.first, out=bits)
    index = bits.astype(np.intp, copy=False)
    np.subtract(x, a, out=h)
    if x.dtype.char == "f":
        np.multiply(a, h, out=y)
        np.subtract(known.one, y, out=y)
        np.multiply(y, h, out=y)
        known.slope.take(index, out=a, mode="clip")
        np.multiply(a, y, out=a)
    else:
        np.multiply(h, THIRD, out=y)
        np.add(y, a, out=y)
        np.multiply(y, h, out=y)
        np.add(y, THREE_HALVES, out=y)
        np.multiply(y, y, out=y)
        np.add(y, THREE_QUARTERS, out=y)
        known.slope.take(index, out=a, mode="clip")
        np.multiply(a, h, out=a)
        np.divide(a, y, out=a)
    return index, a, y


def erfc_tail(x: Array) -> Array:
    """Erfc, in float64, of what lies above REACH."""
    x = np.minimum(x.astype(np.float64), VANISHED)
    fraction = x
    for k in range(LEVELS, 0, -1):
        fraction = x + (k / 2) / fraction
    a = np.rint(16 * x) / 16  # few bits, so that its square is exact
    density: Array = np.exp(-a * a) * np.exp((a - x) * (a + x))
    density /= math.sqrt(math.pi) * fraction
    return density


def elementwise(
    x: ArrayLike,
    out: Array | None,
    number: Callable[[float], float],
    block: Callable[[Array, Array], None],
) -> Any:
    """Apply the function, given for one number and for vectors, to an array of any layout."""
    x = np.asarray(x)
    kind = x.dtype.char
    if kind not in "df" and x.dtype.kind not in "fiub":
        raise TypeError(f"erf and erfc take real numbers, not an array of {x.dtype}")
    flat = np.ascontiguousarray(x, np.float32 if kind == "f" else np.float64)
    if flat.ndim != 1:
        flat = flat.reshape(-1)
    direct = out is not None and fits(out, x, flat)
    result = out.reshape(-1) if direct and out is not None else np.empty(flat.size, flat.dtype)
    if flat.size <= SMALL:
        result[:] = [number(v) for v in flat.tolist()]
    elif flat.size <= BLOCK:
        block(flat, result)
    else:
        for start in range(0, flat.size, BLOCK):
            block(flat[start : start + BLOCK], result[start : start + BLOCK])
    if out is None:
        return result.reshape(x.shape)[()] if x.ndim != 1 else result  # a number for a number
    if not direct:
        np.copyto(out, result.reshape(x.shape), casting="same_kind")
    return out


def fits(out: Array, x: Array, flat: Array) -> bool:
    """Whether the result can be written to out block by block, with x still to be read."""
    return (
        out.dtype == flat.dtype
        and out.shape == x.shape
        and out.flags.carray
        and (out is x or not np.may_share_memory(out, x))
    )
