"""How two sides are timed: in turn, after they have given the same numbers.

A machine slows down and speeds up while a benchmark runs. The two sides therefore take turns,
A B A B, and what is judged is the ratio within each pair of turns: the median of these ratios, with
the lowest and the highest beside it. The clock is that of the process, which stands still while
other processes have the processor.

A turn is a loop of whole steps, as one writes training: the old graph is freed when the name of the
loss is given to the new one, and that is part of the step. Each turn begins with an empty garbage
collector, so that nobody pays for what the other left behind, and its clock stops when a last
collection has freed all that was made. The collector stays switched on meanwhile, as users have it.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

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
        gradients: those of the last step.
    """

    name: str
    run: Callable[[int], float]
    gradients: Callable[[], list[float]]


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
    mine, other = ([side.run(1), *side.gradients()] for side in (ours, theirs))
    assert len(mine) == len(other), f"{len(mine)} numbers here, {len(other)} from {theirs.name}"
    for k, (a, b) in enumerate(zip(mine, other, strict=True)):
        if not abs(a - b) <= tolerance * max(1.0, abs(b)):  # so that a NaN is a difference
            raise AssertionError(f"number {k} (0 is the loss) is {a}, but {b} from {theirs.name}")


def race(question: str, ours: Side, theirs: Side, effort: Effort, bar: Bar | None) -> Row:
    """How many times faster we are than the other side."""
    agree(ours, theirs)
    steps = [enough_steps(side, effort) for side in (ours, theirs)]
    mine, other = [], []
    for _ in range(effort.pairs):
        mine.append(1e3 * seconds_per_step(ours, steps[0]))
        other.append(1e3 * seconds_per_step(theirs, steps[1]))
    ratios = [b / a for a, b in zip(mine, other, strict=True)]
    return compared(question, mine, theirs.name, other, "ms", ratios, bar)


def enough_steps(side: Side, effort: Effort) -> int:
    """How many steps make a turn long enough for the clock."""
    steps = effort.steps
    while steps * seconds_per_step(side, steps) < effort.seconds:
        steps *= 2
    return steps


def seconds_per_step(side: Side, steps: int) -> float:
    """The mean over the steps of a turn."""
    gc.collect()
    start = process_time()
    side.run(steps)
    gc.collect()
    return (process_time() - start) / steps


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
        f"{middle:.1f} ({min(comparisons):.1f} to {max(comparisons):.1f})",
        f"{bar.relation} {bar.required:g}" if bar else "",
        ("yes" if bar.met(middle) else "NO") if bar else "",
    )


def summary(measured: Sequence[float], unit: str) -> str:
    """The median and, in brackets, the least."""
    return f"{median(measured):.1f} {unit} ({min(measured):.1f})"


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
