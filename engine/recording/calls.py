"""One call of a recorded function: what is asked for, and how the answer is put together."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, prod
from typing import Any, NamedTuple

import numpy as np
from librt.vecs import vec
from mypy_extensions import i32

from engine.batching.plan import Plan
from engine.loops.slots import read_leaves
from engine.program import Result, Wanted
from engine.recording.arguments import Arguments
from engine.recording.options import Options, Reduce, Wrt, output_weights
from engine.recording.replays import Replays, as_array
from engine.structures import leaves, restore


class Captured(NamedTuple):
    """What a function was for arguments of one shape."""

    replays: Replays
    result: Any  # what it returned, for its structure


class Call:
    """A call for the value and the gradient.

    Args:
        arguments: what was given.
        captured: what the function is for such arguments.
        wrt: in what it is differentiated, if that was said.
        reduce: whether the derivatives are of the mean or the sum, if that was said.
        seeds: what each output counts.
        options: what holds where nothing was said.
        name: what the function is called.

    Raises:
        TypeError, ValueError: if this makes no sense.
    """

    def __init__(
        self,
        arguments: Arguments,
        captured: Captured,
        wrt: Wrt | None,
        reduce: Reduce | None,
        seeds: Any,
        options: Options,
        name: str,
    ) -> None:
        tape = captured.replays.tape
        self.arguments, self.captured, self.batch = arguments, captured, arguments.batch
        self.wrt, self.reduce = options.derivative(
            wrt, reduce, bool(tape.parameters), self.batch is not None, name
        )
        weights = output_weights(seeds, len(tape.flat.outputs), name)
        share = 1 / self.batch if self.reduce == "mean" and self.batch else 1.0
        differentiated = tuple(k for k, weight in enumerate(weights) if weight != 0.0)
        self.wanted = Wanted(self.wrt != "inputs", self.wrt != "parameters", differentiated)
        self.seeds = [weights[k] * share for k in differentiated]
        self.dtype = options.dtype or arguments.dtype
        by_tape = options.replay == "tape" or (
            options.replay == "auto" and captured.replays.faster(1) == "tape"
        )
        self.is_quick = (
            self.batch is None and by_tape and not captured.replays.draws and not options.check
        )
        self.is_strict = not tape.flat.extends
        self.outputs, self.starts = vec[i32](differentiated), vec[float](self.seeds)
        self.kept: list[tuple[Plan, vec[float], Any]] = []  # each serves one thread at a time
        self.is_small = self.is_bound(options)

    def is_bound(self, options: Options) -> bool:
        """Whether a plan of its own is worth its memory: for arrays alone, and not too many."""
        replays, batch = self.captured.replays, self.batch
        if not batch or replays.draws or options.check or options.replay == "tape":
            return False
        if options.replay == "auto" and replays.faster(batch) == "tape":
            return False
        rows = sum(replays.program.layout.sizes)
        arrays = all(isinstance(each, np.ndarray) for each in self.arguments.given)
        return (
            arrays
            and batch * rows <= 2**19
            and replays.program.chunk(batch, self.dtype, self.wanted) >= batch
        )

    def again(self, given: Sequence[Any]) -> Call:
        """The same call with other numbers: arguments of the same types and shapes."""
        other = object.__new__(Call)
        other.__dict__.update(self.__dict__)
        other.arguments = self.arguments.again(given)
        return other

    def at_point(self, given: Sequence[Any]) -> tuple[Any, Any]:
        """The value and the gradient for plain floats and lists of them, on the shortest way."""
        inputs: list[float] = []
        for each in given:
            if type(each) is list:
                inputs += each
            else:
                inputs.append(each)
        replays, result = self.captured
        point = replays.take_point()
        point.run(inputs, self.is_strict, self.outputs, self.starts)
        if type(result) is int:
            value = point.output(0)
        else:
            value = restore(result, map(point.output, leaves(result)))
        gradient: Any = None
        if self.wrt != "inputs":
            gradient = np.array(as_array(point.parameter_gradient()))
        if self.wrt != "parameters":
            parts = restore(tuple(given), iter(point.input_gradient()))
            of_inputs = parts[0] if len(parts) == 1 else parts
            gradient = (of_inputs, gradient) if self.wrt == "both" else of_inputs
        replays.points.append(point)
        return value, gradient

    def at_batch(self, given: Sequence[Any], at: Any) -> tuple[Any, Any] | None:
        """The value and the gradient for arrays, on the shortest way; None where it ends."""
        replays = self.captured.replays
        try:
            plan, numbers, view = self.kept.pop()
        except IndexError:
            columns = tuple(prod(each.shape[1:]) for each in given)
            plan = Plan(replays.program.layout, len(given[0]), self.dtype, columns, *self.wanted)
            numbers = vec[float]([0.0] * len(replays.tape.parameters))
            view = as_array(numbers)
        if at is None:
            read_leaves(replays.tape.parameters, numbers, 0)
        plan.parameters[:] = view if at is None else at
        rows = plan.batch
        with np.errstate(all="ignore"):
            plan.run([np.asarray(each, self.dtype).reshape(rows, -1) for each in given], self.seeds)
            of_parameters = plan.parameter_gradient.copy() if self.wanted.parameters else None
            of_inputs = plan.input_gradient.copy() if self.wanted.inputs else None
            found = Result(plan.results(), of_parameters, of_inputs)
            self.kept.append((plan, numbers, view))
            if replays.program.selects and not all(
                each is None or isfinite(np.add.reduce(each, axis=None)) for each in found[1:]
            ):
                return None  # a NaN there may have to be computed by the tape
        return (self if of_inputs is None else self.again(given)).answer(found)

    def answer(self, found: Result) -> tuple[Any, Any]:
        """The value and the gradient, structured as they were asked for."""
        value = restore(self.captured.result, map(self.value, found.outputs))
        if self.wrt == "parameters":
            return value, found.parameter_gradient
        assert found.input_gradient is not None
        summed = self.reduce != "none" or self.batch is None
        of_inputs = self.arguments.shaped(found.input_gradient, summed)
        return value, of_inputs if self.wrt == "inputs" else (of_inputs, found.parameter_gradient)

    def value(self, output: Any) -> Any:
        """An output: a number for one point, or for a mean or sum; else one for each example."""
        if self.batch is None:
            return float(output[0])
        if self.reduce == "none":
            return output
        total = float(np.add.reduce(output))
        if self.reduce == "sum":
            return total
        return total / self.batch if self.batch else float("nan")


def key_of(given: Sequence[Any]) -> tuple[Any, ...] | None:
    """What tells a call with other types or shapes; None if it would take long to find out."""
    key: list[Any] = []
    for each in given:
        if type(each) is np.ndarray and each.ndim and each.dtype in (np.float64, np.float32):
            key.append((each.shape, each.dtype.char))
        elif type(each) is float:
            key.append(None)
        elif type(each) is list and {*map(type, each)} == {float}:
            key.append(len(each))
        else:
            return None
    return tuple(key)
