"""The picture of weights that are shared, of `chainrule convolution`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from demos.parts import report
from demos.parts.report import BLUE, FAINT, INK, PALE, RED, note

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from engine import Value

COLOURS = RED, BLUE  # of the weights, wherever they are used


def shared(
    pixels: Sequence[float],
    weights: dict[str, Value],
    places: Sequence[Value],
    total: Value,
    parts: Sequence[Sequence[float]],
) -> Figure:
    """A filter that slides over a row of pixels.

    Args:
        pixels: the row.
        weights: the filter's, by name.
        places: what it sees at each place.
        total: the sum of that, after its backward pass.
        parts: what each place contributes to the gradient of each weight.
    """
    figure = report.canvas(7.5, 5.5)
    axes = figure.subplots()
    for place, seen in enumerate(places):
        middle = place + (len(weights) - 1) / 2
        axes.plot([middle, (len(pixels) - 1) / 2], [1, 1.7], color=PALE, lw=2, zorder=0)
        for k, (name, colour) in enumerate(zip(weights, COLOURS, strict=True)):
            edge(axes, name, (place + k, 0), (middle, 1), colour, used=parts[k][place] != 0)
        number(axes, seen.data, (middle, 1), "o", "white")
    for k, pixel in enumerate(pixels):
        number(axes, pixel, (k, 0), "s", str(1 - 0.4 * pixel))
    number(axes, total.data, ((len(pixels) - 1) / 2, 1.7), "o", "white")
    for words, height in (("pixels", 0.0), ("relu(w·x)", 1.0), ("sum", 1.7)):
        note(axes, words, (-0.5, height), (0, -4), ha="right", color=FAINT)
    for line, ((name, w), each) in enumerate(zip(weights.items(), parts, strict=True)):
        terms = " + ".join(f"{part:g}" for part in each)
        words = f"{name} = {w.data:g}, at every place.  Its gradient: {terms} = {w.grad:g}"
        note(axes, words, (-0.35, -0.42 - 0.2 * line), (0, 0), color=COLOURS[line])
    words = "dashed: relu is 0 there, and passes no gradient back"
    note(axes, words, (-0.35, -0.82), (0, 0), color=FAINT)
    axes.set(xlim=(-1.1, len(pixels) - 0.6), ylim=(-0.9, 1.9))
    axes.set_axis_off()
    return figure


def edge(
    axes: Axes,
    name: str,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: str,
    used: bool,
) -> None:
    """A weight between a pixel and a place."""
    (x, y), (to_x, to_y) = start, end
    axes.plot([x, to_x], [y, to_y], color=colour, lw=2.5, ls="-" if used else "--", zorder=0)
    box: Any = {"fc": "white", "ec": "none", "pad": 1.5}
    look = {"ha": "center", "va": "center", "style": "italic", "bbox": box}
    note(axes, name, ((x + to_x) / 2, (y + to_y) / 2), (0, 0), color=colour, **look)


def number(axes: Axes, value: float, at: tuple[float, float], shape: str, fill: str) -> None:
    """A pixel, or what is computed, as a shape with its value."""
    axes.plot(*at, shape, ms=38, mfc=fill, mec=INK, mew=1.2)
    note(axes, f"{value:.4g}", at, (0, 0), ha="center", va="center")
