"""The drawing for a terminal: a tree from the output down to the leaves, with the numbers in columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final
from unicodedata import combining, east_asian_width

from engine.sketch import Vertex, gradient, short, shortened

HEADER: Final = ["", "value", "gradient", "local derivative", ""]


def tree(drawn: Sequence[Vertex]) -> str:
    """Every vertex on a line of its own below the one that uses it; further uses only refer to that line."""
    marks = marked(drawn)
    rows = [HEADER]
    shown: set[Vertex] = set()
    stack = [(vertex, "", "", "") for vertex in reversed(drawn) if vertex.is_output]
    while stack:
        vertex, derivative, branch, below = stack.pop()
        if vertex in shown:
            if branch:
                rows.append([f"{branch}{marks[vertex]} (above)", "", "", derivative, ""])
            continue
        shown.add(vertex)
        remarks = ", ".join(filter(None, [*vertex.origin, vertex.staleness]))
        title = branch + heading(vertex, marks[vertex])
        rows.append([title, short(vertex.value), gradient(vertex), derivative, remarks])
        for k, edge in reversed(list(enumerate(vertex.inputs, start=1))):
            last = k == len(vertex.inputs)
            number = "" if edge.source.is_constant else short(edge.derivative)
            stack.append((edge.source, number, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  ")))
    return aligned(rows)


def marked(drawn: Sequence[Vertex]) -> dict[Vertex, str]:
    """What refers to each vertex: its name, or a number where a vertex without one is used again."""
    uses = Counter(edge.source for vertex in drawn for edge in vertex.inputs)
    marks = {vertex: shortened(vertex.name) for vertex in drawn}
    again = [vertex for vertex in drawn if not vertex.name and uses[vertex] + vertex.is_output > 1]
    return marks | {vertex: f"#{number}" for number, vertex in enumerate(again, start=1)}


def heading(vertex: Vertex, mark: str) -> str:
    """What a vertex is called and how it is computed."""
    if vertex.op:
        expression = shortened(vertex.expression)
        return f"{mark} = {expression}" if mark else expression
    return mark or ("constant" if vertex.is_constant else "leaf")


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """The rows in columns: text to the left, the three columns of numbers to the right."""
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)]
    lines = []
    for title, *numbers, remarks in rows:
        cells = [text.rjust(width) for text, width in zip(numbers, widths[1:-1], strict=True)]
        lines.append("  ".join([title + " " * (widths[0] - columns(title)), *cells, remarks]).rstrip())
    return "\n".join(lines)


def columns(text: str) -> int:
    """The width of text in a terminal, where East Asian letters take two columns and accents none."""
    return sum((not combining(letter)) + (east_asian_width(letter) in "WF") for letter in text)
