"""The instructions of a program in words, with the user's names."""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

import numpy as np

from engine.batching.instructions import Instruction, Layout, Operand, S, Z
from engine.pictures.listing import abridged
from engine.rules import ROWS
from engine.tape import Tape


def listing(tape: Tape, layout: Layout) -> str:
    """The instructions, a line each, below what they are; of very many the first and the last."""
    names = Names(tape, layout)
    headline = (
        f"{len(tape):,} nodes as {len(layout.instructions)} array instructions. t1[16] is 16 rows "
        "with a number for every example, t1{16} are 16 numbers that all examples share."
    )
    lines = abridged(
        list(enumerate(layout.instructions)),
        lambda some: [names.line(number, each) for number, each in some],
    )
    return f"{headline}\n{lines}" if lines else headline


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
        last = layout.constants + len(self.numbers)
        self.rows[S].append(Rows(layout.constants, last, "numbers"))
        for number, each in enumerate(layout.instructions):
            self.rows[each.space].append(Rows(each.first, each.first + each.count, f"t{number}"))
        self.firsts = [np.array([each.first for each in rows]) for rows in self.rows]
        self.outputs = layout.places(flat.outputs)

    def line(self, number: int, instruction: Instruction) -> str:
        """One instruction: `t3[16] = relu(t2[16])`."""
        remarks = [self.remark(instruction), "output" * bool(self.outputs_of(instruction))]
        return "    ".join(
            [
                f"{self.result(number, instruction)} = {self.formula(instruction)}",
                *filter(None, remarks),
            ]
        )

    def result(self, number: int, instruction: Instruction) -> str:
        """What it computes, and how many rows that is: `t3[16]`."""
        return sized(f"t{number}", instruction.space, (instruction.count,))

    def formula(self, instruction: Instruction) -> str:
        """How it is computed: `relu(t2[16])`."""
        operands = [self.operand(each) for each in instruction.operands]
        plus = f" + {operands.pop()}" if instruction.has_bias else ""
        if instruction.kind == "matrix":
            return " @ ".join(operands) + plus
        call = {"dot": "dot", "sum": "sum"}.get(instruction.kind)
        return (
            f"{call}({', '.join(operands)}){plus}"
            if call
            else ROWS[instruction.code].call(*operands)
        )

    def remark(self, instruction: Instruction) -> str:
        """What the formula of a matrix product does not say."""
        shape = instruction.operands[1].rows.shape if instruction.kind == "matrix" else ()
        return f"at {shape[1]} positions" if shape[1:] > (1,) else ""

    def outputs_of(self, instruction: Instruction) -> int:
        """How many of the outputs it computes."""
        rows = range(instruction.first, instruction.first + instruction.count)
        return sum(space == instruction.space and row in rows for space, row in self.outputs)

    def operand(self, operand: Operand) -> str:
        """The rows of an operand: whose they are, and how many."""
        rows = operand.rows
        if self.is_number(operand):
            return f"{self.numbers[int(rows.flat[0]) - self.layout.constants]:g}"
        names = [each.name for each in self.owners(operand)]
        name = names[0] if len(names) == 1 else f"({', '.join(names)})"
        shape = rows.shape[:1] if operand.space == Z and rows.shape[1:] == (1,) else rows.shape
        return sized(name, operand.space, tuple(shape))

    def is_number(self, operand: Operand) -> bool:
        """Whether it is one constant, which is written as such."""
        at = int(operand.rows.flat[0]) - self.layout.constants
        constant = operand.space == S and 0 <= at < len(self.numbers)
        return constant and bool((operand.rows == operand.rows.flat[0]).all())

    def owners(self, operand: Operand) -> list[Rows]:
        """The families, constants and instructions whose rows an operand has."""
        inside = np.unique(operand.rows)
        known = self.rows[operand.space]
        at_or_before = np.searchsorted(self.firsts[operand.space], inside, "right") - 1
        return [
            known[k]
            for k in dict.fromkeys(at_or_before.tolist())
            if k >= 0 and ((inside >= known[k].first) & (inside < known[k].last)).any()
        ]


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
