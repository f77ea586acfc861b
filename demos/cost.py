"""cost: how is it put into one number, how badly a network reads digits?

For one image: the difference between each output and what it should have been, squared, and added
up. The lecture's digit, number by number; its slide has eleven outputs, where a digit has ten
classes, so both sums are shown. Then the cost over many images, in the two ways in which lectures
write it, while a small network learns 8x8 digits until it is near 0; then its accuracy on others.
It draws the squares as squares.

Command: chainrule cost
Expect: 2.33 for the lecture's digit; over 300 digits that it has not learnt a cost that falls from
about 3 to about 0.3, and above 75 % of them right.
Source: M. Nielsen, Neural Networks and Deep Learning, 2015, (6): C = 1/(2n) sum |y - a|^2;
3Blue1Brown, Neural networks, 2017, chapter 2: squares summed for each image, averaged over images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from demos.parts import report
from demos.parts.report import BLUE, INK, RED, note, plain, rounded, table
from engine import Value, no_grad
from nn import MLP, digits, fit, outputs, quadratic_cost, squared_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DESIRED = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]
ACTUAL = [0.3, 0.0, 0.5, 0.2, 0.0, 0.1, 0.3, 0.0, 0.0, 0.9, 0.8]
PRINTED = ["0.3", "0", "0.5", "0.2", "0", "0.1", "0.7", "0", "0", "0.9", "0.8"]  # differences
TRAIN, TEST, EPOCHS = 300, 300, 12


def main(argv: Sequence[str] | None = None) -> None:
    """The cost of the lecture's digit, then of many."""
    chosen = report.options(__doc__, argv, seed=0)
    a = [Value(number) for number in ACTUAL]
    cost, ten = squared_error(a, DESIRED), squared_error(a[:10], DESIRED[:10])
    figures = [(f"|y{k} - a{k}|", p, abs(DESIRED[k] - ACTUAL[k])) for k, p in enumerate(PRINTED)]
    print(report.compare([*figures, ("C, their squares added up", "2.33", cost.data)]))
    print(f"\nWithout the slide's eleventh output, which no digit has, C would be {ten.data:.2f}.")
    cost.backward()
    slopes = ", ".join(f"{each.grad:g}" for each in a)
    print(f"Its slope along each output is 2 (a - y): {slopes}.")

    X, y = digits()
    hot = np.eye(10)[y]  # what the outputs should be: 1 for the digit, 0 for the others
    X, hot, others = X[:TRAIN], hot[:TRAIN], (X[TRAIN : TRAIN + TEST], hot[TRAIN : TRAIN + TEST])
    model = MLP(64, [16, 10], "sigmoid", "sigmoid", init="nielsen", seed=chosen.seed)
    rows = [["before", *average(model, *others), ""]]
    history = fit(
        model, X, hot, loss="squared_error", lr=0.03, epochs=EPOCHS, batch_size=10,
        validation=others, seed=chosen.seed, progress=False,
    )  # fmt: skip
    rows += [["after", *average(model, *others), f"{history['validation_accuracy'][-1]:.1%}"]]
    print(f"\n{model}, {EPOCHS} epochs on {TRAIN} digits; on {TEST} others:\n")
    print(table(["", "1/n sum |y - a|^2", "1/(2n) sum |y - a|^2", "right"], rows))
    figure: Any = report.canvas(12, 6.6)
    top, below = figure.subfigures(2, 1, height_ratios=[1, 1.7])
    squares(top.subplots())
    left, right = below.subfigures(1, 2, width_ratios=[1, 1.5])
    curves(left.subplots(), history)
    images(right, model, *others)
    report.save_figure(figure, chosen.out, "cost")


def average(model: MLP, X: Any, targets: Any) -> list[str]:
    """The cost over many images as 3Blue1Brown has it, and as Nielsen has it: half of that."""
    with no_grad():
        pairs = [(model(x), y) for x, y in zip(X, targets, strict=True)]
        sums = [[cost(a, y).data for a, y in pairs] for cost in (squared_error, quadratic_cost)]
    return rounded(np.mean(sums, axis=1))


def squares(axes: Axes) -> None:
    """The lecture's digit: desired and actual outputs, and the squares of their differences."""
    places = [1.35 * k for k in range(len(ACTUAL))]
    for at, y, a in zip(places, DESIRED, ACTUAL, strict=True):
        axes.bar(at, abs(a - y), abs(a - y), min(a, y), align="edge", color=RED, alpha=0.25)
        axes.plot([at, at], [a, y], color=RED)
        axes.plot(at, y, "s", color=INK, ms=7)
        axes.plot(at, a, "o", color=BLUE, ms=7)
        if a != y:
            middle = at + abs(a - y) / 2, max(a, y)
            note(axes, f"{(a - y) ** 2:.2f}", middle, (0, 5), color=RED, ha="center")
    note(axes, "desired", (places[6], 1), (-8, -4), ha="right")
    note(axes, "actual", (places[6], 0.3), (-8, -4), ha="right", color=BLUE)
    plain(axes, "one digit: C is the red area, 2.33", aspect="equal")
    axes.set(xticks=places, xticklabels=[*map(str, range(10)), "none"], yticks=[0, 1])
    axes.set(xlim=(-0.4, 14.6), ylim=(-0.1, 1.3))


def curves(axes: Axes, history: Any) -> None:
    """The mean cost over the epochs."""
    words = f"{TEST} others: {history['validation_accuracy'][-1]:.0%} right"
    axes.plot(history["epoch"], history["loss"], color=INK)
    axes.plot(history["epoch"], history["validation_loss"], color=RED)
    note(axes, f"{TRAIN} it learns from", (6, history["loss"][5]), (-6, -12), ha="right")
    note(axes, words, (7, history["validation_loss"][6]), color=RED)
    plain(axes, "many digits: C = 1/n Σ |y − a|²", xlabel="epoch", ylim=(0, None))


def images(figure: Any, model: MLP, X: Any, targets: Any) -> None:
    """The images that cost least, and those that cost most."""
    a = outputs(model, X)
    costs = ((a - targets) ** 2).sum(axis=1)
    order = np.argsort(costs)
    panels = figure.subplots(2, 5)
    for axes, k in zip(panels.flat, [*order[:5], *order[-5:]], strict=True):
        axes.imshow(X[k].reshape(8, 8), cmap="Greys")
        plain(axes, f"read as {a[k].argmax()}\nC = {costs[k]:.2f}", xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    panels[0, 0].set_ylabel("they cost least")
    panels[1, 0].set_ylabel("they cost most")


if __name__ == "__main__":
    main()
