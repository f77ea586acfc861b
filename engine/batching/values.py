"""The values of instructions, bound to arrays."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.batching.instructions import Indices, Instruction, Operand, S, Z
from engine.batching.kernels import Known, Workshop, usable, value
from engine.batching.sources import Source, copy_turned, multiply_whole
from engine.batching.views import (
    Pattern,
    affine,
    cut,
    is_matrix,
    split,
    tiled,
    view,
    weight_pattern,
)
from engine.elementary import arrays
from engine.formulas import Symbol, symbol
from engine.rules import ROWS, TABLE

Array = NDArray[Any]


class Values:
    """Where the values of S and Z are, and the calls that compute them.

    Args:
        buffers: the arrays of the spaces, S of shape (rows, 1) and Z of shape (rows, B).
        constants: the rows of S that never change, from the first to before the last.
        ones: the rows of Z that are 1.
        inputs: the arguments of the run, filled in anew by each; arrays of shape (B, columns).
        sources: for each argument that is an array of numbers, its rows in Z.
    """

    def __init__(
        self,
        buffers: tuple[Array, Array],
        constants: tuple[int, int],
        ones: Container[int],
        inputs: list[Any],
        sources: list[tuple[int, int]],
    ) -> None:
        self.buffers, self.constants, self.ones = buffers, constants, ones
        self.inputs, self.sources = inputs, sources
        self.batch = buffers[Z].shape[1]
        self.work = Workshop(buffers[Z].dtype)
        self.read_rows: set[int] = set()  # arguments that have to be copied into Z

    def out(self, instruction: Instruction) -> Array:
        """Where the results of an instruction are, (count, B)."""
        first = instruction.first
        return self.buffers[instruction.space][first : first + instruction.count]

    # --- operands ---

    def read(self, operand: Operand, pattern: Pattern | None) -> Array:
        """The rows of an operand as an array (*rows.shape, B): a view, or gathered."""
        if operand.space == Z:
            self.note_read(operand.rows)
        buffer = self.buffers[operand.space]
        if pattern is not None:
            return view(buffer, pattern)
        rows = np.ascontiguousarray(operand.rows.ravel())
        gathered = self.work.make((len(rows), buffer.shape[1]))
        low, high = self.constants
        if operand.space == S and ((rows >= low) & (rows < high) | (rows == 0)).all():
            gathered[:] = buffer[rows]  # once and for all
        else:
            self.work.call(gather, buffer, rows, gathered)
        return gathered.reshape(*operand.rows.shape, buffer.shape[1])

    def note_read(self, rows: Indices) -> None:
        """Remember which arguments are read from Z."""
        low, high = int(rows.min()), int(rows.max())
        for k, (first, last) in enumerate(self.sources):
            if low < last and high >= first and ((rows >= first) & (rows < last)).any():
                self.read_rows.add(k)

    def source(self, rows: Indices) -> Source | None:
        """The argument whose columns these rows are, in their order."""
        pattern = affine(rows)
        if pattern is None or pattern.shape[1] != 1 or pattern.strides[0] != 1:
            return None
        for k, (first, last) in enumerate(self.sources):
            if first <= pattern.base and pattern.base + len(rows) <= last:
                return Source(k, pattern.base - first, pattern.base - first + len(rows))
        return None

    def number(self, operand: Operand) -> float | None:
        """The number that an operand is for all results, if it is a constant."""
        row = int(operand.rows.flat[0])
        low, high = self.constants
        if operand.space == S and low <= row < high and (operand.rows == row).all():
            return float(self.buffers[S][row, 0])
        return None

    # --- instructions; each returns what its gradient has to know again ---

    def bind(self, instruction: Instruction) -> Any:
        """Write down the calls of an instruction."""
        return getattr(self, f"bind_{instruction.kind}")(instruction)

    def bind_elementwise(self, instruction: Instruction) -> Elementwise:
        """A formula on rows of operands."""
        row, operands = ROWS[instruction.code], instruction.operands
        numbers = [self.number(operand) for operand in operands]
        known = usable(row, tuple((k, x.hex()) for k, x in enumerate(numbers) if x is not None))
        if not known:
            numbers = [None] * len(operands)
        patterns = [tiled(operand.rows) for operand in operands]
        inner = next((p.shape[1] for p in patterns if p is not None and len(p.shape) == 2), 0)
        shape: tuple[int, ...] = (instruction.count,)
        if inner:
            shape = instruction.count // inner, inner
            patterns = [None if p is None else split(p, inner) for p in patterns]
        leaves: dict[Symbol, Array] = {}
        for k, (operand, pattern) in enumerate(zip(operands, patterns, strict=True)):
            if numbers[k] is None:
                array = self.read(operand, pattern)
                leaves[symbol("x", (), k)] = array.reshape(*shape, array.shape[-1])
        out = self.out(instruction).reshape(*shape, -1)
        self.work.evaluate(value(row, known), leaves, out.shape, out)
        return Elementwise(known, shape, leaves)

    def bind_sum(self, instruction: Instruction) -> list[Operand]:
        """The sum over the columns of a matrix of rows; returned are parts of that matrix."""
        terms, out = instruction.operands[0], self.out(instruction)
        parts = [Operand(terms.space, rows) for rows in cut(terms.rows)]
        sums = []
        for part in parts:
            given = self.read(part, affine(part.rows))
            if given.shape[1] == 1:
                sums.append(given[:, 0])
            else:
                sums.append(self.work.borrow(out.shape) if sums else out)
                self.work.add_up(given, sums[-1])
        if instruction.has_bias:
            bias = instruction.operands[-1]
            sums.append(self.read(bias, affine(bias.rows)))
        if len(sums) == 1 and sums[0] is not out:
            self.work.call(np.copyto, out, sums[0])
        for k, each in enumerate(sums[1:]):
            self.work.call(np.add, out if k else sums[0], each, out)
        self.work.give_back(*sums)
        return parts

    def bind_dot(self, instruction: Instruction) -> tuple[Array, Array]:
        """Products, and their sum over the columns."""
        first, second = instruction.operands[:2]
        left = self.read(first, affine(first.rows))
        same = first.space == second.space and np.array_equal(first.rows, second.rows)
        right = left if same else self.read(second, affine(second.rows))
        products = self.work.borrow(np.broadcast_shapes(left.shape, right.shape))
        self.work.call(np.multiply, left, right, products)
        out = self.out(instruction)
        self.work.add_up(products, out)
        if instruction.has_bias:
            bias = instruction.operands[-1]
            self.work.call(np.add, out, self.read(bias, affine(bias.rows)), out)
        self.work.give_back(products)
        return left, right

    def bind_matrix(self, instruction: Instruction) -> Matrix:
        """All rows of weights with all columns of inputs, by BLAS."""
        weights, inputs = instruction.operands[:2]
        source, X = self.source(inputs.rows), None
        rows = weights.rows
        if instruction.has_bias:
            bias = instruction.operands[2]
            together = np.concatenate([rows, bias.rows], axis=1)
            if bias.space == S and weight_pattern(together) is not None:
                X = self.with_ones(inputs, source)
        if X is not None:
            rows, source = together, None
        W = self.read(Operand(S, rows), weight_pattern(rows))[..., 0]
        out = self.out(instruction).reshape(len(W), -1)
        if source is not None:
            turned = None
            units, n = W.shape
            if n >= 16 * units and self.batch >= 64:  # for which BLAS takes less, down to half
                turned = self.work.borrow(out.shape[::-1])
            self.work.call(multiply_whole, self.inputs, source, W, out, turned)
            if turned is not None:
                self.work.give_back(turned)
        else:
            X = self.columns(inputs) if X is None else X
            self.work.multiply(W, X, out)
        if rows is weights.rows and instruction.has_bias:
            self.add_bias(instruction.operands[2], out)
        return Matrix(W, X, source, rows)

    def with_ones(self, inputs: Operand, source: Source | None) -> Array | None:
        """Inputs and below them a row of ones, with which a bias is one more column of weights."""
        n, positions = inputs.rows.shape
        if positions > 1:
            return None
        if source is None:
            if int(inputs.rows[-1, 0]) + 1 not in self.ones:
                return None
            return self.columns(Operand(Z, np.append(inputs.rows, inputs.rows[-1:] + 1, axis=0)))
        if n * self.batch > 2048:  # a copy would take longer than to add the bias
            return None
        X = np.ones((n + 1, self.batch), self.work.dtype)
        self.work.call(copy_turned, self.inputs, source, X[:n])
        return X

    def add_bias(self, bias: Operand, out: Array) -> None:
        """Add a bias to each unit, or to each unit at each position."""
        column = affine(bias.rows)
        if column is not None and bias.space == S and column.strides[1] == 0:
            column = Pattern(column.base, column.shape[:1], column.strides[:1])
            self.work.call(np.add, out, view(self.buffers[S], column), out)
        else:
            block = out.reshape(*bias.rows.shape, self.batch)
            self.work.call(np.add, block, self.read(bias, column), block)

    def columns(self, inputs: Operand) -> Array:
        """Inputs as a matrix (n, positions * B)."""
        n, positions = inputs.rows.shape
        pattern = affine(inputs.rows)
        together = pattern is not None and (
            positions == 1
            or (pattern.strides[1] == 1 and pattern.strides[0] == positions)
            or (self.batch == 1 and is_matrix(pattern))
        )
        X = self.read(inputs, pattern if together else None)
        if self.batch == 1:
            return X[..., 0]
        return X[:, 0] if positions == 1 else X.reshape(n, positions * self.batch)

    def logsumexp(self, x: Array, out: Array) -> None:
        """That row over axis 1 at once, shifted by the largest as its formula has it."""
        work, finite = self.work, np.finfo(x.dtype)
        shift, terms = work.borrow(out.shape), work.borrow(x.shape)
        work.call(np.maximum.reduce, x, 1, None, shift)
        work.call(np.minimum, shift, work.number(finite.max), shift)  # inf - inf would be NaN
        work.call(np.maximum, shift, work.number(finite.min), shift)
        work.call(np.subtract, x, shift[:, None], terms)
        work.call(np.exp, terms, terms)
        work.add_up(terms, out)
        work.call(np.log, out, out)
        work.call(np.add, out, shift, out)
        work.give_back(shift, terms)

    def bind_reduce(self, instruction: Instruction) -> Array | list[Array]:
        """Another row of any number of arguments."""
        row, out = ROWS[instruction.code], self.out(instruction)
        if len(instruction.operands) == 1:
            operand = instruction.operands[0]
            given = self.read(operand, affine(operand.rows))
            if row is TABLE["logsumexp"]:
                self.logsumexp(given, out)
            else:
                columns = [given[:, k] for k in range(given.shape[1])]
                self.work.call(evaluate_row, row, columns, out)
            return given
        columns = [self.read(each, affine(each.rows)) for each in instruction.operands]
        self.work.call(evaluate_row, row, columns, out)
        return columns


class Elementwise(NamedTuple):
    """What the gradient of an elementwise instruction has to know."""

    known: Known
    shape: tuple[int, ...]  # of the rows
    leaves: dict[Symbol, Array]


class Matrix(NamedTuple):
    """What the gradient of a matrix product has to know."""

    W: Array
    X: Array | None  # None: the caller's
    source: Source | None
    rows: Indices  # of the weights, in S; with the bias if it is one of them


def gather(buffer: Array, rows: Indices, out: Array) -> None:
    """Rows in any order. Clipping, of which there is nothing to do, saves NumPy a copy."""
    np.take(buffer, rows, 0, out, "clip")


def evaluate_row(row: Any, columns: list[Array], out: Array) -> None:
    """A variadic row by its own formula."""
    out[...] = row.forward(arrays(), *columns)
