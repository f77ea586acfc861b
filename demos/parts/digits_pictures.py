"""The pictures of `chainrule digits`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from demos.parts import report
from demos.parts.report import BLUE, FAINT, INK, PALE, RED, note, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = 10  # images in a row
CENTRED: Any = {"ha": "center", "va": "center", "fontsize": "small"}


def learning(curves: Mapping[str, Sequence[float]], confusion: Any) -> Figure:
    """Accuracy, epoch by epoch, and beside it what is taken for what."""
    figure = report.canvas(12, 5.6)
    left, right = figure.subplots(1, 2, width_ratios=[1.15, 1])
    epochs = range(1, 1 + max(map(len, curves.values())))
    for (name, numbers), colour, up in zip(curves.items(), (BLUE, RED), (0.05, 0.11), strict=True):
        left.plot(epochs, numbers, "o-", color=colour, ms=4)
        words = f"{name}: at last {numbers[-1]:.1%}"
        left.text(0.98, up, words, color=colour, ha="right", transform=left.transAxes)
    plain(left, "other images that are read right", xlabel="epoch")
    left.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    left.xaxis.get_major_locator().set_params(integer=True)

    wrong = confusion * (1 - np.eye(10, dtype=int))
    right.imshow(wrong, cmap=report.shades("white", RED), vmax=max(1, wrong.max()))
    for row, column in np.ndindex(10, 10):
        number, same = confusion[row, column], row == column
        if number:
            dark = not same and number > 0.6 * wrong.max()
            colour = "white" if dark else FAINT if same else INK
            right.text(column, row, number, **CENTRED, color=colour)
    title = f"{wrong.sum():,} of {confusion.sum():,} are taken for another digit"
    plain(right, title, xlabel="taken for", ylabel="is a")
    right.set(xticks=range(10), yticks=range(10))
    right.tick_params(length=0)
    right.spines[:].set_visible(False)
    return figure


def answers(X: Any, y: Any, noise: Any, said: Any, said_to_noise: Any) -> Figure:
    """The first images that are read right, the first that are not, and noise.

    Args:
        X: images, shape (n, 784).
        y: what they show.
        noise: images that show nothing.
        said: what the network says to each of X, a number from 0 to 1 for each digit.
        said_to_noise: the same for noise.
    """
    taken = said.argmax(axis=1)
    right, wrong = np.flatnonzero(taken == y)[:SHOWN], np.flatnonzero(taken != y)[:SHOWN]
    figure = report.canvas(12, 5.6)
    figure.suptitle("what it says to an image, and how certain it is", fontsize="medium", color=INK)
    panels = figure.subplots(3, SHOWN)
    rows = {
        "right": (X[right], said[right], y[right]),
        "wrong": (X[wrong], said[wrong], y[wrong]),
        "noise": (noise[:SHOWN], said_to_noise[:SHOWN], None),
    }
    for line, (name, (images, shares, truth)) in zip(panels, rows.items(), strict=True):
        for axes in line:
            axes.set_axis_off()
        for k, (axes, image, share) in enumerate(zip(line, images, shares, strict=False)):
            axes.imshow(image.reshape(28, 28), cmap="Greys", vmin=0, vmax=1)
            words = f"{share.argmax()}  {share.max():.0%}"
            if name == "wrong":
                words += f"\nis a {truth[k]}"
            axes.set_title(words, fontsize="medium", color=INK if name == "right" else RED)
        look = {"rotation": 90, "va": "center", "ha": "right", "color": FAINT}
        line[0].text(-0.3, 0.5, name, transform=line[0].transAxes, **look)
    return figure


def weights(layers: Mapping[str, Any]) -> Figure:
    """The weights of the first layer of each network, a picture for each neuron."""
    figure: Any = report.canvas(12, 3.5 * len(layers))
    parts = figure.subfigures(len(layers), 1)
    for part, (name, images) in zip(parts, layers.items(), strict=True):
        part.suptitle(name, fontsize="medium", color=INK)
        for axes, image in zip(part.subplots(2, 8).flat, images, strict=True):
            limit = np.quantile(np.abs(images), 0.99)
            axes.imshow(image, cmap=report.shades(), vmin=-limit, vmax=limit)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_color(PALE)
    drawing: Figure = figure
    return drawing


def drawn(image: Any, digit: Any, answer: Any) -> Figure:
    """An image file, what the network sees of it, and what it says."""
    figure = report.canvas(12, 4.2)
    left, middle, right = figure.subplots(1, 3)
    left.imshow(image, cmap="gray", vmin=0, vmax=1)
    middle.imshow(digit, cmap="Greys", vmin=0, vmax=1)
    for axes, title in ((left, "as it was drawn"), (middle, "as the network sees it")):
        plain(axes, title, xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color=PALE)
    bars(right, answer)
    return figure


def bars(axes: Axes, answer: Any) -> None:
    """How certain it is of each digit."""
    most = answer.argmax()
    axes.barh(range(10), answer, color=[RED if k == most else BLUE for k in range(10)])
    note(axes, f"{answer[most]:.0%}", (answer[most], most), (4, -4), color=RED)
    plain(axes, "what it says", yticks=range(10), xlim=(0, 1.12), xticks=[])
    axes.invert_yaxis()
    axes.spines[["bottom", "left"]].set_visible(False)
    axes.tick_params(length=0)
