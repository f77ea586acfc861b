"""The instructions of a program in words, with the user's names.

A listing reads like NumPy, with the examples as a last axis that is not written: to the left of `=`
stands how many rows there are, to the right x is all of x, x[0] an element, x[1:] a slice, and
[a, b] are rows in the order of the results. Only what is too long for that is counted.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from engine.batching.instructions import Indices, Instruction, Layout
from engine.batching.naming import MOST, Words, sized
from engine.pictures.listing import abridged
from engine.rules import ROWS
from engine.tape import Tape
from engine.wording import count

LONGEST: Final = 60  # letters of a list of lists


def listing(tape: Tape, layout: Layout) -> str:
    """The instructions, a line each, below what they are; of very many the first and the last."""
    names = Names(tape, layout)
    instructions = count(len(layout.instructions), "array instruction")
    headline = f"{count(len(tape), 'node')} as {instructions}."
    rows: list[str | tuple[int, Instruction]] = [
        *enumerate(layout.instructions),
        *names.uncomputed(),
    ]
    text = abridged(
        rows,
        lambda some: [each if isinstance(each, str) else names.line(*each) for each in some],
    )
    return "\n".join(filter(None, [f"{headline} {legend(text)}".rstrip(), text]))


def legend(text: str) -> str:
    """How to read what a listing has: nothing of a kind that it has not.

    >>> legend("t0[3] = exp(x)")
    't0[3] = ... has 3 rows, each with a number for every example.'
    >>> legend("t0 = exp(x)    output")
    ''
    """
    remarks = []
    if found := re.search(r"^(\w+\[(\d+)\]) =", text, re.M):
        remarks.append(
            f"{found[1]} = ... has {found[2]} rows, each with a number for every example"
        )
    if found := re.search(r"^(\w+\{(\d+)\}) =", text, re.M):
        numbers = count(int(found[2]), "number")
        remarks.append(f"{found[1]} = ... has {numbers} for all examples")
    if found := re.search(r" = .*?(?<!\w)((\w+|\([\w, ]+\))\{(\d+)(?:, (\d+))?\})", text):
        size = f"{found[3]} by {found[4]}" if found[4] else found[3]
        remarks.append(f"{found[1]} are {size} numbers of {found[2].strip('()')}")
    if found := re.search(r" = .*?\b(t\d+)\[(\d+)\]", text):
        remarks.append(f"{found[1]}[{found[2]}] is row {found[2]} of {found[1]}")
    return "; ".join(remarks) + "." * bool(remarks)


class Names(Words):
    """What the rows of a program are called.

    Args:
        tape: the graph, which has the names of inputs and parameters.
        layout: its instructions.
    """

    def __init__(self, tape: Tape, layout: Layout) -> None:
        super().__init__(tape, layout)
        self.outputs: dict[tuple[int, int], list[int]] = {}  # which of them are in a row
        for number, place in enumerate(layout.places(layout.flat.outputs)):
            self.outputs.setdefault(place, []).append(number)

    # --- instructions ---

    def line(self, number: int, instruction: Instruction) -> str:
        """One instruction: `t3[16] = relu(t2)`."""
        formula = f"{self.result(number, instruction)} = {self.formula(instruction)}"
        remarks = [self.remark(instruction), self.outputs_of(instruction)]
        return "    ".join([formula, *filter(None, remarks)])

    def result(self, number: int, instruction: Instruction) -> str:
        """What it computes, and how many rows that is: `t3[16]`."""
        return sized(f"{self.letter}{number}", instruction.space, (instruction.count,))

    def formula(self, instruction: Instruction) -> str:
        """How it is computed: `relu(t2)`."""
        operands = self.operands(instruction)
        plus = f" + {operands.pop()}" if instruction.has_bias else ""
        if instruction.kind == "matrix":
            factors = [f"({each})" if "] * " in each else each for each in operands]
            return " @ ".join(factors) + plus
        if instruction.kind in ("dot", "sum"):
            return f"{instruction.kind}({', '.join(operands)}){plus}"
        row = ROWS[instruction.code]
        if operands[0].startswith("-") and row.name in ("pow", "neg"):
            operands[0] = f"({operands[0]})"
        return row.call(*operands)

    def remark(self, instruction: Instruction) -> str:
        """What the formula of a matrix product does not say."""
        shape = instruction.operands[1].rows.shape if instruction.kind == "matrix" else ()
        return f"at {shape[1]} positions" if shape[1:] > (1,) else ""

    # --- outputs ---

    def outputs_of(self, instruction: Instruction) -> str:
        """Which of the outputs it computes, in the order of its rows."""
        return self.marks(instruction.space, instruction.first, instruction.count)

    def marks(self, space: int, first: int, number: int) -> str:
        """Which outputs some rows are: `output`, or `output 1` if there are several."""
        found = [self.outputs.get((space, row), []) for row in range(first, first + number)]
        which = [k for each in found for k in each]
        if not which:
            return ""
        several = sum(map(len, self.outputs.values())) > 1
        word = "output" + "s" * (len(which) > 1)
        if number == 1 or all(len(each) == 1 for each in found):
            if len(which) > 2 and which == list(range(which[0], which[0] + len(which))):
                return f"outputs {which[0]} to {which[-1]}"
            if len(which) <= MOST:
                return f"{word} {', '.join(map(str, which))}" if several else word
        if len(which) > MOST:
            return f"{len(which)} outputs"
        rows = [(self.element(space, first + k), each) for k, each in enumerate(found)]
        return ", ".join(
            f"{name} is output" + f" {number}" * several for name, each in rows for number in each
        )

    def uncomputed(self) -> list[str]:
        """A line for each output that is an input, a parameter or a constant."""
        return [
            f"{self.element(*place)}    {self.marks(*place, 1)}"
            for place in self.outputs
            if place[1] < self.first_computed(place[0])
        ]

    # --- operands ---

    def operands(self, instruction: Instruction) -> list[str]:
        """What it takes, in words."""
        kind, words = instruction.kind, []
        for k, operand in enumerate(instruction.operands):
            space, rows = operand.space, operand.rows
            if kind == "matrix" and k == 1 and rows.shape[1] == 1:
                words.append(self.matrix(kind, space, rows.T))
            elif kind == "matrix" and k == 2:
                words.append(self.bias(space, rows))
            elif rows.ndim == 2:
                words.append(self.matrix(kind, space, rows))
            else:
                words.append(self.column(space, rows))
        return words

    def column(self, space: int, rows: Indices) -> str:
        """A row for each result, or one for all of them."""
        same = bool((rows == rows[0]).all())
        return self.element(space, int(rows[0])) if same else self.vector(space, rows)

    def bias(self, space: int, rows: Indices) -> str:
        """What is added to a matrix product: mostly the same at all positions."""
        if (rows == rows[:, :1]).all():
            short = self.column(space, rows[:, 0])
            return short if short[-1] != "}" else self.selection(space, rows[:, :1])
        return self.vector(space, rows[0]) if len(rows) == 1 else self.selection(space, rows)

    def matrix(self, kind: str, space: int, rows: Indices) -> str:
        """A list of rows for each result, or one list for all of them."""
        if kind == "dot" and (rows == rows[0]).all():
            rows = rows[:1]
        fillings = [] if kind == "matrix" else [0, self.layout.lowest.get(space, 0)]
        lists = [each[~np.isin(each, fillings)] for each in rows[: MOST + 1]]
        if len(rows) == 1:
            return self.vector(space, lists[0], in_list=True)
        if len(lists) > MOST or (self.pieces(space, rows.ravel()) or "").isidentifier():
            return self.selection(space, rows)
        written = [self.pieces(space, each, in_list=True) for each in lists]
        text = f"[{', '.join(filter(None, written))}]"
        return self.selection(space, rows) if None in written or len(text) > LONGEST else text
