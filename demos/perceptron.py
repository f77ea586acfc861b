"""perceptron: how does a neuron that says only yes or no decide whether to go to the park?

It adds up the reasons, each with its weight, and says yes if the sum reaches the threshold. The
threshold is moved to the other side of the sign, where it is called the bias: w · x + b >= 0. Then
AND, OR and NAND, with weights found by hand, and why there are none for XOR: a perceptron parts the
plane by one straight line. It draws the days of the park, the gates, and the graph of one decision.

Command: chainrule perceptron
Expect: no park in a lockdown; three gates that are right; XOR right at three corners of four by the
best of 10,000 random lines, and at all four by three perceptrons in two layers.
Source: F. Rosenblatt, The Perceptron, 1958; M. Minsky, S. Papert, Perceptrons, 1969.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from demos.parts import report
from demos.parts.report import BLUE, FAINT, INK, PALE, RED, plain, table
from engine import Drawing, Value, dot, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Line = tuple[float, float, float]  # w1, w2, b
REASONS = {"raining": 3.0, "warm": 1.0, "lockdown": -20.0}  # this one likes the rain
THRESHOLD = 3.0
CORNERS = list(product((0, 1), repeat=2))
GATES: dict[str, Line] = {"AND": (1, 1, -1.5), "OR": (1, 1, -0.5), "NAND": (-1, -1, 1.5)}
TRUTH = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "NAND": [1, 1, 1, 0], "XOR": [0, 1, 1, 0]}
TITLES = [
    "AND\nx₁ + x₂ − 1.5 ≥ 0", "OR\nx₁ + x₂ − 0.5 ≥ 0", "NAND\n−x₁ − x₂ + 1.5 ≥ 0",
    "XOR\nno line is right at all corners", "XOR\nbetween two lines",
]  # fmt: skip
LINES = 10_000


def main(argv: Sequence[str] | None = None) -> None:
    """Decide about the park, compute the gates, look for XOR in vain, and draw."""
    chosen = report.options(__doc__, argv, seed=0)
    today, free = park(1, 0, 1), park(1, 0, 0)
    (z,), (z_free,) = today.inputs, free.inputs
    print(f"Weights 3, 1 and -20, threshold {THRESHOLD:g}, so the bias is its negative\n")
    rows = [("bias", "-3", -THRESHOLD), ("w · x + b in the rain, in a lockdown", "-20", z.data)]
    rows += [("output", "0", today.data), ("w · x + b without the lockdown", "0", z_free.data)]
    print(report.compare(rows))
    print(
        f"\nAt exactly 0 the slides say two things: by the definition, >= 0, the output is\n"
        f"{free.data:g}; by their example, > 0, {int(z_free.data > 0)}. The definition counts.\n"
    )
    answers = [[*x, *(perceptron(GATES[g], x).data for g in GATES), two_layers(x)] for x in CORNERS]
    print(table(["x1", "x2", *GATES, "AND(OR, NAND)"], answers))
    best, attempts = attempt(chosen.seed)
    print(
        f"\nXOR takes three perceptrons. One alone: the best of {LINES:,} random lines is right\n"
        f"at {best} corners of 4. And no line is at all: it would take b < 0, w1 + b >= 0 and\n"
        "w2 + b >= 0, so that w1 + w2 + b >= -b > 0; but (1, 1) wants w1 + w2 + b < 0."
    )
    report.save_figure(picture(attempts), chosen.out, "perceptron")
    print("\nThe gradients of the decision are all 0: a step has no slope. Nothing to learn from!")
    report.save(graph(), chosen.out, "perceptron_park")


def perceptron(weights_and_bias: Sequence[float], x: Sequence[object]) -> Value:
    """Yes or no: 1 if w · x + b >= 0, else 0."""
    *weights, bias = [Value(number) for number in weights_and_bias]
    decision: Value = dot(weights, x, bias).step()
    return decision


def park(*day: float) -> Value:
    """Whether to go: the threshold has become a bias."""
    return perceptron([*REASONS.values(), -THRESHOLD], day)


def two_layers(x: Sequence[float]) -> float:
    """XOR: the one or the other, but not both."""
    return perceptron(GATES["AND"], [perceptron(GATES[g], x) for g in ("OR", "NAND")]).data


def attempt(seed: int) -> tuple[int, list[Line]]:
    """Random lines for XOR: at how many corners the best are right, and some of them."""
    chance = Random(seed)
    found: dict[int, list[Line]] = {}
    for _ in range(LINES):
        w1, w2, b = line = chance.uniform(-1, 1), chance.uniform(-1, 1), chance.uniform(-1, 1)
        right = [(w1 * x1 + w2 * x2 + b >= 0) == (x1 != x2) for x1, x2 in CORNERS]
        found.setdefault(sum(right), []).append(line)
    return max(found), found[max(found)][:8]


def graph() -> Drawing:
    """One decision: products, their sum, the step."""
    raining, warm, lockdown = Value(1), Value(0), Value(1)
    w1, w2, w3 = (Value(weight) for weight in REASONS.values())
    bias = Value(-THRESHOLD)
    z = dot([w1, w2, w3], [raining, warm, lockdown], bias)
    park = z.step()
    park.backward()
    return draw(park, expand=True)


def picture(attempts: Sequence[Line]) -> Figure:
    """Above the step with the eight kinds of days, below the gates."""
    figure = report.canvas(12, 6.6)
    grid = figure.add_gridspec(2, 5, height_ratios=[1, 1.15])
    days(figure.add_subplot(grid[0, :]))
    panels: list[Sequence[Line]] = [[line] for line in GATES.values()]
    panels += [attempts, [GATES["OR"], GATES["NAND"]]]
    for k, (lines, title) in enumerate(zip(panels, TITLES, strict=True)):
        axes = plain(figure.add_subplot(grid[1, k]), title)
        corners(axes, lines, TRUTH[title.split()[0]])
    return figure


def days(axes: Axes) -> None:
    """The step, and where each kind of day stands on it."""
    axes.plot([-25, 0, 0, 5], [0, 0, 1, 1], color=PALE, lw=6, zorder=1)
    for day in product((0, 1), repeat=3):
        yes, z = park(*day).data, park(*day).inputs[0].data
        name = " + ".join(n for n, on in zip(REASONS, day, strict=True) if on) or "none of these"
        axes.plot(z, yes, "s" if yes else "o", color=RED if yes else BLUE, ms=9)
        axes.text(z, yes + 0.12, name, rotation=35, rotation_mode="anchor", color=INK)
    plain(axes, "", yticks=[0, 1], yticklabels=["stay", "go"], ylim=(-0.2, 1.9))
    axes.set(xlabel="w · x + b: the reasons, each with its weight, and the bias", xlim=(-25, 5))
    axes.text(0.3, 0.45, "the threshold is reached", color=FAINT)


def corners(axes: Axes, lines: Sequence[Line], truth: Sequence[int]) -> None:
    """The plane parted by lines, the side that says 1 in red, and what the gate should say."""
    a, b = np.meshgrid(*[np.linspace(-0.5, 1.5, 101)] * 2)
    sums = [w1 * a + w2 * b + bias for w1, w2, bias in lines]
    for z in sums:
        axes.contour(a, b, z, levels=[0], colors=INK, linewidths=1.2 if len(lines) <= 2 else 0.5)
    if len(lines) <= 2:  # of more no two agree
        axes.contourf(a, b, np.min(sums, axis=0), levels=[-9, 0, 9], colors=[BLUE, RED], alpha=0.2)
    for (x1, x2), label in zip(CORNERS, truth, strict=True):
        axes.plot(x1, x2, "s" if label else "o", color=RED if label else BLUE, ms=19)
        axes.text(x1, x2, str(label), color="white", ha="center", va="center")
    axes.set(xticks=[0, 1], yticks=[0, 1], xlabel="x₁", ylabel="x₂", aspect="equal")


if __name__ == "__main__":
    main()
