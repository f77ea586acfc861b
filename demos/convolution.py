"""convolution: why let one small filter look at all places of an image?

A stroke is a stroke wherever it is. So a convolutional layer has a few small filters, and each of
them slides over the image with the same weights: here the same Values, used once at every place, so
that a weight's gradient is the sum over all places. What a filter sees is a map of the image. A net
with three filters of 4 x 4 pixels learns 8x8 digits, beside one that is fully connected and has
about as many parameters. The filters are shown, with their maps of some digits, and a filter of
two weights that slides over four pixels.

Command: chainrule convolution
Expect: each weight used at 25 places; above 80 % of new digits right. On images as small as these
a net without filters is about as good. Do the filters detect edges? Look.
Source: Y. LeCun et al., Backpropagation applied to handwritten zip code recognition, 1989.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

import engine
from demos.parts import report
from demos.parts.convolution_picture import shared
from demos.parts.report import BLUE, PALE, RED, plain, table
from engine import Value, dot, topological_order
from nn import MLP, Layer, Module, Sequential, digits, fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDE, SIZE, FILTERS = 8, 4, 3  # of the image, of a filter, and how many of these
PLACES = SIDE - SIZE + 1  # in a row
TRAIN, TEST, EPOCHS = 300, 200, 5


class Convolution(Module):
    """Filters that slide over an image."""

    n_in = SIDE**2

    def __init__(self, chance: Random) -> None:
        drawn = [[chance.gauss(0, 1 / SIZE) for _ in range(SIZE**2)] for _ in range(FILTERS)]
        self.filters = [[Value(number) for number in numbers] for numbers in drawn]
        self.biases = [Value(0.0) for _ in range(FILTERS)]

    def forward(self, inputs: list[Value]) -> list[Value]:
        """The maps of all filters: the same weights at every place."""
        patches = [
            [inputs[SIDE * (row + i) + column + j] for i in range(SIZE) for j in range(SIZE)]
            for row in range(PLACES)
            for column in range(PLACES)
        ]
        filters = zip(self.filters, self.biases, strict=True)
        return [dot(weights, patch, bias).relu() for weights, bias in filters for patch in patches]


def main(argv: Sequence[str] | None = None) -> None:
    """Share weights, learn, and show the filters."""
    chosen = report.options(__doc__, argv, seed=0)
    report.save_figure(small(), chosen.out, "convolution_shared")

    X, y = digits()
    others = X[TRAIN : TRAIN + TEST], y[TRAIN : TRAIN + TEST]
    convolution = Convolution(Random(chosen.seed))
    last = Layer(FILTERS * PLACES**2, 10, init="xavier_normal", seed=chosen.seed)
    models = {
        "with filters": Sequential(convolution, last),
        "fully connected": MLP(64, [11, 10], "tanh", init="xavier_normal", seed=chosen.seed),
    }
    output, w = models["with filters"](X[0])[0], convolution.filters[0][0]
    output.backward()
    parts = uses(output, w)
    print(f"\nA weight of a filter is used at {len(parts)} places of an image. Their contributions")
    print(f"add up to {sum(parts):.6f}; its gradient is {w.grad:.6f}.\n")
    histories = {
        name: fit(
            model, X[:TRAIN], y[:TRAIN], lr=0.02, epochs=EPOCHS, batch_size=10, validation=others,
            seed=chosen.seed, progress=False,
        )["validation_accuracy"]
        for name, model in models.items()
    }  # fmt: skip
    sizes = [len(model.parameters()) for model in models.values()]
    rows = [[n, k, f"{h[-1]:.1%}"] for (n, h), k in zip(histories.items(), sizes, strict=True)]
    print(table(["", "parameters", f"right of {TEST} others"], rows))
    figure: Any = report.canvas(12, 6)
    left, right = figure.subfigures(1, 2, width_ratios=[1.9, 1])
    maps(left, convolution, X[[0, 1, 4, 7]])
    curves(right.subplots(), histories)
    report.save_figure(figure, chosen.out, "convolution")


def small() -> Figure:
    """A filter of two weights at three places of four pixels, and what it sees in all."""
    weights = {"w1": Value(-1.0), "w2": Value(1.0)}
    pixels = [0.2, 0.9, 1.0, 0.1]
    places = [dot([*weights.values()], pixels[k : k + 2]).relu() for k in range(3)]
    total = engine.sum(places)
    total.backward()
    parts = [uses(total, w) for w in weights.values()]
    return shared(pixels, weights, places, total, parts)


def uses(output: Value, weight: Value) -> list[float]:
    """What each use of a weight contributes to its gradient."""
    return [
        node.grad * local
        for node in topological_order(output)
        for each, local in zip(node.inputs, node.local_derivatives, strict=True)
        if each is weight
    ]


def maps(figure: Any, convolution: Convolution, images: Any) -> None:
    """The filters, and what they see in some images."""
    panels = figure.subplots(1 + FILTERS, 1 + len(images))
    seen = [np.array([a.data for a in convolution(image)]) for image in images]
    for axes in panels.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color(PALE)
    panels[0, 0].set_axis_off()
    for column, image in enumerate(images, start=1):
        panels[0, column].imshow(image.reshape(SIDE, SIDE), cmap="Greys")
        for row, one in enumerate(seen[column - 1].reshape(FILTERS, PLACES, PLACES), start=1):
            panels[row, column].imshow(one, cmap="Greys", vmin=0)
    for row, weights in enumerate(convolution.filters, start=1):
        numbers = np.array([w.data for w in weights]).reshape(SIZE, SIZE)
        limit = np.abs(numbers).max()
        panels[row, 0].imshow(numbers, cmap=report.shades(), vmin=-limit, vmax=limit)
        panels[row, 0].set_title(f"filter {row}", fontsize="medium")


def curves(axes: Axes, histories: dict[str, Any]) -> None:
    """The share of new digits that is right, epoch by epoch."""
    ends = {}
    for (name, numbers), colour in zip(histories.items(), (RED, BLUE), strict=True):
        axes.plot(range(1, EPOCHS + 1), numbers, color=colour)
        ends[name] = numbers[-1], colour
    plain(axes, f"right of {TEST} others", xlabel="epoch", ylim=(0.5, 1))
    report.name_curves(axes, EPOCHS, ends)


if __name__ == "__main__":
    main()
