"""The order of a graph, and the reverse pass over it.

The hot rows of the table are inlined here; a test holds them equal to their rows. Compiled like
node.py.
"""

from __future__ import annotations

from typing import Any, Final

from mypy_extensions import i32, i64

from engine import elementary
from engine.errors import no_history, not_a_value
from engine.node import ADD, CONSTANT, DIV, DOT, ENGINE, LEAF, MUL, NEG, RELU, ROWS, SUB, SUM, Node

FLOATS: Final = elementary.FLOATS  # compiled code reaches a Final of its own without a dictionary


def topological_order(root: Any) -> list[Any]:
    """All nodes that root is computed from and root itself, each once, every node after its inputs.

    Raises:
        RuntimeError: if the thread is in the middle of another traversal, as a signal handler or a
            finalizer may find it.
        TypeError: if root is not a Value.

    >>> from engine import Value
    >>> a = Value(1.0)
    >>> b = a + a
    >>> topological_order(b + b) == [a, b, b + b]
    True
    """
    if not isinstance(root, Node):
        raise not_a_value(root, "topological_order(root)")
    order: list[Node] = []
    with ENGINE.traversing:
        ENGINE.begin()
        try:
            traverse(root, order, False)
        finally:
            ENGINE.busy = False
    return order


def differentiate(root: Node, seed: float) -> None:
    """The whole of backward(). Cut short, it leaves the leaves as they were.

    Raises:
        RuntimeError: as topological_order; or if root was not computed from any leaf.
    """
    if len(ENGINE.pauses) > 0:
        ENGINE.look_below(root, seed)
    order: list[Node] = []
    with ENGINE.traversing:
        ENGINE.begin()
        try:
            if not traverse(root, order, True):
                raise no_history()
            root._grad += seed
            root._has_grad = True
            reverse_pass(order)
        except BaseException:  # above all Ctrl-C
            restore(order)
            raise
        finally:
            ENGINE.busy = False


def traverse(root: Node, order: list[Node], prepare: bool) -> bool:
    """Bring the nodes below root into order, depth first, and perhaps prepare a reverse pass.

    Then computed nodes forget the gradient of the pass before, and leaves note what they hold.

    Returns:
        Whether there is a leaf that gets a gradient.
    """
    ENGINE.mark += 2
    entered = ENGINE.mark
    done = entered + 1
    has_leaf = False
    stack: list[Node] = [root]
    while stack:
        node = stack[-1]
        if node._mark < entered:
            node._mark = entered
            if node._right is not None and node._right._mark < entered:
                stack.append(node._right)
            if node._left is not None and node._left._mark < entered:
                stack.append(node._left)
            if node._more is not None:
                for each in reversed(node._more.inputs):
                    if each._mark < entered:
                        stack.append(each)  # noqa: PERF401 - compiled, this is the faster form
            continue
        stack.pop()
        if node._mark == entered:
            node._mark = done
            if prepare and node._code == LEAF:
                has_leaf = True
                node._a, node._b = node._grad, 1.0 if node._has_grad else 0.0
            order.append(node)
            if prepare and node._code >= 0:  # what is in order can be restored
                node._grad, node._has_grad = 0.0, False
    return has_leaf


def restore(order: list[Node]) -> None:
    """Undo a reverse pass that did not come to its end: leaves hold again what they held before."""
    for node in order:
        is_leaf = node._code == LEAF
        node._grad = node._a if is_leaf else 0.0
        node._has_grad = is_leaf and node._b != 0.0


def reverse_pass(order: list[Node]) -> None:
    """The chain rule, from the output to the leaves: inputs get gradient times local derivative.

    A node that nothing was handed to hands on nothing: below the branch that a `where` did not
    choose all gradients are 0, whatever the local derivatives there. What constants are handed is
    never read, which costs less than to ask, but their partials are not worth evaluating in the
    rows that are not inlined.
    """
    for node in reversed(order):
        if node._code < 0:
            node._has_grad = node._code == LEAF
        elif not node._has_grad:
            node._has_grad = True  # of 0, now that it is known
        elif node._left is None:
            pull_back_many(node)
        elif node._right is None:
            pull_back_one(node, node._left)
        else:
            pull_back_two(node, node._left, node._right)


def pull_back_one(node: Node, given: Node) -> None:
    """Hand the gradient of a node on to its only input."""
    grad, code = node._grad, node._code
    if code == RELU:
        if node._data != 0.0:
            given._grad += grad if node._data > 0.0 else node._data  # NaN stays NaN
            given._has_grad = True
    elif code == NEG:
        given._grad -= grad
        given._has_grad = True
    elif given._code != CONSTANT:
        hand_on(given, code, grad, local_derivative_unary(code, node._data, node._a))


def pull_back_two(node: Node, left: Node, right: Node) -> None:
    """Hand the gradient of a node on to its two inputs."""
    grad, code = node._grad, node._code
    if code == MUL:
        left._grad += grad * node._b
        right._grad += grad * node._a
    elif code == ADD:
        left._grad += grad
        right._grad += grad
    elif code == SUB:
        left._grad += grad
        right._grad -= grad
    elif code == DIV and node._b != 0.0:  # a partial that is infinite may have been divided by 0
        left._grad += grad * (1 / node._b)
        right._grad += grad * (-node._data / node._b)
    else:
        primals = (node._a, node._b)
        if left._code != CONSTANT:
            hand_on(left, code, grad, local_derivative(code, 0, node._data, primals))
        if right._code != CONSTANT:
            hand_on(right, code, grad, local_derivative(code, 1, node._data, primals))
        return
    left._has_grad = right._has_grad = True


def pull_back_many(node: Node) -> None:
    """Hand the gradient of a node on to its inputs, however many."""
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
            inputs[k]._has_grad = inputs[half + k]._has_grad = True
        if count > 2 * half:
            inputs[2 * half]._grad += grad
            inputs[2 * half]._has_grad = True
    elif node._code == SUM:
        for each in inputs:
            each._grad += grad
            each._has_grad = True
    else:
        point = node.primals
        for k in range(count):
            if inputs[k]._code != CONSTANT:
                local = local_derivative(node._code, k, node._data, point)
                hand_on(inputs[k], node._code, grad, local)


def hand_on(given: Node, code: i32, grad: float, local: float) -> None:
    """Add what one use of an input contributes to its gradient, if the row has chosen it."""
    if is_handed_on(code, local):
        given._grad += grad * local
        given._has_grad = True


def is_handed_on(code: i32, local: float) -> bool:
    """Whether a gradient passes: not to what a row that selects has given a derivative of 0."""
    return local != 0.0 or not ROWS[code].selects


def local_derivative(code: i32, k: i64, y: float, primals: tuple[float, ...]) -> float:
    """The partial of a row in argument k; inf or NaN where Python's floats would raise."""
    row = ROWS[code]
    try:
        return as_float(row.partial(FLOATS, k, y, primals))
    except (ArithmeticError, ValueError):
        return elementary.extended(row, k, y, primals)


def local_derivative_unary(code: i32, y: float, x: float) -> float:
    """The same for a row of one argument, without a tuple on the way."""
    row = ROWS[code]
    try:
        return as_float(row.partials[0](FLOATS, y, x))
    except (ArithmeticError, ValueError):
        return elementary.extended(row, 0, y, (x,))


def as_float(result: Any) -> float:
    """What a formula gave as a float: it may well have given an int."""
    return result if type(result) is float else float(result)
