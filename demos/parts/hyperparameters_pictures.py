"""The picture of `chainrule hyperparameters`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from demos.parts import report
from demos.parts.report import BLUE, FAINT, INK, PALE, RED, note, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from demos.hyperparameters import Found, Trial


def picture(
    rates: Found, strengths: Found, batches: Found, grid: dict[float, Found], choice: Trial
) -> Figure:
    """The three choices one after the other, and the grid around them."""
    figure = report.canvas(12, 7)
    left, right = cast("Any", figure).subfigures(1, 2, width_ratios=[1, 1.25])
    above, *below = left.subplot_mosaic([["lr", "lr"], ["l2", "batch"]]).values()
    valley(above, rates, choice.lr)
    chosen = [(strengths, choice.l2, "2. L2"), (batches, choice.batch_size, "3. batch size")]
    for axes, (found, value, title) in zip(below, chosen, strict=True):
        shares(axes, found, value)
        plain(axes, title, ylim=(0, 108))
    below[0].set_ylabel("% right, of digits set aside")
    cells(right.subplots(), grid, choice)
    return figure


def valley(axes: Axes, rates: Found, chosen: float) -> None:
    """The training cost over the learning rate: up to twice the chosen one it has always fallen."""
    lrs = sorted(rates)
    lrs_shown = [lr for lr in lrs if f"{lr:e}".startswith("1.000000")]
    for k, colour in ((0, PALE), (-1, INK)):
        axes.plot(lrs, [rates[lr].costs[k] for lr in lrs], color=colour, zorder=0)
    for lr in lrs:
        axes.plot(lr, rates[lr].costs[-1], "o", color=BLUE if lr <= 2 * chosen else RED)
    first, last = rates[lrs[0]].costs[0], rates[lrs[-1]].costs[-1]
    axes.axvline(chosen, color=INK, lw=1, ls=":")
    axes.set_xscale("log")
    axes.minorticks_off()
    plain(axes, f"1. learning rate: the cost after {len(rates[lrs[0]].costs)} epochs")
    report.logarithmic(axes, [1, 10, 100])
    note(axes, "after the first", (lrs[0], first), (0, 6), color=FAINT)
    rule = "the largest tried with which\nthe cost fell in every epoch"
    words = f"chosen: {chosen:g}, half of {2 * chosen:g},\n{rule}"
    note(axes, words, (chosen, last), (-5, 4), ha="right", va="top")
    axes.set_xticks(lrs_shown, [f"{lr:g}" for lr in lrs_shown])
    beyond = min((lr for lr in lrs if lr > 2 * chosen), default=lrs[-1])
    note(axes, "does not\nfall steadily", (beyond, rates[beyond].costs[-1]), (9, -24), color=RED)


def shares(axes: Axes, found: Found, chosen: float) -> None:
    """What is right with each value of a setting."""
    for place, (value, each) in enumerate(found.items()):
        colour = RED if value == chosen else BLUE
        axes.bar(place, 100 * each.right, color=colour, alpha=0.8)
        note(axes, f"{100 * each.right:.0f}", (place, 100 * each.right), (0, 3), ha="center")
    axes.set_xticks(range(len(found)), [brief(value) for value in found])


def cells(axes: Axes, grid: dict[float, Found], choice: Trial) -> None:
    """The grid: the darker the more is right; the choice has a frame."""
    right = 100 * np.array([[each.right for each in row.values()] for row in grid.values()])
    lrs, l2s = [*grid], [*grid[choice.lr]]
    axes.imshow(right, cmap=report.shades("white", BLUE), vmin=0, vmax=130, aspect="auto")
    for (i, j), share in np.ndenumerate(right):
        here = lrs[i] == choice.lr and l2s[j] == choice.l2
        most = share == right.max()
        look = {"ha": "center", "va": "center", "weight": "bold" if most else "normal"}
        note(axes, f"{share:.0f}", (j, i), (0, 0), **look)
        if here:
            axes.plot(j, i, "s", ms=44, mfc="none", mec=RED, mew=2.5)
    plain(axes, "4. the grid: % right, of digits set aside; in red the choice")
    axes.set_xticks(range(len(l2s)), [brief(l2) for l2 in l2s])
    axes.set_yticks(range(len(lrs)), [f"{lr:g}" for lr in lrs])
    axes.set(xlabel="L2", ylabel="learning rate")
    axes.spines[:].set_visible(False)


def brief(value: float) -> str:
    """A number that may be a small power of ten, as 1e-5."""
    return f"{value:.0e}".replace("e-0", "e-") if 0 < value < 1 else f"{value:g}"
