"""erf and erfc for NumPy arrays, which NumPy itself does not have.

np.vectorize(math.erf) takes 100 ns and more for an element, which would be most of the time of a
recorded program that prices options or applies GELU. Here an element costs as much as 25
multiplications of arrays do.

The method is a table and one step from its nearest point (the idea of P. Tang's table-driven
functions of 1989; the step is our own). erf is tabulated at the grid points a, all multiples
of 1/2048, from the C library's erf. For x = a + h, exactly, with |h| <= 1/4096,

    erf(x) - erf(a) = erf'(a) h ∫ exp(-2uv - qv²) dv  for v from 0 to 1, where u = ah and q = h².

The integral's reciprocal is 1 + u + (u² + q)/3 + uq/6 + ..., where u³ has the factor 0. The square
1 + y/3 + y²/27, with y = 3u + q, differs from it by uq/18 + q²/39, which is 1 ulp of erf at most,
next to 0, and soon too little to see. Hence

    erf(x)  = erf(a)  + step
    erfc(x) = erfc(a) - step,   step = 27 erf'(a) h / (y (y + 9) + 27),   y = h (3a + h).

It needs no exp, no coefficients and no cases: at 0 the table holds nothing and the step is all, so
that tiny arguments, denormals too, keep their relative accuracy. Half the digits need half the
formula: for erfc in float32, step = erf'(a) h / (1 + u). The few arguments of erfc above 6, where
it loses its relative accuracy, go through Laplace's continued fraction (Abramowitz and Stegun,
7.1.14) with x² in two parts, since exp magnifies what is lost in rounding x².

To erf in float32 there is a shorter way, without a table:

    erf(x) = tanh(x P(x²)),   with a polynomial P of degree 6.

GELU is often computed so (Hendrycks and Gimpel, 2016), with degree 1. tanh keeps what erf has to
keep: the sign, the limits, the bounds and the digits of tiny arguments. It never magnifies a
relative error and flattens most of it where x is large, which is why so short a P will do; and
NumPy's tanh is, in float32, as fast as three multiplications.

Accuracy, against mpmath, in units of the last place (ulp):

    erf     float64  3.1 ulp                    float32  3.7 ulp
    erfc    float64  1.5e-14 relative, which    float32  2 ulp
            is at 6; 1e-15 from -6 to 1

down to where the result is no longer a normal number. The limits are exact, NaN stays NaN, and the
sign of zero is kept.

Where the engine is compiled, engine/native/erf.h computes erf for large batches of recorded graphs,
with the numbers of this file and to the same bits, which a test holds.
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
BLOCK: Final = 65536  # bytes at a time, for the sake of the cache
SAFE: Final = 1e3  # within what float32 can number in steps of the grid
LEVELS: Final = 12  # of the continued fraction; at 6 it needs these for float64
VANISHED: Final = 28.0  # erfc is 0 from 27.3 on

# Arrays without dimensions, since NumPy takes 0.2 us longer for Python's numbers.
THREE, NINE, TWENTY_SEVEN = map(np.array, (3.0, 9.0, 27.0))
ONE: Final = np.array(1, np.float32)
# P's coefficients, the highest first, chosen for the least error of erf in units of the last place.
P = 1.4191531e-7, -5.6683025e-6, 8.76405e-5, -6.1977946e-4, -1.9183196e-4, 0.10276934, 1.1283792
HIGHEST, *BETWEEN, LOWEST = (np.array(c, np.float32) for c in P)


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
    erf: Array
    erfc: Array
    slope: Array  # erf'(a) as the formula for the step wants it: times 27 in float64


@cache
def grid(kind: str) -> Grid:
    """The grid for float32, "f", or float64, "d", made at its first use in some milliseconds."""
    last = REACH * STEPS
    points = [k / STEPS for k in range(-last, last + 1)]
    single = kind == "f"
    scale = (1 if single else 27) * math.sqrt(4 / math.pi)  # 54 / sqrt(pi) loses a bit more
    values = [math.erf(a) for a in points]
    values[last] = -0.0  # -0.0 + 0.0 is 0.0, and -0.0 + -0.0 is -0.0: so zeros keep their sign
    shifter = np.array(1.5 * 2 ** (23 if single else 52) / STEPS, kind)
    return Grid(
        shifter,
        shifter.view(np.int32 if single else np.int64) - (last + 1),
        np.array([-1.0, *values, 1.0], kind),
        np.array([2.0, *map(math.erfc, points), 0.0], kind),
        np.array([0.0, *(scale * math.exp(-a * a) for a in points), 0.0], kind),
    )


def erf_block(x: Array, out: Array) -> None:
    """Erf of a contiguous vector into another, or into itself."""
    if x.dtype.char == "f":
        erf_single(x, out)
        return
    known = grid("d")
    index, spare = from_grid(x, known, out)
    known.erf.take(index, out=spare, mode="clip")
    out += spare


def erf_single(x: Array, out: Array) -> None:
    """The same in float32."""
    x = clipped(x)
    t = x * x
    y = t * HIGHEST
    for coefficient in BETWEEN:
        y += coefficient
        y *= t
    y += LOWEST
    y *= x
    np.tanh(y, out)


def erfc_block(x: Array, out: Array) -> None:
    """Erfc of a contiguous vector into another, or into itself."""
    known = grid(x.dtype.char)
    far = None if x[x.argmax()] <= REACH else np.flatnonzero(x > REACH)
    tail = None if far is None else erfc_tail(x[far])  # now, since out may be x
    index, spare = from_grid(x, known, out)
    known.erfc.take(index, out=spare, mode="clip")
    np.subtract(spare, out, out)
    if far is not None:
        out[far] = tail


def clipped(x: Array) -> Array:
    """x itself if all of it lies within SAFE, and else a copy without what is large."""
    # NaN counts as smallest and largest, and is clipped too, to NaN. To ask is cheaper than to
    # clip always; argmax is far faster than max.
    if x[x.argmin()] > -SAFE and x[x.argmax()] < SAFE:
        return x
    return np.clip(x, -REACH - 1, REACH + 1)


def from_grid(x: Array, known: Grid, step: Array) -> tuple[Array, Array]:
    """Write erf(x) - erf(a), with the nearest grid points a, to an array, which may be x itself.

    Returns:
        The index of each a, and an array to spare. For x beyond the grid the index is beyond it
        too (take it with mode="clip"), and the difference is 0.
    """
    x = clipped(x)  # infinity has no distance from its grid point
    shifted = x + known.shifter
    a = shifted - known.shifter
    bits = shifted.view(known.first.dtype)
    bits -= known.first
    index = bits.astype(np.intp, copy=False)
    h = np.subtract(x, a, step)
    if x.dtype.char == "f":
        divisor = a * h
        divisor += ONE
    else:
        a *= THREE
        a += h
        a *= h
        divisor = a + NINE
        divisor *= a
        divisor += TWENTY_SEVEN
    known.slope.take(index, out=a, mode="clip")
    step *= a  # first, since it is denormals that a division would cost digits
    step /= divisor
    return index, a


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
    elif flat.nbytes <= BLOCK:
        block(flat, result)
    else:
        count = BLOCK // flat.itemsize
        for start in range(0, flat.size, count):
            block(flat[start : start + count], result[start : start + count])
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
