"""Derivatives of functions, of any order, from the partials of the one table.

A function takes numbers, or nested lists, tuples and dicts of them, as positional arguments, and
its derivative has their structure; for several arguments it is a tuple. Numbers in, floats out;
Values in, Values out, which can be differentiated again: so grad(grad(f)) is the second derivative.
Keyword arguments are handed to the function as they are. No `.grad` is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from engine import structures
from engine.backward import topological_order
from engine.calculus.evaluation import Evaluation, depends_on_traced, is_traced, tracing
from engine.calculus.floats import adjoints
from engine.calculus.graphs import adjoint_graphs
from engine.errors import loses_gradient, no_history, not_a_value
from engine.functions import FUNCTIONS
from engine.node import ENGINE, LEAF
from engine.value import Value, as_value

Function = Callable[..., Any]


def gradient(y: Value, xs: Any, *, differentiable: bool = False, strict: bool = False) -> Any:
    """The derivative of y in Values that it was computed from; no .grad is touched.

    Several threads may run it into the same leaves at once.

    Args:
        y: a Value.
        xs: a Value, or a list, tuple or dict of them, nested as you like. They need not be leaves.
        differentiable: whether the answer is made of Values, to be differentiated again.
        strict: whether to refuse an x that y does not depend on, instead of giving 0.

    Returns:
        Floats, or Values if differentiable, structured like xs. A derivative that depends on
        nothing, as that of 3 * x, is a leaf, so that its own derivative is 0.

    Raises:
        RuntimeError: if y was not computed from any leaf, as in no_grad(); if it is to be
            differentiable, and leaves have been assigned since.
        TypeError: if y is no Value, or there is something else among the xs; or if floats would
            be lost to a derivative that is being taken around.
        ValueError: if strict, and y does not depend on one of the xs.

    >>> x = Value(3.0)
    >>> slope = gradient(x * x * x, x, differentiable=True)
    >>> slope, gradient(slope, x)
    (Value(27.0), 18.0)
    """
    if not isinstance(y, Value):
        raise not_a_value(y, "gradient(y, xs)")
    if not differentiable and depends_on_traced(y):
        raise loses_gradient(
            "gradient(y, xs), inside a function that is itself being differentiated,",
            "gradient(y, xs, differentiable=True); or put it into `with no_grad():`, if it is to "
            "be a number through which no derivative passes",
        )
    detached = ENGINE.recording() is not None and not differentiable
    if detached:
        differentiable = True  # floats would be those of the example
    nodes = structures.leaves(xs)
    for node in nodes:
        if not isinstance(node, Value):
            raise not_among_xs(node)
    found: list[Any] = (adjoint_graphs if differentiable else adjoints)(y, nodes, 1.0)
    # What is differentiated around may well be constant: there 0 is right.
    lost = not is_traced() and not any(each is not None for each in found) and not has_leaf(y)
    for n, (node, each) in enumerate(zip(nodes, found, strict=True)):
        if each is None:
            if strict:
                raise independent(y, node, n)
            found[n] = 0.0
    if lost:
        raise no_history("gradient(y, xs)")
    if not differentiable:
        return structures.restore(xs, iter(found))
    values: Iterator[Value] = map(as_value, found)
    if detached:
        values = (each.detach() for each in values)
    elif not (is_traced() or ENGINE.paused()):
        values = map(differentiable_again, values)
    return structures.restore(xs, values)


def has_leaf(y: Value) -> bool:
    """Whether a Value is a leaf, or was computed from one."""
    return any(node._code == LEAF for node in topological_order(y))


def differentiable_again(slope: Value) -> Value:
    """A derivative; a leaf if it depends on nothing, for its own derivative is 0 and not lost."""
    return Value(slope.data) if slope.is_constant else slope


def not_among_xs(given: Any) -> TypeError:
    """What gradient() got where a Value is wanted that y was computed from."""
    return TypeError(
        f"gradient(y, xs) takes Values among the xs, but got {given!r} of type "
        f"{type(given).__name__}: make it a Value before y is computed from it, as in "
        "x = Value(3.0); y = x * x"
    )


def independent(y: Value, x: Value, n: int) -> ValueError:
    """What gradient(strict=True) meets where y does not depend on one of the xs."""
    if x.is_constant:
        reason = (
            "it is a constant, the result of detach() or of no_grad(), through which no derivative "
            "passes: make it a leaf with Value(number)"
        )
    elif not has_leaf(y):
        reason = (
            "y is a constant, or computed from such alone: was it detached on the way, or computed "
            "in no_grad()?"
        )
    else:
        reason = (
            "was another Value meant, or was it detached on the way? Without strict=True the "
            "gradient is 0"
        )
    return ValueError(f"y does not depend on {x!r}, which is number {n} of the xs: {reason}")


def transformed(name: str, f: Function, derive: Callable[..., Any], *also: str) -> Function:
    """The function that evaluates f and derives something from that, and perhaps from keywords."""
    if not callable(f):
        advice = "; for a Value there is gradient(y, xs)" if isinstance(f, Value) else ""
        raise TypeError(f"{name}(f) takes a function, but got {f!r}{advice}")
    title = f"{name}({getattr(f, '__name__', 'f').replace('<lambda>', 'f')})"

    def derivative(*args: Any, **options: Any) -> Any:
        if missing := [each for each in also if each not in options]:
            raise TypeError(f"{title} needs {missing[0]}=..., as in help({name})")
        keywords = [options.pop(each) for each in also]
        return derive(Evaluation(title, f, args, options), *keywords)

    derivative.__name__ = derivative.__qualname__ = title
    return derivative


def grad(f: Function) -> Function:
    """The function that gives the gradient of f.

    Args:
        f: returns one Value.

    Returns:
        A function of the arguments of f, whose structure its result has.

    Raises:
        TypeError: by the function that is returned: if f returns something else; or if it is
            handed what is no number.

    >>> grad(lambda x: x**3)(2.0), grad(grad(lambda x: x**3))(2.0)
    (12.0, 12.0)
    >>> grad(lambda x, y: x * y)(2.0, 3.0)
    (3.0, 2.0)
    >>> grad(lambda p: p["w"][0] * p["w"][1] + p["b"])({"w": [2.0, 3.0], "b": 1.0})
    {'w': [3.0, 2.0], 'b': 1.0}
    """

    def derive(at: Evaluation) -> Any:
        return at.like_arguments(at.gradient(at.one()))

    return transformed("grad", f, derive)


def value_and_grad(f: Function) -> Function:
    """The function that gives the value of f and its gradient, at the cost of the latter.

    >>> value_and_grad(lambda x: x**3)(2.0)
    (8.0, 12.0)
    """

    def derive(at: Evaluation) -> Any:
        return at.deliver(at.one()), at.like_arguments(at.gradient(at.one()))

    return transformed("value_and_grad", f, derive)


def jacobian(f: Function) -> Function:
    """The function that gives the derivative of each result of f in each argument.

    Args:
        f: returns a Value, or a list, tuple or dict of them.

    Returns:
        A function whose result has the structure of what f returns, with gradients in it. It takes
        a reverse pass for each result, or a forward pass for each argument if those are fewer.

    >>> jacobian(lambda x, y: [x * y, x + y, x - y])(2.0, 3.0)
    [(3.0, 2.0), (1.0, 1.0), (1.0, -1.0)]
    """

    def derive(at: Evaluation) -> Any:
        count = len(at.xs)
        if count < len(at.outputs):
            columns = [at.push([float(k == n) for k in range(count)]) for n in range(count)]
            rows = list(map(list, zip(*columns, strict=True)))
        else:
            rows = [at.gradient(y) for y in at.outputs]
        return structures.restore(at.result, map(at.like_arguments, rows))

    return transformed("jacobian", f, derive)


def hessian(f: Function) -> Function:
    """The function that gives the second derivatives of f: the jacobian of its gradient.

    >>> hessian(lambda x: x[0] ** 2 * x[1])([3.0, 5.0])
    [[10.0, 6.0], [6.0, 0.0]]
    """

    def derive(at: Evaluation) -> Any:
        rows = [at.gradient(slope) for slope in at.gradient(at.one(), graph=True)]
        return structures.restore(at.given, map(at.like_arguments, rows))

    return transformed("hessian", f, derive)


def hvp(f: Function) -> Function:
    """The function that gives the Hessian of f times a vector, at the cost of a few gradients.

    Returns:
        A function of the arguments of f, and of `direction`, the vector, structured like them. If f
        has a keyword of that name, hand over functools.partial(f, direction=...) in its stead.

    >>> hvp(lambda x: x[0] ** 2 * x[1])([3.0, 5.0], direction=[1.0, 10.0])
    [70.0, 6.0]

    Source: B. Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6, 1994.
    """

    def derive(at: Evaluation, direction: Any) -> Any:
        vector = at.steps(direction, "direction", at.given)
        slopes = at.gradient(at.one(), graph=True)
        with tracing():
            along = FUNCTIONS["dot"](slopes, vector)
        return at.like_arguments(at.gradient(along))

    return transformed("hvp", f, derive, "direction")


def jvp(f: Function) -> Function:
    """The function that gives the value of f, and how it changes in a direction: forward mode.

    Returns:
        A function of the arguments of f, and of `direction`, structured like them. Its result is
        the value and the derivative, both structured like what f returns. If f has a keyword of
        that name, hand over functools.partial(f, direction=...) in its stead.

    >>> jvp(lambda x, y: [x * y, x + y])(2.0, 3.0, direction=(1.0, 10.0))
    ([6.0, 5.0], [23.0, 11.0])

    Source: R. E. Wengert, A simple automatic derivative evaluation program, CACM 7, 1964.
    """

    def derive(at: Evaluation, direction: Any) -> Any:
        pushed = at.push(at.steps(direction, "direction", at.given))
        return at.like_result(at.outputs), at.like_result(pushed)

    return transformed("jvp", f, derive, "direction")


def vjp(f: Function) -> Function:
    """The function that gives the value of f, and the gradient of a weighted sum of its results.

    Returns:
        A function of the arguments of f, and of `seeds`, the weights, structured like what f
        returns. Its result is the value, and the gradient, structured like the arguments. If f
        has a keyword of that name, hand over functools.partial(f, seeds=...) in its stead.

    >>> vjp(lambda x, y: [x * y, x + y])(2.0, 3.0, seeds=[1.0, 10.0])
    ([6.0, 5.0], (13.0, 12.0))
    """

    def derive(at: Evaluation, seeds: Any) -> Any:
        weights = at.steps(seeds, "seeds", at.result)
        with tracing():
            weighed = FUNCTIONS["dot"](at.outputs, weights)
        return at.like_result(at.outputs), at.like_arguments(at.gradient(weighed))

    return transformed("vjp", f, derive, "seeds")
