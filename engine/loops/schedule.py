"""The order in which the loops of replay.py run a tape fastest. Compiled like node.py.

A processor guesses the next branch before it knows which it is. Nodes in any topological order are
right; but where the primitives of neighbours alternate at random, most guesses are wrong, and cost
more than the arithmetic. So nodes that do not depend on each other are sorted by their primitives.
"""

from __future__ import annotations

from librt.vecs import append, vec
from mypy_extensions import i32, i64

from engine.loops.flatten import Flat, levels_of
from engine.node import ADD, MUL, SUB


def chained(code: i32) -> i32:
    """The code of an addition, subtraction or multiplication of the node just in front of it.

    In a serial chain each node waits for the one before, and to read from memory what has just been
    written takes longer than the arithmetic: for these codes the loops have kept it at hand, and
    its gradient on the way back. The other operand is the only one that is written.
    """
    return -1 - code


def schedule(flat: Flat) -> Flat:
    """The same graph in another order: level by level, and in each by primitive.

    Args:
        flat: a graph of rows of the table.

    Returns:
        A graph of the same parameters, inputs, constants and outputs, for the loops alone: some of
        its codes are those of this file.
    """
    count: i64 = len(flat.codes)
    first = flat.first
    levels = levels_of(flat)
    order = vec[i32](capacity=count)
    node: i64
    place: i64
    for node in range(count):
        order = append(order, i32(node))
    order = sorted_by(sorted_by(order, flat.codes), levels)
    made = Flat(flat.parameters, flat.inputs, flat.constants)
    slots = vec[i32]([0] * (first + count))
    for node in range(first):
        slots[node] = i32(node)
    for node in range(count):
        slots[first + i64(order[node])] = i32(first + node)
    for node in range(count):
        old = i64(order[node])
        code = flat.codes[old]
        start, stop = i64(flat.starts[old]), i64(flat.starts[old + 1])
        skipped = start - 1  # the operand that is not written, if any
        if code in (ADD, SUB, MUL) and node > 0:
            before = first + node - 1
            if i64(slots[i64(flat.args[start])]) == before:
                skipped = start
            elif code != SUB and i64(slots[i64(flat.args[start + 1])]) == before:
                skipped = start + 1
        made.codes = append(made.codes, code if skipped < start else chained(code))
        for place in range(start, stop):
            if place != skipped:
                made.args = append(made.args, slots[i64(flat.args[place])])
        made.starts = append(made.starts, i32(len(made.args)))
    for place in range(len(flat.outputs)):
        made.outputs = append(made.outputs, slots[i64(flat.outputs[place])])
    return made


def sorted_by(order: vec[i32], keys: vec[i32]) -> vec[i32]:
    """Nodes by their keys; those of one key stay in their order."""
    k: i64
    highest: i64 = 0
    for k in range(len(keys)):
        if i64(keys[k]) > highest:
            highest = i64(keys[k])
    places = vec[i32]([0] * (highest + 2))  # of each key, where its next node goes
    for k in range(len(keys)):
        places[i64(keys[k]) + 1] += 1
    for k in range(highest):
        places[k + 1] += places[k]
    placed = vec[i32]([0] * len(order))
    for k in range(len(order)):
        key = i64(keys[i64(order[k])])
        placed[i64(places[key])] = order[k]
        places[key] += 1
    return placed
