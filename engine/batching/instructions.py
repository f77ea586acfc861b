"""Nodes that are alike become one instruction.

Values live in two spaces of rows: S, what all examples share (row 0 is a zero, then come the
parameters, the constants, and what is computed from these), and Z, what each example has for
itself (row 0 is a zero, then come the inputs, and what depends on them). Row 0 is what short lists
of operands are filled up with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.batching.matrices import Block, blocks
from engine.loops.flatten import BATCHED_KIND, Flat, kinds_of, levels_of
from engine.node import DOT, LOGSUMEXP, SUM
from engine.rules import ROWS

Indices = NDArray[np.int64]

S: Final = 0  # the space of what all examples share
Z: Final = 1  # that of what each has for itself


@dataclass
class Operand:
    """Rows of a space: one for each result, or a matrix of them."""

    space: int
    rows: Indices


@dataclass
class Instruction:
    """One operation on many rows.

    Args:
        kind: "elementwise"; "sum" and "dot" over the columns of matrices of rows; "matrix", a dot
            of all rows of weights with all columns of inputs; "reduce", any other variadic row.
        code: the row of the table.
        space, first, count: where its results are.
        operands: what it takes; the bias of a dot or matrix, and a sum's term that is shared while
            the others are not, come last.
    """

    kind: str
    code: int
    space: int
    first: int
    count: int
    operands: list[Operand] = field(default_factory=list)

    @property
    def has_bias(self) -> bool:
        """Whether there is something to add to the reduction."""
        without = {"sum": 1, "dot": 2, "matrix": 2}.get(self.kind, len(self.operands))
        return len(self.operands) > without


class Layout:
    """A fused graph as instructions, and where each of its slots has its row.

    Args:
        flat: the graph, fused.

    Attributes:
        instructions: in the order in which they run.
        row: the row of each slot.
        space: the space of each slot.
        sizes: how many rows S and Z have.
        constants: the first row of the constants.
        lowest: the row of -inf that fills up the lists of logsumexp, in a space that has them.
        ones: rows of Z that are 1, below the inputs of a matrix product that has a bias.
    """

    def __init__(self, flat: Flat) -> None:
        self.flat = flat
        self.codes = np.array(flat.codes, np.int64)
        self.starts = np.array(flat.starts, np.int64)
        self.args = np.array(flat.args, np.int64)
        self.space = (np.array(kinds_of(flat), np.int64) == BATCHED_KIND).astype(np.int64)
        self.row = np.zeros(len(self.space), np.int64)
        count, first = len(flat.constants), len(flat.constants) + flat.parameters
        self.constants = flat.parameters + 1
        self.row[:count] = np.arange(self.constants, self.constants + count)
        self.row[count:first] = np.arange(1, flat.parameters + 1)
        self.row[first : flat.first] = np.arange(1, flat.inputs + 1)
        self.sizes = [flat.first - flat.inputs + 1, flat.inputs + 1]
        self.lowest: dict[int, int] = {}  # the row of -inf in a space that needs one
        self.ones: list[int] = []
        self.instructions: list[Instruction] = []
        for members in self.groups():
            self.add(members)

    @cached_property
    def width(self) -> int:
        """How many numbers an example takes: its rows, and what instructions gather of them."""
        gathered = [
            operand.rows.size
            for each in self.instructions
            for operand in each.operands
            if each.kind != "elementwise" and operand.space == Z and operand.rows.shape[-1] > 1
        ]
        return self.sizes[Z] + sum(gathered)

    # --- which nodes go together ---

    def groups(self) -> list[Indices]:
        """The nodes of each group, in an order in which they can be computed."""
        n = len(self.codes)
        if n == 0:
            return []
        counts = np.diff(self.starts)
        variadic = np.array([row.variadic for row in ROWS])[self.codes]
        levels = np.array(levels_of(self.flat), np.int64)
        space = self.space[self.flat.first :]
        keys = [levels, space, self.codes, self.signatures(counts, variadic)]
        ragged = np.isin(self.codes, (SUM, DOT, LOGSUMEXP))
        keys.append(np.where(variadic & ~ragged, counts, 0))
        order = np.lexsort(keys[::-1])
        changes = np.zeros(n, bool)
        for key in keys:
            ordered = key[order]
            changes[1:] |= ordered[1:] != ordered[:-1]
        groups = np.split(order, np.flatnonzero(changes))
        return [part for group in groups for part in self.evenly_long(group)]

    def signatures(self, counts: Indices, variadic: NDArray[np.bool_]) -> Indices:
        """A number that tells the spaces of a node's operands, as far as it has to be alike."""
        spaces = self.space[self.args]
        first, last = self.starts[:-1], self.starts[1:] - 1
        found = np.zeros(len(counts), np.int64)
        for k in range(int(counts[~variadic].max(initial=0))):
            here = ~variadic & (counts > k)
            found[here] += (2 + spaces[first[here] + k]) * 4**k
        some = counts > 0
        dots = (self.codes == DOT) & some
        odd = dots & (counts % 2 == 1)
        half = counts // 2
        pairs = dots & (half > 0)
        found[pairs] += spaces[first[pairs]] + 2 * spaces[first[pairs] + half[pairs]]
        found[odd] += 4 * (1 + spaces[last[odd]])
        sums = (self.codes == SUM) & some
        # the shared term of a batched sum stands last
        found[sums] += 1 - spaces[last[sums]] + 2 * (counts[sums] == 1)
        known: dict[bytes, int] = {}
        for node in np.flatnonzero(variadic & ~dots & ~sums & some).tolist():
            here = spaces[first[node] : last[node] + 1]
            if here.all() or not here.any():
                found[node] = 1 - here[0]
            else:
                found[node] = known.setdefault(here.tobytes(), 2 + len(known))
        return found

    def evenly_long(self, group: Indices) -> list[Indices]:
        """A group, split by length if filling up its shorter lists would cost too much."""
        counts = np.diff(self.starts)[group]
        if counts.max() * len(group) <= 4 * counts.sum() + 1000:
            return [group]
        sizes = np.ceil(np.log2(np.maximum(counts, 1))).astype(int)
        return [group[sizes == size] for size in np.unique(sizes)]

    # --- instructions ---

    def add(self, group: Indices) -> None:
        """Make the instruction, or instructions, of a group."""
        code = int(self.codes[group[0]])
        space = int(self.space[self.flat.first + group[0]])
        if code == DOT:
            self.add_dots(group, space)
        elif code == SUM:
            lists, bias = self.lists(group), None
            if space == Z and self.space[self.args[self.starts[group[0] + 1] - 1]] == S:
                bias = self.args[self.starts[group + 1] - 1]
                lists = [each[:-1] for each in lists]
            terms = self.filled(lists)
            order = np.lexsort(terms.T[::-1])
            operands = [Operand(self.space_of(lists), terms[order])]
            if bias is not None:
                operands.append(Operand(S, self.row[bias][order]))
            self.emit("sum", code, space, group[order], operands)
        elif (
            code == LOGSUMEXP and len({*self.space[self.args[slice(*self.bounds(group[0]))]]}) == 1
        ):
            lists = self.lists(group)
            where = self.space_of(lists)
            terms = self.filled(lists, self.nothing(where))
            order = np.lexsort(terms.T[::-1])
            self.emit("reduce", code, space, group[order], [Operand(where, terms[order])])
        else:
            n = int(self.starts[group[0] + 1] - self.starts[group[0]])
            slots = self.args[self.starts[group][:, None] + np.arange(n)]
            rows = self.row[slots]
            spaces = self.space[slots[0]]
            shared_first = np.argsort(-spaces, kind="stable")  # batched operands decide the order
            order = np.lexsort(rows[:, shared_first[::-1]].T)
            rows = rows[order]
            operands = [Operand(int(spaces[k]), rows[:, k]) for k in range(n)]
            kind = "elementwise"
            if ROWS[code].variadic:
                kind = "reduce"
                if spaces.min() == spaces.max():
                    operands = [Operand(int(spaces[0]), rows)]
            self.emit(kind, code, space, group[order], operands)

    def add_dots(self, group: Indices, space: int) -> None:
        """The matrix products among weighted sums, and one instruction for all others."""
        lists = self.lists(group)
        halves = [len(each) // 2 for each in lists]
        left = [each[:half] for each, half in zip(lists, halves, strict=True)]
        right = [each[half : 2 * half] for each, half in zip(lists, halves, strict=True)]
        spaces = self.space_of(left), self.space_of(right)
        bias = None
        if len(lists[0]) % 2:
            bias = Operand(
                int(self.space[lists[0][-1]]), self.row[np.array([each[-1] for each in lists])]
            )
        rest = np.arange(len(group))
        if spaces == (S, Z):
            rows = [self.row[each] for each in left], [self.row[each] for each in right]
            found, rest = blocks(*rows)
            for block in found:
                self.add_matrix(group, block, bias)
        if len(rest) == 0:
            return
        matrices = [self.filled([each[k] for k in rest]) for each in (left, right)]
        keys = np.concatenate([matrices[1][:, :1], matrices[0][:, :1]], axis=1)
        order = np.lexsort(keys.T[::-1])
        operands = [
            Operand(where, rows[order]) for where, rows in zip(spaces, matrices, strict=True)
        ]
        if bias is not None:
            operands.append(Operand(bias.space, bias.rows[rest][order]))
        self.emit("dot", DOT, space, group[rest][order], operands)

    def add_matrix(self, group: Indices, block: Block, bias: Operand | None) -> None:
        """A matrix product: its results are those of the first unit, then of the second."""
        operands = [Operand(S, block.weights), Operand(Z, block.inputs)]
        if bias is not None:
            operands.append(Operand(bias.space, bias.rows[block.members]))
            if self.flat.inputs < int(block.inputs[-1, 0]) == self.sizes[Z] - 1:
                self.ones.append(self.sizes[Z])
                self.sizes[Z] += 1
        self.emit("matrix", DOT, Z, group[block.members.ravel()], operands)

    def emit(
        self, kind: str, code: int, space: int, nodes: Indices, operands: list[Operand]
    ) -> None:
        """Append an instruction and give its nodes their rows."""
        first = self.sizes[space]
        self.sizes[space] += len(nodes)
        self.row[self.flat.first + nodes] = np.arange(first, first + len(nodes))
        self.instructions.append(Instruction(kind, code, space, first, len(nodes), operands))

    # --- lists of operands ---

    def lists(self, group: Indices) -> list[Indices]:
        """The operands of each node, as slots."""
        bounds = zip(self.starts[group].tolist(), self.starts[group + 1].tolist(), strict=True)
        return [self.args[start:end] for start, end in bounds]

    def space_of(self, lists: list[Indices]) -> int:
        """The space of lists of operands that are all of one space."""
        return next((int(self.space[each[0]]) for each in lists if len(each)), S)

    def bounds(self, node: int) -> tuple[int, int]:
        """Where the operands of a node begin and end."""
        return int(self.starts[node]), int(self.starts[node + 1])

    def nothing(self, space: int) -> int:
        """A row of -inf, which counts for nothing among exponents."""
        if space not in self.lowest:
            self.lowest[space] = self.sizes[space]
            self.sizes[space] += 1
        return self.lowest[space]

    def filled(self, lists: list[Indices], with_row: int = 0) -> Indices:
        """The rows of lists of slots as a matrix; the short ones filled up with a row."""
        lengths = np.array([len(each) for each in lists])
        made = np.full((len(lists), max(1, int(lengths.max(initial=0)))), with_row, np.int64)
        there = np.arange(made.shape[1]) < lengths[:, None]
        made[there] = self.row[np.concatenate(lists)] if lengths.any() else 0
        return made

    def places(self, slots: Any) -> list[tuple[int, int]]:
        """Space and row of slots."""
        return [(int(self.space[slot]), int(self.row[slot])) for slot in slots]
