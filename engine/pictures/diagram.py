"""The picture of a program: a box for each array instruction, joined by what flows between them.

Wires are thick where every example has a number of its own, and thin where all examples share one.
Boxes of the first kind are grey and green, those of the second blue; inputs, parameters and
constants have no border. The formula in a box is that of the listing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Final

from engine.pictures.circuit import (
    BARE,
    FAINT,
    INK,
    LOCAL,
    PALE,
    SANS,
    SERIF,
    VALUE,
    WIRE,
    legend,
    styled,
    tooltip,
)
from engine.pictures.picture import Picture, checked_direction
from engine.pictures.sketch import printable, shortened
from engine.wording import count

if TYPE_CHECKING:
    from graphviz import Digraph

LIMIT: Final = 100  # instructions: a drawing of more is not read
LONGEST: Final = 60  # letters of a formula
TALLEST, COLUMN = 16, 11  # instructions: a taller picture is folded into columns of so many
OWN, SHARED = VALUE, LOCAL
OWN_TINT, SHARED_TINT = "#e2f1ed", "#e6ebf6"
SIZE: Final = re.compile(r"\{\d+(?:, \d+)*\}|\[\d[^\]]* rows\]")  # the {16, 2} of p{16, 2}
DEFINED: Final = re.compile(r"\[\d+\]$")  # the [16] of t0[16] = ..., which elsewhere is an element
VARIABLE: Final = re.compile(r"\b[^\W\d]\w*\b(?!\()")  # the x, and not the relu of relu(x)
PARTS: Final = re.compile(f"({SIZE.pattern}|{VARIABLE.pattern})")
UPRIGHT: Final = "Times-Roman"
FRAME: Final = (
    '<<TABLE BORDER="{border}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="{padding}" '
    'STYLE="ROUNDED" COLOR="{ink}" BGCOLOR="{fill}">{rows}</TABLE>>'
)


@dataclass(eq=False, repr=False, slots=True)
class Box:
    """An instruction, or what instructions take: inputs, parameters or constants."""

    kind: str  # "instruction", "input", "parameter" or "number"
    name: str  # with the size, as in the listing: `t4[16]`
    is_shared: bool  # by all examples
    formula: str = ""
    remark: str = ""
    members: str = ""  # what a family consists of
    outputs: str = ""  # which of the outputs are here, as in the listing
    inputs: list[Box] = field(default_factory=list)


class Diagram(Picture):
    """The picture of a program: notebooks show it, print() lists the instructions.

    Args:
        drawn: the boxes, each after its inputs.
        listing: the program in words.
        direction: "TB" or "LR".
        title: a line below the picture; "" for none.

    >>> from engine import record
    >>> area = record(lambda r: 3 * r * r)
    >>> area(2.0)
    12.0
    >>> area.program.draw()
    <Diagram of 2 instructions: print it, or .save('program.svg')>
    """

    def __init__(self, drawn: Sequence[Box], listing: str, direction: str, title: str) -> None:
        self._drawn, self._listing = drawn, listing
        self._direction, self._title = checked_direction(direction), printable(title)

    @property
    def text(self) -> str:
        """The listing of the program."""
        return self._listing

    @cached_property
    def source(self) -> str:
        """The picture in DOT, the language of Graphviz."""
        headline = self._listing.partition(".")[0]
        return str(diagram(self._drawn, self._direction, self._title, headline).source)

    def __repr__(self) -> str:
        number = sum(box.kind == "instruction" for box in self._drawn)
        instructions = count(number, "instruction")
        return f"<Diagram of {instructions}: print it, or .save('program.svg')>"


def diagram(drawn: Sequence[Box], direction: str, title: str, headline: str) -> Digraph:
    """The picture in DOT.

    Args:
        drawn: the boxes, each after its inputs.
        direction: "LR" or "TB".
        title: a line below the picture; "" for none.
        headline: what the program is, in a line below that.
    """
    from graphviz import Digraph  # at the first picture, since it takes longer to load than we do

    font = {"fontname": SANS, "fontcolor": INK}
    space = {"rankdir": direction, "pad": "0.2", "nodesep": "0.2", "ranksep": "0.25"}
    graph = Digraph(
        "chainrule",
        graph_attr={**font, **space, "bgcolor": "white", "label": caption(title, headline)},
        node_attr={**font, "shape": "plain", "fontsize": "14"},
        edge_attr={**font, "color": WIRE, "arrowhead": "none"},
    )
    columns = folded(drawn)[:: 1 if direction == "TB" else -1]  # rows are drawn from below
    keys = {box: f"n{k}" for k, box in enumerate(chain.from_iterable(columns))}
    for number, column in enumerate(columns):
        name = f"cluster{number}" if len(columns) > 1 else None  # which Graphviz keeps together
        with graph.subgraph(name=name, graph_attr={"peripheries": "0", "label": ""}) as part:
            for box in column:
                add(part, box, keys, direction)
    return graph


def add(graph: Digraph, box: Box, keys: Mapping[Box, str], direction: str) -> None:
    """Add a box, the edges that enter it, and the mark of an output."""
    key = keys[box]
    graph.node(key, figure(box, direction), tooltip=tooltip(facts(box)))
    for source in box.inputs:
        graph.edge(keys[source], key, **wire(source), tooltip=tooltip(source.name))
    if box.outputs:
        graph.node(f"{key}out", flag(box.outputs), tooltip=tooltip(f"{box.outputs}: {box.name}"))
        graph.edge(key, f"{key}out", **wire(box), tooltip=tooltip(box.name))


def folded(drawn: Sequence[Box]) -> list[list[Box]]:
    """The boxes in columns, as many as a slide needs to show a long program.

    No edge goes from one column to another: what is used in a later one is named there again.
    """
    level: dict[Box, int] = {}
    for box in drawn:
        if box.kind == "instruction":
            level[box] = 1 + max((level[each] for each in box.inputs if each in level), default=-1)
    height = max(level.values(), default=0) + 1
    if height <= TALLEST:
        return [list(drawn)]
    columns: list[list[Box]] = [[] for _ in range(-(-height // COLUMN))]
    placed: dict[tuple[int, Box], Box] = {}

    def here(box: Box, k: int) -> Box:
        """The box in column k: itself, or what refers to it."""
        if (k, box) not in placed:
            kind = "reference" if box in level else box.kind
            placed[k, box] = replace(box, kind=kind, outputs="", inputs=[])
            columns[k].append(placed[k, box])
        return placed[k, box]

    for box in level:
        k = level[box] * len(columns) // height
        placed[k, box] = replace(box, inputs=[here(each, k) for each in box.inputs])
        columns[k].append(placed[k, box])
    for box in drawn:
        if box.outputs and box not in level:
            here(box, len(columns) - 1).outputs = box.outputs
    return columns


def wire(source: Box) -> dict[str, str]:
    """How the edge looks that brings what a box has."""
    return {"penwidth": "1"} if source.is_shared else {"penwidth": "2", "weight": "4"}


def figure(box: Box, direction: str) -> str:
    """A box as a table: in pictures that run down it is flat, in others it has two lines."""
    colour = SHARED if box.is_shared else OWN
    size = DEFINED.search(box.name) if box.kind in ("instruction", "reference") else None
    name = typeset(box.name[: size.start()] if size else box.name, colour)
    name += styled(size[0], FAINT, 10) if size else ""
    if box.kind != "instruction":
        tint = SHARED_TINT if box.is_shared else OWN_TINT
        fill = tint if box.kind in ("input", "parameter") else "white"
        border = int(box.kind == "reference")
        rows = f"<TR><TD>{name}</TD></TR>"
        return FRAME.format(border=border, padding=4, ink=WIRE, fill=fill, rows=rows)
    formula = typeset(shortened(box.formula, LONGEST), INK)
    strut = styled(" ", FAINT, 10)  # a line of one font would stand lower than its neighbour
    name, formula = (each if FAINT in each else each + strut for each in (name, formula))
    remark = styled(box.remark, FAINT, 10)
    cells = [f"<TD>{each}</TD>" for each in (name, formula, remark) if each]
    between = "<VR/>" if direction == "TB" else "</TR><TR>"
    ink, rows = SHARED if box.is_shared else INK, f"<TR>{between.join(cells)}</TR>"
    return FRAME.format(border=1, padding=6, ink=ink, fill=PALE, rows=rows)


def flag(words: str) -> str:
    """The mark of an output."""
    rows = f"<TR><TD>{styled(words, 'white', 12)}</TD></TR>"
    return FRAME.format(border=0, padding=4, ink=INK, fill=INK, rows=rows)


def typeset(text: str, colour: str) -> str:
    """A formula of the listing as books have it: variables slanted, sizes small."""
    runs = []
    for part in PARTS.split(text.replace(" * ", " × ").replace("-", "−")):
        if SIZE.fullmatch(part):
            runs.append(styled(part, FAINT, 10))
        else:
            runs.append(styled(part, colour, 14, SERIF if VARIABLE.fullmatch(part) else UPRIGHT))
    return "".join(runs)


def caption(title: str, headline: str) -> str:
    """What stands below the picture: a title, what the program is, and how to read it."""
    lines = [styled(title, INK), styled(headline, INK, 12)]
    own = "thick, [16]: 16 numbers for every example"
    shared = "thin, {16}: 16 numbers that all examples share"
    lines.append(legend((own, OWN), (shared, SHARED)))
    rows = "".join(f'<TR><TD CELLPADDING="2">{line}</TD></TR>' for line in filter(None, lines))
    return f'<<TABLE {BARE}><TR><TD HEIGHT="8"></TD></TR>{rows}</TABLE>>'


def facts(box: Box) -> str:
    """What a tooltip says of a box: the whole formula, or who the members of a family are."""
    what = f"{box.name} = {box.formula}" if box.formula else f"{box.name}: {box.members}"
    return f"{what}, {box.remark}" if box.remark else what


def too_many_instructions(instructions: int, limit: int) -> ValueError:
    """A program of which nobody could read a drawing."""
    return ValueError(
        f"this program has {instructions} instructions, and a drawing of more than {limit} is hard "
        "to read: record and draw a part of the function; write weighted sums as dot(weights, "
        "inputs), of which many become one instruction; or raise the limit: "
        f"draw(limit={instructions})"
    )
