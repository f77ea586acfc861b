"""The races of `chainrule speed`: what the benchmarks have stored, as a table and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log10
from typing import TYPE_CHECKING, Any

import numpy as np

from demos.parts import report
from demos.parts.report import AMBER, BLUE, FAINT, INK, RED, note, plain, table
from demos.parts.stopwatch import spoken

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Race = dict[str, Any]  # question, peer, ours, theirs, faster
Stored = dict[str, Any]  # races, and when and where they were

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


def source(stored: Stored) -> str:
    """When and where the races were."""
    return ", ".join(str(stored[name]) for name in ("date", "machine", "python", "engine"))


def grouped(stored: Stored) -> dict[str, list[Race]]:
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


def times_as_long(race: Race) -> str:
    """How often our time goes into that of the peer.

    >>> [times_as_long({"faster": ratio}) for ratio in (0.85, 12.3, 41234.0)]
    ['0.85', '12', '41,234']
    """
    ratio = float(race["faster"])
    return f"{ratio:.2f}" if ratio < 2 else f"{ratio:.1f}" if ratio < 10 else f"{ratio:,.0f}"


def told(stored: Stored) -> str:
    """The races as a table."""
    headers = ["", "ours", "peer", "its time", "times ours"]
    return table(headers, [
        [title, spoken(race["ours"]), race["peer"], spoken(race["theirs"]), times_as_long(race)]
        for title, races in grouped(stored).items() for race in races
    ])  # fmt: skip


def bars(stored: Stored) -> Figure:
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


def question(axes: Axes, place: float, title: str, races: Sequence[Race]) -> None:
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
