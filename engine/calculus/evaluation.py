"""A function evaluated so that it can be differentiated: on arguments that nothing else uses.

Why of its own: in `x * grad(lambda y: x + y)(x)` the inner function is asked for its derivative in
y alone. Were y the same node as x, it would come out as 2 and not 1: perturbation confusion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from engine import structures
from engine.backward import topological_order
from engine.calculus.floats import adjoints, tangents
from engine.calculus.graphs import adjoint_graphs, tangent_graphs
from engine.functions import FUNCTIONS
from engine.node import ENGINE, LEAF, number
from engine.value import Value, as_value


@contextmanager
def tracing(xs: Sequence[Value] | None = None) -> Iterator[None]:
    """Inside, this thread records, whatever no_grad() says around it.

    Args:
        xs: what a function of the user's that runs inside is differentiated in. Derivatives of what
            depends on them stay Values: as floats they would be lost. None for what the engine
            itself computes, of which detect_anomaly() looks at results alone.
    """
    thread = ENGINE.thread
    pauses, unwatched = getattr(thread, "pauses", 0), getattr(thread, "unwatched", False)
    traced: tuple[Any, ...] = getattr(thread, "traced", ())
    thread.pauses, thread.unwatched = 0, xs is None
    thread.traced = traced if xs is None else (*traced, xs)
    try:
        yield
    finally:
        thread.pauses, thread.unwatched, thread.traced = pauses, unwatched, traced


def is_traced() -> bool:
    """Whether something around may want to differentiate, or to record, what is computed now."""
    return bool(getattr(ENGINE.thread, "traced", ())) or ENGINE.recording() is not None


def depends_on_traced(y: Value) -> bool:
    """Whether a derivative in what y was computed from is being taken around."""
    traced = getattr(ENGINE.thread, "traced", ())
    if not traced or ENGINE.paused():
        return False
    known = {id(x) for xs in traced for x in xs}
    return any(id(node) in known for node in topological_order(y))


class Evaluation:
    """The result of a function, and what it was computed from.

    Args:
        name: what is being done to the function, for errors: "grad(f)".
        f: the function.
        args: its arguments: numbers and Values, or nested lists, tuples and dicts of them.
        options: its keyword arguments, which are handed over as they are.
    """

    def __init__(
        self, name: str, f: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
    ) -> None:
        if not args:
            raise TypeError(
                f"{name} differentiates in the positional arguments, but got none: write "
                f"{name}(3.0); keyword arguments are handed over as they are"
            )
        self.name = name
        self.given = args if len(args) > 1 else args[0]
        given = structures.leaves(self.given)
        numbers = [argument(each, name) for each in given]
        self.differentiable = any(isinstance(each, Value) for each in given)
        self.paused = ENGINE.paused()
        with tracing():
            self.xs = [fresh(x) if isinstance(x, Value) else Value(x) for x in numbers]
        with tracing(self.xs):
            self.result = call(f, structures.restore(args, iter(self.xs)), options, given)
        self.outputs = structures.leaves(self.result)
        if not any(isinstance(y, Value) for y in self.outputs):
            raise no_result(name, self.result)
        with tracing():
            self.outputs = [as_value(y, f"what f returned to {name}") for y in self.outputs]
            self.root: Any = FUNCTIONS["sum"](self.outputs)  # whose order has all of them
        if not self.differentiable and is_traced():
            own = {id(x) for x in self.xs}
            order = topological_order(self.root)
            self.differentiable = any(x._code == LEAF and id(x) not in own for x in order)

    def one(self) -> Value:
        """The result of a function that is to return one Value."""
        if not isinstance(self.result, Value):
            raise several_results(self.name, self.result)
        return self.result

    def gradient(self, y: Value, graph: bool = False) -> list[Any]:
        """The derivative of y in each argument: a number, or a Value if that is asked for."""
        if not (graph or self.differentiable):
            return [0.0 if each is None else each for each in adjoints(y, self.xs, 1.0)]
        with tracing():
            return [as_value(0.0 if d is None else d) for d in adjoint_graphs(y, self.xs, 1.0)]

    def push(self, direction: Sequence[Any]) -> list[Any]:
        """How fast the outputs change when the arguments move in a direction."""
        go = tangent_graphs if self.differentiable else tangents
        with tracing():
            found = go(self.root, self.outputs, self.xs, direction)
            return [0.0 if each is None else each for each in found]

    def like_arguments(self, results: Sequence[Any]) -> Any:
        """Results in the structure of the arguments; the bare one where there is one argument."""
        return structures.restore(self.given, map(self.deliver, results))

    def like_result(self, results: Sequence[Any]) -> Any:
        """Results in the structure of what the function returned."""
        return structures.restore(self.result, map(self.deliver, results))

    def deliver(self, result: Any) -> Any:
        """Numbers in, floats out; Values in, Values out, which are constants in no_grad()."""
        if not self.differentiable:
            return result._data if isinstance(result, Value) else float(result)
        value = as_value(result)
        return value.detach() if self.paused else value

    def steps(self, given: Any, name: str, like: Any) -> list[Any]:
        """The numbers or Values of a direction or of seeds, one for each place of `like`."""
        whose = "arguments" if like is self.given else "result"
        steps = structures.leaves_like(given, like, name, f"the {whose} of {self.name}")
        if any(isinstance(each, Value) for each in steps):
            self.differentiable = True
        return [each if isinstance(each, Value) else number(each, name) for each in steps]


def argument(given: Any, name: str) -> Value | float:
    """A number or Value among the arguments."""
    if isinstance(given, Value):
        return given
    shape = getattr(given, "shape", ())
    if shape:
        raise TypeError(
            f"{name} takes numbers and Values, or lists, tuples and dicts of them, but got an "
            f"array of shape {tuple(shape)}: write x.tolist(), which reaches f as nested lists of "
            "Values"
        )
    try:
        return number(given, name)
    except TypeError as error:
        error.add_note("What is not to be differentiated goes to f as a keyword argument.")
        raise


def fresh(x: Value) -> Value:
    """A node of the same value, through which a derivative passes: it is x, but nobody uses it."""
    return x - 0.0  # which leaves -0.0 as it is; x + 0.0 would not


def call(f: Callable[..., Any], args: Any, options: dict[str, Any], given: list[Any]) -> Any:
    """The function's result; with advice if an integer was meant as a count or an index."""
    try:
        return f(*args, **options)
    except TypeError as error:
        if "integer" in str(error) and any(isinstance(each, int) for each in given):
            error.add_note(
                "Each positional argument reaches f as a Value, integers too: hand over a count "
                "or an index as a keyword argument, which stays as it is."
            )
        raise


def no_result(name: str, result: Any) -> TypeError:
    """What was returned by a function that is to be differentiated, and has no Value in it."""
    kind = type(result).__name__
    reason = "is a return statement missing?"
    if result is not None:
        reason = (
            "compute it from the arguments, which are Values, without taking their .data, "
            "float() or math functions on the way"
        )
    return TypeError(
        f"{name} needs an f that returns a Value, but got {result!r} of type {kind}: {reason}"
    )


def several_results(name: str, result: Any) -> TypeError:
    """What was returned where one Value is wanted."""
    kind = "dict" if isinstance(result, Mapping) else type(result).__name__
    count = len(structures.leaves(result))
    return TypeError(
        f"{name} needs an f that returns one Value, but got a {kind} of {count}: use jacobian(f), "
        "or return one number, such as their sum"
    )
