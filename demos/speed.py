"""speed: what does it cost to write everything as scalars?

First on your machine: the gradient of a small network, 2-16-16-1, for batches of 1 to 1,000. The
graph is built anew for each example, node by node, or recorded once and then replayed, as a tape,
node after node, or as a program, whose few instructions work on all examples at a time. Beside it
micrograd, if it is installed.

Then the races against others, as `python tests/benchmarks --save FILE` has measured them on one
machine: of each question and each of its peers how many times as long it takes as we do.

Command: chainrule speed
Expect: a tape faster than a graph for each example, and a program faster than a tape by the more,
the more examples there are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from demos.parts import races, report, stopwatch
from demos.parts.report import AMBER, FAINT, GREEN, PALE, RED, plain, table
from demos.parts.stopwatch import spoken
from nn import MLP

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZES, BATCHES, LEAST = [2, 16, 16, 1], (1, 3, 10, 30, 100, 300, 1000), 0.02
COLOURS = {"micrograd": FAINT, "a graph for each": AMBER, "tape": GREEN, "program": RED}
STORED = Path(__file__).parent / "pictures" / "speed.json"


def main(argv: Sequence[str] | None = None) -> None:
    """Measure here, and draw that and what has been measured elsewhere."""
    chosen = report.options(
        __doc__, argv, seed=0, races=(None, "another file with results of the benchmarks")
    )
    times = measure(chosen.seed)
    print(f"Network {'-'.join(map(str, SIZES))}, value and gradient, per example\n")
    print(table(["batch", *times], [
        [f"{n:,}", *(spoken(column[k]) for column in times.values())] for k, n in enumerate(BATCHES)
    ]))  # fmt: skip
    report.save_figure(lines(times), chosen.out, "speed_here")
    path = chosen.races or STORED
    if not (chosen.races or path.exists()):
        print("\nNo races are stored here: python tests/benchmarks --save FILE runs them")
        return
    stored = json.loads(path.read_text(encoding="utf-8"))
    print(f"\nThe races of {races.source(stored)}\n\n{races.told(stored)}")
    report.save_figure(races.bars(stored), chosen.out, "speed")


def measure(seed: int) -> dict[str, list[float]]:
    """Seconds per example, for each way and each size of a batch."""
    chance = np.random.default_rng(seed)
    X, y = chance.normal(size=(max(BATCHES), SIZES[0])), chance.normal(size=(max(BATCHES), 1))
    model = MLP(SIZES[0], SIZES[1:], activation="relu", seed=seed)
    times = {"a graph for each": [stopwatch.node_by_node(model, X, y, LEAST)] * len(BATCHES)}
    for way in stopwatch.WAYS:
        times[way] = [stopwatch.replayed(model, X[:n], y[:n], LEAST, way) for n in BATCHES]
    theirs = stopwatch.micrograd(SIZES, X, y, LEAST)
    return times if theirs is None else {"micrograd": [theirs] * len(BATCHES)} | times


def lines(times: dict[str, list[float]]) -> Figure:
    """The time of an example by the size of the batch."""
    figure = report.canvas(12, 5.6)
    axes = figure.subplots()
    for name, column in times.items():
        level = len(set(column)) == 1  # whose time does not depend on it
        axes.plot(BATCHES, column, "" if level else "o-", color=COLOURS[name], ms=4)
    plain(axes, "value and gradient of a network of 337 scalars: time for one example")
    axes.set(xscale="log", yscale="log", xlabel="examples in a batch", xlim=(0.9, 5000))
    axes.minorticks_off()
    axes.set_xticks(BATCHES, [f"{n:,}" for n in BATCHES])
    axes.yaxis.set_major_formatter(lambda seconds, _: spoken(seconds))
    axes.grid(axis="y", color=PALE)
    axes.spines["bottom"].set_bounds(1, BATCHES[-1])
    last = {name: column[-1] for name, column in times.items()}
    ends = {f"{name}: {spoken(time)}": (time, COLOURS[name]) for name, time in last.items()}
    report.name_curves(axes, BATCHES[-1], ends)
    return figure


if __name__ == "__main__":
    main()
