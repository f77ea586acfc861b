"""Seconds per example: micrograd beside this engine, in the three ways in which it runs a network.

The network has relu neurons, the loss is the squared error of its outputs, and what is timed is the
gradient in all its parameters. The clock is that of the process, which stands still while other
processes have the processor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from itertools import cycle
from statistics import median
from time import process_time
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from demos.parts.report import table
from engine import Value, record
from nn import MLP, squared_error

TURNS: Final = 3
WAYS: Final = ("tape", "program")
UNITS: Final = {
    "days": 86400.0, "hours": 3600.0, "minutes": 60.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9,
}  # fmt: skip

Array = NDArray[np.float64]
Replay = Literal["auto", "tape", "program"]


def seconds(run: Callable[[], object], least: float, turns: int = TURNS) -> float:
    """How long a run takes: the median over some turns, each of so many runs that it lasts.

    Args:
        run: what is timed; a first run, which may have to record, is not.
        least: the seconds that a turn lasts, at least.
        turns: how many.
    """
    run()
    times, runs = list[float](), 1
    while len(times) < turns:
        start = process_time()
        for _ in range(runs):
            run()
        passed = process_time() - start
        if passed < least:
            runs *= 2
        else:
            times.append(passed / runs)
    return median(times)


def node_by_node(model: MLP, X: Array, y: Array, least: float = 0.0) -> float:
    """The graph of every example built anew."""
    examples, parameters = examples_of(X, y), model.parameters()

    def run() -> None:
        x, target = next(examples)
        for p in parameters:
            p.zero_grad()
        squared_error(model(x), target).backward()

    return seconds(run, least)


def replayed(model: MLP, X: Array, y: Array, least: float = 0.0, way: Replay = "auto") -> float:
    """The graph of one example, recorded and replayed for the batch.

    Args:
        model: the network.
        X: the batch.
        y: what its outputs should be, shape (examples, outputs).
        least: the seconds that a turn lasts, at least.
        way: "tape", node after node, "program", instructions for arrays, or whichever suits.
    """

    def loss(x: list[Value], target: list[Value]) -> Value:
        return squared_error(model(x), target)

    step = record(loss, parameters=model.parameters(), replay=way)
    batch = (X, y) if len(X) > 1 else (X[0].tolist(), y[0].tolist())  # which is quicker for one
    return seconds(lambda: step.value_and_gradient(*batch), least) / len(X)


def micrograd(sizes: Sequence[int], X: Array, y: Array, least: float = 0.0) -> float | None:
    """What micrograd takes for an example; None if it is not installed."""
    try:
        network = import_module("micrograd.nn").MLP
    except ModuleNotFoundError:
        return None
    model, examples = network(sizes[0], list(sizes[1:])), examples_of(X, y)
    parameters = model.parameters()

    def run() -> None:
        x, target = next(examples)
        found = model(x)
        outputs = found if isinstance(found, list) else [found]
        for p in parameters:
            p.grad = 0
        sum((a - b) ** 2 for a, b in zip(outputs, target, strict=True)).backward()

    return seconds(run, least)


def examples_of(X: Array, y: Array) -> Iterator[tuple[Any, Any]]:
    """One after the other, again and again."""
    return cycle(zip(X.tolist(), y.tolist(), strict=True))


def scaled(measured: Mapping[str, tuple[int, float | None]], examples: int, epochs: int) -> str:
    """A table of what a training takes in several ways.

    Args:
        measured: for each way on how many examples it was measured, and its seconds for one; None
            for micrograd if it is not installed.
        examples: how many there are in an epoch.
        epochs: how many of those.
    """
    rows = [
        [name, f"{n:,}", *(spoken(k * seconds) for k in (1, examples, examples * epochs))]
        for name, (n, seconds) in measured.items()
        if seconds is not None
    ]
    found = table(["", "measured on", "an image", "an epoch", f"{epochs} epochs"], rows)
    missing = "\n\n(micrograd is not installed: pip install micrograd)"
    return found if len(rows) == len(measured) else found + missing


def spoken(duration: float) -> str:
    """A time as one would say it.

    >>> [spoken(each) for each in (0.00002, 0.25, 90, 50_000, 1e6)]
    ['20 µs', '250 ms', '90 s', '14 hours', '12 days']
    """
    name, unit = next(
        ((name, unit) for name, unit in UNITS.items() if duration >= unit * (2 if unit > 1 else 1)),
        ("ns", 1e-9),
    )
    number = duration / unit
    return f"{number:.{0 if number >= 10 else 1}f} {name}"
