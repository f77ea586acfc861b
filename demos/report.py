"""What every demo shares: its options, its tables, and the place of its pictures."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine import Drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def options(
    doc: str | None, argv: Sequence[str] | None, seed: int | None = None
) -> argparse.Namespace:
    """The options of a demo, whose docstring is its help.

    Args:
        doc: the docstring.
        argv: the words of the command line.
        seed: the usual seed of a demo in which something is left to chance.

    Returns:
        .out, the folder for its pictures, which exists; .seed, if there is one.
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
    if seed is not None:
        parser.add_argument("--seed", type=int, default=seed, help=f"another than {seed}")
    chosen = parser.parse_args(argv)
    chosen.out.mkdir(parents=True, exist_ok=True)
    return chosen


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


def compare(rows: Sequence[tuple[str, str, float]]) -> str:
    """The table of a lecture's numbers: name, as printed, as computed, and the difference."""
    return table(
        ["", "printed", "computed", "difference"],
        [
            (name, printed, computed, f"{computed - float(printed):+.1e}")
            for name, printed, computed in rows
        ],
    )


def save_figure(figure: Figure, folder: Path, name: str) -> None:
    """Write a figure of matplotlib as SVG and PNG, and say where."""
    for kind in ("svg", "png"):
        figure.savefig(folder / f"{name}.{kind}", dpi=160)
    print(f"\npicture: {folder / name}.svg and .png")


def save(drawing: Drawing, folder: Path, name: str) -> None:
    """Write a picture as SVG and PNG, and say where."""
    for kind in ("svg", "png"):
        drawing.save(folder / f"{name}.{kind}")
    print(f"\npicture: {folder / name}.svg and .png")
