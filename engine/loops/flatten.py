"""From a graph to flat arrays.

A recorded graph has slots: first the constants, then the parameters, then the inputs, then a slot
for every computed node, each after its operands. Compiled like node.py: this is what makes
recording fast.
"""

from __future__ import annotations

from math import copysign
from typing import Any, Final

from librt.vecs import append, vec
from mypy_extensions import i32, i64

from engine.backward import traverse
from engine.node import ENGINE, SUM, Node
from engine.variadic import many

# How far a slot depends on what changes: not at all, on parameters alone, or on the inputs.
CONSTANT_KIND: Final = 0
SHARED_KIND: Final = 1
BATCHED_KIND: Final = 2


class Flat:
    """A graph as flat arrays.

    Args:
        parameters, inputs: how many slots they take, after the constants.
        constants: their values.
    """

    def __init__(self, parameters: i64, inputs: i64, constants: vec[float]) -> None:
        self.parameters, self.inputs, self.constants = parameters, inputs, constants
        self.codes = vec[i32]()  # of the computed nodes: rows of the table
        self.starts = vec[i32]([0])  # the operands of node k are args[starts[k]:starts[k + 1]]
        self.args = vec[i32]()  # slots
        self.outputs = vec[i32]()  # slots
        self.extends = False  # whether a derivative is in it, whose values may be inf or NaN
        self.first: i64 = parameters + inputs + len(constants)  # the slot of the first node


def linearise(
    outputs: list[Any], inputs: list[Any], parameters: list[Any]
) -> tuple[Flat, list[Any], list[Any]]:
    """The graph below the outputs as flat arrays.

    What depends on neither inputs nor parameters is one constant, with the value it has now; equal
    constants share a slot, and only those that are used have one.

    Returns:
        The arrays; the node of each computed slot; the other leaves that are no plain numbers,
        which may well be parameters that were forgotten.
    """
    order: list[Node] = []
    with ENGINE.traversing:
        ENGINE.begin()
        try:
            traverse(many(SUM, outputs, 0.0), order, False)
            order.pop()
            return numbered(order, outputs, inputs, parameters)
        finally:
            ENGINE.busy = False


def numbered(
    order: list[Node], outputs: list[Node], inputs: list[Node], parameters: list[Node]
) -> tuple[Flat, list[Node], list[Node]]:
    """The body of `linearise`: a node's mark tells its slot meanwhile, which needs no dictionary.

    Marks grow from one traversal to the next; so the slots are counted from the last one on.
    """
    unplaced: i64 = ENGINE.mark + 1  # a constant that nothing has used yet; others come after it
    variable: i64 = unplaced + len(order) + 1  # marks of nodes that change are from here on
    # At once, since after an exception no mark may be above it.
    ENGINE.mark = variable + 2 * len(order) + len(inputs) + len(parameters) + 2
    slot: i64 = 0
    for group in (parameters, inputs):
        for node in group:
            node._mark = variable + slot
            slot += 1
    computed: list[Node] = []
    forgotten: list[Node] = []
    for node in order:  # first: what is constant?
        if node._mark >= variable:
            continue
        if node._code >= 0 and changes(node, variable):
            computed.append(node)
            node._mark = variable  # for now
        else:
            if node._code == -1:
                forgotten.append(node)
            node._mark = unplaced
    constants = Constants(unplaced, variable)
    flat = Flat(len(parameters), len(inputs), vec[float]())
    write_nodes(flat, computed, outputs, constants)
    after: i64 = len(constants.numbers)  # only now it is known how many there are
    flat.constants, flat.first = constants.numbers, flat.first + after
    shift(flat.args, after)
    shift(flat.outputs, after)
    return flat, computed, forgotten


class Constants:
    """The constants that something uses, each number once, in the order in which they are met.

    Args:
        unplaced: the mark of a constant that has no place yet.
        variable: the first mark of what is no constant.
    """

    def __init__(self, unplaced: i64, variable: i64) -> None:
        self.unplaced, self.variable = unplaced, variable
        self.numbers = vec[float]()
        self.known: dict[tuple[float, float], i64] = {}  # by the sign too, for 0.0 and -0.0

    def slot(self, node: Node) -> i32:
        """The slot of an operand, counted from the first parameter: constants are below 0."""
        mark = node._mark
        if mark >= self.variable:
            return i32(mark - self.variable)
        if mark == self.unplaced:
            mark = node._mark = self.unplaced + 1 + self.place(node._data)
        return i32(self.unplaced - mark)

    def place(self, number: float) -> i64:
        """Where a number is among the constants."""
        key = (number, copysign(1.0, number))
        place = self.known.get(key, -1)
        if place < 0:
            place = len(self.numbers)
            self.known[key] = place
            self.numbers = append(self.numbers, number)
        return place


def write_nodes(
    flat: Flat, computed: list[Node], outputs: list[Node], constants: Constants
) -> None:
    """Append the computed nodes to the arrays, and the slots of the outputs."""
    slot: i64 = flat.parameters + flat.inputs
    for node in computed:
        node._mark = constants.variable + slot
        slot += 1
        flat.extends = flat.extends or node._extends
        flat.codes = append(flat.codes, node._code)
        if node._left is not None:
            flat.args = append(flat.args, constants.slot(node._left))
            if node._right is not None:
                flat.args = append(flat.args, constants.slot(node._right))
        elif node._more is not None:
            for each in node._more.inputs:
                flat.args = append(flat.args, constants.slot(each))
        flat.starts = append(flat.starts, i32(len(flat.args)))
    for node in outputs:
        flat.outputs = append(flat.outputs, constants.slot(node))


def shift(slots: vec[i32], after: i64) -> None:
    """Count slots from the first constant on, of which there are so many before the parameters."""
    k: i64
    by: i32 = i32(after)
    for k in range(len(slots)):
        slots[k] = slots[k] + by if slots[k] >= 0 else -1 - slots[k]


def changes(node: Node, variable: i64) -> bool:
    """Whether an operand of a node depends on inputs or parameters."""
    if node._left is not None:
        return node._left._mark >= variable or (
            node._right is not None and node._right._mark >= variable
        )
    assert node._more is not None
    for each in node._more.inputs:  # noqa: SIM110 - compiled, this is the faster form
        if each._mark >= variable:
            return True
    return False


def kinds_of(flat: Flat) -> vec[i32]:
    """For every slot, how far it depends on what changes: the widest kind of its operands."""
    kinds = vec[i32](capacity=flat.first + len(flat.codes))
    slot: i64
    shared: i64 = len(flat.constants)
    batched: i64 = shared + flat.parameters
    for slot in range(flat.first):
        kind = CONSTANT_KIND if slot < shared else SHARED_KIND if slot < batched else BATCHED_KIND
        kinds = append(kinds, i32(kind))
    node: i64
    place: i64
    for node in range(len(flat.codes)):
        widest: i32 = CONSTANT_KIND
        for place in range(i64(flat.starts[node]), i64(flat.starts[node + 1])):
            kind_here = kinds[i64(flat.args[place])]
            if kind_here > widest:
                widest = kind_here
        kinds = append(kinds, widest)
    return kinds


def levels_of(flat: Flat) -> vec[i32]:
    """For every node, one more than the highest level among its operands; leaves have 0."""
    levels = vec[i32](capacity=len(flat.codes))
    node: i64
    place: i64
    for node in range(len(flat.codes)):
        highest: i32 = 0
        for place in range(i64(flat.starts[node]), i64(flat.starts[node + 1])):
            operand = i64(flat.args[place]) - flat.first
            if operand >= 0 and levels[operand] > highest:
                highest = levels[operand]
        levels = append(levels, highest + 1)
    return levels
