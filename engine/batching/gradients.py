"""The reverse pass over instructions, bound to arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.batching.deposits import Deposits
from engine.batching.instructions import Instruction, Operand, S, Z
from engine.batching.kernels import (
    GRADIENT,
    VALUE,
    X0,
    Workshop,
    contribution,
    uniform_contribution,
)
from engine.batching.sources import multiply_by_whole
from engine.batching.values import Elementwise, Matrix, Values
from engine.elementary import arrays
from engine.formulas import Symbol
from engine.rules import ROWS, TABLE

Array = NDArray[Any]


class Gradients:
    """The calls that compute the gradients of S and Z.

    Args:
        values: the bound values.
        wanted: for S and Z, which rows a gradient is wanted for; it grows by the rows on the way.
    """

    def __init__(self, values: Values, wanted: tuple[NDArray[np.bool_], NDArray[np.bool_]]) -> None:
        self.values, self.wanted = values, wanted
        self.work = Workshop(values.work.dtype)
        self.into = Deposits(self.work, values.buffers, wanted)

    def seed(self, place: tuple[int, int]) -> None:
        """Say that a row of an output is filled in by the run."""
        self.into.written[place[0]][place[1]] = True

    def mark_wanted(self, instruction: Instruction) -> None:
        """Find out whether the gradient of an instruction is wanted, for that of an operand is."""
        if any(self.wanted[each.space][each.rows].any() for each in instruction.operands):
            rows = slice(instruction.first, instruction.first + instruction.count)
            self.wanted[instruction.space][rows] = True

    def bind(self, instruction: Instruction, context: Any) -> None:
        """Write down the calls that hand the gradient of an instruction on to its operands."""
        rows = slice(instruction.first, instruction.first + instruction.count)
        written = self.into.written[instruction.space]
        if not written[rows].any() or not self.wanted[instruction.space][rows].any():
            return
        self.into.clear(instruction.space, np.arange(rows.start, rows.stop))
        gradient = self.into.buffers[instruction.space][rows]
        getattr(self, f"bind_{instruction.kind}")(instruction, context, gradient)

    # --- kinds of instructions ---

    def bind_elementwise(self, instruction: Instruction, context: Elementwise, g: Array) -> None:
        """Gradient times partial, for each operand."""
        row = ROWS[instruction.code]
        known, shape, leaves = context
        g = g.reshape(*shape, -1)
        y = self.values.out(instruction).reshape(g.shape)
        given = {**leaves, GRADIENT: g, VALUE: y}
        for k, operand in enumerate(instruction.operands):
            sign, formula = contribution(row, known, k)
            if not isinstance(formula, Symbol) or not self.into.is_wanted(operand):
                continue

            def produce(out: Array | None, formula: Symbol = formula) -> Array:
                return self.work.evaluate(formula, given, g.shape, out)

            rows = operand.rows.reshape(shape)
            self.into.add(operand.space, rows, produce, instruction.space, sign)

    def bind_sum(self, instruction: Instruction, context: list[Operand], g: Array) -> None:
        """Every term gets the gradient."""
        for part in context:
            if self.into.is_wanted(part):
                rows = part.rows if part.rows.shape[1] > 1 else part.rows[:, 0]
                shape = (*part.rows.shape, g.shape[1])
                spread = np.broadcast_to(g[:, None], shape) if rows.ndim > 1 else g
                self.into.add(part.space, rows, self.into.constant(spread), instruction.space)
        self.bias(instruction, g)

    def bias(self, instruction: Instruction, g: Array) -> None:
        """The bias gets the gradient."""
        if instruction.has_bias and self.into.is_wanted(instruction.operands[-1]):
            bias = instruction.operands[-1]
            given = g.reshape(*bias.rows.shape, -1)
            self.into.add(bias.space, bias.rows, self.into.constant(given), instruction.space)

    def bind_dot(self, instruction: Instruction, context: tuple[Array, Array], g: Array) -> None:
        """Each factor gets the gradient times the other."""
        shape = np.broadcast_shapes(context[0].shape, context[1].shape)
        left, right = instruction.operands[:2]
        operands, factor = [left, right], g
        if left.space == right.space and np.array_equal(left.rows, right.rows):  # squares
            operands, factor = [left], self.work.borrow(g.shape)
            self.work.call(np.add, g, g, factor)
        for operand, other in zip(operands, context[::-1], strict=False):
            if self.into.is_wanted(operand):

                def produce(out: Array | None, other: Array = other) -> Array:
                    target = self.work.borrow(shape) if out is None else out
                    self.work.call(np.multiply, factor[:, None], other, target)
                    return target

                self.into.add(operand.space, operand.rows, produce, instruction.space)
        self.work.give_back(factor)
        self.bias(instruction, g)

    def bind_matrix(self, instruction: Instruction, context: Matrix, g: Array) -> None:
        """For Y = W X: the gradient of W is that of Y times X', that of X is W' times that of Y."""
        W, X, source, rows = context
        inputs = instruction.operands[1]
        n, positions = inputs.rows.shape
        batch = self.values.batch
        G = g.reshape(len(W), positions * batch)
        if self.into.is_wanted(Operand(S, rows)):

            def of_weights(out: Array | None) -> Array:
                target = self.work.borrow((*W.shape, 1)) if out is None else out
                if source is not None:
                    self.work.call(multiply_by_whole, self.values.inputs, source, G, target[..., 0])
                else:
                    assert X is not None
                    self.work.multiply(G, X.T, target[..., 0])
                return target

            self.into.add(S, rows, of_weights, S)
        if self.into.is_wanted(inputs):

            def of_inputs(out: Array | None) -> Array:
                flat = None
                if out is not None and (positions == 1 or batch == 1 or out.flags.c_contiguous):
                    whole = out[:, 0] if positions == 1 else out[..., 0]
                    flat = whole if 1 in (positions, batch) else out.reshape(n, positions * batch)
                target = self.work.borrow((n, positions * batch)) if flat is None else flat
                self.work.multiply(W[:, :n].T, G, target)
                found = target.reshape(n, positions, batch)
                if out is None:
                    return found
                if flat is None:
                    self.work.call(np.copyto, out, found)
                    self.work.give_back(target)
                return out

            self.into.add(Z, inputs.rows, of_inputs, Z)
        if rows.shape[1] == n:  # else the bias is among the weights
            self.bias(instruction, g)

    def bind_reduce(self, instruction: Instruction, context: Any, g: Array) -> None:
        """Another variadic row, by the partials of its formula."""
        row = ROWS[instruction.code]
        y = self.values.out(instruction)
        matrix = len(instruction.operands) == 1
        if matrix and row is TABLE["logsumexp"]:
            formula = uniform_contribution(row)
            operand = instruction.operands[0]
            leaves = {GRADIENT: g[:, None], VALUE: y[:, None], X0: context}

            def produce(out: Array | None) -> Array:
                return self.work.evaluate(formula, leaves, context.shape, out)

            if self.into.is_wanted(operand):
                self.into.add(operand.space, operand.rows, produce, instruction.space)
            return
        if matrix:
            context = [context[:, k] for k in range(context.shape[1])]
        for k in range(len(context)):
            operand = instruction.operands[0 if matrix else k]
            operand = Operand(operand.space, operand.rows[:, k]) if matrix else operand
            if self.into.is_wanted(operand):

                def one(out: Array | None, k: int = k) -> Array:
                    target = self.work.borrow(g.shape) if out is None else out
                    self.work.call(pull_back_row, row, k, y, context, g, target)
                    return target

                self.into.add(operand.space, operand.rows, one, instruction.space)


def pull_back_row(row: Any, k: int, y: Array, x: list[Array], g: Array, out: Array) -> None:
    """Gradient times the partial in argument k."""
    np.multiply(g, row.partial(arrays(), k, y, tuple(x)), out)
