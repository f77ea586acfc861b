"""gradcheck(): derivatives compared with differences of values, which know nothing of rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from math import inf, isfinite, nan
from numbers import Real
from random import Random
from sys import float_info
from typing import Any, Final, NamedTuple

from engine.calculus.evaluation import tracing
from engine.calculus.floats import adjoints
from engine.calculus.graphs import adjoint_graphs
from engine.checking.differences import (
    NONE,
    Slope,
    Vector,
    careful_slopes,
    exact,
    moved,
    slopes,
    undecided,
)
from engine.checking.findings import Finding, Report
from engine.checking.subjects import Subject, subject_of
from engine.checking.suspects import (
    Suspect,
    agrees,
    bend,
    differ,
    kinks,
    magnitudes,
    may_have_kinks,
    suspects,
)
from engine.derive import Function
from engine.loops.flatten import Flat
from engine.value import Value, as_value

TOLERANCE: Final = 1e-6
ROUNDING: Final = 10 * float_info.epsilon  # of values, as the largest steps leave it in slopes
PRECISE_ROUNDING: Final = 1e-50  # the same with many digits
NEAR: Final = 1e-6  # of an argument's size: what is called a step to a kink
DETACHED: Final = (
    "every primitive is right by itself: is a part of the function computed outside of the graph, "
    "by .data, float(), detach() or in no_grad()?"
)
POLE: Final = "a step leads to or across a pole"


class Level(NamedTuple):
    """What is checked of one order: the derivatives of roots, which are the values of f."""

    order: int
    f: Vector
    roots: Sequence[Value]
    middle: list[float]
    got: list[list[float]]


class Spot(NamedTuple):
    """What is peculiar about a place: the verdict on derivatives there, and why; "" if nothing.

    Beside a kink many digits may still tell. Beside a pole they would, but not whether a part of
    the function is lost to the graph, which only differences see.
    """

    verdict: str = ""
    reason: str = ""
    is_pole: bool = False


class Check:
    """One run of gradcheck()."""

    def __init__(self, subject: Subject, order: int, tolerance: float) -> None:
        self.subject, self.order, self.tolerance = subject, order, tolerance
        self.point = subject.point
        self.outputs, self.xs = subject.trace(self.point)

    def run(self, chosen: Sequence[int]) -> Report:
        """Check the derivatives in some of the numbers."""
        findings: list[Finding] = []
        for order in range(1, self.order + 1):
            level = self.level(order)
            for k in chosen:
                findings += self.column(k, level)
        doubted = "found_suspects" in vars(self)
        return Report(self.subject.title, findings, self.found_suspects if doubted else [])

    def level(self, order: int) -> Level:
        """The results and their derivatives; for order 2 the components of their gradients."""
        if order == 1:
            f, roots = self.subject.values, self.outputs
            middle = [y.data for y in roots]
        else:
            found = [adjoint_graphs(y, self.xs, 1.0) for y in self.outputs]
            f, roots = self.subject.gradients, [zero_if_none(d) for row in found for d in row]
            middle = f(self.point)
        got = [[d or 0.0 for d in adjoints(root, self.xs, 1.0)] for root in roots]
        return Level(order, f, roots, middle, got)

    def column(self, k: int, level: Level) -> Iterator[Finding]:
        """The derivatives in number k."""
        got = [row[k] for row in level.got]
        quick, broken = slopes(level.f, self.point, k, level.middle) or ([NONE] * len(got), True)
        careful, spot = quick, Spot()
        if broken or not all(map(self.agrees, got, quick)):
            careful = careful_slopes(level.f, self.point, k, len(got))
            spot = self.spot(k)
        for n, (each, sure, better) in enumerate(zip(got, quick, careful, strict=True)):
            name, at = self.name(n, k, level.order), self.at(n, k, level.order)
            if not isfinite(self.point[k] + level.middle[n]):
                reason = f"what is differentiated is {level.middle[n]} there"
                if not isfinite(self.point[k]):
                    reason = f"no step leads away from {self.point[k]}"
                yield Finding(name, at, each, nan, inf, "unknown", reason)
            elif self.agrees(each, sure) and not spot.verdict:
                yield Finding(name, at, each, sure.value, sure.error)
            else:
                terms, values = magnitudes(level.roots[n], self.xs[k])
                size, noise = max(sure.size, terms), values / max(1.0, abs(self.point[k]))
                precise = self.precise(n, k, level.order, size)
                found = allowing(better, size, ROUNDING * noise)
                precise = allowing(precise, size, PRECISE_ROUNDING * noise)
                yield Finding(name, at, each, *self.judged(each, found, precise, spot))

    def agrees(self, got: float, found: Slope) -> bool:
        """Whether a derivative is right beyond doubt."""
        return agrees(got, found, self.tolerance)

    def judged(
        self, got: float, found: Slope, precise: Slope, spot: Spot
    ) -> tuple[float, float, str, str]:
        """What is expected, how far that may be off, the verdict, and a reason."""
        best = precise if isfinite(precise.error) else found
        expected = best.value, best.error
        right_by_differences = not differ(got, found, self.tolerance)
        if right_by_differences and self.agrees(got, precise) and not spot.is_pole:
            return *expected, "right", ""
        if differ(got, best, self.tolerance) and self.found_suspects:
            return *expected, "wrong", ""
        if spot.verdict:
            return *expected, spot.verdict, spot.reason
        if not right_by_differences:
            return found.value, found.error, "wrong", DETACHED
        if differ(got, precise, self.tolerance):
            return *expected, "wrong", DETACHED
        if self.agrees(got, best):
            return *expected, "right", ""
        return *expected, "unknown", undecided()

    def precise(self, n: int, k: int, order: int, size: float) -> Slope:
        """The derivative with many digits."""
        output, j = (n, None) if order == 1 else divmod(n, len(self.xs))
        return exact(self.tape, self.point, [k] if j is None else [j, k], size)[output]

    @cached_property
    def tape(self) -> Flat:
        """The graph as a tape, made when there is a doubt."""
        return self.subject.tape()

    @cached_property
    def found_suspects(self) -> list[Suspect]:
        """The primitives that are wrong, looked for when there is a doubt."""
        return suspects(self.outputs, self.order, self.tolerance)

    def spot(self, k: int) -> Spot:
        """What has a kink or a pole within a step in number k, or changes too fast for a step."""
        step, here = NEAR * max(1.0, abs(self.point[k])), (self.outputs, self.xs)
        try:
            there = [self.subject.trace(moved(self.point, k, side)) for side in (step, -step)]
        except (ArithmeticError, ValueError):
            one_side = "it has no value on one side"
            if may_have_kinks(here, []):
                return Spot("kink", one_side)
            return Spot("unknown", undecided(one_side))
        found = [kinks(self.outputs, outputs) for outputs, _ in there]
        if None in found:
            return Spot("kink", "it is computed in another way on one side")
        kinds = {name: kind for each in found for name, kind in (each or {}).items()}
        named = {kind: listed(kinds, kind) for kind in ("kink", "pole", "fast")}
        if named["kink"]:
            return Spot("kink", f"of {named['kink']}")
        if named["pole"]:
            return Spot("unknown", f"{POLE} of {named['pole']}", is_pole=True)
        if named["fast"]:
            return Spot("unknown", undecided(f"it changes too fast in {named['fast']}"))

        def along(t: float) -> float:
            return sum(self.subject.values(moved(self.point, k, t * step)))

        bent = bend(along)
        if bent == "pole":
            return Spot("unknown", POLE, is_pole=True)
        if bent and may_have_kinks(here, there):
            return Spot("kink", "its slopes on both sides differ")
        return Spot("unknown", undecided()) if bent else Spot()

    def name(self, n: int, k: int, order: int) -> str:
        """What a derivative is called."""
        if order == 1:
            return f"d{self.subject.results[n]}/d{self.subject.names[k]}"
        output, j = divmod(n, len(self.xs))
        names = self.subject.names
        return f"d²{self.subject.results[output]}/d{names[j]} d{names[k]}"

    def at(self, n: int, k: int, order: int) -> str:
        """The arguments that a derivative is taken in, with their numbers."""
        j = k if order == 1 else n % len(self.xs)
        return ", ".join(f"{self.subject.names[i]} = {self.point[i]:.10g}" for i in sorted({j, k}))


def listed(kinds: dict[str, str], kind: str) -> str:
    """The names of one kind, the first three of them; "" if there are none."""
    names = [name for name in kinds if kinds[name] == kind]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def allowing(found: Slope, size: float, noise: float) -> Slope:
    """A derivative by differences that is no more certain than noise lets it be."""
    return replace(found, size=size, error=max(found.error, noise))


def zero_if_none(slope: Value | float | None) -> Value:
    """A derivative as a Value."""
    return as_value(0.0 if slope is None else slope)


def gradcheck(
    f: Function,
    *xs: Any,
    order: int = 1,
    tolerance: float = TOLERANCE,
    sample: int | None = None,
) -> Report:
    """Compare the derivatives of a function with differences of its values.

    The steps of the differences are chosen well, and how far they may be off is known; where they
    leave a doubt, the graph is replayed with so many digits that none is left (if the package
    mpmath is there; without it the report says what could not be checked). A derivative that is
    wrong is traced to the primitive whose partial is, node by node. At kinks, where there is no
    derivative, the report says so; and where nothing can be told, as at infinity or on a pole.

    A whole network is checked by gradcheck(model, X, y, loss), in its parameters and for the mean
    loss of the examples; it prints the relative norm |g - g_num| / |g + g_num|.

    Args:
        f: a function as `grad` takes it, of one result or several; or a network.
        xs: where; for a network its examples, their targets, and loss(output, target).
        order: 2 to check second derivatives too.
        tolerance: by how much, relative to it, a derivative may be off.
        sample: how many numbers are moved, drawn from all; all if left out. Each takes four
            evaluations of f at least.

    Returns:
        A report: true if nothing is wrong, though some may not have been checked; print it.

    Raises:
        TypeError: if f is no function, or returns no Value.
        ValueError: if it leaves something to chance, or an option makes no sense.

    >>> from engine import tanh
    >>> report = gradcheck(lambda x, y: tanh(x) * y, 0.5, 2.0, order=2)
    >>> report
    <gradcheck: 6 derivatives of f: 6 right>
    >>> bool(report), report.relative_norm < 1e-8
    (True, True)
    >>> print(gradcheck(lambda x: x * x.data, 3.0))  # doctest: +ELLIPSIS
    1 derivative of f: 1 wrong
      df/dx at x = 3: got 3, expected 6 ...

    Source: Welch Labs, Neural Networks Demystified, part 5: Numerical Gradient Checking, 2014.
    """
    if order not in (1, 2):
        raise ValueError(f"order is 1, or 2 for second derivatives as well, but got {order!r}")
    if not isinstance(tolerance, Real) or not 0 < tolerance < inf:
        raise ValueError(
            f"tolerance is a number above 0, such as {TOLERANCE}, but got {tolerance!r}"
        )
    if sample is not None and (not isinstance(sample, int) or sample < 1):
        raise ValueError(f"sample is a number of derivatives, 1 or more, but got {sample!r}")
    with tracing():  # a no_grad() around is none of the function's
        subject = subject_of(f, xs)
        subject.require_repeatable()
        count = len(subject.point)
        chosen = sorted(Random(0).sample(range(count), min(sample or count, count)))
        report = Check(subject, order, float(tolerance)).run(chosen)
    if subject.is_network and report.checked:
        print(f"relative norm |g - g_num| / |g + g_num| = {report.relative_norm:.1e}")
    return report
