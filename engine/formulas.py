"""The formulas of a row of the table as data, so that they can be turned into something faster.

A formula is handed symbols in the place of numbers, and gives back the expression that it
computes. From it the generated loops of replay.py are written, and array instructions are made.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import Any, Final
from weakref import WeakValueDictionary

from engine.elementary import FLOATS, NAMES, Elementary
from engine.primitive import Primitive

# What is not expanded further: the functions that every kind of number is given.
GIVEN: Final = (
    *NAMES, "erf", "erfc", "pow", "maximum", "minimum", "sign", "step",
    "where", "less", "less_equal", "equal",
)  # fmt: skip


class Symbol:
    """An expression: an argument, the value of the row, or an elementary function of operands.

    Equal expressions are one object, so that what a formula uses twice is computed once. Symbols
    are made by `partial_formulas` and `value_formula` alone, and never changed.

    Attributes:
        function: "x" for an argument, "y" for the value of the row; else the function: add, sub,
            mul, div, neg or abs, or one of `GIVEN`.
        operands: symbols and numbers; none in an argument and in the value.
        index: which argument it is.
    """

    __slots__ = ("__weakref__", "function", "index", "operands")
    __array_ufunc__ = None  # NumPy's numbers leave the arithmetic to us

    def __init__(self, function: str, operands: tuple[Symbol | float, ...], index: int) -> None:
        self.function, self.operands, self.index = function, operands, index

    def __repr__(self) -> str:
        if self.operands:
            return f"{self.function}({', '.join(map(repr, self.operands))})"
        return f"x{self.index}" if self.function == "x" else self.function

    def __add__(self, other: Any) -> Any:
        return apply("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return apply("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return apply("sub", self, other)

    def __rsub__(self, other: Any) -> Any:
        return apply("sub", other, self)

    def __mul__(self, other: Any) -> Any:
        return apply("mul", self, other)

    def __rmul__(self, other: Any) -> Any:
        return apply("mul", other, self)

    def __truediv__(self, other: Any) -> Any:
        return apply("div", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return apply("div", other, self)

    def __pow__(self, other: Any) -> Any:
        return apply("pow", self, other)

    def __rpow__(self, other: Any) -> Any:
        return apply("pow", other, self)

    def __neg__(self) -> Any:
        return apply("neg", self)

    def __pos__(self) -> Symbol:
        return self

    def __abs__(self) -> Any:
        return apply("abs", self)

    def __bool__(self) -> bool:
        raise no_number("a Python `if`, `and`, `or` or `not`", "xp.where(condition, a, b)")

    def __float__(self) -> float:
        raise no_number("float(x), or a function of the module math", "xp.exp(x) and the like")

    def __lt__(self, other: object) -> bool:
        raise no_number("a < b", "xp.less(a, b)")

    def __le__(self, other: object) -> bool:
        raise no_number("a <= b", "xp.less_equal(a, b)")

    def __gt__(self, other: object) -> bool:
        raise no_number("a > b", "xp.less(b, a)")

    def __ge__(self, other: object) -> bool:
        raise no_number("a >= b", "xp.less_equal(b, a)")

    def __eq__(self, other: object) -> bool:
        raise no_number("a == b", "xp.equal(a, b)")

    def __ne__(self, other: object) -> bool:
        raise no_number("a != b", "1 - xp.equal(a, b)")

    def __hash__(self) -> int:
        return object.__hash__(self)


def no_number(what: str, instead: str) -> TypeError:
    """What a formula meets that asks for the number which a symbol has not."""
    return TypeError(
        f"the formulas of a row work on arrays and symbols too, but this one uses {what}, which "
        f"takes a single number: write {instead}"
    )


# All symbols that are in use. The operands of an entry are in use too, so that an id is theirs.
KNOWN: Final[WeakValueDictionary[tuple[object, ...], Symbol]] = WeakValueDictionary()


def symbol(function: str, operands: tuple[Symbol | float, ...] = (), index: int = 0) -> Symbol:
    """The one symbol of an expression. Two zeros, or two NaN, are told apart by their bits."""
    keys = [id(each) if isinstance(each, Symbol) else each.hex() for each in operands]
    return KNOWN.setdefault((function, index, *keys), Symbol(function, operands, index))


def apply(function: str, *given: Any) -> Symbol | float:
    """An elementary function of symbols and numbers; a number, if these are numbers alone.

    Only what is exact in IEEE 754 is simplified: 0 * x is not 0 where x is infinite, and x + 0 is
    not x where x is -0.0.
    """
    for each in given:
        if not isinstance(each, (Symbol, Real)):
            raise TypeError(f"{function} in a formula takes numbers, but got {each!r}")
    operands = tuple(each if isinstance(each, Symbol) else float(each) for each in given)
    if not any(isinstance(each, Symbol) for each in operands):
        return float(getattr(FLOATS, function)(*operands))
    if function == "mul" and not isinstance(operands[0], Symbol) and operands[0] == 1.0:
        return operands[1]
    numbers = [None if isinstance(each, Symbol) else each for each in operands]
    if function in ("mul", "div", "pow") and numbers[1] == 1.0:
        return operands[0]
    if function == "mul" and numbers[0] == 0.0 and is_truth(operands[1]):
        return 0.0
    if function == "where" and not isinstance(operands[0], Symbol):
        return operands[1] if operands[0] else operands[2]
    return symbol(function, operands)


def is_truth(operand: Symbol | float) -> bool:
    """Whether it is the result of a comparison, 0 or 1."""
    return isinstance(operand, Symbol) and operand.function in ("less", "less_equal", "equal")


FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {name: partial(apply, name) for name in GIVEN}


def value_formula(row: Primitive) -> Symbol | float:
    """The value of a row, in its arguments.

    Args:
        row: a row that takes a fixed number of arguments.

    Raises:
        TypeError: if it takes any number of them, or its formula asks for their numbers.
        Exception: what the formula raises by itself.

    >>> from engine.rules import TABLE
    >>> value_formula(TABLE["softplus"])
    add(maximum(x0, 0.0), log1p(exp(neg(abs(x0)))))
    """
    return result(row, row.forward(Elementary(FUNCTIONS), *arguments(row)))


def partial_formulas(row: Primitive) -> tuple[Symbol | float, ...]:
    """The partial of a row in each argument, in its arguments and its value.

    Args:
        row: as in `value_formula`.

    Raises:
        Exception: as `value_formula`.

    >>> from engine.rules import TABLE
    >>> partial_formulas(TABLE["div"])
    (div(1.0, x1), div(neg(y), x1))
    """
    xp, x, y = Elementary(FUNCTIONS), arguments(row), symbol("y")
    return tuple(result(row, partial(xp, y, *x)) for partial in row.partials)


def arguments(row: Primitive) -> list[Symbol]:
    """The symbols x0, x1, ... that a row is handed."""
    if row.variadic:
        raise TypeError(f"{row.name} takes any number of arguments: it has no single expression")
    return [symbol("x", (), k) for k in range(len(row.arguments))]


def result(row: Primitive, formula: Any) -> Symbol | float:
    """What a formula gave, if it is an expression or a number."""
    if isinstance(formula, Symbol):
        return formula
    if isinstance(formula, Real):
        return float(formula)
    raise TypeError(f"a formula of {row.name} gave {formula!r}: it has to give one number")


def in_order(*roots: Symbol | float) -> list[Symbol]:
    """The functions to evaluate for these expressions: each once, after its operands.

    >>> from engine.rules import TABLE
    >>> in_order(*partial_formulas(TABLE["hypot"]))
    [equal(y, 0.0), where(equal(y, 0.0), 1.0, y), div(x0, where(equal(y, 0.0), 1.0, y)), \
div(x1, where(equal(y, 0.0), 1.0, y))]
    """
    order: dict[Symbol, None] = {}
    stack = [*reversed(roots)]
    while stack:
        each = stack.pop()
        if not isinstance(each, Symbol) or not each.operands or each in order:
            continue
        waiting = [
            operand
            for operand in each.operands
            if isinstance(operand, Symbol) and operand.operands and operand not in order
        ]
        if waiting:
            stack += [each, *reversed(waiting)]
        else:
            order[each] = None
    return [*order]
