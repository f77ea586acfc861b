"""A program as the boxes of a picture: its instructions, and the families that they take from."""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.batching.instructions import Indices, Layout, Operand, S, Z
from engine.batching.listing import Names
from engine.pictures.diagram import Box
from engine.tape import Tape

MEMBERS: Final = 4  # of a family that are named before dots


class Boxes:
    """The boxes of a program, each after those it takes from.

    An instruction has one. So have the members of one family that an operand takes, with all other
    operands that take the same.

    Args:
        tape: the graph, which has the names of inputs and parameters.
        layout: its instructions.

    Attributes:
        all: the boxes.
    """

    def __init__(self, tape: Tape, layout: Layout) -> None:
        self.layout, self.names = layout, Names(tape, layout)
        self.all: list[Box] = []
        self.computed: dict[tuple[int, int], Box] = {}  # by the space and the first row
        self.leaves: dict[tuple[int, bytes], Box] = {}  # by the space and all rows
        for number, each in enumerate(layout.instructions):
            inputs = [
                box
                for operand, words in zip(each.operands, self.names.operands(each), strict=True)
                if not self.names.is_number(operand)
                for box in self.sources(operand, words)
            ]
            box = Box(
                "instruction",
                self.names.result(number, each),
                each.space == S,
                self.names.formula(each),
                self.names.remark(each),
                outputs=self.names.outputs_of(each),
                inputs=list(dict.fromkeys(inputs)),
            )
            self.computed[each.space, each.first] = box
            self.all.append(box)
        for space, row in self.names.outputs:
            if row < self.names.first_computed(space):
                [box] = self.sources(Operand(space, np.array([row])))
                box.outputs = self.names.marks(space, row, 1)

    def sources(self, operand: Operand, words: str = "") -> list[Box]:
        """The boxes that an operand takes its rows from; words are what the listing calls it."""
        rows, found = np.unique(operand.rows), []
        for owner in self.names.owners(operand):
            box = self.computed.get((operand.space, owner.first))
            if box is None:
                own = rows[(rows >= owner.first) & (rows < owner.last)]
                name = self.names.vector(operand.space, own)
                if words and np.array_equal(own, operand.rows.ravel()):  # with the shape it has
                    name = words
                box = self.leaf(operand.space, own, name)
            found.append(box)
        return found

    def leaf(self, space: int, rows: Indices, name: str) -> Box:
        """The box of members of a family, or of constants."""
        key = space, rows.tobytes()
        if key not in self.leaves:
            constants = self.layout.constants
            kind = "input" if space == Z else "number" if rows[0] >= constants else "parameter"
            members = [self.member(space, int(row)) for row in (*rows[:MEMBERS], rows[-1])]
            if len(rows) > MEMBERS + 1:
                members.insert(MEMBERS, "…")
            self.leaves[key] = Box(kind, name, space == S, members=", ".join(members[: len(rows)]))
            self.all.append(self.leaves[key])
        return self.leaves[key]

    def member(self, space: int, row: int) -> str:
        """What one input, parameter or constant is called."""
        if space == S and row >= self.layout.constants:
            return repr(self.names.numbers[row - self.layout.constants])
        return self.names.element(space, row)
