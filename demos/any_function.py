"""any_function: can one hidden layer follow any curve?

A sigmoid neuron with a large weight is a step, and its bias says where. So a hidden layer is put
together by hand: a step for each bit of the curve, and as its output weight what the curve rises
there. More steps follow it more closely, as closely as one likes. Then backpropagation moves and
softens a few of those steps, until they follow the curve better than many made by hand.

Command: chainrule any_function
Expect: by hand an error that halves as the neurons double; 6 neurons that have learnt come closer
to the curve than 24 by hand.
Source: G. Cybenko, Approximation by superpositions of a sigmoidal function, 1989; the construction:
M. Nielsen, Neural Networks and Deep Learning, 2015, chapter 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sin
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from demos.parts import report
from demos.parts.report import BLUE, PALE, RED, note, plain, rounded, table
from nn import MLP, fit, outputs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BY_HAND, LEARNT = (3, 6, 12, 24, 48), (3, 6)
POINTS, EPOCHS = 40, 300
FINE = np.linspace(0, 1, 301)


def curve(x: float) -> float:
    """What is to be followed, from 0 to 1."""
    return 0.2 + 0.4 * x**2 + 0.3 * x * sin(15 * x)


def by_hand(neurons: int, steepness: float = 40.0) -> MLP:
    """The output's bias is the first height; then there is a step to each of the next ones."""
    model = MLP(1, [neurons, 1], activation="sigmoid", init="zeros")
    *parameters, bias = model.parameters()
    height = bias.data = curve(0.5 / (neurons + 1))
    for k in range(neurons):
        w, b, output = parameters[2 * k], parameters[2 * k + 1], parameters[2 * neurons + k]
        w.data, b.data = steepness * (neurons + 1), -steepness * (k + 1)  # w x + b = 0 at the step
        output.data = curve((k + 1.5) / (neurons + 1)) - height
        height += output.data
    return model


def learnt(neurons: int, seed: int) -> MLP:
    """Softer steps, moved by gradient descent to follow the curve at random points."""
    model = by_hand(neurons, steepness=4.0)
    chance = Random(seed)
    X = [[chance.random()] for _ in range(POINTS)]
    fit(
        model, X, [curve(x) for (x,) in X], loss="squared_error", lr=0.03, schedule="cosine",
        epochs=EPOCHS, batch_size=None, seed=seed, progress=False,
    )  # fmt: skip
    return model


def error(model: MLP) -> float:
    """The mean distance from the curve."""
    return float(np.abs(outputs(model, FINE[:, None])[:, 0] - [*map(curve, FINE)]).mean())


def main(argv: Sequence[str] | None = None) -> None:
    """Build, learn, compare, draw."""
    chosen = report.options(__doc__, argv, seed=0)
    built = {neurons: by_hand(neurons) for neurons in BY_HAND}
    trained = {neurons: learnt(neurons, chosen.seed) for neurons in LEARNT}
    print("The mean distance from the curve, with so many hidden neurons\n")
    print(table(["neurons", "by hand"], [[str(n), *rounded([error(built[n])])] for n in built]))
    print()
    print(table(["neurons", "learnt"], [[str(n), *rounded([error(trained[n])])] for n in trained]))
    figure = report.canvas(12, 6.4)
    panels = figure.subplots(2, 3)
    step(panels[0, 0])
    shown = {"3 by hand": built[3], "6 by hand": built[6], "24 by hand": built[24]}
    shown |= {"3 learnt": trained[3], "6 learnt": trained[6]}
    for axes, (name, model) in zip(panels.flat[1:], shown.items(), strict=True):
        follow(axes, model, name)
    report.save_figure(figure, chosen.out, "any_function")


def step(axes: Axes) -> None:
    """One neuron: the larger its weight, the more it is a step."""
    for weight, at in ((200, (0.26, 0.8)), (8, (0.74, 0.7))):
        neuron = MLP(1, [1], output="sigmoid", init="zeros")
        w, b = neuron.parameters()
        w.data, b.data = weight, -weight / 2
        axes.plot(FINE, outputs(neuron, FINE[:, None]), color=BLUE)
        note(axes, f"w = {weight}", at, color=BLUE)
    plain(axes, "one neuron: σ(w x + b), b = −w/2", yticks=[0, 1], xticks=[0, 0.5, 1])


def follow(axes: Axes, model: MLP, name: str) -> None:
    """The curve, and the network on it."""
    axes.plot(FINE, [*map(curve, FINE)], color=PALE, lw=7)
    axes.plot(FINE, outputs(model, FINE[:, None]), color=RED)
    plain(axes, f"{name}: distance {error(model):.3f}", ylim=(-0.1, 0.95), xticks=[0, 0.5, 1])


if __name__ == "__main__":
    main()
