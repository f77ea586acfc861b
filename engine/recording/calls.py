"""One call of a recorded function: what is asked for, and how the answer is put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from librt.vecs import vec
from mypy_extensions import i32

from engine.program import Result, Wanted
from engine.quiet import quietly
from engine.recording.arguments import FLOATS, Arguments
from engine.recording.options import Options, Reduce, Wrt, output_weights
from engine.recording.replays import Job, Replays
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
        weights = output_weights(seeds, captured.result, name)
        share = 1 / self.batch if self.reduce == "mean" and self.batch else 1.0
        differentiated = tuple(k for k, weight in enumerate(weights) if weight != 0.0)
        self.wanted = Wanted(self.wrt != "inputs", self.wrt != "parameters", differentiated)
        self.seeds = [weights[k] * share for k in differentiated]
        self.dtype = arguments.dtype(options.dtype)
        plain = not captured.replays.draws and not options.check
        chosen: str = options.replay
        if chosen == "auto" and self.batch != 0:
            chosen = captured.replays.program.choice.faster(self.batch or 1)
        self.is_point = plain and self.batch is None and chosen == "tape"
        self.outputs, self.starts = vec[i32](differentiated), vec[float](self.seeds)
        arrays = all(isinstance(each, np.ndarray) for each in arguments.given)
        self.is_batch = plain and bool(self.batch) and arrays
        self.replay = captured.replays.by_tape if chosen == "tape" else captured.replays.by_program

    def again(self, given: Sequence[Any]) -> Call:
        """The same call with other numbers: arguments of the same types and shapes."""
        other = object.__new__(Call)
        other.__dict__.update(self.__dict__)
        other.arguments = self.arguments.again(given)
        return other

    def at_point(self, given: Sequence[Any], at: Any) -> tuple[Any, Any]:
        """The value and the gradient for plain floats and lists of them, on the shortest way."""
        inputs: list[float] = list(given)
        if self.arguments.is_nested:
            inputs = leaves(given)
        replays, result = self.captured
        here = replays.take_point(at)
        point, _, of_parameters, _ = here
        point.run(inputs, replays.raises, self.outputs, self.starts)
        if type(result) is int:
            value = point.output(0)
        else:
            value = restore(result, map(point.output, leaves(result)))
        gradient: Any = None
        if self.wrt != "inputs":
            gradient = of_parameters.copy()
        if self.wrt != "parameters":
            parts = restore(tuple(given), iter(point.input_gradient()))
            of_inputs = parts[0] if len(parts) == 1 else parts
            gradient = (of_inputs, gradient) if self.wrt == "both" else of_inputs
        replays.points.append(here)
        return value, gradient

    def at_batch(self, given: Sequence[Any], at: Any) -> tuple[Any, Any]:
        """The value and the gradient for arrays, on the shortest way."""
        return quietly(self.in_batch, given, at)

    def in_batch(self, given: Sequence[Any], at: Any) -> tuple[Any, Any]:
        """The same; NumPy may warn."""
        inputs = [np.asarray(each, self.dtype) for each in given]
        inputs = [x if x.ndim == 2 else x.reshape(len(x), -1) for x in inputs]
        job = Job(inputs, self.dtype, self.wanted, self.seeds, False, at)
        return self.answer(self.replay(job))

    def answer(self, found: Result) -> tuple[Any, Any]:
        """The value and the gradient, structured as they were asked for."""
        result = self.captured.result
        if type(result) is int:
            value = self.value(found.outputs[0])
        else:
            value = restore(result, map(self.value, found.outputs))
        if self.wrt == "parameters":
            return value, found.parameter_gradient
        assert found.input_gradient is not None
        of_inputs = self.arguments.shaped(found.input_gradient, self.reduce != "none")
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
        kind = type(each)
        if kind is np.ndarray and each.ndim and each.dtype in FLOATS:
            key += each.shape, each.dtype
        elif kind is float:
            key.append(None)
        elif kind is list and {*map(type, each)} == {float}:
            key.append(len(each))
        else:
            return None
    return tuple(key)
