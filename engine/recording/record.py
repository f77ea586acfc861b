"""record(): a function of Values becomes one that is replayed, at C speed or on whole arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from engine.capture import mention_forgotten
from engine.errors import not_a_value
from engine.loops.flatten import linearise
from engine.node import LEAF
from engine.recording.options import Options, Reduce, Replay, Wrt, require_one_of
from engine.recording.recorded import Recorded
from engine.structures import leaves, restore
from engine.tape import Tape
from engine.value import Value


def record(
    f: Callable[..., Any] | Value | Sequence[Value],
    parameters: Iterable[Value] = (),
    *,
    inputs: Iterable[Value] | None = None,
    example: tuple[Any, ...] | None = None,
    check: bool = False,
    wrt: Wrt | None = None,
    reduce: Reduce | None = None,
    dtype: Any = None,
    replay: Replay = "auto",
) -> Recorded:
    """Record a function of Values once, and replay it fast: written as scalars, run as arrays.

    At the first call with arguments of a shape the function is called on Values, and its graph is
    kept. From then on numbers are replayed at C speed, and arrays of examples as a few array
    instructions, matrix products among them. A plain number is the number of one point. In an array
    axis 0 is the batch, and an example of shape[1:] reaches the function as nested lists of Values;
    numbers among arrays are shared by all examples.

    It can be pickled if the function can: one that is defined at the top of a module, from where it
    is imported again, and no lambda.

    What depends on the numbers of the example cannot be recorded, and is refused with advice:
    `if a < b`, float(v), v.data. Comparisons give Values of 0 or 1 for `where`.

    Args:
        f: a function of numbers, or nested lists, tuples and dicts of them, that returns a Value,
            or a list, tuple or dict of them; or a graph that is there already, a Value or a list of
            them. In such a graph branches that were taken, and numbers that were read, are fixed.
        parameters: leaves whose numbers are read anew by every run.
        inputs: for a graph, the leaves that stand for its arguments.
        example: arguments to record it with at once.
        check: whether runs are compared with the function itself, which takes long: all but those
            at other numbers of the parameters (`at=`) and those that draw numbers, as dropout does.
        wrt: what `value_and_gradient` assumes if it is not told.
        reduce: the same.
        dtype: in which batches are computed; else float32 where all arrays are that, or float64.
        replay: "tape" or "program" if it should not be chosen by size.

    Returns:
        A function of the same arguments; see `Recorded`.

    Raises:
        TypeError, ValueError: if an argument makes no sense.

    >>> w, b = Value(2.0, "w"), Value(-1.0, "b")
    >>> loss = record(lambda x, y: (w * x + b - y) ** 2, parameters=[w, b])
    >>> x, y = np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, 1.0])
    >>> loss(x, y).tolist()
    [4.0, 0.0, 4.0]
    >>> loss.value_and_gradient(x, y)
    (2.6666666666666665, array([2.66666667, 0.        ]))
    >>> print(loss)  # doctest: +SKIP

    Source: G. Neubig, Y. Goldberg, C. Dyer, On-the-fly Operation Batching in Dynamic Computation
    Graphs, 2017.
    """
    known = listed(parameters, "parameters")
    require_leaves(known, "parameters")
    require_one_of("replay", replay, Replay)
    for option, chosen, words in (("wrt", wrt, Wrt), ("reduce", reduce, Reduce)):
        if chosen is not None:
            require_one_of(option, chosen, words)
    if dtype is not None and np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"dtype is float32 or float64, but got {dtype!r}")
    options = Options(check, wrt, reduce, None if dtype is None else np.dtype(dtype), replay)
    if callable(f):
        if inputs is not None:
            raise TypeError("inputs= names the leaves of a graph; a function has its arguments")
        name = getattr(f, "__name__", type(f).__name__)
        made = Recorded(f, known, "the function" if name == "<lambda>" else name, None, options)
    else:
        made = from_graph(f, known, inputs, options)
    if example is not None:
        made.prepare(example if isinstance(example, tuple) else (example,))
    return made


def listed(given: Any, what: str) -> list[Value]:
    """Values that were given as a list."""
    if isinstance(given, Value):
        raise TypeError(f"{what} is a list of Values, but got {given!r}: write [value]")
    if callable(getattr(given, "parameters", None)):
        kind = type(given).__name__
        raise TypeError(f"{what} is a list of Values, but got {kind}: write model.parameters()")
    if not isinstance(given, Iterable):
        raise TypeError(f"{what} is a list of Values, but got {given!r:.80}: write [v, w]")
    found = list(given)
    for each in found:
        if not isinstance(each, Value):
            raise not_a_value(each, f"record({what})")
    return found


def require_leaves(given: Sequence[Value], what: str) -> None:
    """Refuse Values that were computed, constants, and those that are there twice."""
    seen: set[int] = set()
    for each in given:
        if each._code != LEAF:
            raise ValueError(
                f"{what} are leaves, whose numbers can be assigned, but {each!r} is "
                + (f"computed by {each.op}" if each.op else "a constant")
            )
        if id(each) in seen:
            raise ValueError(f"{each!r} is twice among the {what}: name it once")
        seen.add(id(each))


class GraphFunction:
    """A graph as the function that it once came from.

    Args:
        tape: the graph.
        result: what the function returns, with the number of the output in each place.
    """

    def __init__(self, tape: Tape, result: Any) -> None:
        self.tape, self.result = tape, result

    def __call__(self, *inputs: Any) -> Any:
        """The outputs, for other inputs."""
        return restore(self.result, iter(self.tape.graph(inputs)))


def from_graph(
    graph: Any, parameters: list[Value], inputs: Iterable[Value] | None, options: Options
) -> Recorded:
    """A graph that is there already, as a recorded function of some of its leaves."""
    outputs = leaves(graph)
    for each in outputs:
        if not isinstance(each, Value):
            raise TypeError(
                f"record(f) takes a function of Values, or a graph with inputs=[...], but got "
                f"{each!r:.80} of type {type(each).__name__}"
            )
    found = listed(() if inputs is None else inputs, "inputs")
    require_leaves([*found, *parameters], "inputs and parameters")
    names = [each.label or f"x{k}" for k, each in enumerate(found)]
    flat, _, others = linearise(outputs, found, parameters)
    mention_forgotten("the graph", others)
    tape = Tape(flat, parameters, names)
    result = restore(graph, iter(range(len(outputs))))
    made = Recorded(GraphFunction(tape, result), parameters, "the graph", names, options)
    made.keep(tape, result)
    return made
