"""A node of the graph, the order of a graph, and the reverse pass over it.

This file is plain Python, and the same file compiled by mypyc is the fast engine (`engine.compiled` tells which
one runs). A node holds what it is as data: its primitive, its inputs, and their values as the forward pass used
them. The local derivatives follow from these, so that nothing else is kept and nothing can disagree. The hot
rows of the table are inlined in the reverse pass; a test holds them equal to their rows.
"""

from __future__ import annotations

from numbers import Real
from threading import Lock, local
from typing import Any, Final

from mypy_extensions import i32, i64, mypyc_attr

from engine import elementary, rules
from engine.errors import no_history, not_a_leaf, not_a_number

ROWS: Final = rules.ROWS  # compiled code reaches a Final of its own without a dictionary
FLOATS: Final = elementary.FLOATS

COMPILED: Final = False  # the build writes True here before it compiles this file

# A node's code is the index of its primitive in the table. These are the rows of the operators.
ADD: Final = 0
SUB: Final = 1
MUL: Final = 2
DIV: Final = 3
NEG: Final = 4
POW: Final = 5
ABS: Final = 6
SUM: Final = 7
DOT: Final = 8
LEAF: Final = -1
CONSTANT: Final = -2  # a leaf that gets no gradient

NO_LABEL: Final[object] = ""


class Engine:
    """What all graphs share: the number of traversals made, and whether some thread has paused the recording."""

    def __init__(self) -> None:
        self.traversals: i64 = 0
        self.traversing = Lock()  # a traversal marks the nodes: two at once must not meet in one graph
        self.pauses: i64 = 0  # no_grad() blocks open in all threads; while there are none, nobody asks further
        self.thread = local()

    def paused(self) -> bool:
        """Whether this thread is inside no_grad()."""
        return getattr(self.thread, "pauses", 0) > 0


ENGINE: Final = Engine()


@mypyc_attr(acyclic=True)
class More:
    """What only some nodes have: a label, and the inputs of a primitive that takes any number of them."""

    __slots__ = ("inputs", "label", "primals")

    # Tuples, since the collector soon leaves alone a tuple of what it need not see; a list it visits for ever.
    def __init__(self, label: str, inputs: tuple[Node, ...], primals: tuple[float, ...]) -> None:
        self.label = label
        self.inputs = inputs
        self.primals = primals


@mypyc_attr(acyclic=True)
class Node:
    """A number in a graph: a leaf, or the result of a primitive on its inputs.

    It is only ever met as a Value, which adds the arithmetic. The underscored arguments describe a computed
    node: its primitive, its one or two inputs, the result, and the inputs' values.
    """

    __slots__ = ("_a", "_b", "_code", "_data", "_grad", "_has_grad", "_left", "_mark", "_more", "_right")

    def __init__(
        self,
        data: object,
        label: object = NO_LABEL,
        _code: i32 = LEAF,
        _left: Node | None = None,
        _right: Node | None = None,
        _y: float = 0.0,
        _a: float = 0.0,
        _b: float = 0.0,
    ) -> None:
        if _code < 0:
            _y = data if type(data) is float else number(data, "Value(data)")
        elif ENGINE.pauses > 0 and ENGINE.paused():
            _code, _left, _right = CONSTANT, None, None
        self._data: float = _y
        self._grad: float = 0.0
        self._left: Node | None = _left
        self._right: Node | None = _right
        self._a: float = _a
        self._b: float = _b
        self._more: More | None = None
        self._mark: i64 = 0
        self._code: i32 = _code
        self._has_grad: bool = False
        if label is not NO_LABEL:
            self.label = label

    @property
    def data(self) -> float:
        """The number. It can be assigned on leaves; graphs that used the old one keep what they computed.

        Raises:
            AttributeError: if it is assigned on a computed Value.
            TypeError: if what is assigned is not a real number.
        """
        return self._data

    @data.setter
    def data(self, data: object) -> None:
        if self._code >= 0:
            raise not_a_leaf(self.op)
        self._data = number(data, "data")

    @property
    def grad(self) -> float:
        """The gradient: the derivative of what backward() was called on with respect to this node, or 0.0.

        Leaves add up the gradients of all passes since zero_grad(); other nodes hold that of the last pass.
        """
        return self._grad if self._has_grad else 0.0

    @grad.setter
    def grad(self, grad: object) -> None:
        self._grad = number(grad, "grad")
        self._has_grad = True

    @property
    def has_grad(self) -> bool:
        """Whether a pass has reached this node, or a gradient was assigned, since the last zero_grad()."""
        return self._has_grad

    @property
    def label(self) -> str:
        """What drawings call this node; "" leaves it to them."""
        return self._more.label if self._more is not None else ""

    @label.setter
    def label(self, label: object) -> None:
        if not isinstance(label, str):
            raise TypeError(f"a label is a string, but got {label!r} of type {type(label).__name__}")
        if self._more is None:
            self._more = More(label, (), ())
        else:
            self._more.label = label

    @property
    def op(self) -> str:
        """The name of the primitive that computed it, as in the table; "" for a leaf."""
        return str(ROWS[self._code].name) if self._code >= 0 else ""

    @property
    def is_constant(self) -> bool:
        """Whether it is a leaf that gets no gradient: a plain number, detached, or computed in no_grad()."""
        return self._code == CONSTANT

    @property
    def inputs(self) -> tuple[Any, ...]:
        """The nodes it was computed from, in order (an operand used twice is there twice); () for a leaf."""
        if self._left is None:
            return self._more.inputs if self._more is not None else ()
        return (self._left,) if self._right is None else (self._left, self._right)

    @property
    def primals(self) -> tuple[float, ...]:
        """The values of the inputs that were used: those they have, unless a leaf was assigned since."""
        if self._left is None:
            return self._more.primals if self._more is not None else ()
        return (self._a,) if self._right is None else (self._a, self._b)

    @property
    def local_derivatives(self) -> tuple[float, ...]:
        """The derivative with respect to each input while the others stay: what the edges of a drawing carry.

        >>> from engine import Value
        >>> (Value(3.0) * Value(-4.0)).local_derivatives
        (-4.0, 3.0)
        """
        primals = self.primals
        return tuple([local_derivative(self._code, k, self._data, primals) for k in range(len(primals))])

    def zero_grad(self) -> None:
        """Forget the gradient: it reads 0.0 again, and drawings show a dash."""
        self._grad = 0.0
        self._has_grad = False

    def backward(self, seed: object = 1.0) -> None:
        """Compute the derivative of this Value with respect to every node it was computed from.

        The gradients are added to what the leaves hold, and replace what computed nodes hold. They belong to
        the values that the forward pass used, even if leaves have been assigned since.

        Args:
            seed: the derivative of the final result with respect to this Value.

        Raises:
            RuntimeError: if this Value is a constant, so that there is nothing to differentiate.
            TypeError: if the seed is not a real number.

        >>> from engine import Value
        >>> x = Value(3.0)
        >>> (x * x * x).backward()
        >>> x.grad
        27.0

        Source: S. Linnainmaa, Taylor expansion of the accumulated rounding error, BIT 16, 1976.
        """
        start = number(seed, "backward(seed)")
        if self._code == CONSTANT:
            raise no_history()
        order = topological_order(self)
        for node in order:
            if node._code >= 0:
                node._grad = 0.0
            node._has_grad = node._code != CONSTANT
        self._grad += start
        reverse_pass(order)


def topological_order(root: Node) -> list[Node]:
    """All nodes that root is computed from and root itself, each once, every node after its inputs.

    >>> from engine import Value
    >>> a = Value(1.0)
    >>> b = a + a
    >>> topological_order(b + b) == [a, b, b + b]
    True
    """
    with ENGINE.traversing:
        ENGINE.traversals += 2
        entered = ENGINE.traversals
        done = entered + 1
        order: list[Node] = []
        stack: list[Node] = [root]
        while stack:
            node = stack.pop()
            if node._mark == done:
                continue
            if node._mark == entered or node._code < 0:
                node._mark = done
                order.append(node)
                continue
            node._mark = entered
            stack.append(node)
            left, right = node._left, node._right
            if right is not None and right._mark != done:
                stack.append(right)
            if left is None:
                for each in reversed(node._more.inputs if node._more is not None else ()):
                    if each._mark != done:
                        stack.append(each)
            elif left._mark != done:
                stack.append(left)
        return order


def reverse_pass(order: list[Node]) -> None:
    """The chain rule, from the output to the leaves: add gradient times local derivative to each input.

    A gradient of exactly 0 is not handed on: 0 times an infinite local derivative stays 0, so that the branch
    that a `where` did not take leaves no NaN. What constants are handed is never read, which costs less than
    to ask, but their partials are not worth evaluating in the rows that are not inlined.
    """
    for node in reversed(order):
        grad = node._grad
        code = node._code
        if code < 0 or grad == 0.0:
            continue
        left, right = node._left, node._right
        if left is None:
            pull_back_many(node)
        elif right is None:
            if code == NEG:
                left._grad -= grad
            elif left._code != CONSTANT:
                left._grad += grad * local_derivative_unary(code, node._data, node._a)
        elif code == MUL:
            left._grad += grad * node._b
            right._grad += grad * node._a
        elif code == ADD:
            left._grad += grad
            right._grad += grad
        elif code == SUB:
            left._grad += grad
            right._grad -= grad
        elif code == DIV:
            left._grad += grad * (1 / node._b)
            right._grad += grad * (-node._data / node._b)
        else:
            primals = (node._a, node._b)
            if left._code != CONSTANT:
                left._grad += grad * local_derivative(code, 0, node._data, primals)
            if right._code != CONSTANT:
                right._grad += grad * local_derivative(code, 1, node._data, primals)


def pull_back_many(node: Node) -> None:
    """The same for a node of any number of inputs."""
    more = node._more
    assert more is not None
    grad, inputs, primals = node._grad, more.inputs, more.primals
    count: i64 = len(inputs)
    half: i64 = count // 2
    k: i64
    if node._code == DOT:
        for k in range(half):
            inputs[k]._grad += grad * primals[half + k]
            inputs[half + k]._grad += grad * primals[k]
        if count > 2 * half:
            inputs[2 * half]._grad += grad
    elif node._code == SUM:
        for each in inputs:
            each._grad += grad
    else:
        for k in range(count):
            if inputs[k]._code != CONSTANT:
                inputs[k]._grad += grad * local_derivative(node._code, k, node._data, primals)


def local_derivative(code: i32, k: i64, y: float, primals: tuple[float, ...]) -> float:
    """The partial of a row with respect to argument k; inf or NaN where Python's floats would raise."""
    row = ROWS[code]
    try:
        return as_float(row.partial(FLOATS, k, y, *primals))
    except (ArithmeticError, ValueError):
        return elementary.extended(row, k, y, primals)


def local_derivative_unary(code: i32, y: float, x: float) -> float:
    """The same for a row of one argument, without a list on the way."""
    row = ROWS[code]
    try:
        return as_float(row.partials[0](FLOATS, y, x))
    except (ArithmeticError, ValueError):
        return elementary.extended(row, 0, y, [x])


def as_float(result: Any) -> float:
    """What a formula gave as a float: it may well have given an int."""
    return result if type(result) is float else float(result)


def number(given: object, where: str) -> float:
    """One real number as a float; an int, a Fraction or a NumPy scalar is taken too."""
    if isinstance(given, (float, int)) or isinstance(given, Real):  # asking an abstract class takes 300 ns
        return float(given)
    raise not_a_number(given, where)
