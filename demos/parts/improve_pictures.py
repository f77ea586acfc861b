"""The picture of `chainrule improve`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from demos.parts import report
from demos.parts.report import AMBER, BLUE, GREEN, INK, PALE, RED, note, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nn import History

COLOURS = (AMBER, GREEN, BLUE, RED)


def picture(
    falls: Mapping[str, Sequence[Sequence[float]]],
    groups: Mapping[str, Mapping[str, History]],
    usual: str,
) -> Figure:
    """The neuron under both costs, how many digits each way gets right, and how it gets there.

    Args:
        falls: the neuron's outputs from both starts, for each cost.
        groups: the histories of the ways to train a network, by name, in groups.
        usual: the name of the way from which the others differ.
    """
    figure = report.canvas(12, 7.6)
    above, below = cast("Any", figure).subfigures(2, 1, height_ratios=[1, 1.2])
    left, right = above.subfigures(1, 2, width_ratios=[1.25, 1])
    for axes, (cost, both) in zip(left.subplots(1, 2, sharey=True), falls.items(), strict=True):
        neuron(axes, cost, both)
    histories = {name: each for group in groups.values() for name, each in group.items()}
    summary(right.subplots(), histories, usual)
    columns = ("validation_accuracy", "validation_loss", "validation_accuracy")
    panels = zip(below.subplots(1, 3), groups.items(), columns, strict=True)
    for axes, (title, group), column in panels:
        curves(axes, group, column, (usual, histories[usual]))
        plain(axes, title, xlabel="epoch")
    return figure


def neuron(axes: Axes, cost: str, both: Sequence[Sequence[float]]) -> None:
    """The output of the neuron, which should be 0, step by step."""
    for outputs, start, colour in zip(
        both, ("w = 0.6, b = 0.9", "w = b = 2"), (BLUE, RED), strict=True
    ):
        axes.plot(outputs, color=colour)
        half = next((k for k, a in enumerate(outputs) if a < 0.5), None)
        if half is not None and cost == "quadratic":
            note(axes, start, (half, 0.5), color=colour)
    plain(axes, f"a neuron: {cost} cost", xlabel="step", ylim=(0, 1.03))
    if cost == "quadratic":
        axes.set_ylabel("output, which should be 0")


def summary(axes: Axes, histories: Mapping[str, History], usual: str) -> None:
    """How many of the others are right at the end, in every way."""
    shares = {name: 100 * kept(each, "validation_accuracy")[1] for name, each in histories.items()}
    for place, (name, share) in enumerate(shares.items()):
        colour = RED if name == usual else INK
        axes.axhline(place, color=PALE, lw=0.8, zorder=0)
        axes.plot(share, place, "o", color=colour)
        note(axes, f"{share:.1f}", (share, place), (7, -4), color=colour, fontsize="small")
    plain(axes, "the network: % of the others right at the end")
    axes.set_yticks(range(len(shares)), [*shares], fontsize="small")
    axes.invert_yaxis()
    axes.margins(x=0.16)
    axes.locator_params(axis="x", integer=True)


def curves(
    axes: Any, group: Mapping[str, History], column: str, usual: tuple[str, History]
) -> None:
    """A measure of the others, epoch by epoch, beside that of the usual way, in grey."""
    name, history = usual
    label = None if name in group else name
    axes.plot(history["epoch"], history[column], color=PALE, lw=6, label=label)
    for (name, history), colour in zip(group.items(), COLOURS, strict=True):
        axes.plot(history["epoch"], history[column], color=colour, lw=1.3, label=name)
        if history.best_epoch:
            axes.plot(*kept(history, column), "o", color=colour)
    shares = column == "validation_accuracy"
    place = "lower right" if shares else "upper right"
    look: Any = {"facecolor": "white", "edgecolor": "none", "framealpha": 0.9}
    axes.legend(loc=place, labelcolor=INK, fontsize="small", **look)
    axes.set_ylabel("others right" if shares else "cost of the others")
    limits = axes.get_ylim()
    axes.set_ylim(*(max(0.3, limits[0]), 0.95) if shares else (limits[0], min(1.6, limits[1])))


def kept(history: History, column: str) -> tuple[float, float]:
    """The epoch of which the network has the weights, and what was measured then."""
    epoch = history.best_epoch or len(history)
    return epoch, history[column][epoch - 1]
