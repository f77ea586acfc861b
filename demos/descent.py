"""descent: how does a network find the bottom of its cost, if it only feels the slope underfoot?

It steps against the gradient, again and again. First on C = w^2, number by number, and with
learning rates too small, right and too large. Then on hills over w1 and w2, where different starts
end in different minima. Then for a line through 60 points: the slow and careful walk along the
gradient of all of them, and the quick and drunk one, along that of two points at a time.

Command: chainrule descent
Expect: steps that get smaller with the slope; three minima, one of them lower than the others; the
drunk man near the bottom after two looks at the data, when the careful one has made two steps.
Source: 3Blue1Brown, Gradient descent, how neural networks learn, 2017: ideas, which have no numbers
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from demos.parts import report
from demos.parts.report import DEPTHS, FAINT, INK, RED, note, plain, rounded, table
from engine import Value, cos, sin

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Walk = NDArray[np.float64]  # a row for each step: the weights, the cost, the gradient

RATES = {"too small": 0.03, "right": 0.3, "too large": 1.04}
STARTS = [(0.4, -0.5), (0.4, 1.0), (1.0, -0.5)]


def descend(cost: Callable[..., Any], start: Sequence[float], rate: float, steps: int) -> Walk:
    """Gradient descent: every weight takes a step of - rate * its gradient."""
    weights, path = [Value(number) for number in start], []
    for _ in range(steps + 1):
        here = cost(*weights)
        for w in weights:
            w.zero_grad()
        here.backward()
        path.append([*(w.data for w in weights), here.data, *(w.grad for w in weights)])
        for w in weights:
            w.data -= rate * w.grad
    return np.array(path)


def hills(w1: Any, w2: Any) -> Any:
    """A bowl with waves in it."""
    return (w1**2 + w2**2) / 10 + sin(1.5 * w1) * cos(1.3 * w2)


def misfit(line: Any, points: Sequence[Any]) -> Any:
    """The mean squared distance of points from a line w x + b."""
    w, b = line
    return sum((w * x + b - y) ** 2 for x, y in points) / len(points)


def main(argv: Sequence[str] | None = None) -> None:
    """Go down three slopes."""
    chosen = report.options(__doc__, argv, seed=0)
    chance = Random(chosen.seed)
    start = chance.choice((-1, 1)) * chance.uniform(2, 4)
    print("C = w^2 from a random w: each step is -0.2 dC/dw\n")
    path = descend(lambda w: w**2, [start], 0.2, 8)
    rows = [rounded([w, cost, slope, 2 * w, -0.2 * slope]) for w, cost, slope in path]
    print(table(["w", "C", "dC/dw", "2w", "step"], rows))
    leaps = {f"{name}: {r}": descend(lambda w: w**2, [start], r, 8) for name, r in RATES.items()}
    print("\nLearning rates, after 8 steps\n")
    print(table(["", "w", "C"], [[n, *rounded(leap[-1, :2])] for n, leap in leaps.items()]))
    report.save_figure(parabolas(leaps), chosen.out, "descent_rates")

    walks = [descend(hills, each, 0.15, 60) for each in STARTS]
    print("\nFirst nudges on the hills: the sign is the direction, the size how much it matters\n")
    slopes = walks[0][0, 3:]
    nudges = zip(("w1", "w2"), rounded(slopes), rounded(-0.15 * g for g in slopes), strict=True)
    print(table(["", "gradient", "nudge"], [*nudges]))
    print("\nWhere different starts end\n")
    ends = [[str(at), *rounded(walk[-1, :3])] for at, walk in zip(STARTS, walks, strict=True)]
    print(table(["start", "w1", "w2", "C"], ends))
    report.save_figure(valleys(walks), chosen.out, "descent")

    points = [(x, 0.5 + 1.2 * x + chance.gauss(0, 0.4)) for x in np.linspace(0, 2, 60).tolist()]
    careful = descend(lambda *line: misfit(line, points), (-1, 3), 0.1, 100)
    drunk = descend(lambda *line: misfit(line, chance.sample(points, 2)), (-1, 3), 0.1, 60)
    print("\nA line through 60 points: the cost of all, after looking at so many\n")
    slow, quick = (rounded(misfit(walk.T[:2], points)) for walk in (careful, drunk))
    rows = [["0", slow[0], quick[0]], ["120", slow[2], quick[60]], ["6,000", slow[100], ""]]
    print(table(["points", "slow and careful", "quick and drunk"], rows))
    report.save_figure(walkers(careful, drunk, points), chosen.out, "descent_batches")


def parabolas(leaps: dict[str, Walk]) -> Figure:
    """The steps on C = w^2, for each learning rate."""
    figure = report.canvas(12, 4)
    for k, (name, path) in enumerate(leaps.items(), start=1):
        far = 1.15 * np.abs(path[:, 0]).max()
        w = np.linspace(-far, far, 99)
        axes = figure.add_subplot(1, 3, k)
        axes.plot(w, w**2, color=FAINT, lw=1)
        axes.plot(*path.T[:2], "o-", color=RED, lw=1.5)
        left = path[0, 0] < 0
        note(axes, "start", path[0, :2], (-9 if left else 9, -4), ha="right" if left else "left")
        plain(axes, f"learning rate {name}", xlabel="w", ylabel="C" if k == 1 else "")
        axes.set_xlim(-1.3 * far, 1.3 * far)
    return figure


def valleys(walks: Sequence[Walk]) -> Figure:
    """The surface with the walks on it, and its map."""
    figure = report.canvas(12, 5.6)
    w1, w2 = np.meshgrid(np.linspace(-2.6, 2.4, 91), np.linspace(-2.9, 2.9, 91))
    height, colours = np.vectorize(hills)(w1, w2), report.shades(*DEPTHS)
    space: Any = figure.add_subplot(1, 2, 1, projection="3d", computed_zorder=False)
    space.plot_surface(w1, w2, height, cmap=colours, rcount=45, ccount=45, ec=FAINT, lw=0.15)
    space.view_init(50, -65)
    space.set(xlabel="w1", ylabel="w2", zlabel="C")
    flat = plain(figure.add_subplot(1, 2, 2), xlabel="w1", ylabel="w2")
    flat.contourf(w1, w2, height, levels=24, cmap=colours)
    for walk in walks:
        space.plot(*(walk[:, :3] + (0, 0, 0.03)).T, "o-", color=RED, ms=2.5)
        flat.plot(*walk.T[:2], "o-", color=RED, ms=4)
        note(flat, "start", walk[0, :2], color=RED)
        note(flat, f"C = {walk[-1, 2]:.2f}", walk[-1, :2], (9, -5), color="white")
    return figure


def walkers(careful: Walk, drunk: Walk, points: Sequence[Any]) -> Figure:
    """Two walks over one cost surface, and how fast they come down."""
    figure = report.canvas(12, 5)
    left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
    w, b = np.meshgrid(np.linspace(-1.5, 2.2, 91), np.linspace(-0.6, 3.4, 91))
    left.contourf(w, b, np.log(misfit((w, b), points)), levels=24, cmap=report.shades(*DEPTHS))
    for walk, each, style, colour in ((careful, 60, "o-", INK), (drunk, 2, "-", RED)):
        left.plot(*walk.T[:2], style, color=colour, lw=1.2, ms=3)
        seen, cost = each * np.arange(len(walk)), misfit(walk.T[:2], points)
        right.plot(seen[1:], cost[1:], style, color=colour, lw=1.2, ms=3)
    note(left, "slow and careful\n60 points to a step", careful[12, :2], (12, 4))
    note(left, "quick and drunk\n2 points to a step", (-1.3, 1.3), color=RED)
    plain(left, "cost of the line w x + b, and two walks", xlabel="w", ylabel="b")
    plain(right, "cost", xscale="log", xlabel="points looked at")
    report.logarithmic(right, [0.2, 0.5, 1, 2])
    return figure


if __name__ == "__main__":
    main()
