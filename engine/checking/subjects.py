"""What gradcheck() checks: a function of numbers, or a network with its data and its loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from engine import structures
from engine.calculus.evaluation import Evaluation, argument, tracing
from engine.calculus.floats import adjoints
from engine.capture import recording
from engine.checking.differences import tape_of
from engine.functions import VALUES
from engine.loops.flatten import Flat
from engine.recording.arguments import labels, names_of
from engine.value import Value, as_value

Graph = tuple[list[Value], list[Value]]  # what was computed, and from what


class Subject:
    """A function of several numbers that can be traced at any point.

    Attributes:
        title: what it is called.
        names: what its numbers are called.
        point: those at which it is to be checked.
        results: what its results are called.
    """

    title: str
    names: list[str]
    point: list[float]
    results: list[str]
    is_network = False

    def trace(self, at: Sequence[float]) -> Graph:
        """Compute it at a point."""
        raise NotImplementedError

    def values(self, at: Sequence[float]) -> list[float]:
        """Its results at a point."""
        return [y.data for y in self.trace(at)[0]]

    def gradients(self, at: Sequence[float]) -> list[float]:
        """The derivatives of its results at a point, all in one list."""
        outputs, xs = self.trace(at)
        return [0.0 if d is None else d for y in outputs for d in adjoints(y, xs, 1.0)]

    def tape(self) -> Flat:
        """Its graph as a tape, in which comparisons for where() are made anew at every point."""
        try:
            with recording(self.title, []):
                return tape_of(*self.trace(self.point))
        except RuntimeError:  # as where f itself records something
            return tape_of(*self.trace(self.point))

    def require_repeatable(self) -> None:
        """Refuse a function that leaves something to chance: differences of it say nothing."""
        first, second = self.values(self.point), self.values(self.point)
        if first != second and all(x == x for x in [*first, *second]):
            raise ValueError(
                f"{self.title} gave {first[0]!r} and then {second[0]!r} at the same point: leave "
                "nothing to chance while it is checked; model.eval() stops dropout, and a random "
                "generator can be made anew, with the same seed, in every call"
            )


class FunctionSubject(Subject):
    """A function, and its arguments: numbers, or nested lists, tuples and dicts of them."""

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if not args:
            raise TypeError(
                "gradcheck(f, *xs) differentiates in the positional arguments, but got none: write "
                "gradcheck(f, 3.0)"
            )
        self.f, self.args = f, args
        self.title = getattr(f, "__name__", "f").replace("<lambda>", "f")
        given = [argument(each, "gradcheck(f, *xs)") for each in structures.leaves(args)]
        self.point = [x.data if isinstance(x, Value) else x for x in given]
        self.names = labels(names_of(f, len(args)), args)
        found = Evaluation("gradcheck(f, *xs)", f, self.at(self.point), {})
        named = labels([self.title], [found.result])
        self.results = named if len(named) == len(found.outputs) else [self.title]

    def at(self, numbers: Sequence[float]) -> tuple[Any, ...]:
        """The arguments with other numbers in them."""
        restored: tuple[Any, ...] = structures.restore(self.args, iter(numbers))
        return restored

    def trace(self, at: Sequence[float]) -> Graph:
        """Call it."""
        found = Evaluation("gradcheck(f, *xs)", self.f, self.at(at), {})
        xs: list[Any] = found.xs
        return found.outputs, xs


class NetworkSubject(Subject):
    """The mean loss of a network over examples, as a function of its parameters."""

    title = "the mean loss"
    is_network = True

    def __init__(self, model: Any, X: Any, y: Any, loss: Any) -> None:
        self.model, self.loss = model, require_loss(loss)
        self.examples = list(zip(X, y, strict=True)) if same_length(X, y) else []
        self.parameters: list[Value] = list(model.parameters())
        if not self.parameters:
            raise ValueError("gradcheck(model, X, y, loss): the model has no parameters to check")
        named = getattr(model, "named_parameters", None)
        self.names = (
            [name for name, _ in named()]
            if named is not None
            else [p.label or f"p[{k}]" for k, p in enumerate(self.parameters)]
        )
        self.point = [p.data for p in self.parameters]
        self.results = ["loss"]

    def trace(self, at: Sequence[float]) -> Graph:
        """Compute the mean loss, and put the parameters back."""
        try:
            self.assign(at)
            with tracing(self.parameters):
                losses = [self.loss(self.model(x), y) for x, y in self.examples]
        finally:
            self.assign(self.point)
        for each in losses:
            if not isinstance(each, Value):
                raise TypeError(
                    f"loss(output, target) must return a Value, but returned {each!r}: compute it "
                    "from the output, without taking its .data"
                )
        mean = VALUES.sum(*losses) / len(losses)
        return [as_value(mean)], self.parameters

    def assign(self, numbers: Sequence[float]) -> None:
        """Give the parameters these numbers."""
        for parameter, number in zip(self.parameters, numbers, strict=True):
            parameter.data = number


def require_loss(loss: Any) -> Callable[[Any, Any], Any]:
    """A loss is a function; a name, as fit takes it, is not enough here."""
    if not callable(loss):
        raise TypeError(
            f"gradcheck(model, X, y, loss) takes a function loss(output, target), but got "
            f"{loss!r}: write nn.{loss if isinstance(loss, str) else 'squared_error'}"
        )
    checked: Callable[[Any, Any], Any] = loss
    return checked


def same_length(X: Any, y: Any) -> bool:
    """Whether there is a target for every example, and at least one; an error if not."""
    if len(X) != len(y) or not len(X):
        raise ValueError(
            f"gradcheck(model, X, y, loss) takes a target for every example, and at least one, but "
            f"got {len(X)} examples and {len(y)} targets"
        )
    return True


def subject_of(f: Any, args: tuple[Any, ...]) -> Subject:
    """What there is to check.

    Raises:
        TypeError: if it is neither a function nor a network.
    """
    if not callable(f):
        advice = "write gradcheck(f, x), where f computes it" if isinstance(f, Value) else ""
        raise TypeError(
            f"gradcheck(f, *xs) takes a function, or a network, but got {f!r}"
            f"{': ' + advice if advice else ''}"
        )
    if not callable(getattr(f, "parameters", None)):
        return FunctionSubject(f, args)
    if len(args) != 3:
        raise TypeError(
            f"{type(f).__name__} has parameters: gradcheck(model, X, y, loss) checks these, "
            f"with examples, targets and loss(output, target), but got {len(args)} arguments "
            "besides it. In its inputs, it is checked by gradcheck(lambda x: model(x), x)"
        )
    return NetworkSubject(f, *args)
