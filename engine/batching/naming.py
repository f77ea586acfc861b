"""What the rows of a program are called: by the paths of inputs, labels, and instructions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

import numpy as np

from engine.batching.instructions import Indices, Layout, Operand, S, Z
from engine.tape import Tape

MOST: Final = 4  # rows, or runs of rows, that are written out
INDEX: Final = re.compile(r"""\[(?:'[^']*'|"[^"]*"|[^\[\]]*)\]""")
PATH: Final = re.compile(rf"[^\W\d][\w']*(?:\.[^\W\d]\w*|{INDEX.pattern})*")  # w, W[0][1], b'


class Rows(NamedTuple):
    """Neighbouring rows of a space that have one name."""

    first: int
    last: int  # the one after
    name: str


@dataclass(slots=True)
class Span:
    """The names that begin alike, as x[0] and x[1] do with x."""

    first: int
    last: int  # the one after
    key: str  # the index that the last one has
    size: int  # how many different indices
    in_order: bool  # they are [0], [1] and so on, and nothing stands between them


class Words:
    """The names of rows, and lists of rows in words.

    Args:
        tape: the graph, which has the names of inputs and parameters.
        layout: its instructions.
    """

    def __init__(self, tape: Tape, layout: Layout) -> None:
        self.layout = layout
        self.numbers = [float(each) for each in layout.flat.constants]
        labels = unambiguous([each.label or "" for each in tape.parameters], tape.inputs)
        self.leaves = labels, list(tape.inputs)
        self.spans = spans(self.leaves[S]), spans(self.leaves[Z])
        self.rows: tuple[list[Rows], list[Rows]] = families(labels), families(tape.inputs)
        taken, self.letter = {each.name for rows in self.rows for each in rows}, "t"
        while any(re.fullmatch(rf"{self.letter}\d+", each) for each in taken):
            self.letter += "_"
        last = layout.constants + len(self.numbers)
        self.rows[S].append(Rows(layout.constants, last, "numbers"))
        for number, each in enumerate(layout.instructions):
            rows = Rows(each.first, each.first + each.count, f"{self.letter}{number}")
            self.rows[each.space].append(rows)
        self.firsts = [np.array([each.first for each in rows]) for rows in self.rows]

    # --- lists of rows ---

    def vector(self, space: int, rows: Indices, in_list: bool = False) -> str:
        """Rows in their order if that is short, and how many they are otherwise."""
        return self.pieces(space, rows, in_list) or self.selection(space, rows)

    def selection(self, space: int, rows: Indices) -> str:
        """How many rows, and whose they are."""
        names = list(dict.fromkeys(each.name for each in self.owners(Operand(space, rows))))
        name = names[0] if len(names) == 1 else f"({', '.join(names)})"
        if space == S:
            return sized(name, space, rows.shape)
        return f"{name}[{' by '.join(map(str, rows.shape))} rows]"

    def pieces(self, space: int, rows: Indices, in_list: bool = False) -> str | None:
        """Rows in their order: x, x[1:], [x[1], x[0]] or [*x, y]; None if that would be long.

        A single row is written without brackets, but for one in a list of lists.
        """
        if len(rows) > MOST and (rows == rows[0]).all():
            return f"[{self.element(space, int(rows[0]))}] * {len(rows)}"
        cuts = np.flatnonzero(np.diff(rows) != 1) + 1
        if len(cuts) >= MOST:
            return None
        found = []
        for run in np.split(rows, cuts) if len(rows) else []:
            row, last = int(run[0]), int(run[-1]) + 1
            while row < last:
                end, name = self.piece(space, row, last)
                found.append((name, end > row + 1))
                row = end
                if len(found) > MOST:
                    return None
        if len(found) == 1 and (found[0][1] or not in_list):
            return found[0][0]
        return f"[{', '.join('*' * are_several + name for name, are_several in found)}]"

    def piece(self, space: int, row: int, last: int) -> tuple[int, str]:
        """As many of the rows up to the last as have one name, and the row after them."""
        owner = self.owner(space, row)
        if owner is None:
            return row + 1, "0" if row == 0 else "-inf"
        if row >= self.first_computed(space):
            end = min(last, owner.last)
            first = owner.first
            return end, indexed(owner.name, row - first, end - first, owner.last - first)
        if space == S and row >= self.layout.constants:
            return row + 1, f"{self.numbers[row - self.layout.constants]:g}"
        end, name = path(self.leaves[space], self.spans[space], row - 1, last - 1)
        return end + 1, name

    def element(self, space: int, row: int) -> str:
        """What one row is called."""
        return self.piece(space, row, row + 1)[1]

    # --- whose rows they are ---

    def first_computed(self, space: int) -> int:
        """The first row that is neither a parameter, a constant nor an input."""
        flat = self.layout.flat
        return (flat.inputs + 1, self.layout.constants + len(flat.constants))[space == S]

    def owner(self, space: int, row: int) -> Rows | None:
        """The family or instruction that has a row; that of lists' fillings has none."""
        return next(iter(self.owners(Operand(space, np.array([row])))), None)

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


def unambiguous(labels: Sequence[str], inputs: Sequence[str]) -> list[str]:
    """The labels of parameters; `p[3]` for one that has none, or one that others have as well.

    >>> unambiguous(["w[0]", "w[1]", "", "b", "b", "x", "a + b"], ["x[0]"])
    ['w[0]', 'w[1]', 'p[2]', 'p[3]', 'p[4]', 'p[5]', 'p[6]']
    """
    often, bases = Counter(labels), {base(each) for each in inputs}
    good = [
        bool(PATH.fullmatch(each)) and often[each] == 1 and base(each) not in bases
        for each in labels
    ]
    bases |= {base(each) for each, is_good in zip(labels, good, strict=True) if is_good}
    other = "p"
    while other in bases:
        other += "_"
    pairs = enumerate(zip(labels, good, strict=True))
    return [label if is_good else f"{other}[{k}]" for k, (label, is_good) in pairs]


def spans(names: Sequence[str]) -> dict[str, Span]:
    """Which names begin alike: `x` for x[0] and x[1], `x` and `x[0]` for x[0][0].

    >>> found = spans(["x[0]", "x[1]", "d['a']"])
    >>> found["x"].last, found["x"].in_order, found["d"].in_order
    (2, True, False)
    """
    found: dict[str, Span] = {}
    for k, name in enumerate(names):
        for index in INDEX.finditer(name):
            begins, key = name[: index.start()], index[0]
            span = found.get(begins)
            if span is None:
                found[begins] = Span(k, k + 1, key, 1, key == "[0]")
                continue
            if key != span.key:
                span.in_order &= key == f"[{span.size}]"
                span.size += 1
            span.in_order &= span.last == k
            span.last, span.key = k + 1, key
    return found


def path(names: Sequence[str], known: dict[str, Span], k: int, last: int) -> tuple[int, str]:
    """The longest run of names from k on that has one name, and where it ends.

    >>> names = ["m[0][0]", "m[0][1]", "m[1][0]", "m[1][1]"]
    >>> [path(names, spans(names), *run) for run in [(0, 4), (0, 3), (1, 4)]]
    [(4, 'm'), (2, 'm[0]'), (2, 'm[0][1]')]
    """
    begins = [names[k][: index.start()] for index in INDEX.finditer(names[k])]
    for each in begins:
        span = known[each]
        if span.in_order and span.first == k and k + 1 < span.last <= last:
            return span.last, each
    if begins:
        span = known[begins[-1]]
        if span.in_order and span.size == span.last - span.first:
            end, first = min(last, span.last), span.first
            if end > k + 1:
                return end, indexed(begins[-1], k - first, end - first, span.size)
    return k + 1, names[k]


def indexed(name: str, first: int, last: int, size: int) -> str:
    """Some of the rows of what has so many, as Python has it: t0, t0[1], t0[1:], t0[:2]."""
    if (first, last) == (0, size):
        return name
    if last == first + 1:
        return f"{name}[{first}]"
    return f"{name}[{first or ''}:{last if last < size else ''}]"


def base(name: str) -> str:
    """The name without what follows it in brackets: x for x[0]."""
    return name.partition("[")[0]


def families(names: Sequence[str]) -> list[Rows]:
    """Neighbours that are elements of one list under its name: x for x[0], x[1].

    >>> families(["x[0]", "x[1]", "y"])
    [Rows(first=1, last=3, name='x'), Rows(first=3, last=4, name='y')]
    """
    found, first = [], 1
    for name, members in groupby(names, base):
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
