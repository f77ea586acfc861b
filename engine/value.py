"""The Value: a node that behaves like a float. Compiled like node.py."""

from __future__ import annotations

from numbers import Number, Real
from typing import Any

from mypy_extensions import i32, mypyc_attr

from engine import elementary
from engine.backward import FLOATS, as_float, differentiate, local_derivative
from engine.errors import no_value, not_a_number
from engine.node import (
    ABS,
    ADD,
    CONSTANT,
    DIV,
    ENGINE,
    EQUAL,
    LESS,
    LESS_EQUAL,
    MUL,
    NEG,
    NO_LABEL,
    POW,
    RELU,
    ROWS,
    STOP_GRADIENT,
    SUB,
    Node,
    number,
    refuse_while_recording,
)  # fmt: skip


@mypyc_attr(acyclic=True)
class Value(Node):
    """A number that remembers how it was computed, so that it can be differentiated.

    Arithmetic, comparisons and formatting are those of floats, exceptions included. Plain numbers
    among the operands become constants: inputs that get no gradient. Order and equality compare
    the numbers, hashing goes by identity: `p in parameters` and `list.index` find equal numbers,
    `is` finds the node.

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
        if is_recorded() and (self._code >= 0 or id(self) in ENGINE.recording().leaves):
            return Value(None, NO_LABEL, STOP_GRADIENT, self, None, self._data, self._data)
        return Value(self._data, NO_LABEL, CONSTANT)

    @property
    def local_derivatives(self) -> tuple[float, ...]:
        """The derivative in each input while the others stay: what the edges of a drawing carry.

        >>> (Value(3.0) * Value(-4.0)).local_derivatives
        (-4.0, 3.0)
        """
        primals = self.primals
        return tuple(
            [local_derivative(self._code, k, self._data, primals) for k in range(len(primals))]
        )

    def backward(self, seed: object = 1.0) -> None:
        """Compute the derivative of this Value with respect to every node it was computed from.

        The gradients are added to what the leaves hold, and replace what computed nodes hold. They
        belong to the values that the forward pass used, even if leaves have been assigned since.

        Args:
            seed: the derivative of the final result with respect to this Value.

        Raises:
            RuntimeError: if it is a constant or computed from such alone, so that there is nothing
                to differentiate; or if the thread is in the middle of another traversal.
            TypeError: if the seed is not a real number.

        >>> x = Value(3.0)
        >>> (x * x * x).backward()
        >>> x.grad
        27.0

        Source: S. Linnainmaa, Taylor expansion of the accumulated rounding error, BIT 16, 1976.
        """
        if len(ENGINE.recordings) > 0:
            refuse_while_recording(self, "backward(), for which there is gradient(y, xs),")
        differentiate(self, number(seed, "backward(seed)"))

    # --- arithmetic. "| Any", since NotImplemented is no Value; it lets arrays have their turn ---

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
        return Value(
            None, NO_LABEL, DIV, self, right, a / b if b != 0.0 else evaluate(DIV, [a, b]), a, b
        )

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

    # --- comparisons look at the numbers; while a function is recorded they become part of it ---

    def __eq__(self, other: object) -> bool | Any:
        return compare(EQUAL, self, other, False)

    def __ne__(self, other: object) -> bool | Any:
        equal = compare(EQUAL, self, other, False)
        return equal if equal is NotImplemented else 1.0 - equal if is_recorded() else not equal

    def __lt__(self, other: object) -> bool | Any:
        return compare(LESS, self, other, False)

    def __le__(self, other: object) -> bool | Any:
        return compare(LESS_EQUAL, self, other, False)

    def __gt__(self, other: object) -> bool | Any:
        return compare(LESS, self, other, True)

    def __ge__(self, other: object) -> bool | Any:
        return compare(LESS_EQUAL, self, other, True)

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __bool__(self) -> bool:
        if len(ENGINE.recordings) > 0:
            refuse_while_recording(self, "bool(v), as in `if`, `and`, `or`, `not`, `in`, `max`,")
        return self._data != 0.0

    # --- text ---

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        grad = f", grad={self._grad!r}" if self._has_grad else ""
        constant = ", constant" if self._code == CONSTANT else ""
        return f"Value({self._data!r}{label}{grad}{constant})"

    def __format__(self, spec: str) -> str:
        return format(self._data, spec) if spec else repr(self)


# --- applying primitives ---


def constant(given: object) -> Value | None:
    """A plain number among the operands as a constant; None if the other operand must decide."""
    if isinstance(given, float):
        return Value(given, NO_LABEL, CONSTANT)
    if isinstance(given, (int, Real)):
        return Value(number(given, "arithmetic with a Value"), NO_LABEL, CONSTANT)
    if given is None or isinstance(given, (str, bytes, complex, list, tuple, dict, set)):
        raise not_a_number(given, "arithmetic with a Value")
    return None


def is_recorded() -> bool:
    """Whether this thread is recording a function."""
    return len(ENGINE.recordings) > 0 and ENGINE.recording() is not None


def compare(code: i32, value: Value, other: object, swapped: bool) -> Any:
    """Whether the comparison of a row holds; while a function is recorded, a Value of 0 or 1."""
    if not isinstance(other, (Value, Number)):
        return NotImplemented
    if is_recorded():
        return binary(code, other, value) if swapped else binary(code, value, other)
    a: Any = value._data
    b: Any = other._data if isinstance(other, Value) else other
    if swapped:
        a, b = b, a
    return bool(a == b if code == EQUAL else a < b if code == LESS else a <= b)


def as_value(given: object, where: str = "as_value(x)") -> Value:
    """A Value as it is; a number as a constant, which gets no gradient.

    A number that is used many times is made a node once like this, not once for every use.

    Raises:
        TypeError: if it is neither; it begins with `where`.

    >>> as_value(3)
    Value(3.0, constant)
    """
    return given if isinstance(given, Value) else Value(number(given, where), NO_LABEL, CONSTANT)


def evaluate(code: i32, primals: list[float], strict: bool = True) -> float:
    """The value of a primitive; where there is none, an error if strict, and else inf or NaN."""
    row = ROWS[code]
    try:
        return as_float(row.forward(FLOATS, *primals))
    except (ArithmeticError, ValueError) as error:
        if not strict or is_recorded():  # recorded, the numbers of the example do not matter
            return elementary.extended_value(row, primals)
        raise no_value(error, row, primals) from None


def evaluate_unary(code: i32, x: float) -> float:
    """The same for a primitive of one argument, without a list on the way."""
    row = ROWS[code]
    try:
        return as_float(row.forward(FLOATS, x))
    except (ArithmeticError, ValueError) as error:
        if is_recorded():
            return elementary.extended_value(row, [x])
        raise no_value(error, row, [x]) from None


def unary(code: i32, x: object) -> Any:
    """Apply a primitive of one argument: a number gives a float, a Value a Value."""
    if not isinstance(x, Value):
        return evaluate_unary(code, number(x, ROWS[code].name))
    a = x._data
    y = (0.0 if a < 0.0 else a) if code == RELU else evaluate_unary(code, a)
    return Value(None, NO_LABEL, code, x, None, y, a)


def binary(code: i32, left: object, right: object) -> Any:
    """Apply a primitive of two arguments: numbers give a float, with a Value among them a Value."""
    name = ROWS[code].name
    if not isinstance(left, Value) and not isinstance(right, Value):
        return evaluate(code, [number(left, name), number(right, name)])
    first, second = as_value(left, name), as_value(right, name)
    a, b = first._data, second._data
    return Value(None, NO_LABEL, code, first, second, evaluate(code, [a, b]), a, b)
