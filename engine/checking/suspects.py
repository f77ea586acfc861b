"""Which primitive is to blame for a wrong derivative, and which ones stand at a kink.

Each node of a graph is checked by itself: its local derivatives against differences of its own
row's value. So a fault is found where it is, and not only where it is felt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Final

from engine.backward import local_derivative, topological_order
from engine.calculus.graphs import adjoint_graphs
from engine.checking import differences
from engine.checking.differences import (
    NONE,
    Slope,
    careful_slopes,
    exact,
    is_broken,
    slopes,
    tape_of,
)
from engine.elementary import FLOATS
from engine.functions import VALUES
from engine.primitive import Primitive
from engine.rules import ROWS
from engine.value import Value, as_value
from engine.wording import written

Graph = tuple[Sequence[Value], Sequence[Value]]  # what was computed, and from what

POINTS: Final = 300  # at which a primitive is checked, however many nodes it has
OPERANDS: Final = 12  # of a node that are checked, or a few more, of however many


@dataclass(frozen=True)
class Suspect:
    """A primitive whose partial is wrong."""

    row: Primitive
    primals: tuple[float, ...]
    which: str  # "partial in x"
    got: float
    expected: float

    def __str__(self) -> str:
        call = written(self.row, self.primals, ".6g")
        return (
            f"the primitive {self.row.name} is wrong: at {call} its {self.which} gives "
            f"{self.got:.10g}, and should give {self.expected:.10g}"
        )


def computed(outputs: Sequence[Value]) -> list[Value]:
    """The computed nodes below the outputs in topological order."""
    return [node for node in topological_order(VALUES.sum(*outputs))[:-1] if node.op]


def suspects(outputs: Sequence[Value], order: int, tolerance: float) -> list[Suspect]:
    """The first node of each primitive whose local derivative is wrong; that of order 2 as well."""
    found: dict[str, Suspect] = {}
    checked: dict[str, set[tuple[float, ...]]] = {}
    for node in computed(outputs):
        points = checked.setdefault(node.op, set())
        if node.op not in found and len(points) < POINTS and node.primals not in points:
            points.add(node.primals)
            wrong = next(faults(node._code, node.primals, order, tolerance), None)
            if wrong is not None:
                found[node.op] = wrong
    return list(found.values())


def faults(
    code: int, primals: tuple[float, ...], order: int, tolerance: float
) -> Iterator[Suspect]:
    """What is wrong with a row at a point: first its partials, then their derivatives."""
    row, x = ROWS[code], list(primals)
    if row.name == "stop_gradient" or not all(map(isfinite, x)):
        return

    def value(at: list[float]) -> list[float]:
        return [float(row.forward(FLOATS, *at))]

    for k in spread(len(x)):
        kind = at_kink(row, x, moved_by(x, k))
        if kind and (kind != "fast" or differences.precise() is None):
            continue
        got = local_derivative(code, k, value(x)[0], primals)
        expected = true_slope(value, row, x, [k], got, tolerance)
        if differ(got, expected, tolerance):
            yield Suspect(row, primals, f"partial in {argument(row, k)}", got, expected.value)
        elif order == 2:
            yield from second_faults(row, x, k, tolerance)


def spread(count: int) -> list[int]:
    """The operands to check: all, or some from the first to the last."""
    return sorted({*range(0, count, max(1, count // OPERANDS)), *range(count)[-1:]})


def second_faults(row: Primitive, x: list[float], k: int, tolerance: float) -> Iterator[Suspect]:
    """What is wrong with the derivatives of one partial as a graph."""
    leaves = [Value(each) for each in x]
    graph = as_value(row.partial(VALUES, k, getattr(VALUES, row.name)(*leaves), tuple(leaves)))

    def partial(at: list[float]) -> list[float]:
        y = float(row.forward(FLOATS, *at))
        return [float(row.partial(FLOATS, k, y, tuple(at)))]

    slopes_of_partial = adjoint_graphs(graph, leaves, 1.0)
    for j in spread(len(x)):
        each = slopes_of_partial[j]
        got = 0.0 if each is None else float(as_value(each).data)
        expected = true_slope(partial, row, x, [k, j], got, tolerance)
        if differ(got, expected, tolerance):
            which = f"partial in {argument(row, k)}, differentiated in {argument(row, j)},"
            yield Suspect(row, tuple(x), which, got, expected.value)


def true_slope(
    f: Callable[[list[float]], list[float]],
    row: Primitive,
    x: list[float],
    ks: list[int],
    got: float,
    tolerance: float,
) -> Slope:
    """The derivative of a function of a row in its last coordinate, as precise as need be."""
    quick = slopes(f, x, ks[-1])
    if quick is not None and agrees(got, quick[0][0], tolerance):
        return quick[0][0]
    leaves = [Value(each) for each in x]
    size = quick[0][0].size if quick is not None else 1.0
    precise = exact(tape_of([getattr(VALUES, row.name)(*leaves)], leaves), x, ks, size)[0]
    best = precise if precise is not NONE else careful_slopes(f, x, ks[-1], 1)[0]
    return replace(best, size=size)


def agrees(got: float, found: Slope, tolerance: float) -> bool:
    """Whether a derivative is what differences gave, as far as these can tell, which is far."""
    room = tolerance * max(abs(got), abs(found.value))
    size = min(1.0, found.size)
    return (
        abs(got - found.value) <= room + 10 * found.error + TINY * size
        and 10 * found.error <= room + NOISE * size
    )


def differ(got: float, found: Slope, tolerance: float) -> bool:
    """Whether a derivative is certainly not what differences gave."""
    if got == found.value:
        return False
    room = tolerance * max(abs(got), abs(found.value)) + TINY * min(1.0, found.size)
    return isfinite(found.error) and not abs(got - found.value) <= room + 10 * found.error


TINY: Final = 1e-12  # what may be left of a derivative of 0 by cancellation; both relative to
NOISE: Final = 1e-9  # the size of the values, and this one by their rounding


def magnitudes(root: Value, x: Value) -> tuple[float, float]:
    """How large what cancels may be, in the derivative of root in x and in the value of root.

    Returns:
        What the derivative would be if none of its terms were negative; and the largest number on
        the way from x, as far as it counts in root. Beside these what is left may be noise.
    """
    order = topological_order(root)
    affected = {id(x)}
    for node in order:
        if any(id(each) in affected for each in node.inputs):
            affected.add(id(node))
    sizes, largest = {id(root): 1.0}, 0.0
    for node in reversed(order):
        size = sizes.get(id(node), 0.0)
        if size and node._code >= 0 and id(node) in affected:
            primals = node.primals
            largest = max(largest, size * abs(node._data))
            for k, given in enumerate(node.inputs):
                if id(given) in affected:
                    local = local_derivative(node._code, k, node._data, primals)
                    total = sizes.get(id(given), 0.0) + abs(size * local)
                    if isfinite(total):
                        sizes[id(given)] = total
    return sizes.get(id(x), 0.0), largest


def argument(row: Primitive, k: int) -> str:
    """What the row calls its argument k."""
    return f"{row.arguments[0]}[{k}]" if row.variadic else row.arguments[k]


# --- kinks ---


def moved_by(x: Sequence[float], k: int) -> list[float]:
    """A small step in one coordinate."""
    return [1e-6 * max(1.0, abs(each)) if j == k else 0.0 for j, each in enumerate(x)]


def at_kink(row: Primitive, x: Sequence[float], step: Sequence[float]) -> str:
    """What `bend` says of a row within some steps of a point; a row without kinks is "fast"."""

    def along(t: float) -> float:
        return float(row.forward(FLOATS, *(a + t * b for a, b in zip(x, step, strict=True))))

    kind = bend(along)
    return "fast" if kind == "kink" and not has_kinks(row) else kind


def has_kinks(row: Primitive) -> bool:
    """Whether the table knows of kinks or jumps of a row."""
    return bool(row.kinks) or row.selects


def may_have_kinks(here: Graph, others: Sequence[Graph]) -> bool:
    """Whether there is a kink at all: in a row, or where a branch of Python's takes other numbers.

    Args:
        here: the outputs at the point, and what they are differentiated in.
        others: the same beside it.
    """
    if any(has_kinks(ROWS[node._code]) for node in computed(here[0])):
        return True
    return any(fixed_numbers(each) != fixed_numbers(here) for each in others)


def fixed_numbers(graph: Graph) -> list[float]:
    """The operands in a graph that were not computed from what it is differentiated in."""
    outputs, xs = graph
    free = {id(x) for x in xs}
    return [
        number
        for node in computed(outputs)
        for each, number in zip(node.inputs, node.primals, strict=True)
        if not each.op and id(each) not in free
    ]


def bend(along: Callable[[float], float]) -> str:
    """What a function has near 0: a "kink", a jump and the end of a domain too; a "pole"; or ""."""
    try:
        middle, left, right = along(0.0), along(-8.0), along(8.0)
        ends = along(-16.0), along(16.0)
    except (ArithmeticError, ValueError):
        return "kink"
    size = max(abs(middle), *map(abs, ends))
    if not is_broken(left + right - 2 * middle, sum(ends) - 2 * middle, size):
        return ""
    return "pole" if abs(middle) > 2 * max(abs(left), abs(right)) else "kink"


def kinks(here: Sequence[Value], there: Sequence[Value]) -> dict[str, str] | None:
    """The nodes that have a kink or a pole within a step; None if the graph is another one there.

    Args:
        here: the outputs at the point.
        there: the outputs a step away.
    """
    graphs = [computed(outputs) for outputs in (here, there)]
    codes = [[node._code for node in graph] for graph in graphs]
    if codes[0] != codes[1]:
        return None
    found: dict[str, str] = {}
    for node, other in zip(*graphs, strict=True):
        steps = [b - a for a, b in zip(node.primals, other.primals, strict=True)]
        if any(steps) and (kind := at_kink(ROWS[node._code], node.primals, steps)):
            found[written(ROWS[node._code], node.primals, ".6g")] = kind
    return found
