"""Chains of sums and products become sums and weighted sums of any length.

A sum takes over the terms of its operands that are sums and used nowhere else. A product that is
used by a sum alone is a pair of it, and two or more pairs of a kind are a `dot`. So a neuron is one
node, whether it was written with dot(), with sum(), or with + and *. What does not depend on the
inputs is added up apart, so that a batch computes it once. Compiled like node.py.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import append, vec
from mypy_extensions import i32, i64

from engine.loops.flatten import BATCHED_KIND, Flat, kinds_of
from engine.node import ADD, DOT, MUL, SUM

NONE: Final = -1
SHARED_PAIR: Final = 0  # both factors shared, one of them, none
MIXED_PAIR: Final = 1
BATCHED_PAIR: Final = 2


class Fusion:
    """The state of the work. Terms are cells of linked lists, so that a list joins another at once.

    A cell is a term `a`, or a product `a * b`; slots are those of the graph that came in.
    """

    def __init__(self, flat: Flat) -> None:
        self.flat = flat
        self.kinds = kinds_of(flat)
        self.made = Flat(flat.parameters, flat.inputs, flat.constants)
        self.a = vec[i32]()
        self.b = vec[i32]()
        self.next = vec[i32]()
        slots = flat.first + len(flat.codes)
        self.head = filled(slots, NONE)  # of a slot's list of terms
        self.tail = filled(slots, NONE)
        self.uses = filled(slots, 0)
        # Whether it was written as a sum over a list: then it stays one, however few its terms, for
        # in networks its neighbours have more (Python's own sum() begins with 0).
        self.listed = filled(slots, 0)
        self.slot = filled(slots, NONE)  # where a slot of the old graph is in the new one
        slot: i64
        for slot in range(flat.first):
            self.slot[slot] = i32(slot)

    def is_linear(self, code: i32) -> bool:
        """Whether a node is a sum of terms."""
        return code in (ADD, SUM, DOT)

    def count_uses(self) -> None:
        """How often each slot is an operand; 1 is that of a sum alone, which may take it over."""
        flat = self.flat
        node: i64
        place: i64
        for node in range(len(flat.codes)):
            linear = self.is_linear(flat.codes[node])
            first, last = i64(flat.starts[node]), i64(flat.starts[node + 1])
            half = first + (last - first) // 2 * 2
            for place in range(first, last):
                plain = linear and (flat.codes[node] != DOT or place >= half)
                self.uses[i64(flat.args[place])] += 1 if plain else 2
        for place in range(len(flat.outputs)):
            self.uses[i64(flat.outputs[place])] += 2

    def code_at(self, slot: i64) -> i32:
        """The code of a computed slot; -1 for a leaf."""
        return self.flat.codes[slot - self.flat.first] if slot >= self.flat.first else i32(-1)

    def is_absorbed(self, slot: i64) -> bool:
        """Whether a node vanishes in the only sum that uses it."""
        code = self.code_at(slot)
        return self.uses[slot] == 1 and (code == MUL or self.is_linear(code))

    def put(self, node: i64, a: i64, b: i64) -> None:
        """Append a cell to the list of a node."""
        cell = i32(len(self.a))
        self.a = append(self.a, i32(a))
        self.b = append(self.b, i32(b))
        self.next = append(self.next, i32(NONE))
        self.join(node, cell, cell)

    def join(self, node: i64, head: i32, tail: i32) -> None:
        """Append a list of cells to that of a node."""
        if self.head[node] == NONE:
            self.head[node] = head
        else:
            self.next[i64(self.tail[node])] = head
        self.tail[node] = tail

    def take_terms(self, node: i64) -> None:
        """Collect the terms of a linear node, those of absorbed operands among them."""
        flat = self.flat
        slot = node + flat.first
        first, last = i64(flat.starts[node]), i64(flat.starts[node + 1])
        half = (last - first) // 2
        k: i64
        if flat.codes[node] != ADD:
            self.listed[slot] = 1
        if flat.codes[node] == DOT:
            for k in range(half):
                self.put(slot, i64(flat.args[first + k]), i64(flat.args[first + half + k]))
            first += 2 * half
        for k in range(first, last):
            self.take_term(slot, i64(flat.args[k]))

    def take_term(self, slot: i64, term: i64) -> None:
        """Append one plain term: as it is, as a product, or as the terms of an absorbed sum."""
        if not self.is_absorbed(term):
            is_zero = term < len(self.flat.constants) and self.flat.constants[term] == 0.0
            if is_zero:
                self.listed[slot] = 1
            else:
                self.put(slot, term, NONE)
        elif self.code_at(term) == MUL:
            start = i64(self.flat.starts[term - self.flat.first])
            self.put(slot, i64(self.flat.args[start]), i64(self.flat.args[start + 1]))
        elif self.head[term] != NONE:
            self.join(slot, self.head[term], self.tail[term])
            self.listed[slot] |= self.listed[term]

    # --- writing ---

    def emit(self, code: i32, operands: vec[i32]) -> i64:
        """Append a node to the new graph; its slot."""
        made = self.made
        k: i64
        for k in range(len(operands)):
            made.args = append(made.args, operands[k])
        made.codes = append(made.codes, code)
        made.starts = append(made.starts, i32(len(made.args)))
        return made.first + len(made.codes) - 1

    def sorted_terms(self, slot: i64) -> tuple[list[vec[i32]], list[vec[i32]], vec[i32], vec[i32]]:
        """The terms of a list by kind, as slots of the new graph.

        Returns:
            The first and the second factors of each kind of pair; the plain terms that are shared;
            those that are not.
        """
        left, right = [vec[i32](), vec[i32](), vec[i32]()], [vec[i32](), vec[i32](), vec[i32]()]
        shared, batched = vec[i32](), vec[i32]()
        cell = i64(self.head[slot])
        while cell != NONE:
            a, b = i64(self.a[cell]), i64(self.b[cell])
            if b == NONE:
                if self.kinds[a] == BATCHED_KIND:
                    batched = append(batched, self.slot[a])
                else:
                    shared = append(shared, self.slot[a])
            else:
                if self.kinds[a] > self.kinds[b]:
                    a, b = b, a
                kind = MIXED_PAIR
                if self.kinds[a] == BATCHED_KIND:
                    kind = BATCHED_PAIR
                elif self.kinds[b] != BATCHED_KIND:
                    kind = SHARED_PAIR
                left[kind] = append(left[kind], self.slot[a])
                right[kind] = append(right[kind], self.slot[b])
            cell = i64(self.next[cell])
        return left, right, shared, batched

    def emit_linear(self, node: i64) -> i64:
        """Write a linear node from its terms: a dot for each kind of pair, and what is left."""
        slot = node + self.flat.first
        listed = self.listed[slot] != 0
        left, right, shared, batched = self.sorted_terms(slot)
        if len(left[SHARED_PAIR]) > 0:
            shared = self.with_products(left[SHARED_PAIR], right[SHARED_PAIR], shared, True, listed)
            if len(left[MIXED_PAIR]) + len(left[BATCHED_PAIR]) + len(batched) == 0:
                return self.last_slot(shared, listed)
        if len(shared) > 1 and len(left[MIXED_PAIR]) + len(left[BATCHED_PAIR]) + len(batched) > 0:
            total = self.emit(SUM if len(shared) > 2 else ADD, shared)
            shared = append(vec[i32](), i32(total))
        k: i64
        for k in range(len(shared)):
            batched = append(batched, shared[k])
        if len(left[MIXED_PAIR]) > 0 and len(left[BATCHED_PAIR]) > 0:
            batched = self.with_products(
                left[BATCHED_PAIR], right[BATCHED_PAIR], batched, False, listed
            )
            left[BATCHED_PAIR] = vec[i32]()
        if len(left[MIXED_PAIR]) > 0:
            batched = self.with_products(left[MIXED_PAIR], right[MIXED_PAIR], batched, True, listed)
        elif len(left[BATCHED_PAIR]) > 0:
            batched = self.with_products(
                left[BATCHED_PAIR], right[BATCHED_PAIR], batched, True, listed
            )
        return self.last_slot(batched, listed)

    def with_products(
        self, left: vec[i32], right: vec[i32], terms: vec[i32], last: bool, listed: bool
    ) -> vec[i32]:
        """Pairs written as a product or a dot, in front of other terms; a single one is its bias.

        Args:
            left: the first factors.
            right: the second.
            terms: the other terms.
            last: whether there is nothing else to add, so that a term can be the bias.
            listed: whether a single pair is a dot too.
        """
        count: i64 = len(left)
        operands = vec[i32](capacity=2 * count + 1)
        k: i64
        for k in range(count):
            operands = append(operands, left[k])
        for k in range(count):
            operands = append(operands, right[k])
        is_dot = count > 1 or listed
        with_bias = last and is_dot and len(terms) == 1
        if with_bias:
            operands = append(operands, terms[0])
        found = append(vec[i32](), i32(self.emit(DOT if is_dot else MUL, operands)))
        if not with_bias:
            for k in range(len(terms)):
                found = append(found, terms[k])
        return found

    def last_slot(self, terms: vec[i32], listed: bool) -> i64:
        """The slot of a sum of terms; a dot or product that is all of it needs no sum."""
        if len(terms) == 1 and i64(terms[0]) == self.made.first + len(self.made.codes) - 1:
            return i64(terms[0])
        return self.emit(ADD if len(terms) == 2 and not listed else SUM, terms)


def filled(count: i64, number: i32) -> vec[i32]:
    """A vector of so many equal numbers."""
    made = vec[i32](capacity=count)
    for _ in range(count):
        made = append(made, number)
    return made


def fuse(flat: Flat) -> Flat:
    """The same graph with its sums and products brought together.

    Returns:
        A graph of the same parameters, inputs, constants and outputs. The operands of its DOT nodes
        are like those of the row, in each pair the one that changes less first.
    """
    work = Fusion(flat)
    work.count_uses()
    node: i64
    place: i64
    for node in range(len(flat.codes)):
        slot = node + flat.first
        code = flat.codes[node]
        linear = work.is_linear(code)
        if linear:
            work.take_terms(node)
        if work.is_absorbed(slot):
            continue
        if linear:
            work.slot[slot] = i32(work.emit_linear(node))
            continue
        operands = vec[i32]()
        for place in range(i64(flat.starts[node]), i64(flat.starts[node + 1])):
            operands = append(operands, work.slot[i64(flat.args[place])])
        work.slot[slot] = i32(work.emit(code, operands))
    for place in range(len(flat.outputs)):
        work.made.outputs = append(work.made.outputs, work.slot[i64(flat.outputs[place])])
    return work.made
