"""The drawing as a circuit in the language of Graphviz: gates joined by wires, as on a lecture's slides.

The wire that leaves a leaf or a gate has the value above it and the gradient below it; on its way into the next
gate it has the local derivative.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from engine.sketch import Edge, Vertex, gradient, short, shortened

if TYPE_CHECKING:
    from graphviz import Digraph

INK, FAINT, WIRE, PALE = "#22262e", "#6b7280", "#8b93a1", "#f4f5f7"
VALUE, GRADIENT, LOCAL, STALE = (
    "#00755c",
    "#c4401c",
    "#3f5fa8",
    "#8a5a00",
)  # colour-blind readers tell them apart
SANS, SERIF = "Helvetica", "Times-Italic"  # Graphviz knows their metrics wherever it runs
GLYPHS: Final = {"*": "×", "/": "÷", "-": "−", "-x": "−", "**": "xⁿ", "|x|": "|·|"}
LARGE: Final = 150  # edges; for more it takes Graphviz too long to make room for their labels

# The gate, or the name of a leaf, spans the three rows of the value, the wire and the gradient. Edges leave from
# a little table inside the end of the wire, since Graphviz starts some of them a point too far to the right.
FIGURE: Final = """<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">{top}
<TR>{head}<TD CELLPADDING="3">{value}</TD></TR>
<TR><TD WIDTH="36" BGCOLOR="{wire}"><TABLE ALIGN="RIGHT" BORDER="0" CELLBORDER="0" CELLSPACING="0" \
CELLPADDING="0" FIXEDSIZE="TRUE" WIDTH="3" HEIGHT="1"><TR><TD PORT="wire" WIDTH="1" HEIGHT="1"></TD>\
<TD WIDTH="2"></TD></TR></TABLE></TD></TR>
<TR><TD CELLPADDING="3">{gradient}</TD></TR>{notes}
</TABLE>>"""
GATE: Final = """<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" STYLE="ROUNDED" \
COLOR="{ink}" BGCOLOR="{pale}" FIXEDSIZE="{fixed}" WIDTH="{width}" HEIGHT="28">\
<TR><TD WIDTH="{inside}" HEIGHT="26">{symbol}</TD></TR></TABLE>"""


def circuit(drawn: Sequence[Vertex], direction: str, title: str) -> Digraph:
    """The drawing in DOT."""
    from graphviz import Digraph, escape as literal

    font = {"fontname": SANS, "fontcolor": INK}
    space = {
        "rankdir": direction,
        "bgcolor": "white",
        "pad": "0.2",
        "nodesep": "0.25",
        "ranksep": "0.4",
    }
    graph = Digraph(
        "chainrule",
        graph_attr={**font, **space, "fontsize": "10", "label": caption(drawn, title)},
        node_attr={**font, "shape": "plain", "fontsize": "14"},
        edge_attr={
            **font,
            "fontsize": "12",
            "fontcolor": LOCAL,
            "color": WIRE,
            "arrowhead": "none",
        },
    )
    keys = {vertex: f"n{number}" for number, vertex in enumerate(drawn)}
    start, end = (":wire:e", ":gate:w") if direction == "LR" else (":gate:s", ":gate:n")
    label = "label" if sum(len(vertex.inputs) for vertex in drawn) <= LARGE else "xlabel"
    for vertex, key in keys.items():
        graph.node(key, figure(vertex, direction), tooltip=literal("\n".join(facts(vertex))))
        for edge in vertex.inputs:
            number = "" if edge.source.is_constant else f" {typeset(short(edge.derivative))} "
            hint = literal(derivative(vertex, edge))
            options = {label: number, "tooltip": hint, "labeltooltip": hint}
            graph.edge(keys[edge.source] + start, key + end, **options)
    return graph


def figure(vertex: Vertex, direction: str) -> str:
    """A vertex as a table, which is Graphviz's way to put one thing above another."""
    name = styled(shortened(vertex.name), INK, 15, SERIF)
    if vertex.is_constant:
        port = "wire" if direction == "LR" else "gate"
        number = styled(typeset(short(vertex.value)), FAINT, 11)
        return (
            f'<<TABLE BORDER="0"><TR><TD>{name}</TD><TD PORT="{port}">{number}</TD></TR></TABLE>>'
        )
    top, head = "", f'<TD ROWSPAN="3" CELLPADDING="4" PORT="gate">{name}</TD>'
    if vertex.op:
        head = f'<TD ROWSPAN="3" PORT="gate">{gate(vertex.symbol, direction)}</TD>'
        if direction == "LR":
            top = f"<TR><TD>{name}</TD><TD></TD></TR>" if name else ""
        elif name:
            head = f'<TD ROWSPAN="3" CELLPADDING="4">{name}</TD>{head}'
    notes = [*(styled(typeset(each), GRADIENT, 10) for each in vertex.origin)]
    if vertex.later:
        notes.append(styled(typeset(vertex.staleness), STALE, 10))
    aside = "<TD></TD>" * head.count("ROWSPAN")
    return FIGURE.format(
        top=top,
        head=head,
        value=styled(typeset(short(vertex.value)), VALUE),
        wire=WIRE,
        gradient=styled(typeset(gradient(vertex)), GRADIENT),
        notes="".join(f"<TR>{aside}<TD>{note}</TD></TR>" for note in notes),
    )


def gate(symbol: str, direction: str) -> str:
    """The box of a primitive; downwards it fills the height of the figure, so that edges reach it."""
    glyph = GLYPHS.get(symbol, symbol)
    width = max(28, 8 * len(glyph) + 12)
    fixed = direction == "LR"
    label = styled(glyph, INK, 16)
    return GATE.format(ink=INK, pale=PALE, fixed=fixed, width=width, inside=width - 2, symbol=label)


def caption(drawn: Sequence[Vertex], title: str) -> str:
    """What stands below the picture: its title, a warning if it is stale, and how to read it."""
    lines = [styled(title, INK)] if title else []
    if any(vertex.later for vertex in drawn):
        lines.append(
            styled(
                "stale: leaves were assigned since; drawn are the values that were used", STALE, 10
            )
        )
    lines.append(
        styled("value above", VALUE, 10)
        + styled("   gradient below   ", GRADIENT, 10)
        + styled("local derivative on the edge", LOCAL, 10)
    )
    rows = "".join(f"<TR><TD>{line}</TD></TR>" for line in lines)
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">{rows}</TABLE>>'


def facts(vertex: Vertex) -> list[str]:
    """What a tooltip says of a vertex, with all digits."""
    name = " = ".join(filter(None, [vertex.name, vertex.expression]))
    lines = [f"{name or 'constant' if vertex.is_constant else name or 'leaf'} = {vertex.value!r}"]
    if not vertex.is_constant:
        lines.append("no gradient yet" if vertex.grad is None else f"gradient {vertex.grad!r}")
    if len(vertex.contributions) > 1:
        lines.append(f"from here {' + '.join(map(repr, vertex.contributions))}")
    return lines + [f"assigned since: {number!r}" for number in vertex.later]


def derivative(vertex: Vertex, edge: Edge) -> str:
    """What a tooltip says of an edge, with all digits."""
    if vertex.name and edge.source.name:
        return f"∂{vertex.name}/∂{edge.source.name} = {edge.derivative!r}"
    return f"local derivative {edge.derivative!r}"


def styled(text: str, colour: str, size: int = 14, face: str = "") -> str:
    """Text in Graphviz's HTML, which takes no tags around nothing."""
    font = f' FACE="{face}"' if face else ""
    return (
        f'<FONT COLOR="{colour}" POINT-SIZE="{size}"{font}>{escape(text, quote=False)}</FONT>'
        if text
        else ""
    )


def typeset(number: str) -> str:
    """Numbers with a true minus sign, which is as wide as a plus, and the sign of infinity."""
    return number.replace("-", "−").replace("inf", "∞").replace("nan", "NaN")
