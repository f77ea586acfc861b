"""The drawing as a circuit in the language of Graphviz: gates joined by wires, as slides have it.

The wire that leaves a leaf or a gate has the value above it and the gradient below it; on its way
into the next gate it has the local derivative:

      -2
    x ──── 1 ╲     3
      -4      (+) ──── -4 ...
      5      ╱     -4
    y ──── 1
      -4

Constants are only a small number: no gradient flows into them, so that their edges carry no local
derivative. Names are set as variables in a formula. A browser shows all digits in tooltips.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from engine.pictures.sketch import Edge, Vertex, short, shortened

if TYPE_CHECKING:
    from graphviz import Digraph

INK, FAINT, WIRE, PALE = "#22262e", "#6b7280", "#8b93a1", "#f4f5f7"
VALUE, GRADIENT, LOCAL = "#00755c", "#c4401c", "#3f5fa8"  # told apart by colour-blind readers too
STALE = "#8a5a00"
SANS, SERIF = "Helvetica", "Times-Italic"  # Graphviz knows how wide they are wherever it runs
GLYPHS: Final = {"*": "×", "/": "÷", "-": "−", "-x": "−", "**": "xⁿ", "|x|": "|·|"}
LONGEST: Final = 24  # letters of a name

# Graphviz's time grows much faster than the graph. From so many edges on, it places labels when all
# is laid out instead of making room for them; and then it has to be content with less, which
# nobody sees in a graph of that size.
MANY, TOO_MANY = 150, 1000
HASTE: Final = {
    "nslimit": "0.01", "nslimit1": "0.01", "mclimit": "0.01", "searchsize": "5", "splines": "line",
}  # fmt: skip

# The gate, or the name of a leaf, spans the rows of the value, the wire and the gradient. Edges
# leave from a point just inside the end of the wire: Graphviz starts some a little too far right.
BARE: Final = 'BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"'
FIGURE: Final = """<<TABLE {bare}>{top}
<TR>{head}<TD CELLPADDING="3">{value}</TD></TR>
<TR><TD WIDTH="36" BGCOLOR="{wire}"><TABLE {bare} ALIGN="RIGHT" FIXEDSIZE="TRUE" WIDTH="3" \
HEIGHT="1"><TR><TD PORT="wire" WIDTH="1" HEIGHT="1"></TD><TD WIDTH="2"></TD></TR></TABLE></TD></TR>
<TR><TD CELLPADDING="3">{gradient}</TD></TR>{notes}
</TABLE>>"""
GATE: Final = """<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" STYLE="ROUNDED" \
COLOR="{ink}" BGCOLOR="{pale}" FIXEDSIZE="{fixed}" WIDTH="{width}" HEIGHT="28">{rows}</TABLE>"""
PINS: Final = 4  # at most: gates of so many inputs have a place for each, in the operands' order


def circuit(drawn: Sequence[Vertex], direction: str, title: str) -> Digraph:
    """The drawing in DOT.

    Args:
        drawn: the vertices, each after its inputs.
        direction: "LR" or "TB".
        title: a line below the picture; "" for none.
    """
    from graphviz import Digraph  # at the first picture, since it takes longer to load than we do

    font = {"fontname": SANS, "fontcolor": INK}
    space = {"rankdir": direction, "pad": "0.2", "nodesep": "0.25", "ranksep": "0.4"}
    line = {"color": WIRE, "arrowhead": "none"}
    graph = Digraph(
        "chainrule",
        graph_attr={**font, **space, "bgcolor": "white", "label": caption(drawn, title)},
        node_attr={**font, "shape": "plain", "fontsize": "14"},
        edge_attr={**font, **line, "fontsize": "12", "fontcolor": LOCAL},
    )
    uses = Counter(edge.source for vertex in drawn for edge in vertex.inputs)
    if uses.total() > TOO_MANY:
        graph.attr(**HASTE)
    label = "label" if uses.total() <= MANY else "xlabel"
    keys = {vertex: f"n{number}" for number, vertex in enumerate(drawn)}
    for vertex, key in keys.items():
        # Pins say which operand enters where. This places the operands in that order too, where
        # nobody else uses them: their edges need not cross on the way to the pins.
        own = len(vertex.inputs) > 1 and all(uses[edge.source] == 1 for edge in vertex.inputs)
        order = {"ordering": "in"} if own else {}
        hint = tooltip("\n".join(facts(vertex)))
        graph.node(key, figure(vertex, direction), tooltip=hint, **order)
        for k, edge in enumerate(vertex.inputs):
            tail, head = ports(edge.source, vertex, k, direction)
            number = " " if edge.source.is_constant else f" {typeset(short(edge.derivative))} "
            hint = tooltip(derivative(vertex, edge))
            options = {label: number, "tooltip": hint, "labeltooltip": hint}
            graph.edge(keys[edge.source] + tail, key + head, **options)
    return graph


def ports(source: Vertex, target: Vertex, k: int, direction: str) -> tuple[str, str]:
    """Where an edge leaves its source, and where it enters the gate as input k."""
    pin = f"pin{k}" if 1 < len(target.inputs) <= PINS else "gate"
    if direction == "LR":
        return ":wire:e", f":{pin}:w"
    return ":gate:s" if source.op else ":s", f":{pin}:n"


def figure(vertex: Vertex, direction: str) -> str:
    """A vertex as a table, which is Graphviz's way to put one thing above another."""
    name = styled(shortened(vertex.name, LONGEST), INK, 15, SERIF)
    if vertex.is_constant:
        number = styled(typeset(short(vertex.value)), FAINT, 11)
        return f'<<TABLE BORDER="0"><TR><TD>{name}</TD><TD PORT="wire">{number}</TD></TR></TABLE>>'
    top, head = "", f'<TD ROWSPAN="3" CELLPADDING="4">{name}</TD>'
    if vertex.op:
        symbol = GLYPHS.get(vertex.symbol, vertex.symbol)
        width = max(28, 9 * len(symbol) + 12)
        pins = len(vertex.inputs) if len(vertex.inputs) <= PINS else 1
        box = f'<TD ROWSPAN="3" PORT="gate">{gate(symbol, width, pins, direction)}</TD>'
        if direction == "TB":
            head += box
        else:
            aside = "" if 7 * len(vertex.name) < width else "<TD></TD>"  # above the gate if it fits
            top, head = f"<TR>{aside}<TD>{name}</TD></TR>" if name else "", box
    notes = [styled(typeset(note), GRADIENT, 10) for note in vertex.origin]
    notes += filter(None, [styled(typeset(vertex.staleness()), STALE, 10)])
    aside = "<TD></TD>" * head.count("ROWSPAN")
    return FIGURE.format(
        bare=BARE,
        top=top,
        head=head,
        value=styled(typeset(short(vertex.value)), VALUE),
        wire=WIRE,
        gradient=styled(typeset(vertex.gradient), GRADIENT),
        notes="".join(f"<TR>{aside}<TD>{note}</TD></TR>" for note in notes),
    )


def gate(symbol: str, width: int, pins: int, direction: str) -> str:
    """The box of a primitive, with a pin for each input on the side where they enter."""
    text = styled(symbol, INK, 16)
    across = direction == "LR"  # where the box is fixed; else it grows to the height of its cell
    if pins == 1:
        rows = f'<TR><TD WIDTH="{width - 2}" HEIGHT="26">{text}</TD></TR>'
    elif across:
        size = f'WIDTH="1" HEIGHT="{26 // pins}"'
        first, *others = [f'<TD PORT="pin{k}" {size}></TD>' for k in range(pins)]
        spacer = (
            f'<TD ROWSPAN="{pins}" WIDTH="1"></TD>'  # as wide as the pins: the symbol is central
        )
        symbols = f'<TD ROWSPAN="{pins}" WIDTH="{width - 4}">{text}</TD>'
        rows = f"<TR>{first}{symbols}{spacer}</TR>" + "".join(f"<TR>{pin}</TR>" for pin in others)
    else:
        size = f'WIDTH="{(width - 2) // pins}" HEIGHT="1"'
        entries = "".join(f'<TD PORT="pin{k}" {size}></TD>' for k in range(pins))
        rows = f'<TR>{entries}</TR><TR><TD COLSPAN="{pins}" HEIGHT="25">{text}</TD></TR>'
    return GATE.format(ink=INK, pale=PALE, fixed=across, width=width, rows=rows)


def caption(drawn: Sequence[Vertex], title: str) -> str:
    """What stands below the picture: a title, a warning if it is stale, and how to read it."""
    lines = [styled(title, INK)] if title else []
    if any(vertex.staleness() for vertex in drawn):
        warning = "stale: leaves were assigned since; drawn are the values that were used"
        lines.append(styled(warning, STALE, 10))
    edge = "local derivative on the edge"
    lines.append(legend(("value above", VALUE), ("gradient below", GRADIENT), (edge, LOCAL)))
    rows = "".join(f'<TR><TD CELLPADDING="2">{line}</TD></TR>' for line in lines)
    return f'<<TABLE {BARE}><TR><TD HEIGHT="8"></TD></TR>{rows}</TABLE>>'


def legend(*phrases: tuple[str, str]) -> str:
    """How to read the picture: phrases in their colours, side by side.

    Each is in the middle of a cell with room to spare, the more the longer it is: a browser that
    lacks the font takes a wider one, and lets it begin where Graphviz let the narrow one begin.
    """
    cells = ""
    for words, colour in phrases:
        room = f'<TD WIDTH="{6 + len(words) // 2}"></TD>'
        cells += f"{room}<TD>{styled(words, colour, 10)}</TD>{room}"
    return f"<TABLE {BARE}><TR>{cells}</TR></TABLE>"


def facts(vertex: Vertex) -> list[str]:
    """What a tooltip says of a vertex, with all digits."""
    kind = "constant" if vertex.is_constant else "leaf"
    what = " = ".join(filter(None, [vertex.name, vertex.expression])) or kind
    lines = [f"{what} = {vertex.value!r}"]
    if not vertex.is_constant:
        lines.append("no gradient yet" if vertex.grad is None else f"gradient {vertex.grad!r}")
    if vertex.grad is not None and len(vertex.contributions) > 1:
        lines.append(f"from here {' + '.join(map(repr, vertex.contributions))}")
    return [*lines, *filter(None, [vertex.staleness(repr)])]


def derivative(vertex: Vertex, edge: Edge) -> str:
    """What a tooltip says of an edge, with all digits."""
    if vertex.name and edge.source.name:
        return f"∂{vertex.name}/∂{edge.source.name} = {edge.derivative!r}"
    return f"local derivative {edge.derivative!r}"


def styled(text: str, colour: str, size: int = 14, face: str = SANS) -> str:
    """Text in Graphviz's HTML, which takes no tags around nothing."""
    font = f' POINT-SIZE="{size}"' * (size != 14) + f' FACE="{face}"' * (face != SANS)
    safe = escape(text, quote=False).replace("\\", r"\\")  # a plain \N would become the node's name
    return f'<FONT COLOR="{colour}"{font}>{safe}</FONT>' if text else ""


def tooltip(text: str) -> str:
    """Text for a tooltip, of which Graphviz reads the backslashes twice."""
    return escape(text).replace("\\", r"\\\\")


def typeset(number: str) -> str:
    """Numbers with a true minus sign, which is as wide as a plus, and the sign of infinity."""
    return number.replace("-", "−").replace("inf", "∞").replace("nan", "NaN")
