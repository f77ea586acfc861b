"""The picture of `chainrule names`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from demos.parts import report
from demos.parts.gpt import Array
from demos.parts.report import BLUE, FAINT, INK, RED, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def picture(
    letters: str, heads: Sequence[Array], losses: Sequence[float], levels: Mapping[str, float]
) -> Figure:
    """Above the attention of each head in one name, below the losses.

    Args:
        letters: the name, with its beginning and its end.
        heads: for each head the shares of its attention, a row for each letter but the end.
        losses: one for each name that was learnt.
        levels: the losses of who knows less, with what they know.
    """
    figure = report.canvas(12, 6.6)
    grid = figure.add_gridspec(2, len(heads), height_ratios=[1.2, 1])
    panels = [figure.add_subplot(grid[0, k]) for k in range(len(heads))]
    for k, (axes, shares) in enumerate(zip(panels, heads, strict=True), start=1):
        image = axes.imshow(shares, cmap=report.shades("white", BLUE, INK), vmin=0, vmax=1)
        plain(axes, f"head {k}", xlabel="looks at").set_xticks(range(len(shares)), letters[:-1])
        axes.set_yticks([])
    following = [f"{letter} → {after}" for letter, after in pairwise(letters)]
    panels[0].set_yticks(range(len(following)), following)
    panels[0].set_ylabel("letter → what follows")
    bar = panels[-1].inset_axes((1.04, 0, 0.04, 1))
    figure.colorbar(image, cax=bar, label="share of its attention")
    curve(figure.add_subplot(grid[1, :]), losses, levels)
    return figure


def curve(axes: Axes, losses: Sequence[float], levels: Mapping[str, float]) -> None:
    """The loss of each name, their running mean, and the levels of who knows less."""
    steps = range(1, len(losses) + 1)
    means = [np.mean(losses[max(0, step - 100) : step]) for step in steps]
    axes.plot(steps, losses, ".", color=BLUE, alpha=0.35, ms=4, label="one name")
    axes.plot(steps, means, color=RED, lw=2, label="mean of the last 100")
    for words, level in levels.items():
        axes.axhline(level, color=FAINT, lw=1, ls="--")
        right = axes.get_yaxis_transform()  # across in parts of the panel, up in losses
        axes.text(1.01, level, words, color=FAINT, va="center", transform=right)
    plain(axes, xlabel="step, each with a new name", ylabel="loss", xlim=(0, len(losses)))
    axes.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 0.97))
