"""The formulas of the table as calls of NumPy functions that write into given arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache, partial
from math import prod
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine import special
from engine.elementary import NAMES, Elementary
from engine.formulas import FUNCTIONS, Symbol, apply, in_order, symbol
from engine.primitive import Primitive
from engine.rules import TABLE

Array = NDArray[Any]
Call = Callable[[], Any]
T = TypeVar("T")


def choose(condition: Array, a: Array, b: Array, out: Array) -> None:
    """np.where into an array; where the condition is not 0."""
    held = np.not_equal(condition, 0)
    np.copyto(out, b)
    np.copyto(out, a, where=held)


def step(x: Array, out: Array) -> None:
    """1 where x >= 0."""
    np.heaviside(x, 1.0, out)


def minimum(a: Array, b: Array, out: Array) -> None:
    """np.minimum, which takes the array of the result by name alone."""
    np.minimum(a, b, out=out)


def maximum(a: Array, b: Array, out: Array) -> None:
    """np.maximum, likewise."""
    np.maximum(a, b, out=out)


ARRAY_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.true_divide,
    "neg": np.negative, "abs": np.absolute, "pow": np.power, "sign": np.sign,
    "minimum": np.minimum, "maximum": np.maximum, "less": np.less, "equal": np.equal,
    "less_equal": np.less_equal, "square": np.square, "positive": np.positive,
    "reciprocal": np.reciprocal, "where": choose,
    "step": step, "erf": special.erf, "erfc": special.erfc,
    **{name: getattr(np, TABLE[name].numpy) for name in NAMES},
}  # fmt: skip

SYMBOLS: Final = Elementary(FUNCTIONS)
VALUE: Final = symbol("y")
GRADIENT: Final = symbol("gradient")
X0: Final = symbol("x", (), 0)
# Arguments that are plain numbers, in hexadecimal: 0.0 and -0.0 are equal, and NaN is not.
Known = tuple[tuple[int, str], ...]
REMEMBERED: Final = 4096  # formulas
LONGEST_SUM: Final = 4096  # of numbers added up in turn; NumPy does it by halves, more accurately
# Where an overflow is no error, fewer operations do; they lose nothing that is above 1e-308.
SHORTER: Final = {TABLE["sigmoid"]: lambda xp, x: 1 / (1 + xp.exp(-x))}
# Quicker with an array than with a single number; here with the array of the result in its place.
BY_NAME: Final = {"minimum": minimum, "maximum": maximum}
SPREAD: Final = tuple(ARRAY_FUNCTIONS[name] for name in BY_NAME)  # NumPy's own


@lru_cache(REMEMBERED)
def value(row: Primitive, known: Known) -> Symbol | float:
    """The value of a row in which some arguments are known numbers."""
    found: Symbol | float = SHORTER.get(row, row.forward)(SYMBOLS, *arguments(row, known))
    return found


@lru_cache(REMEMBERED)
def contribution(row: Primitive, known: Known, k: int) -> tuple[int, Symbol | float]:
    """What a row adds to the gradient of argument k: its own gradient times the partial.

    Returns:
        A sign, 1 or -1, and the expression; the number 0 if nothing is ever added.
    """
    local = row.partials[k](SYMBOLS, VALUE, *arguments(row, known))
    if not isinstance(local, Symbol) and local == 0.0 and row.selects:
        return 1, 0.0
    return times_gradient(local)


@lru_cache(REMEMBERED)
def usable(row: Primitive, known: Known) -> Known:
    """The known numbers; none of them where a formula would meet 1 / 0 or the like among them."""
    try:
        value(row, known)
        for k in range(len(row.arguments)):
            contribution(row, known, k)
    except (ArithmeticError, ValueError):
        return ()
    return known


def times_gradient(local: Symbol | float) -> tuple[int, Symbol | float]:
    """The gradient times a partial, in as few operations as may be."""
    if not isinstance(local, Symbol):
        return (-1, GRADIENT) if local == -1.0 else (1, apply("mul", GRADIENT, local))
    if local.function == "neg":
        sign, found = times_gradient(local.operands[0])
        return -sign, found
    if local.function == "div":
        above, below = local.operands
        if isinstance(above, Symbol):
            if above.function == "neg":
                return -1, apply("mul", GRADIENT, apply("div", above.operands[0], below))
        elif above in (1.0, -1.0):  # else it might overflow sooner than the partial
            return (1 if above == 1.0 else -1), apply("div", GRADIENT, below)
    return 1, apply("mul", GRADIENT, local)


@cache
def uniform_contribution(row: Primitive) -> Symbol | float:
    """What a variadic row adds to the gradient of each argument, if its partials are all alike.

    They are where that of an argument looks at this argument and the value alone: in logsumexp.
    """
    return apply("mul", GRADIENT, row.partial(SYMBOLS, 0, VALUE, (X0,)))


def arguments(row: Primitive, known: Known) -> list[Symbol | float]:
    """The arguments of a row, as numbers where they are known."""
    numbers = {k: float.fromhex(x) for k, x in known}
    return [numbers.get(k, symbol("x", (), k)) for k in range(len(row.arguments))]


class Workshop:
    """Where calls are written down, with the arrays that they need in between.

    What has been read for the last time is used again: so the same few arrays stay in the cache.

    Args:
        dtype: of the arrays.
    """

    def __init__(self, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)
        self.calls: list[Call] = []
        self.bytes = 0  # of all arrays that were made
        self.free: dict[int, list[Array]] = {}
        self.repeated: dict[bytes, Array] = {}
        self.lent: dict[int, Array] = {}
        self.one = np.ones(0, dtype)

    def call(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Write down a call."""
        if function in SPREAD:  # which take the array of the result by name alone
            *given, out = arguments
            given = [self.spread(each, out.shape) for each in given]
            self.calls.append(partial(function, *given, out=out))
        else:
            self.calls.append(partial(function, *arguments))

    def multiply(self, left: Array, right: Array, out: Array) -> None:
        """Write down a matrix product."""
        # np.dot has half the overhead, and is far faster for outer products, but copies more
        direct = left.flags.forc and right.flags.forc and out.flags.c_contiguous
        self.call(np.dot if direct else np.matmul, left, right, out)

    def add_up(self, terms: Array, out: Array) -> None:
        """Write down the sum over axis 1 of terms (m, n, B), into (m, B)."""
        count = terms.shape[1]
        if not terms.flags.c_contiguous or count > LONGEST_SUM:
            self.call(np.add.reduce, terms, 1, None, out)
        elif len(terms) == 1:  # a product with ones is the faster sum
            self.multiply(self.ones(count)[None], terms[0], out)
        else:
            self.call(np.matmul, self.ones(count)[None], terms, out[:, None])

    def ones(self, count: int) -> Array:
        """A vector of ones."""
        if len(self.one) < count:
            self.one = np.ones(count, self.dtype)
        return self.one[:count]

    def make(self, shape: tuple[int, ...]) -> Array:
        """An array to be kept."""
        made = np.empty(shape, self.dtype)
        self.bytes += made.nbytes
        return made

    def borrow(self, shape: tuple[int, ...]) -> Array:
        """An array to be given back."""
        kept = self.free.setdefault(prod(shape), [])
        array = kept.pop() if kept else self.make(shape)
        if array.shape != shape:  # the very same array is quicker: it can see that it is in place
            array = array.reshape(shape)
        self.lent[id(array)] = array
        return array

    def give_back(self, *arrays: Array) -> None:
        """Let arrays be used again that were borrowed; others are left alone."""
        for array in arrays:
            if self.lent.pop(id(array), None) is not None:
                self.free[array.size].append(array)

    def number(self, number: float) -> Array:
        """A number as an array, which costs less in a call than a float."""
        return np.array(number, self.dtype)

    def spread(self, given: Array, shape: tuple[int, ...]) -> Array:
        """A number as an array that repeats it, in full or, if that were large, in one row."""
        if given.ndim or not shape:
            return given
        shape = shape if prod(shape) <= 4096 else shape[-1:]
        key = given.tobytes()
        kept = self.repeated.get(key)
        if kept is None or kept.size < prod(shape):
            kept = self.repeated[key] = self.make((prod(shape),))
            kept[:] = given
        return kept[: prod(shape)].reshape(shape)

    def evaluate(
        self,
        formula: Symbol | float,
        leaves: Mapping[Symbol, Array],
        shape: tuple[int, ...],
        out: Array | None = None,
    ) -> Array:
        """Write down how an expression is computed.

        Args:
            formula: the expression.
            leaves: the arrays of its arguments.
            shape: that of the result.
            out: where it is to go.

        Returns:
            `out`; without, an array that is borrowed, or a leaf.
        """
        if not isinstance(formula, Symbol) or formula in leaves:
            is_leaf = isinstance(formula, Symbol)
            found = leaves[formula] if isinstance(formula, Symbol) else self.number(formula)
            if out is None and is_leaf:
                return found
            target = self.borrow(shape) if out is None else out
            self.call(np.copyto, target, found)
            return target
        arrays: dict[Symbol, Array] = dict(leaves)
        order = in_order(formula)
        last = {
            operand: k for k, each in enumerate(order) for operand in each.operands
            if isinstance(operand, Symbol)
        }  # fmt: skip
        for k, each in enumerate(order):
            given = [arrays[x] if isinstance(x, Symbol) else self.number(x) for x in each.operands]
            name, given = rewritten(each, given)
            here = shape if each is formula else np.broadcast_shapes(*(x.shape for x in given))
            dying = [
                arrays[x] for x in dict.fromkeys(each.operands)
                if isinstance(x, Symbol) and last[x] == k and x not in leaves
            ]  # fmt: skip
            if name != "where":  # all others may write where they read
                self.give_back(*dying)
            target = out if each is formula and out is not None else self.borrow(here)
            self.call(ARRAY_FUNCTIONS[name], *given, target)
            if name == "where":
                self.give_back(*dying)
            arrays[each] = target
        return arrays[formula]


def rewritten(each: Symbol, given: Sequence[T]) -> tuple[str, list[T]]:
    """A function and its operands; powers that are whole are far faster as something else."""
    exponent = each.operands[1] if each.function == "pow" else None
    if isinstance(exponent, Symbol):
        return each.function, [*given]
    if exponent == 2.0:
        return "square", [given[0]]
    if exponent == 1.0:
        return "positive", [given[0]]
    if exponent == -1.0:
        return "reciprocal", [given[0]]
    return each.function, [*given]
