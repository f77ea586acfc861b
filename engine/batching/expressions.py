"""A graph, its gradients included, as expressions of what an example and all examples have.

Equal expressions are one object, so whatever the values and the gradients have in common is there
once, and what nobody needs is not there at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Final, NamedTuple

from engine.batching.kernels import GRADIENT, SYMBOLS, contribution, usable, value
from engine.formulas import Symbol, apply, in_order, symbol
from engine.loops.flatten import BATCHED_KIND, Flat, kinds_of
from engine.primitive import Primitive
from engine.rules import ROWS

Expression = Symbol | float

MODERATE: Final = 2.0**10  # a factor beyond it, or its inverse, might overflow or vanish by itself


class Scaled(NamedTuple):
    """A number times an expression: signs and constant factors of gradients cost nothing so."""

    factor: float
    rest: Expression

    def whole(self) -> Expression:
        """The product as an expression."""
        return apply("neg", self.rest) if self.factor == -1.0 else apply("mul", *self)

    def times(self, factor: float) -> Scaled:
        """So many times as much."""
        if is_moderate(self.factor * factor):
            return Scaled(self.factor * factor, self.rest)
        return Scaled(1.0, apply("mul", factor, self.whole()))

    def plus(self, other: Scaled) -> Scaled:
        """The sum of two."""
        if abs(self.factor) != abs(other.factor):
            return self.with_sign_alone().plus(other.with_sign_alone())
        if self.rest is other.rest and self.factor == other.factor:
            return self.times(2.0)
        if self.factor == other.factor:
            return Scaled(self.factor, apply("add", self.rest, other.rest))
        if self.factor < 0:
            return other.plus(self)
        return Scaled(self.factor, apply("sub", self.rest, other.rest))

    def with_sign_alone(self) -> Scaled:
        """The same with a factor of 1 or -1."""
        sign = -1.0 if self.factor < 0 else 1.0
        return Scaled(sign, apply("mul", abs(self.factor), self.rest))


def is_moderate(number: Expression) -> bool:
    """Whether it is a number that may wait until the other factors have been multiplied."""
    return not isinstance(number, Symbol) and 1 / MODERATE <= abs(number) <= MODERATE


class Expressions:
    """The outputs of a graph and their gradients.

    Leaves are the symbols input, parameter and seed, each with its index. The function total adds
    up what all examples have.

    Args:
        flat: the graph, fused.
        of_parameters, of_inputs: whether their gradients are wanted.
        differentiated: which outputs are seeded.
        ones: for each of these, whether its seed is 1, which is no factor then.

    Attributes:
        outputs: of each an expression.
        parameter_gradient, input_gradient: an expression for each, if wanted.

    Raises:
        ArithmeticError, TypeError, ValueError: if a formula cannot be written down.
    """

    def __init__(
        self,
        flat: Flat,
        of_parameters: bool,
        of_inputs: bool,
        differentiated: Sequence[int],
        ones: Sequence[bool],
    ) -> None:
        self.flat, self.kinds = flat, list(kinds_of(flat))
        self.starts, self.args = list(flat.starts), list(flat.args)
        constants, inputs = len(flat.constants), flat.first - flat.inputs
        self.slots: list[Expression] = [*flat.constants]
        self.slots += [symbol("parameter", (), k) for k in range(flat.parameters)]
        self.slots += [symbol("input", (), k) for k in range(flat.inputs)]
        self.wanted = [False] * constants
        self.wanted += [of_parameters] * flat.parameters + [of_inputs] * flat.inputs
        for node, code in enumerate(flat.codes):
            operands = self.operands(node)
            self.slots.append(value_of(ROWS[code], [self.slots[k] for k in operands]))
            self.wanted.append(any(self.wanted[k] for k in operands))
        self.outputs = [self.slots[k] for k in flat.outputs]
        self.gradients: dict[int, Scaled] = {}
        for k, is_one in enumerate(ones):
            seed = Scaled(1.0, 1.0 if is_one else symbol("seed", (), k))
            self.deposit(seed, flat.outputs[differentiated[k]], BATCHED_KIND)
        for node in reversed(range(len(flat.codes))):
            self.hand_on(node)
        found = [self.gradient(k) for k in range(flat.first)]
        self.parameter_gradient = found[constants:inputs] if of_parameters else []
        self.input_gradient = found[inputs:] if of_inputs else []

    def operands(self, node: int) -> list[int]:
        """The slots that a node is computed from."""
        return self.args[self.starts[node] : self.starts[node + 1]]

    def hand_on(self, node: int) -> None:
        """Add what a node contributes to the gradients of its operands."""
        slot = self.flat.first + node
        gradient = self.gradients.pop(slot, None)
        if gradient is None or not self.wanted[slot]:
            return
        row, slots = ROWS[self.flat.codes[node]], self.operands(node)
        operands = [self.slots[k] for k in slots]
        uses: dict[int, list[int]] = {}  # of each slot that receives something
        for k, target in enumerate(slots):
            if self.wanted[target]:
                uses.setdefault(target, []).append(k)
        if len(uses) > 1:  # once here, not once for each
            gradient = gradient.with_sign_alone()
        for target, places in uses.items():
            given = [contributed(row, k, self.slots[slot], operands, gradient) for k in places]
            parts = [each for each in given if each is not None]
            if parts:
                self.deposit(reduce(Scaled.plus, parts), target, self.kinds[slot])

    def deposit(self, given: Scaled, slot: int, kind: int) -> None:
        """Add a contribution, which comes from a node of this kind, to a gradient."""
        if kind == BATCHED_KIND != self.kinds[slot]:
            given = Scaled(given.factor, symbol("total", (given.rest,)))
        before = self.gradients.get(slot)
        self.gradients[slot] = given if before is None else before.plus(given)

    def gradient(self, slot: int) -> Expression:
        """The gradient of a leaf."""
        found = self.gradients.get(slot)
        return 0.0 if found is None else found.whole()


def value_of(row: Primitive, operands: Sequence[Expression]) -> Expression:
    """The value of a row."""
    if row.variadic:
        found = row.forward(SYMBOLS, *operands)
        return found if isinstance(found, Symbol) else float(found)
    return filled_in(value(row, known_of(row, operands)), operands)


def contributed(
    row: Primitive, k: int, y: Expression, operands: Sequence[Expression], gradient: Scaled
) -> Scaled | None:
    """What a row adds to the gradient of operand k; None if nothing is ever added."""
    if row.variadic:
        local = row.partial(SYMBOLS, k, y, tuple(operands))
        if is_moderate(local):
            return gradient.times(local)
        return Scaled(gradient.factor, apply("mul", gradient.rest, local))
    sign, formula = contribution(row, known_of(row, operands), k)
    if not isinstance(formula, Symbol):
        return None
    factor, rest = without_factor(formula)
    found = Scaled(gradient.factor, filled_in(rest, operands, y, gradient.rest))
    return found.times(sign * factor)


def known_of(row: Primitive, operands: Sequence[Expression]) -> tuple[tuple[int, str], ...]:
    """The operands that are numbers."""
    numbers = [(k, x.hex()) for k, x in enumerate(operands) if not isinstance(x, Symbol)]
    return usable(row, tuple(numbers)) if numbers else ()


def without_factor(formula: Symbol) -> tuple[float, Expression]:
    """A contribution as a number, and what it is to be multiplied with."""
    if formula.function != "mul":
        return 1.0, formula
    local = formula.operands[1]
    if not isinstance(local, Symbol):
        return (local, GRADIENT) if is_moderate(local) else (1.0, formula)
    if local.function in ("mul", "div"):
        number, other = local.operands
        if not isinstance(number, Symbol) and is_moderate(number):
            return number, apply(local.function, GRADIENT, other)
    return 1.0, formula


def filled_in(
    formula: Expression,
    operands: Sequence[Expression],
    y: Expression = 0.0,
    gradient: Expression = 0.0,
) -> Expression:
    """The formula of a row for these operands, its value and the gradient of it."""
    found: dict[Symbol, Expression] = {}

    def fill(each: Expression) -> Expression:
        if not isinstance(each, Symbol):
            return each
        if each.function == "x":
            return operands[each.index]
        return found[each] if each.operands else gradient if each is GRADIENT else y

    for each in in_order(formula):
        found[each] = apply(each.function, *map(fill, each.operands))
    return fill(formula)
