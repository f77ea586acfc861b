"""The instructions of a program in words, with the user's names."""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

import numpy as np

from engine.batching.instructions import Instruction, Layout, Operand, S, Z
from engine.rules import ROWS
from engine.tape import Tape


class Rows(NamedTuple):
    """Neighbouring rows of a space that have one name."""

    first: int
    last: int  # the one after
    name: str


class Names:
    """What the rows of a program are called.

    Args:
        tape: the graph, which has the names of inputs and parameters.
        layout: its instructions.
    """

    def __init__(self, tape: Tape, layout: Layout) -> None:
        flat = layout.flat
        self.layout = layout
        self.numbers = [float(each) for each in flat.constants]
        parameters = [each.label or "p" for each in tape.parameters]
        self.rows: tuple[list[Rows], list[Rows]] = (families(parameters), families(tape.inputs))
        for number, each in enumerate(layout.instructions):
            self.rows[each.space].append(Rows(each.first, each.first + each.count, f"t{number}"))
        self.firsts = [np.array([each.first for each in rows]) for rows in self.rows]
        self.outputs = layout.places(flat.outputs)

    def line(self, number: int, instruction: Instruction) -> str:
        """One instruction: `t3[16] = relu(t2[16])`."""
        space, first, count = instruction.space, instruction.first, instruction.count
        operands = [self.operand(each) for each in instruction.operands]
        plus = f" + {operands.pop()}" if instruction.has_bias else ""
        if instruction.kind == "matrix":
            right = " @ ".join(operands) + plus
            positions = instruction.operands[1].rows.shape[1]
            note = f"    at {positions} positions" if positions > 1 else ""
        else:
            call = {"dot": "dot", "sum": "sum"}.get(instruction.kind)
            row = ROWS[instruction.code]
            right = f"{call}({', '.join(operands)}){plus}" if call else row.call(*operands)
            note = ""
        if any(where == space and first <= at < first + count for where, at in self.outputs):
            note += "    output"
        return f"{sized(f't{number}', space, (count,))} = {right}{note}"

    def operand(self, operand: Operand) -> str:
        """The rows of an operand: whose they are, and how many."""
        rows = operand.rows
        at = int(rows.flat[0]) - self.layout.constants
        if operand.space == S and 0 <= at < len(self.numbers) and (rows == rows.flat[0]).all():
            return f"{self.numbers[at]:g}"
        inside = np.unique(rows)
        known = self.rows[operand.space]
        at_or_before = np.searchsorted(self.firsts[operand.space], inside, "right") - 1
        names = [
            known[k].name
            for k in dict.fromkeys(at_or_before.tolist())
            if k >= 0 and ((inside >= known[k].first) & (inside < known[k].last)).any()
        ]
        constants = self.layout.constants, self.layout.constants + len(self.numbers)
        if operand.space == S and ((inside >= constants[0]) & (inside < constants[1])).any():
            names.append("numbers")
        name = names[0] if len(names) == 1 else f"({', '.join(names)})"
        shape = rows.shape[:1] if operand.space == Z and rows.shape[1:] == (1,) else rows.shape
        return sized(name, operand.space, tuple(shape))


def families(names: list[str]) -> list[Rows]:
    """Neighbours that are elements of one list under its name: x for x[0], x[1].

    >>> families(["x[0]", "x[1]", "y"])
    [Rows(first=1, last=3, name='x'), Rows(first=3, last=4, name='y')]
    """
    found, first = [], 1
    for name, members in groupby(names, lambda each: each.partition("[")[0]):
        last = first + len(list(members))
        found.append(Rows(first, last, name))
        first = last
    return found


def sized(name: str, space: int, shape: tuple[int, ...]) -> str:
    """A name with how many rows it is; one needs no number."""
    if max(shape) == 1 and space == Z:
        return name
    left, right = "[]" if space == Z else "{}"
    return f"{name}{left}{', '.join(map(str, shape))}{right}"
