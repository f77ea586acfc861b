"""The drawing for a terminal: a tree from the output down to the leaves, the numbers in columns.

A graph is no tree where a node is used more than once. There the node is shown below the first
that uses it, with all it was computed from, and the others refer to that line: by its name, or by
a number if it has none. The local derivative on a line belongs to the edge that leads to it from
the line above, of which every use has its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final
from unicodedata import combining, east_asian_width

from engine.pictures.sketch import Vertex, short, shortened

HEADER: Final = ["", "value", "gradient", "local derivative", ""]
LONGEST: Final = 40  # letters of a name or an expression


def tree(drawn: Sequence[Vertex]) -> str:
    """Every vertex on its own line below one that uses it; further uses only refer to that line.

    >>> from engine import Value, draw
    >>> x = Value(3.0)
    >>> print(draw((x + 1) * x).text)
                    value  gradient  local derivative
    … * x              12         –
    ├─ x + 1            4         –                 3
    │  ├─ x             3         –                 1
    │  └─ constant      1
    └─ x (above)                                    4
    """
    marks = marked(drawn)
    rows = [HEADER]
    shown: set[Vertex] = set()
    # What is still to be printed, the next on top: vertex, derivative, and what stands before its
    # line and before those below it. A stack, because graphs are deeper than Python recurses.
    stack = [(vertex, "", "", "") for vertex in reversed(drawn) if vertex.is_output]
    while stack:
        vertex, derivative, branch, below = stack.pop()
        if vertex in shown:
            rows.append([f"{branch}{marks[vertex]} (above)", "", "", derivative, ""])
            continue
        shown.add(vertex)
        title = branch + heading(vertex, marks[vertex])
        remarks = ", ".join(filter(None, [*vertex.origin, vertex.staleness()]))
        rows.append([title, short(vertex.value), vertex.gradient, derivative, remarks])
        for edge in reversed(vertex.inputs):
            last = edge is vertex.inputs[-1]
            number = "" if edge.source.is_constant else short(edge.derivative)
            corner, line = ("└─ ", "   ") if last else ("├─ ", "│  ")
            stack.append((edge.source, number, below + corner, below + line))
    return aligned(rows)


def marked(drawn: Sequence[Vertex]) -> dict[Vertex, str]:
    """What refers to each vertex: its name, or a number where one without a name is used again."""
    uses = Counter(edge.source for vertex in drawn for edge in vertex.inputs)
    again = [vertex for vertex in drawn if uses[vertex] + vertex.is_output > 1 and not vertex.name]
    numbers = {vertex: f"#{number}" for number, vertex in enumerate(again, start=1)}
    return {vertex: shortened(vertex.name, LONGEST) for vertex in drawn} | numbers


def heading(vertex: Vertex, mark: str) -> str:
    """What a vertex is called and how it is computed."""
    if vertex.op:
        expression = shortened(vertex.expression, LONGEST)
        return f"{mark} = {expression}" if mark else expression
    return mark or ("constant" if vertex.is_constant else "leaf")


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """The rows in columns: titles and remarks to the left, the three columns of numbers right."""
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)]
    lines = []
    for title, *numbers, remarks in rows:
        padded = title + " " * (widths[0] - columns(title))
        cells = [text.rjust(width) for text, width in zip(numbers, widths[1:-1], strict=True)]
        lines.append("  ".join([padded, *cells, remarks]).rstrip())
    return "\n".join(lines)


def columns(text: str) -> int:
    """The width of text in a terminal: East Asian letters take two columns, accents none."""
    return sum((not combining(letter)) + (east_asian_width(letter) in "WF") for letter in text)
