"""Derivatives from values alone: difference quotients, each with an estimate of its error.

A quotient suffers from the curve if its step is large, and from rounding if it is small. So two
steps are tried that are good for most functions; where they do not agree with what is to be
checked, ten steps of several sizes; and where even those leave a doubt, arithmetic of so many
digits that the step can be far below the spacing of floats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from math import ceil, floor, inf, isfinite, log10, nan
from sys import float_info
from typing import Any, Final

from engine.elementary import Elementary
from engine.loops.flatten import Flat, linearise
from engine.rules import ROWS, TABLE
from engine.value import Value

Vector = Callable[[list[float]], list[float]]  # a function of several numbers, with several results

STEP: Final = 1e-3  # near the fifth root of the rounding error, which suits an error of step^4
STEPS: Final = 10
SHRINK: Final = 1.6  # a step to the next one
ZERO: Final = 1e-25  # what many digits leave of a derivative of 0, if the values are about 1
INSTALL: Final = "pip install mpmath"
UNCERTAIN: Final = "it changes too fast, or has no value beside the point"


@dataclass(frozen=True)
class Slope:
    """A derivative as differences give it: a number, and how far it may be off.

    `rounding` is the part of the error that is due to the digits of the values. `total` is the sum
    of both values that a quotient comes from: what is above twice the value in between is by how
    much the curve is bent, or broken. `size` is how large the larger of them is: what is far below
    that is noise.
    """

    value: float
    error: float
    rounding: float = 0.0
    total: float = nan
    size: float = 1.0


NONE: Final = Slope(nan, inf)  # where the function has no value beside the point


def moved(x: Sequence[float], k: int, step: float) -> list[float]:
    """The point with one coordinate moved."""
    return [*x[:k], x[k] + step, *x[k + 1 :]]


def quotients(f: Vector, x: Sequence[float], k: int, step: float) -> list[Slope] | None:
    """The central difference quotient of each result, with its rounding error; None for no value.

    What counts is the step that floats make of it.
    """
    right, left = moved(x, k, step), moved(x, k, -step)
    width = right[k] - left[k]
    try:
        pairs = list(zip(f(right), f(left), strict=True))
    except (ArithmeticError, ValueError):
        return None
    if not width or not isfinite(width):
        return None
    sizes = [max(abs(a), abs(b)) for a, b in pairs]
    return [
        Slope((a - b) / width, rounding, rounding, a + b, size)
        for (a, b), size in zip(pairs, sizes, strict=True)
        for rounding in [2 * float_info.epsilon * size / width]
    ]


def slopes(
    f: Vector, x: Sequence[float], k: int, middle: Sequence[float] = ()
) -> tuple[list[Slope], bool] | None:
    """The derivative of each result in coordinate k, from two steps: four evaluations.

    Returns:
        The derivatives, and, if the results in the middle are given, whether one of the curves
        looks broken there; None where there is no value.

    Source: L. F. Richardson, The Approximate Arithmetical Solution by Finite Differences, 1911.
    """
    step = STEP * max(1.0, abs(x[k]))
    wide, narrow = quotients(f, x, k, 2 * step), quotients(f, x, k, step)
    if wide is None or narrow is None:
        return None
    pairs = list(zip(wide, narrow, strict=True))
    broken = any(
        is_broken(b.total - 2 * y, a.total - 2 * y, max(a.size, abs(y)))
        for (a, b), y in zip(pairs, middle, strict=bool(middle))
    )
    return [extrapolated(a, b, 4.0) for a, b in pairs], broken


def is_broken(bend: float, wide_bend: float, size: float) -> bool:
    """Whether second differences of a step, and of one twice as long, tell of a kink or a jump.

    Along a smooth curve they grow with the square of the step: by 4. Across a kink they grow with
    the step itself, across a jump not at all.
    """
    noise = 64 * float_info.epsilon * size
    return not isfinite(wide_bend) or (abs(bend) > noise and abs(wide_bend) < 3 * abs(bend))


def extrapolated(wide: Slope, narrow: Slope, factor: float) -> Slope:
    """What two steps tend to, if the error shrinks by a factor from one to the other."""
    better = narrow.value + (narrow.value - wide.value) / (factor - 1)
    error = max(abs(better - narrow.value) / 8, narrow.rounding)
    return Slope(better, error, size=wide.size) if isfinite(better) else NONE


def careful_slopes(f: Vector, x: Sequence[float], k: int, results: int) -> list[Slope]:
    """The same from many steps: small ones, and some of the size of x and of the size of 1."""
    scales = {max(1.0, abs(x[k])), abs(x[k]) or 1e-6, 1e-4}
    tables = [tableau(f, x, k, 0.1 * scale) for scale in scales]
    columns = zip(*(table for table in tables if table), strict=True)
    return [most_certain(column) for column in columns] or [NONE] * results


def most_certain(found: Sequence[Slope]) -> Slope:
    """The best of several; where others contradict it, it is no more certain than that."""
    best = min(found, key=lambda slope: slope.error / (abs(slope.value) + 1e-300))
    known = [each for each in found if isfinite(each.error)]
    gaps = [(abs(each.value - best.value), each) for each in known]
    contradictions = [
        gap
        for gap, each in gaps
        if gap > 10 * (each.error + best.error) + 1e-7 * max(abs(each.value), abs(best.value))
    ]
    return Slope(best.value, max([best.error, *contradictions]))


def tableau(f: Vector, x: Sequence[float], k: int, step: float) -> list[Slope]:
    """Neville's table over shrinking steps: for each result the entry that changes least.

    Source: C. J. F. Ridders, Accurate computation of F'(x) and F'(x) F''(x), 1982.
    """
    best: list[Slope] = []
    above: list[list[Slope]] = []  # per order of extrapolation, at the step before
    for _ in range(STEPS):
        column = quotients(f, x, k, step)
        step /= SHRINK
        if column is None:
            above = []
            continue
        best = best or [NONE] * len(column)
        below, factor = [column], SHRINK**2
        for wide in above:
            column = [neville(a, b, factor) for a, b in zip(wide, column, strict=True)]
            best = [min(pair, key=lambda s: s.error) for pair in zip(best, column, strict=True)]
            below.append(column)
            factor *= SHRINK**2
        above = below
    return best


def neville(wide: Slope, narrow: Slope, factor: float) -> Slope:
    """One entry of the table; its error is how far it is from both entries that it is made of."""
    better = narrow.value + (narrow.value - wide.value) / (factor - 1)
    error = max(abs(better - narrow.value), abs(better - wide.value), narrow.rounding)
    return Slope(better, error, narrow.rounding) if isfinite(better) else NONE


# --- high precision ---


@cache
def precise() -> Elementary | None:
    """The elementary functions of numbers of many digits; None without the package mpmath."""
    try:
        mp = import_module("mpmath").MPContext()  # of our own: nobody else's precision changes
    except ImportError:
        return None
    functions: dict[str, Callable[..., Any]] = {
        name: getattr(mp, name) for name in TABLE if hasattr(mp, name)
    }
    return Elementary(
        functions
        | {
            "context": mp,
            "pow": mp.power,
            "maximum": lambda a, b: max(a, b),
            "minimum": lambda a, b: min(a, b),
            "step": lambda x: mp.mpf(x >= 0),
            "where": lambda condition, a, b: a if condition != 0 else b,
            "less": lambda a, b: mp.mpf(a < b),
            "less_equal": lambda a, b: mp.mpf(a <= b),
            "equal": lambda a, b: mp.mpf(a == b),
        }
    )


def undecided(reason: str = UNCERTAIN) -> str:
    """Why differences leave a doubt, and what would settle it, if that is not there."""
    if precise() is not None:
        return reason
    return f"{reason}, and cannot be decided by differences here: install mpmath ({INSTALL})"


def exact(tape: Flat, x: Sequence[float], ks: Sequence[int], size: float = 1.0) -> list[Slope]:
    """The derivative of each output in the coordinates ks, by replaying a tape with many digits.

    A step to the left of half the size gives the same, unless there is a kink or a jump. Then, and
    without mpmath, and where a value does not exist, the answer is that there is none. What is far
    below `size`, that of the values, is 0.
    """
    xp = precise()
    if xp is None:
        return [NONE] * len(tape.outputs)
    mp: Any = xp.context
    sizes = [abs(each) or 1.0 for each in x if isfinite(each)] or [1.0]
    zero = ZERO * min(1.0, size)
    digits = 40 - floor(log10(min(1.0, *sizes)))
    mp.dps = 60 + len(ks) * digits + ceil(log10(max(1.0, *sizes)))
    try:
        point = [mp.mpf(each) for each in x]
        right, left = (
            quotient(tape, xp, point, ks, side * mp.mpf(10) ** -digits) for side in (1, -0.5)
        )
        return [
            Slope(float(a) if abs(a) > zero else 0.0, 0.0)
            if abs(a - b) <= max(zero, 1e-15 * abs(a))
            else NONE
            for a, b in zip(right, left, strict=True)
        ]
    except (ArithmeticError, AttributeError, TypeError, ValueError):  # as of a row of one's own
        return [NONE] * len(tape.outputs)


def quotient(tape: Flat, xp: Elementary, x: list[Any], ks: Sequence[int], step: Any) -> list[Any]:
    """The difference quotients in the coordinates ks, one after the other."""
    if not ks:
        return replayed(tape, xp, x)
    k, *others = ks
    there = quotient(tape, xp, [*x[:k], x[k] + step, *x[k + 1 :]], others, step)
    here = quotient(tape, xp, x, others, step)
    return [(a - b) / step for a, b in zip(there, here, strict=True)]


def replayed(tape: Flat, xp: Elementary, x: Sequence[Any]) -> list[Any]:
    """The outputs of a tape for numbers of any kind: the formulas of the rows do not mind."""
    slots = [*map(xp.context.mpf, tape.constants), *x]  # type: ignore[attr-defined]
    args, starts = list(tape.args), list(tape.starts)
    for n, code in enumerate(tape.codes):
        operands = [slots[k] for k in args[starts[n] : starts[n + 1]]]
        slots.append(ROWS[code].forward(xp, *operands))
    return [slots[k] for k in tape.outputs]


def tape_of(outputs: Sequence[Value], xs: Sequence[Value]) -> Flat:
    """A graph as a tape, whose inputs are xs."""
    return linearise(list(outputs), list(xs), [])[0]
