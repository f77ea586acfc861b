"""The picture of `chainrule why_order`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from demos.parts import report
from demos.parts.report import FAINT, GREEN, INK, PALE, RED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Step = tuple[str, str, float]  # a node hands a part of its input's gradient on to it
FORMULAS = {"a": "a = 1", "b": "b = a + a", "c": "c = b + b"}


def picture(taken: Mapping[str, Sequence[Step]]) -> Figure:
    """The hurried way beside the right one, each hand-over with its number in the order of time."""
    figure = report.canvas(12, 4.2)
    titles = {
        "hurried": ("wrong, in a hurry: b hands on 1, and then\n2, with the 1 in it again", RED),
        "in order": ("right, in topological order: b waits for\nboth parts, and hands on 2", GREEN),
    }
    for axes, (name, (title, colour)) in zip(figure.subplots(1, 2), titles.items(), strict=True):
        graph(axes, taken[name])
        axes.set_title(title, fontsize=16, color=colour)
        axes.set_axis_off()
    return figure


def graph(axes: Axes, steps: Sequence[Step]) -> None:
    """a, b and c from left to right, two edges between neighbours, and what went along each."""
    places = {name: 3.0 * k for k, name in enumerate(FORMULAS)}
    totals = dict.fromkeys(FORMULAS, 0.0) | {"c": 1.0}
    words: dict[tuple[str, int], list[str]] = {}
    for n, (node, given, part) in enumerate(steps):
        totals[given] += part
        turn = sum(step[0] == node for step in steps[:n]) % 2  # which of its two inputs
        words.setdefault((node, turn), []).append(f"{n + 1}.  +{part:g}")
    look: dict[str, Any] = {"ha": "center", "size": 15}
    for (node, turn), parts in words.items():
        end, start, up = places[node] - 0.72, places[node] - 2.28, 1 - 2 * turn
        bend = {"arrowstyle": "->", "connectionstyle": f"arc3,rad={0.4 * up}", "color": FAINT}
        axes.annotate("", (start, 0.3 * up), (end, 0.3 * up), arrowprops=bend | {"lw": 2})
        text, side = "\n".join(parts), "bottom" if up > 0 else "top"
        again = RED if len(parts) > 1 else INK
        axes.text((start + end) / 2, 0.62 * up, text, va=side, color=again, **look)
    for name, formula in FORMULAS.items():
        colour = RED if name == "a" and totals[name] != 4 else INK
        box = {"boxstyle": "round,pad=0.5", "fc": PALE, "ec": colour}
        text = f"{formula}\ngradient {totals[name]:g}"
        axes.text(places[name], 0, text, va="center", bbox=box, color=colour, **look)
    axes.set(xlim=(-1.3, 7.3), ylim=(-1.25, 1.25))
