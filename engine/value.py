"""The Value: a node that behaves like a float, and how primitives are applied to it. Compiled like node.py."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from typing import Any

from mypy_extensions import i32, i64, mypyc_attr

from engine.errors import loses_gradient, no_value, not_a_number
from engine.node import (
    ABS, ADD, CONSTANT, DIV, DOT, FLOATS, MUL, NEG, NO_LABEL, POW, ROWS, SUB, More, Node, as_float, number,
)  # fmt: skip

@mypyc_attr(acyclic=True)
class Value(Node):
    """A number that remembers how it was computed, so that it can be differentiated.

    Arithmetic, comparisons and formatting are those of floats, exceptions included. Plain numbers among the
    operands become constants: inputs that get no gradient. Order and equality compare the numbers, hashing
    goes by identity: `p in parameters` and `list.index` find equal numbers, `is` finds the node.

    Args:
        data: the number; NaN and infinity are allowed.
        label: what drawings call it; without one they find the name of the caller's variable.

    Raises:
        TypeError: if data is not a real number, or the label not a string.

    >>> x, y, z = Value(-2), Value(5), Value(-4)
    >>> f = (x + y) * z
    >>> f.backward()
    >>> f.data, x.grad, y.grad, z.grad
    (-12.0, -4.0, -4.0, 3.0)
    """

    __slots__ = ()

    def detach(self) -> Value:
        """A constant of the same value: a derivative does not pass through it.

        >>> x = Value(3.0)
        >>> (x.detach() * x).backward()
        >>> x.grad
        3.0
        """
        return Value(self._data, NO_LABEL, CONSTANT)

    # --- arithmetic. "Value | Any": NotImplemented is not a Value, and lets NumPy's arrays have their turn ---

    def __add__(self, other: object) -> Value | Any:
        right = other if isinstance(other, Value) else constant(other)
        if right is None:
            return NotImplemented
        a, b = self._data, right._data
        return Value(None, NO_LABEL, ADD, self, right, a + b, a, b)

    def __sub__(self, other: object) -> Value | Any:
        right = other if isinstance(other, Value) else constant(other)
        if right is None:
            return NotImplemented
        a, b = self._data, right._data
        return Value(None, NO_LABEL, SUB, self, right, a - b, a, b)

    def __mul__(self, other: object) -> Value | Any:
        right = other if isinstance(other, Value) else constant(other)
        if right is None:
            return NotImplemented
        a, b = self._data, right._data
        return Value(None, NO_LABEL, MUL, self, right, a * b, a, b)

    def __truediv__(self, other: object) -> Value | Any:
        right = other if isinstance(other, Value) else constant(other)
        if right is None:
            return NotImplemented
        a, b = self._data, right._data
        return Value(None, NO_LABEL, DIV, self, right, a / b if b != 0.0 else evaluate(DIV, [a, b]), a, b)

    def __pow__(self, other: object) -> Value | Any:
        right = other if isinstance(other, Value) else constant(other)
        return NotImplemented if right is None else binary(POW, self, right)

    def __radd__(self, other: object) -> Value | Any:
        left = constant(other)
        return NotImplemented if left is None else left + self

    def __rsub__(self, other: object) -> Value | Any:
        left = constant(other)
        return NotImplemented if left is None else left - self

    def __rmul__(self, other: object) -> Value | Any:
        left = constant(other)
        return NotImplemented if left is None else left * self

    def __rtruediv__(self, other: object) -> Value | Any:
        left = constant(other)
        return NotImplemented if left is None else left / self

    def __rpow__(self, other: object) -> Value | Any:
        left = constant(other)
        return NotImplemented if left is None else left**self

    def __neg__(self) -> Value:
        return Value(None, NO_LABEL, NEG, self, None, -self._data, self._data)

    def __pos__(self) -> Value:
        return self

    def __abs__(self) -> Value | Any:
        return unary(ABS, self)

    # --- comparisons look at the numbers ---

    def __eq__(self, other: object) -> bool | Any:
        number = comparable(other)
        return NotImplemented if number is None else self._data == number

    def __lt__(self, other: object) -> bool | Any:
        number = comparable(other)
        return NotImplemented if number is None else self._data < number

    def __le__(self, other: object) -> bool | Any:
        number = comparable(other)
        return NotImplemented if number is None else self._data <= number

    def __gt__(self, other: object) -> bool | Any:
        number = comparable(other)
        return NotImplemented if number is None else self._data > number

    def __ge__(self, other: object) -> bool | Any:
        number = comparable(other)
        return NotImplemented if number is None else self._data >= number

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __bool__(self) -> bool:
        return self._data != 0.0

    # --- text ---

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        grad = f", grad={self._grad!r}" if self._has_grad else ""
        constant = ", constant" if self._code == CONSTANT else ""
        return f"Value({self._data!r}{label}{grad}{constant})"

    def __format__(self, spec: str) -> str:
        return format(self._data, spec) if spec else repr(self)

    # --- what would lose a gradient in silence is refused ---

    def __float__(self) -> float:
        raise loses_gradient("float(v), and any function of the math module,", "v.data for the number, or v.exp()")

    def __int__(self) -> int:
        raise loses_gradient("int(v)", "int(v.data)")

    def __round__(self, digits: object = None) -> Any:
        raise loses_gradient("round(v)", "round(v.data), or f'{v:.3f}' to print it")

    def __floordiv__(self, other: object) -> Any:
        raise loses_gradient("v // w", "v / w, or v.data // w for the number")

    def __rfloordiv__(self, other: object) -> Any:
        raise loses_gradient("v // w", "v / w, or v // w.data for the number")

    def __mod__(self, other: object) -> Any:
        raise loses_gradient("v % w", "v.data % w for the number")

    def __rmod__(self, other: object) -> Any:
        raise loses_gradient("v % w", "v % w.data for the number")


# --- applying primitives ---


def constant(given: object) -> Value | None:
    """A plain number among the operands as an input without gradient; None if something else must decide."""
    if isinstance(given, (float, int)) or isinstance(given, Real):  # asking an abstract class takes 300 ns
        return Value(given, NO_LABEL, CONSTANT)
    if given is None or isinstance(given, (str, bytes, complex, list, tuple, dict, set)):
        raise not_a_number(given, "arithmetic with a Value")
    return None


def comparable(other: object) -> Any:
    """The number to compare with; None if it is none."""
    if isinstance(other, Value):
        return other._data
    return other if isinstance(other, (float, int)) or isinstance(other, Real) else None


def operand(given: object, name: str) -> Value:
    """An argument of the primitive `name` as a node."""
    return given if isinstance(given, Value) else Value(number(given, name), NO_LABEL, CONSTANT)


def evaluate(code: i32, primals: list[float]) -> float:
    """The value of a primitive; where there is none, the error that floats raise, with what was asked."""
    row = ROWS[code]
    try:
        return as_float(row.forward(FLOATS, *primals))
    except (ArithmeticError, ValueError) as error:
        raise no_value(error, row, primals) from None


def unary(code: i32, x: object) -> Any:
    """Apply a primitive of one argument: a number gives a float, a Value a Value."""
    row = ROWS[code]
    a = x._data if isinstance(x, Value) else number(x, row.name)
    try:
        y = as_float(row.forward(FLOATS, a))
    except (ArithmeticError, ValueError) as error:
        raise no_value(error, row, [a]) from None
    return Value(None, NO_LABEL, code, x, None, y, a) if isinstance(x, Value) else y


def binary(code: i32, left: object, right: object) -> Any:
    """Apply a primitive of two arguments: numbers give a float, with a Value among them a Value."""
    name = ROWS[code].name
    if not isinstance(left, Value) and not isinstance(right, Value):
        return evaluate(code, [number(left, name), number(right, name)])
    first, second = operand(left, name), operand(right, name)
    a, b = first._data, second._data
    return Value(None, NO_LABEL, code, first, second, evaluate(code, [a, b]), a, b)


def variadic(code: i32, operands: Iterable[object]) -> Any:
    """Apply a primitive of any number of arguments: numbers give a float, with a Value among them a Value."""
    given = list(operands)
    nodes = operand_nodes(given, ROWS[code].name)
    result = evaluate(code, [node._data for node in nodes])
    return many(code, nodes, result) if has_value(given) else result


def operand_nodes(given: list[object], name: str) -> list[Node]:
    """The operands of the primitive `name` as nodes."""
    return [each if isinstance(each, Value) else operand(each, name) for each in given]


def has_value(given: list[object]) -> bool:
    """Whether there is a Value among the operands."""
    return any(isinstance(each, Value) for each in given)


def many(code: i32, nodes: list[Node], result: float) -> Value:
    """A computed node of any number of inputs."""
    node = Value(None, NO_LABEL, code, None, None, result)
    if node._code >= 0:
        node._more = More("", tuple(nodes), tuple(each._data for each in nodes))
    return node


def dot(weights: Iterable[object], inputs: Iterable[object], bias: object = None) -> Any:
    """The weighted sum w1 x1 + ... + wn xn + bias of the lectures, as one node.

    The local derivative of each weight is its input, that of each input its weight. One node for a neuron's
    sum keeps graphs readable, and is faster than a chain of products and sums.

    Args:
        weights: n Values or numbers.
        inputs: as many Values or numbers.
        bias: a Value or number to be added; none if left out.

    Returns:
        A Value; a float if all that was given are numbers.

    Raises:
        ValueError: if there are not as many inputs as weights.

    >>> w = [Value(3.0), Value(1.0)]
    >>> z = dot(w, [1.0, 2.0], bias=-3.0)
    >>> z.backward()
    >>> z.data, w[0].grad, w[1].grad
    (2.0, 1.0, 2.0)
    """
    given = list(weights)
    half: i64 = len(given)
    given.extend(inputs)
    if len(given) != 2 * half:
        raise ValueError(f"dot takes one input per weight, but got {half} weights and {len(given) - half} inputs")
    if bias is not None:
        given.append(bias)
    nodes = operand_nodes(given, "dot")
    result = 0.0 if bias is None else nodes[2 * half]._data
    k: i64
    for k in range(half):
        result += nodes[k]._data * nodes[half + k]._data
    return many(DOT, nodes, result) if has_value(given) else result
