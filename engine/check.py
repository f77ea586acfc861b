"""gradcheck(): derivatives compared with differences of values, which know nothing of rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from math import isfinite
from random import Random
from typing import Any, Final

from engine.calculus.floats import adjoints
from engine.calculus.graphs import adjoint_graphs
from engine.checking.differences import NONE, Slope, careful_slopes, exact, moved, slopes
from engine.checking.findings import Finding, Report
from engine.checking.subjects import Subject, subject_of
from engine.checking.suspects import Suspect, agrees, differ, is_bent, kinks, suspects
from engine.derive import Function
from engine.loops.flatten import Flat
from engine.value import Value, as_value

TOLERANCE: Final = 1e-6
NEAR: Final = 1e-6  # of an argument's size: what is called a step to a kink
DETACHED: Final = (
    "every primitive is right by itself: is a part of the function computed outside of the graph, "
    "by .data, float(), detach() or in no_grad()?"
)
UNCERTAIN: Final = "it changes too fast, or has no value beside the point"


class Check:
    """One run of gradcheck()."""

    def __init__(self, subject: Subject, order: int, tolerance: float) -> None:
        self.subject, self.order, self.tolerance = subject, order, tolerance
        self.point = subject.point
        self.outputs, self.xs = subject.trace(self.point)
        self.middle = [y.data for y in self.outputs], subject.gradients(self.point)

    def run(self, chosen: Sequence[int]) -> Report:
        """Check the derivatives in some of the numbers."""
        gradients = [adjoints(y, self.xs, 1.0) for y in self.outputs]
        findings: list[Finding] = []
        for k in chosen:
            findings += self.column(k, [row[k] or 0.0 for row in gradients], 1)
        if self.order == 2:
            slopes_of_all = [self.slopes(y) for y in self.outputs]
            for k in chosen:
                got = [self.second(slope, k) for row in slopes_of_all for slope in row]
                findings += self.column(k, got, 2)
        doubted = "found_suspects" in vars(self)
        return Report(self.subject.title, findings, self.found_suspects if doubted else [])

    def slopes(self, y: Value) -> list[Value]:
        """The gradient of a result as graphs."""
        return [as_value(0.0 if d is None else d) for d in adjoint_graphs(y, self.xs, 1.0)]

    def second(self, slope: Value, k: int) -> float:
        """The derivative of a component of the gradient."""
        return adjoints(slope, [self.xs[k]], 1.0)[0] or 0.0

    def column(self, k: int, got: Sequence[float], order: int) -> Iterator[Finding]:
        """The derivatives of all results, or of all components of their gradients, in number k."""
        f = self.subject.values if order == 1 else self.subject.gradients
        found = slopes(f, self.point, k, self.middle[order - 1])
        quick, broken = found or ([NONE] * len(got), True)
        careful, kink = quick, ""
        if broken or not all(map(self.agrees, got, quick)):
            careful = careful_slopes(f, self.point, k, len(got))
            kink = self.kink(k)
        for n, (each, sure, better) in enumerate(zip(got, quick, careful, strict=True)):
            name, at = self.name(n, k, order), self.at(n, k, order)
            if self.agrees(each, sure) and not kink:
                yield Finding(name, at, each, sure.value, sure.error)
            else:
                precise = self.precise(n, k, order)
                yield Finding(name, at, each, *self.judged(each, better, precise, kink))

    def agrees(self, got: float, found: Slope) -> bool:
        """Whether a derivative is right beyond doubt."""
        return agrees(got, found, self.tolerance)

    def judged(
        self, got: float, found: Slope, precise: Slope, kink: str
    ) -> tuple[float, float, str, str]:
        """What is expected, how far that may be off, the verdict, and a reason."""
        best = precise if isfinite(precise.error) else found
        expected = best.value, best.error
        right_by_differences = not differ(got, found, self.tolerance)
        if right_by_differences and self.agrees(got, precise):
            return *expected, "right", ""
        if differ(got, best, self.tolerance) and self.found_suspects:
            return *expected, "wrong", ""
        if kink:
            return *expected, "kink", kink
        if not right_by_differences:
            return found.value, found.error, "wrong", DETACHED
        if differ(got, precise, self.tolerance):
            return *expected, "wrong", DETACHED
        if self.agrees(got, best):
            return *expected, "right", ""
        return *expected, "unknown", UNCERTAIN

    def precise(self, n: int, k: int, order: int) -> Slope:
        """The derivative with many digits."""
        output, j = (n, None) if order == 1 else divmod(n, len(self.xs))
        return exact(self.tape, self.point, [k] if j is None else [j, k])[output]

    @cached_property
    def tape(self) -> Flat:
        """The graph as a tape, made when there is a doubt."""
        return self.subject.tape()

    @cached_property
    def found_suspects(self) -> list[Suspect]:
        """The primitives that are wrong, looked for when there is a doubt."""
        return suspects(self.outputs, self.order, self.tolerance)

    def kink(self, k: int) -> str:
        """What has a kink within a step in number k; "" if nothing."""
        step = NEAR * max(1.0, abs(self.point[k]))
        try:
            there = [self.subject.trace(moved(self.point, k, side))[0] for side in (step, -step)]
        except (ArithmeticError, ValueError):
            return "it has no value on one side"
        found = [kinks(self.outputs, each) for each in there]
        if None in found:
            return "it is computed in another way on one side"
        names = list(dict.fromkeys(name for each in found for name in each or ()))
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            return f"of {', '.join(names[:3])}{more}"

        def along(t: float) -> float:
            return sum(self.subject.values(moved(self.point, k, t * step)))

        return "its slopes on both sides differ" if is_bent(along) else ""

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
    mpmath is there). A derivative that is wrong is traced to the primitive whose partial is, node
    by node. At kinks, where there is no derivative, the report says so.

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
        A report: true if nothing is wrong; print it.

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
    subject = subject_of(f, xs)
    subject.require_repeatable()
    count = len(subject.point)
    if sample is not None and (not isinstance(sample, int) or sample < 1):
        raise ValueError(f"sample is a number of derivatives, 1 or more, but got {sample!r}")
    chosen = sorted(Random(0).sample(range(count), min(sample or count, count)))
    report = Check(subject, order, tolerance).run(chosen)
    if subject.is_network:
        print(f"relative norm |g - g_num| / |g + g_num| = {report.relative_norm:.1e}")
    return report
