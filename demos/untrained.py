"""untrained: what can a network learn if its hidden layer stays as chance has made it?

The hidden neurons are random and never trained: each parts the plane at a random line. Only the
last layer learns, from what they make of each point, which is computed once and for all. With
enough of them two spirals come apart, that no single line could part. Beside it the same network
with all its weights trained, which takes longer, and gets on with fewer neurons.

Command: chainrule untrained
Expect: about half of the points right with 2 random neurons, three quarters with 10, nearly all
with 80. With 10 neurons and all weights trained: nearly all.
Source: Y.-H. Pao et al., the random vector functional-link net, 1994; G.-B. Huang et al., Extreme
learning machine, 2006.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from demos.parts import report
from demos.parts.report import BLUE, FAINT, RED, plain, rounded, table
from nn import Layer, Sequential, accuracy, fit, outputs, spirals
from nn.boundaries import Snapshot, snapshot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NEURONS, COMPARED = (2, 10, 80), 10
POINTS, EPOCHS = 120, 60


def hidden_layer(neurons: int, seed: int) -> Layer:
    """Steep random neurons: their lines cross the plane anywhere, in any direction."""
    chance = Random(seed)
    layer = Layer(2, neurons, "tanh")
    for parameter in layer.parameters():
        parameter.data = chance.gauss(0, 3)
    return layer


def last_layer_only(X: Any, y: Any, neurons: int, seed: int) -> tuple[Any, list[float]]:
    """Train the last layer, to which the hidden neurons' outputs are mere numbers."""
    hidden, last = hidden_layer(neurons, seed), Layer(neurons, 1, init="zeros")
    return Sequential(hidden, last), learn(last, outputs(hidden, X), y, seed)


def all_layers(X: Any, y: Any, neurons: int, seed: int) -> tuple[Any, list[float]]:
    """Train all weights, from the same start."""
    model = Sequential(hidden_layer(neurons, seed), Layer(neurons, 1, init="zeros"))
    return model, learn(model, X, y, seed)


def learn(model: Any, X: Any, y: Any, seed: int) -> list[float]:
    """The loss, epoch by epoch."""
    history = fit(model, X, y, lr=0.1, epochs=EPOCHS, batch_size=20, seed=seed, progress=False)
    return list(history["loss"])


def main(argv: Sequence[str] | None = None) -> None:
    """Train last layers, and for comparison all of a network."""
    chosen = report.options(__doc__, argv, seed=0)
    X, y = spirals(POINTS, noise=0.02, arms=2, turns=1.0, seed=chosen.seed)
    runs = {f"{n} random": last_layer_only(X, y, n, chosen.seed) for n in NEURONS}
    runs[f"{COMPARED} trained"] = all_layers(X, y, COMPARED, chosen.seed)
    print(f"Two spirals of {POINTS} points, {EPOCHS} epochs\n")
    rows, panels = [], []
    for name, (model, losses) in runs.items():
        learnt = model.parameters() if "trained" in name else model.layers[-1].parameters()
        right = f"{accuracy(model, X, y):.0%}"
        rows.append([name, len(learnt), *rounded([losses[-1]]), right])
        panels.append((snapshot(model, X, f"{name}: {right} right"), model.layers[0]))
    print(table(["hidden neurons", "weights that learn", "loss", "points right"], rows))

    figure = report.canvas(12, 6)
    grid = figure.add_gridspec(2, len(panels), height_ratios=[1.4, 1])
    for k, (seen, hidden) in enumerate(panels):
        spiral(figure.add_subplot(grid[0, k]), seen, hidden, X, y)
    losses_of(figure.add_subplot(grid[1, :]), {name: losses for name, (_, losses) in runs.items()})
    report.save_figure(figure, chosen.out, "untrained")


def spiral(axes: Axes, seen: Snapshot, hidden: Any, X: Any, y: Any) -> None:
    """What the network makes of the plane, and the lines of its hidden neurons if they are few."""
    seen.draw(axes, X, y)
    limits = axes.axis()
    a = np.array(limits[:2])
    if hidden.n_out <= COMPARED:
        for neuron in hidden.neurons:
            (w1, w2), b = (w.data for w in neuron.weights), neuron.bias.data
            axes.plot(a, -(w1 * a + b) / w2, color=FAINT, lw=0.7)
    axes.axis(limits)


def losses_of(axes: Axes, losses: dict[str, list[float]]) -> None:
    """The losses, epoch by epoch."""
    colours = {name: RED if "trained" in name else BLUE for name in losses}
    for name, numbers in losses.items():
        axes.plot(numbers, color=colours[name])
    plain(axes, xlabel="epoch", ylabel="loss", xlim=(0, EPOCHS * 1.09))
    report.logarithmic(axes, [0.02, 0.05, 0.1, 0.2, 0.5])
    ends = {name: (numbers[-1], colours[name]) for name, numbers in losses.items()}
    report.name_curves(axes, EPOCHS - 1, ends)


if __name__ == "__main__":
    main()
