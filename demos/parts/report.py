"""What every demo shares: its options, its tables, and the place of its pictures."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import Drawing
from nn.plots import pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

# The colours of the engine's drawings, told apart by colour-blind readers too.
INK, FAINT, PALE = "#22262e", "#6b7280", "#e4e7ec"
RED, BLUE, GREEN, AMBER = "#c4401c", "#3f5fa8", "#00755c", "#b07a10"
DEPTHS = "#33466f", "#9fb1d8", "#ffffff", "#f3d9cf"  # of a surface, and up to its heights
LINE = 14.0  # printer's points from a line of words to the next


def options(
    doc: str | None,
    argv: Sequence[str] | None,
    seed: int | None = None,
    **more: tuple[bool | int | None, str],
) -> argparse.Namespace:
    """The options of a demo, whose docstring is its help.

    Args:
        doc: the docstring.
        argv: the words of the command line.
        seed: the usual seed of a demo in which something is left to chance. The others have the
            option too, so that all can be given one.
        more: other options by name, with their help and what they are if nobody says otherwise:
            False, and the option stands for True; a count, 1 or more; or None, for a path.

    Returns:
        .out, the folder for its pictures, which exists; .seed; and the others.
    """
    text = doc or ""
    parser = argparse.ArgumentParser(
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        prog=f"chainrule {text.split(':')[0]}",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("pictures"), metavar="FOLDER", help="where pictures go"
    )
    words = "changes nothing: there is no chance in it" if seed is None else f"another than {seed}"
    parser.add_argument("--seed", type=int, default=seed, metavar="N", help=words)
    for name, (default, words) in more.items():
        if default is False:
            parser.add_argument(f"--{name}", action="store_true", help=words)
        elif default is None:
            parser.add_argument(f"--{name}", type=Path, metavar="PATH", help=words)
        else:
            words = f"{words}; {default:,} if left out"
            parser.add_argument(f"--{name}", type=count, default=default, metavar="N", help=words)
    chosen = parser.parse_args(argv)
    chosen.out.mkdir(parents=True, exist_ok=True)
    return chosen


def count(text: str) -> int:
    """A whole number of at least 1."""
    if int(text) < 1:
        raise ValueError
    return int(text)


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows in aligned columns: the first to the left, the others to the right.

    >>> print(table(["node", "value"], [["q", 3.0], ["f", -12.0]]))
    node  value
    ----  -----
    q         3
    f       -12
    """
    cells = [list(headers), *([short(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, ["-" * width for width in widths])
    lines = ([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in cells)
    return "\n".join("  ".join(line).rstrip() for line in lines)


def short(cell: object) -> str:
    """A number with the digits that lectures print; anything else as it is."""
    return f"{cell:.10g}" if isinstance(cell, float) else str(cell)


def rounded(numbers: Iterable[float], digits: int = 4) -> list[str]:
    """Numbers with so many digits after the point, where no lecture's are to be compared.

    >>> rounded([0.25, -1e-9])
    ['0.2500', '0.0000']
    """
    return [f"{round(number, digits) + 0.0:.{digits}f}" for number in numbers]


def compare(rows: Sequence[tuple[str, str, float]]) -> str:
    """The table of a lecture's numbers: name, as printed, as computed, and the difference."""
    return table(
        ["", "printed", "computed", "difference"],
        [
            (name, printed, computed, f"{computed - float(printed):+.1e}")
            for name, printed, computed in rows
        ],
    )


def canvas(width: float, height: float) -> Figure:
    """An empty figure of so many inches, in which panels find their places by themselves."""
    figure: Figure = pyplot().figure(figsize=(width, height), layout="constrained")
    return figure


def plain(axes: Axes, title: str = "", **settings: Any) -> Axes:
    """Axes without a frame: a title, and what else `axes.set` takes."""
    axes.set_title(title, fontsize="medium", color=INK)
    axes.set(**settings)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def note(
    axes: Axes, text: str, at: Iterable[float], away: tuple[float, float] = (7, 7), **look: Any
) -> None:
    """Words beside a point, so many printer's points away, with true minus signs."""
    x, y = at
    words = re.sub(r"-(?=[\d.])", "−", text)
    axes.annotate(words, (x, y), away, textcoords="offset points", **{"color": INK} | look)


def name_curves(axes: Axes, x: float, ends: Mapping[str, tuple[float, str]]) -> None:
    """Words with their colour beside the ends of curves, apart where those are not."""
    figure: Figure = axes.figure.canvas.figure  # the whole, where that is a part of it
    figure.draw_without_rendering()  # after which heights on the page are known
    heights = {
        words: axes.transData.transform((x, y))[1] * 72 / figure.dpi
        for words, (y, _) in ends.items()
    }
    place = -inf
    for words, height in sorted(heights.items(), key=itemgetter(1)):
        place = max(place + LINE, height)
        y, colour = ends[words]
        note(axes, words, (x, y), (8, place - height - 4), color=colour)


def logarithmic(axes: Axes, ticks: Sequence[float]) -> None:
    """A vertical axis in powers, with these plain numbers on it."""
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])


def shades(*colours: str) -> Colormap:
    """A scale of colours, from the first to the last; without any from blue over white to red."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("shades", colours or (BLUE, "white", RED))


def save_figure(figure: Figure, folder: Path, name: str) -> None:
    """Write a figure of matplotlib as SVG and PNG, say where, and let go of it."""
    for kind in ("svg", "png"):
        figure.savefig(folder / f"{name}.{kind}", dpi=160)
    pyplot().close(figure)
    print(f"\npicture: {folder / name}.svg and .png")


def save(drawing: Drawing, folder: Path, name: str) -> None:
    """Write a picture as SVG and PNG, and say where."""
    for kind in ("svg", "png"):
        drawing.save(folder / f"{name}.{kind}")
    print(f"\npicture: {folder / name}.svg and .png")
