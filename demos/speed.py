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
from math import ceil, log10
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from demos.parts import report, stopwatch
from demos.parts.report import AMBER, BLUE, FAINT, GREEN, INK, PALE, RED, note, plain, table
from demos.parts.stopwatch import spoken
from nn import MLP

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZES, BATCHES, LEAST = [2, 16, 16, 1], (1, 3, 10, 30, 100, 300, 1000), 0.02
COLOURS = {"micrograd": FAINT, "a graph for each": AMBER, "tape": GREEN, "program": RED}
STORED = Path(__file__).parent / "pictures" / "speed.json"
QUESTIONS = {  # of the benchmarks, by how they begin, and how the picture calls them
    "moons step recorded": "two moons: a step on 100 points",
    "784-16-16-10 SGD step, batch 10, float64": "digits: a step on 10 images",
    "784-16-16-10 SGD step, batch 100, float64": "digits: a step on 100 images",
    "784-16-16-10 SGD step, batch 1000, float64": "digits: a step on 1,000 images",
    "names: GPT step": "first names: a step of a GPT, with Adam",
    "MLP 2-16-16-1 at a point": "a network of 337 parameters at one point",
    "Black-Scholes, 1,000,000 points, float64": "Black-Scholes: one of a million points",
    "Rosenbrock": "Rosenbrock's function of 1,000 variables",
    "serial chain": "a chain: one of 100,000 operations",
    "random graph": "a random graph: one of 100,000 operations",
}
PER_COLUMN = 5


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
    print(f"\nThe races of {source(stored)}\n")
    print(table(["", "ours", "peer", "its time", "times ours"], [
        [title, spoken(race["ours"]), race["peer"], spoken(race["theirs"]), times_as_long(race)]
        for title, races in grouped(stored).items() for race in races
    ]))  # fmt: skip
    report.save_figure(bars(stored), chosen.out, "speed")


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
        words = f"{name}: {spoken(column[-1])}"
        note(axes, words, (BATCHES[-1], column[-1]), (8, -4), color=COLOURS[name])
    plain(axes, "value and gradient of a network of 337 scalars: time for one example")
    axes.set(xscale="log", yscale="log", xlabel="examples in a batch", xlim=(0.9, 5000))
    axes.minorticks_off()
    axes.set_xticks(BATCHES, [f"{n:,}" for n in BATCHES])
    axes.yaxis.set_major_formatter(lambda seconds, _: spoken(seconds))
    axes.grid(axis="y", color=PALE)
    axes.spines["bottom"].set_bounds(1, BATCHES[-1])
    return figure


def source(stored: dict[str, Any]) -> str:
    """When and where the races were."""
    return ", ".join(str(stored[name]) for name in ("date", "machine", "python", "engine"))


def grouped(stored: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The races of each question that is drawn, the slowest peer first."""
    found = {
        title: [race for race in stored["races"] if race["question"].startswith(beginning)]
        for beginning, title in QUESTIONS.items()
    }
    return {
        title: sorted(races, key=lambda race: -float(race["faster"]))
        for title, races in found.items()
        if races
    }


def times_as_long(race: dict[str, Any]) -> str:
    """How often our time goes into that of the peer.

    >>> [times_as_long({"faster": ratio}) for ratio in (0.85, 12.3, 41234.0)]
    ['0.85', '12', '41,234']
    """
    ratio = float(race["faster"])
    return f"{ratio:.2f}" if ratio < 2 else f"{ratio:.1f}" if ratio < 10 else f"{ratio:,.0f}"


def bars(stored: dict[str, Any]) -> Figure:
    """How many times as long as ours the time of each peer is: a bar from 1 to there."""
    groups = list(grouped(stored).items())
    columns = [groups[k : k + PER_COLUMN] for k in range(0, len(groups), PER_COLUMN)]
    ratios = [float(race["faster"]) for _, races in groups for race in races]
    limits = min(0.5, *ratios) / 1.3, max(10.0, *ratios) * 40
    ticks = [10**k for k in range(1 + ceil(log10(max(ratios))))]
    height = max(sum(len(races) + 1.6 for _, races in column) for column in columns)
    figure = report.canvas(12, 1.2 + 0.22 * height)
    figure.suptitle("how many times as long others take", fontsize="large", color=INK)
    for axes, column in zip(np.atleast_1d(figure.subplots(1, len(columns))), columns, strict=True):
        plain(axes, xscale="log", xlim=limits, ylim=(height, -0.8), yticks=[])
        axes.minorticks_off()
        axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        axes.spines["left"].set_visible(False)
        place = 0.0
        for title, races in column:
            question(axes, place, title, races)
            place += len(races) + 1.6
        axes.axvline(1, ymax=1 - 0.4 / height, color=RED, lw=1.5)
    figure.supxlabel(source(stored), fontsize="x-small", color=FAINT)
    return figure


def question(axes: Axes, place: float, title: str, races: Sequence[dict[str, Any]]) -> None:
    """A question with our time, and below it a bar for each peer."""
    note(axes, title, (1, place), (5, 0), va="center")
    ours = f"  ours {spoken(races[0]['ours'])}"
    axes.annotate(ours, (1, 0.5), xycoords=axes.texts[-1], va="center", color=RED)
    for down, race in enumerate(races, start=1):
        ratio = float(race["faster"])
        colour = BLUE if ratio > 1 else AMBER
        axes.barh(place + down, ratio - 1, left=1, height=0.72, color=colour)
        words = f"{race['peer']}  {times_as_long(race)} ×  {spoken(race['theirs'])}"
        at = max(ratio, 1.0), place + down
        note(axes, words, at, (5, 0), color=colour, va="center", fontsize="small")


if __name__ == "__main__":
    main()
