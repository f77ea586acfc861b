"""How two sides are timed: in turn, after they have given the same numbers.

A machine slows down and speeds up while a benchmark runs. The two sides therefore take turns,
A B A B, and what is judged is the ratio within each pair of turns: the median of these ratios, with
the lowest and the highest beside it. The clock is that of the process, which stands still while
other processes have the processor. It adds up the times of all threads, though, and that would be
unfair to a side that works on several of them, as jax does unasked: a race with such a side goes by
the clock on the wall, and there we have our threads too. In all other races each has one, and
NumPy's BLAS has one everywhere.

A turn is a loop of whole steps, as one writes training: the old graph is freed when the name of the
loss is given to the new one, and that is part of the step. Each turn begins with an empty garbage
collector, so that nobody pays for what the other left behind, and its clock stops when a last
collection has freed all that was made. The collector stays switched on meanwhile, as users have it,
but does not look at what was there before: the modules of torch and jax are a large heap.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module, metadata
from math import ceil
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

from processors import threads

import engine


class Skipped(Exception):  # noqa: N818 - it is an answer, and no error
    """A question that cannot be asked here, and why."""


@dataclass(frozen=True)
class Effort:
    """How long to measure: in earnest, or just enough to see that a benchmark runs."""

    pairs: int = 5  # turns of each side
    steps: int = 3  # in a turn, at least
    seconds: float = 0.5  # that a turn lasts, at least
    scale: float = 1.0  # of the sizes


QUICK = Effort(pairs=1, steps=1, seconds=0.0, scale=0.001)


class Medians(NamedTuple):
    """Numbers to be drawn: seconds of both sides, and how many times faster we are."""

    ours: float
    theirs: float
    faster: float


@dataclass(frozen=True)
class Row:
    """A line of the table: what was asked, both sides, how they compare, and if that will do."""

    question: str
    ours: str
    peer: str
    theirs: str
    comparison: str
    bar: str
    met: str
    medians: Medians | None = None  # of a race; it is no column


HEADING = Row("question", "ours: median (min)", "peer", "median (min)", "ratio", "bar", "met")


@dataclass(frozen=True)
class Bar:
    """What is required: at least (">=") or at most ("<=") some number."""

    relation: str
    required: float

    def met(self, measured: float) -> bool:
        """Whether the measured number will do."""
        at_least = self.relation == ">="
        return measured >= self.required if at_least else measured <= self.required


def bar(relation: str, *, compiled: float | None = None, interpreted: float | None = None) -> Any:
    """The bar for the engine as it runs here; None if there is none."""
    required = compiled if engine.compiled else interpreted
    return None if required is None else Bar(relation, required)


@dataclass(frozen=True)
class Side:
    """One of two sides that compute the same.

    Args:
        name: what the table calls it.
        run: a loop of so many steps, each with all that training pays for but the update: gradients
            set to zero, the graph built, differentiated, and freed. It returns the last loss.
        gradients: those of the last step; the parameters that they led to, where a step has an
            update.
        threads: whether it works on several, which the process's clock would add up.
    """

    name: str
    run: Callable[[int], float]
    gradients: Callable[[], Sequence[float]]
    threads: bool = False


def peer(name: str) -> Any:
    """A module to compare with.

    Raises:
        Skipped: if it is not installed.
    """
    try:
        return import_module(name)
    except ImportError:
        package = name.partition(".")[0]
        raise Skipped(f"{package} is not installed: pip install 'chainrule[bench]'") from None


def version(package: str) -> str:
    """The name of a peer with its version."""
    return f"{package} {metadata.version(package)}"


def agree(ours: Side, theirs: Side, tolerance: float = 1e-10) -> None:
    """Run both once: speed says nothing as long as the numbers differ.

    Raises:
        AssertionError: if the losses or the gradients differ.
    """
    mine, other = ([side.run(1), *map(float, side.gradients())] for side in (ours, theirs))
    assert len(mine) == len(other), f"{len(mine)} numbers here, {len(other)} from {theirs.name}"
    for k, (a, b) in enumerate(zip(mine, other, strict=True)):
        if not abs(a - b) <= tolerance * max(1.0, abs(b)):  # so that a NaN is a difference
            raise AssertionError(f"number {k} (0 is the loss) is {a}, but {b} from {theirs.name}")


def race(
    question: str,
    ours: Side,
    theirs: Side,
    effort: Effort,
    bar: Bar | None,
    *,
    tolerance: float = 1e-10,
    per: int = 1,
) -> Row:
    """How many times faster we are than the other side.

    Args:
        question: what the table calls it.
        ours: our side.
        theirs: the other side.
        effort: how long to measure.
        bar: what is required of the ratio.
        tolerance: by how much the numbers of the sides may differ.
        per: how many nodes or points share the time of a step.
    """
    several = ours.threads or theirs.threads
    clock = perf_counter if several else process_time
    mine, other = [], []
    with threads(several):
        agree(ours, theirs, tolerance)
        steps = [enough_steps(side, effort, clock) for side in (ours, theirs)]
        for _ in range(effort.pairs):
            mine.append(seconds_per_step(ours, steps[0], clock) / per)
            other.append(seconds_per_step(theirs, steps[1], clock) / per)
    ratios = [b / a for a, b in zip(mine, other, strict=True)]
    row = compared(question, mine, theirs.name, other, "s", ratios, bar)
    return replace(row, medians=Medians(median(mine), median(other), median(ratios)))


def races(
    question: str,
    ours: Callable[[], Side],
    others: Iterable[tuple[Callable[[], Side], Bar | None]],
    effort: Effort,
    *,
    tolerance: float = 1e-10,
    per: int = 1,
) -> Iterator[Row | Skipped]:
    """Against several, each with its bar; sides are made when it is their turn."""
    for theirs, required in others:
        try:
            sides = ours(), theirs()
            yield race(question, *sides, effort, required, tolerance=tolerance, per=per)
        except Skipped as reason:
            yield reason


Clock = Callable[[], float]


def enough_steps(side: Side, effort: Effort, clock: Clock) -> int:
    """How many steps make a turn long enough for the clock."""
    steps = effort.steps
    while (seconds := steps * seconds_per_step(side, steps, clock)) < effort.seconds:
        steps = ceil(steps * min(20.0, 1.2 * effort.seconds / seconds))
    return steps


def seconds_per_step(side: Side, steps: int, clock: Clock) -> float:
    """The mean over the steps of a turn."""
    gc.collect()
    gc.freeze()  # what has survived is out of the collector's sight
    start = clock()
    side.run(steps)
    gc.collect()
    seconds = clock() - start
    gc.unfreeze()
    return seconds / steps


def compared(
    question: str,
    ours: Sequence[float],
    peer: str,
    theirs: Sequence[float],
    unit: str,
    comparisons: Sequence[float],
    bar: Bar | None,
) -> Row:
    """The line of two sides that were measured in turn; the bar judges the median comparison."""
    middle = median(comparisons)
    return Row(
        question,
        summary(ours, unit),
        peer,
        summary(theirs, unit),
        f"{figures(middle)} ({figures(min(comparisons))} to {figures(max(comparisons))})",
        f"{bar.relation} {bar.required:g}" if bar else "",
        ("yes" if bar.met(middle) else "NO") if bar else "",
    )


def alone(question: str, measured: Sequence[float], limit: Bar | None) -> Row:
    """The line of what has no other side: seconds, and how many there may be."""
    allowed = (
        f"{limit.relation} {summary([limit.required], 's').partition(' (')[0]}" if limit else ""
    )
    met = ("yes" if limit.met(median(measured)) else "NO") if limit else ""
    return Row(question, summary(measured, "s"), "", "", "", allowed, met)


def summary(measured: Sequence[float], unit: str) -> str:
    """The median and, in brackets, the least; seconds in the unit that suits them."""
    middle, least = median(measured), min(measured)
    if unit == "s":
        scale, unit = next((x, u) for x, u in UNITS if middle >= x or u == "ns")
        middle, least = middle / scale, least / scale
    return f"{figures(middle)} {unit} ({figures(least)})"


UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def figures(number: float) -> str:
    """As many decimals as say something: 0.83, 12.5, 10,300."""
    decimals = 2 if abs(number) < 10 else 1 if abs(number) < 100 else 0
    return f"{number:,.{decimals}f}"


def in_process(expression: str, module: str) -> Any:
    """What the expression gives in a fresh process that has imported a module.

    It takes the same engine. Its bytecode is cached, as that of an installed package is.
    """
    home = Path(str(engine.__file__)).parents[1]
    path = os.pathsep.join([str(home), str(Path(__file__).parent)])
    environment = os.environ | {"PYTHONPATH": path}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-P", "-c", f"import {module}; print({expression})"]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)
